package e2e

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// patternPlan is a topology over the topics <prefix>-in-<anything>.
func patternPlan(t *testing.T, kind, prefix string) *topology.Plan {
	t.Helper()
	top := topology.New(prefix)
	in := top.StreamPattern("found", regexp.QuoteMeta(prefix)+"-in-.*", serde.String(), serde.String())
	count := func(c topology.Table[string, int64]) {
		c.EachUpdate().ToStream().MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).To(prefix + "-out")
	}
	switch kind {
	case "copied":
		in.To(prefix + "-out")
	case "shuffled":
		count(in.GroupBy("by-value", func(v string) string { return v }).Count("words"))
	case "counted":
		count(in.GroupByKey().Count("words"))
	}
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// patternInputs sends to the topics of a pattern, and counts what a plain loop over it would.
type patternInputs struct {
	t    *testing.T
	addr string
	n    int
	sent map[string]int
}

func (p *patternInputs) send(topic string, partitions int32, each int) {
	p.t.Helper()
	newAdmin(p.t, p.addr).produce(topic, func(yield func(message) bool) {
		for i := range each {
			v := "v" + strconv.Itoa(i%7)
			p.sent[v]++
			p.n++
			yield(message{Key: []byte(v), Value: []byte(v), Partition: partitionOf(v, partitions), Timestamp: int64(p.n)})
		}
	})
}

// check compares what came with what was sent, by value, or by counts that go up one by one.
func (p *patternInputs) check(kind string, out []output) {
	p.t.Helper()
	got := map[string]int{}
	for _, o := range out {
		if kind == "copied" {
			got[o.Value]++
			continue
		}
		got[o.Key]++
		if c, _ := strconv.Atoi(o.Value); c != got[o.Key] {
			p.t.Errorf("%s is counted %s as number %d", o.Key, o.Value, got[o.Key])
		}
	}
	if !maps.Equal(got, p.sent) {
		p.t.Errorf("results %v, want %v", got, p.sent)
	}
}

// TestTopicsJoin: topics that a pattern matches and that come while two instances run are read
// within seconds, each record once, also when an instance does not know how a commit has ended while
// a topic joins, and after a restart.
func TestTopicsJoin(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	for _, kind := range []string{"copied", "shuffled", "counted"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			prefix := names(t, kind)
			plan := patternPlan(t, kind, prefix)
			adm := newAdmin(t, b.Addr())
			in := &patternInputs{t: t, addr: b.Addr(), sent: map[string]int{}}
			adm.create(prefix+"-out", 2, nil)
			adm.create(prefix+"-in-a", 3, nil)
			live := readLive(t, b.Addr(), prefix+"-out")
			var dies atomic.Bool
			lost := errors.New("the answer is lost")
			dirs := []string{t.TempDir(), t.TempDir()}
			start := func(i int) *app {
				points := failpoint.Points(func(n failpoint.Name) error {
					if i == 0 && n == failpoint.AfterEndTxn && dies.CompareAndSwap(true, false) {
						return lost
					}
					return nil
				})
				return startPlan(t, b.Addr(), plan, points, func(cfg *processor.Config) {
					cfg.StateDir, cfg.SessionTimeout, cfg.Workers = dirs[i], 3*time.Second, 1+i
				})
			}
			apps := []*app{start(0), start(1)}
			await := func() {
				t.Helper()
				eventually(t, soon, "results", func() (bool, string) {
					for _, a := range apps {
						a.running(t)
					}
					return live.count() >= in.n, fmt.Sprintf("%d of %d", live.count(), in.n)
				})
			}
			in.send(prefix+"-in-a", 3, 50)
			await()
			// one of as many partitions, and one of more where nothing is kept by key
			partitions := int32(3)
			for i, name := range []string{"b", "c"} {
				if i == 1 && kind != "counted" {
					partitions = 5
				}
				topic := prefix + "-in-" + name
				adm.create(topic, partitions, nil)
				in.send(topic, partitions, 40)
				in.send(prefix+"-in-a", 3, 40)
				await()
			}
			adm.create(prefix+"-in-d", 3, nil)
			dies.Store(true)
			for i := 0; dies.Load(); i++ { // until that has happened
				in.send(prefix+"-in-d", 3, 10)
				in.send(prefix+"-in-a", 3, 10)
				time.Sleep(100 * time.Millisecond)
				if i > 200 {
					t.Fatal("the instance does not commit")
				}
			}
			in.send(prefix+"-in-d", 3, 30)
			await()
			for i := range apps {
				apps[i].stop(t)
				apps[i] = start(i)
			}
			in.send(prefix+"-in-b", 3, 20)
			await()
			for _, a := range apps {
				a.stop(t)
			}
			in.check(kind, live.all(t))
		})
	}
}

