package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
)

// growths is a hook that keeps what it is told.
type growths struct {
	mu  sync.Mutex
	all []processor.Growth
}

func (g *growths) OnGrowth(one processor.Growth) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all = append(g.all, one)
}

func (g *growths) told() []processor.Growth {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.all)
}

// grow gives a topic more partitions, and returns a client that knows of them.
func (a *admin) grow(addr, topic string, n int) *admin {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	r, err := a.UpdatePartitions(ctx, n, topic)
	if err == nil {
		err = r[topic].Err
	}
	if err != nil {
		a.t.Fatal(err)
	}
	eventually(a.t, 30*time.Second, "more partitions", func() (bool, string) {
		d, err := a.ListTopics(ctx, topic)
		return err == nil && len(d[topic].Partitions) == n, fmt.Sprint(err)
	})
	return newAdmin(a.t, addr)
}

// soon is how fast an input that has grown is to be noticed, with what a busy machine takes.
const soon = 20 * time.Second

// TestInputGrows: partitions that an input gets while instances run are read within seconds where
// nothing is kept by key, also where what is read leads to state behind a repartition topic.
// Results are those of a loop; so they are after a restart.
func TestInputGrows(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	for _, kind := range []string{"copied", "merged", "shuffled", "reworded"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			j := job{kind, names(t, kind)}
			adm := newAdmin(t, b.Addr())
			for _, topic := range []string{j.in(), j.named(), j.out()} {
				adm.create(topic, 2, nil)
			}
			live := readLive(t, b.Addr(), j.out())
			hook := new(growths)
			var dirs []string
			start := func(i int) *app {
				return startApp(t, b, j, nil, func(cfg *processor.Config) {
					cfg.StateDir, cfg.SessionTimeout, cfg.Hooks = dirs[i], 3*time.Second, []processor.Hook{hook}
				})
			}
			sent := map[string]int{}
			n := 0
			send := func(adm *admin, partitions int32) {
				adm.produce(j.in(), func(yield func(message) bool) {
					for p := range partitions {
						for i := range 10 {
							v := "v" + strconv.Itoa(i%4)
							sent[v]++
							n++
							yield(message{Key: []byte(v), Value: []byte(v), Partition: p, Timestamp: int64(n)})
						}
					}
				})
			}
			await := func(apps ...*app) {
				t.Helper()
				eventually(t, soon, "results", func() (bool, string) {
					for _, a := range apps {
						a.running(t)
					}
					return live.count() >= n, fmt.Sprintf("%d of %d", live.count(), n)
				})
			}
			var apps []*app
			for i := range 2 {
				dirs = append(dirs, t.TempDir())
				apps = append(apps, start(i))
			}
			send(adm, 2)
			await(apps...)
			for _, partitions := range []int32{3, 5} {
				adm = adm.grow(b.Addr(), j.in(), int(partitions))
				send(adm, partitions)
				await(apps...)
			}
			for i := range apps {
				apps[i].stop(t)
			}
			for i := range apps {
				apps[i] = start(i)
			}
			send(adm, 5)
			await(apps...)
			for _, a := range apps {
				a.stop(t)
			}
			got, counted := map[string]int{}, map[string]int{}
			for _, o := range live.all(t) {
				if kind != "reworded" {
					got[o.Value]++
					continue
				}
				got[o.Key]++
				if c, _ := strconv.Atoi(o.Value); c != counted[o.Key]+1 {
					t.Errorf("%s is counted %s after %d", o.Key, o.Value, counted[o.Key])
				}
				counted[o.Key]++
			}
			if !maps.Equal(got, sent) {
				t.Errorf("results %v, want %v", got, sent)
			}
			for _, g := range hook.told() {
				if g.Refused != nil || g.Topic != j.in() || g.Partitions != 3 && g.Partitions != 5 {
					t.Errorf("told %+v", g)
				}
			}
		})
	}
}

// TestInputGrowsUnderState: where keys would leave their state behind, the new partitions are
// refused by name, within seconds. Nothing ends: tasks go on as long as keys are where they were,
// one that gets another's is halted, and other sub-topologies do not care.
func TestInputGrowsUnderState(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	j := job{"words and copies", names(t, "app")}
	adm := newAdmin(t, b.Addr())
	for _, topic := range []string{j.in(), j.out(), j.named(), j.counts()} {
		adm.create(topic, 2, nil)
	}
	live := readLive(t, b.Addr(), j.out(), j.counts())
	hook := new(growths)
	a := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.Hooks = []processor.Hook{hook} })
	await := func(want ...string) {
		t.Helper()
		slices.Sort(want)
		eventually(t, soon, strings.Join(want, " "), func() (bool, string) {
			a.running(t)
			live.mu.Lock()
			defer live.mu.Unlock()
			var got []string
			for _, o := range live.seen {
				got = append(got, o.Key+"="+o.Value)
			}
			slices.Sort(got)
			return slices.Equal(got, want), strings.Join(got, " ")
		})
	}
	key := func(k string, partition int32) message {
		return message{Key: []byte(k), Value: []byte("v"), Partition: partition}
	}
	home := partitionOf
	var stays, moves, other string // stays in 0; moves from 0 to 1; stays in 1
	for i := 0; stays == "" || moves == "" || other == ""; i++ {
		k := "k" + strconv.Itoa(i)
		switch {
		case home(k, 2) == 0 && home(k, 3) == 0:
			stays = k
		case home(k, 2) == 0 && home(k, 3) == 1:
			moves = k
		case home(k, 2) == 1 && home(k, 3) == 1:
			other = k
		}
	}
	adm.produce(j.in(), only(key(stays, 0), key(moves, 0), key(other, 1)))
	want := []string{stays + "=1", moves + "=1", other + "=1"}
	await(want...)
	adm = adm.grow(b.Addr(), j.in(), 3)
	eventually(t, soon, "the refusal", func() (bool, string) { return len(hook.told()) == 1, "" })
	g := hook.told()[0]
	if g.Topic != j.in() || g.Partitions != 3 || g.Before != 2 || g.Refused == nil {
		t.Errorf("told %+v", g)
	}
	for _, word := range []string{"level=ERROR", j.in(), "3 partitions", "had 2", "application id"} {
		if !strings.Contains(a.log.String(), word) {
			t.Errorf("the log does not say %q", word)
		}
	}
	adm.produce(j.in(), only(key(stays, 0), key(other, 1), key(moves, 2)))
	want = append(want, stays+"=2", other+"=2")
	await(want...)
	adm.produce(j.in(), only(key(moves, 1), key(other, 1), key(stays, 0)))
	adm.produce(j.named(), only(key("x", 0)))
	want = append(want, stays+"=3", "x=v")
	await(want...)
	a.log.await(t, soon, "task is halted")
	a.stop(t)
	await(want...)
}