// TestTopicsJoinUnderState: a topic whose partitions do not fit the state right behind the pattern
// is refused by name, and nothing ends.
func TestTopicsJoinUnderState(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	prefix := names(t, "app")
	adm := newAdmin(t, b.Addr())
	in := &patternInputs{t: t, addr: b.Addr(), sent: map[string]int{}}
	adm.create(prefix+"-out", 1, nil)
	adm.create(prefix+"-in-a", 2, nil)
	live := readLive(t, b.Addr(), prefix+"-out")
	hook := new(growths)
	a := startPlan(t, b.Addr(), patternPlan(t, "counted", prefix), nil, func(cfg *processor.Config) { cfg.Hooks = []processor.Hook{hook} })
	await := func() {
		t.Helper()
		eventually(t, soon, "results", func() (bool, string) {
			a.running(t)
			return live.count() >= in.n, fmt.Sprintf("%d of %d", live.count(), in.n)
		})
	}
	in.send(prefix+"-in-a", 2, 20)
	await()
	adm.create(prefix+"-in-b", 3, nil)
	eventually(t, soon, "the refusal", func() (bool, string) { return len(hook.told()) == 1, "" })
	g := hook.told()[0]
	if g.Refused == nil || g.Topic != prefix+"-in-b" || g.Before != 0 || !strings.Contains(g.Refused.Error(), "Repartition") {
		t.Errorf("told %+v", g)
	}
	in.send(prefix+"-in-a", 2, 20)
	await()
	a.stop(t)
	in.check("counted", live.all(t))
}

// TestTopicsGo: a topic of a pattern that is deleted ends, and what reads the others goes on.
func TestTopicsGo(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	prefix := names(t, "app")
	adm := newAdmin(t, b.Addr())
	in := &patternInputs{t: t, addr: b.Addr(), sent: map[string]int{}}
	adm.create(prefix+"-out", 1, nil)
	adm.create(prefix+"-in-a", 2, nil)
	adm.create(prefix+"-in-b", 2, nil)
	live := readLive(t, b.Addr(), prefix+"-out")
	a := startPlan(t, b.Addr(), patternPlan(t, "counted", prefix), nil, nil)
	await := func() {
		t.Helper()
		eventually(t, soon, "results", func() (bool, string) {
			a.running(t)
			return live.count() >= in.n, fmt.Sprintf("%d of %d", live.count(), in.n)
		})
	}
	in.send(prefix+"-in-a", 2, 20)
	in.send(prefix+"-in-b", 2, 20)
	await()
	adm.deleteTopic(prefix + "-in-b")
	in.send(prefix+"-in-a", 2, 20)
	await()
	a.log.await(t, soon, "is gone")
	in.send(prefix+"-in-a", 2, 20)
	await()
	adm.create(prefix+"-in-c", 2, nil)
	in.send(prefix+"-in-c", 2, 20)
	await()
	a.stop(t)
	in.check("counted", live.all(t))
}

// TestBoundedTopics: a bounded run reads the topics that were there when it was begun, also when it
// is interrupted and topics come meanwhile; without any it says which pattern matches none.
func TestBoundedTopics(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	prefix := names(t, "app")
	adm := newAdmin(t, b.Addr())
	adm.create(prefix+"-out", 1, nil)
	plan := patternPlan(t, "counted", prefix)
	dir := t.TempDir()
	run := func(points failpoint.Points) error {
		t.Helper()
		a := startPlan(t, b.Addr(), plan, points, func(cfg *processor.Config) {
			cfg.StateDir, cfg.UntilEnd, cfg.SessionTimeout = dir, true, 3*time.Second
		})
		return a.wait(t, time.Minute)
	}
	var none *processor.NoTopicsError
	if err := run(nil); !errors.As(err, &none) || !strings.Contains(err.Error(), "(found)") {
		t.Fatalf("without a topic: %v", err)
	}
	in := &patternInputs{t: t, addr: b.Addr(), sent: map[string]int{}}
	adm.create(prefix+"-in-a", 2, nil)
	in.send(prefix+"-in-a", 2, 20)
	live := readLive(t, b.Addr(), prefix+"-out")
	died := errors.New("the instance dies")
	if err := run(func(n failpoint.Name) error {
		if n == failpoint.BeforeOffsetCommit {
			return died
		}
		return nil
	}); !errors.Is(err, died) {
		t.Fatalf("the run ended with %v", err)
	}
	adm.create(prefix+"-in-b", 2, nil)
	first := maps.Clone(in.sent)
	in.send(prefix+"-in-b", 2, 20)
	if err := run(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, "results", func() (bool, string) { return live.count() >= 20, "" })
	all := in.sent
	in.sent = first
	in.check("counted", live.all(t))
	if err := run(nil); err != nil {
		t.Fatal(err)
	}
	live = readLive(t, b.Addr(), prefix+"-out") // which all has closed
	eventually(t, soon, "results", func() (bool, string) { return live.count() >= 40, "" })
	in.sent = all
	in.check("counted", live.all(t))
}
