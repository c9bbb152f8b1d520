package e2e

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// patternInputs are the topics of a job that reads a pattern. It counts what is sent to them, as a
// plain loop over it would.
type patternInputs struct {
	t    *testing.T
	job  job
	addr string
	*admin
	live *liveReader
	n    int
	sent map[string]int
	apps []*app
}

// newPatternInputs makes the inputs of a job of that kind, and its output.
func newPatternInputs(t *testing.T, b Broker, kind string) *patternInputs {
	j := job{"topics " + kind, names(t, strings.ReplaceAll(kind, " ", "-"))}
	p := &patternInputs{t: t, job: j, addr: b.Addr(), admin: newAdmin(t, b.Addr()), sent: map[string]int{}}
	p.create(j.out(), 2, nil)
	p.live = readLive(t, b.Addr(), j.out())
	return p
}

func (p *patternInputs) topic(name string) string { return p.job.in() + "-" + name }

// send sends records of seven keys to a topic, each to the partition of its key.
func (p *patternInputs) send(name string, partitions int32, each int) {
	p.t.Helper()
	newAdmin(p.t, p.addr).produce(p.topic(name), func(yield func(message) bool) {
		for i := range each {
			v := "v" + strconv.Itoa(i%7)
			p.sent[v]++
			p.n++
			yield(message{Key: []byte(v), Value: []byte(v), Partition: partitionOf(v, partitions), Timestamp: int64(p.n)})
		}
	})
}

// start starts an application in this process.
func (p *patternInputs) start(points failpoint.Points, change func(*processor.Config)) *app {
	p.t.Helper()
	a := startAppAt(p.t, p.addr, p.job, points, change)
	p.apps = append(p.apps, a)
	return a
}

// await waits for a result of each record that was sent.
func (p *patternInputs) await() {
	p.t.Helper()
	eventually(p.t, soon, "results", func() (bool, string) {
		for _, a := range p.apps {
			a.running(p.t)
		}
		return p.live.count() >= p.n, fmt.Sprintf("%d of %d", p.live.count(), p.n)
	})
}

// stop ends all applications.
func (p *patternInputs) stop() {
	p.t.Helper()
	for _, a := range p.apps {
		a.stop(p.t)
	}
	p.apps = nil
}

// check compares what came with what was sent, by value, or by counts that go up one by one.
func (p *patternInputs) check() {
	p.t.Helper()
	got := map[string]int{}
	for _, o := range p.live.yet(p.t) {
		if p.job.Kind == "topics copied" {
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
// within seconds, each record once, also when an instance does not know how a commit has ended
// while a topic joins, and after a restart.
func TestTopicsJoin(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	for _, kind := range []string{"copied", "shuffled", "counted"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			in := newPatternInputs(t, b, kind)
			in.create(in.topic("a"), 3, nil)
			var dies atomic.Bool
			died := make(chan struct{})
			dirs := []string{t.TempDir(), t.TempDir()}
			start := func(i int) {
				in.start(func(n failpoint.Name) error {
					if i == 0 && n == failpoint.AfterEndTxn && dies.CompareAndSwap(true, false) {
						close(died)
						return errors.New("the answer is lost")
					}
					return nil
				}, func(cfg *processor.Config) {
					cfg.StateDir, cfg.SessionTimeout, cfg.Workers = dirs[i], 3*time.Second, 1+i
				})
			}
			start(0)
			start(1)
			in.send("a", 3, 50)
			in.await()
			// one of as many partitions, and one of more where nothing is kept by key
			partitions := int32(3)
			for i, name := range []string{"b", "c"} {
				if i == 1 && kind != "counted" {
					partitions = 5
				}
				in.create(in.topic(name), partitions, nil)
				in.send(name, partitions, 40)
				in.send("a", 3, 40)
				in.await()
			}
			dies.Store(true)
			in.create(in.topic("d"), 3, nil)
			in.send("d", 3, 40)
			in.send("a", 3, 40)
			select {
			case <-died:
			case <-time.After(soon):
				t.Fatal("the instance does not commit")
			}
			in.send("d", 3, 30)
			in.await()
			in.stop()
			start(0)
			start(1)
			in.send("b", 3, 20)
			in.await()
			in.stop()
			in.check()
		})
	}
}

// TestTopicsJoinKilled: instances are killed while topics join in, at once when they have found
// one, when they get tasks with it, and while they commit. Each record counts once.
func TestTopicsJoinKilled(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	for _, kind := range []string{"shuffled", "counted"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			in := newPatternInputs(t, b, kind)
			in.create(in.topic("first"), 3, nil)
			f := newFleet(t, b, in.job, 2)
			for _, i := range f.instances {
				i.config.Session = 1500 * time.Millisecond
				i.start(t)
			}
			in.send("first", 3, 50)
			in.await()
			victim, other := f.instances[0], f.instances[1]
			join := func(topic string) (grown func(event) bool) {
				in.create(in.topic(topic), 3, nil)
				in.send(topic, 3, 30)
				in.send("first", 3, 30)
				return func(e event) bool { return e.Kind == "grown" && e.Text == in.topic(topic) }
			}
			again := func(topic string) {
				victim.start(t)
				in.send(topic, 3, 20)
				in.send("first", 3, 20)
				in.await()
				victim, other = other, victim
			}

			grown := join("found")
			victim.child.await(t, soon, "the topic", grown)
			victim.child.kill()
			again("found")

			grown = join("dealt-out")
			found := false
			victim.child.await(t, soon, "tasks with the topic", func(e event) bool {
				found = found || grown(e)
				return found && e.Kind == "tasks"
			})
			victim.child.kill()
			again("dealt-out")

			for _, at := range []failpoint.Name{failpoint.BeforeOffsetCommit, failpoint.BeforeEndTxn, failpoint.AfterEndTxn} {
				victim.child.kill()
				victim.config.Points = []pointConfig{{Name: at, Nth: 1, Action: "kill"}}
				victim.start(t)
				topic := strings.ToLower(string(at))
				join(topic)
				victim.child.wait(t, soon)
				victim.config.Points = nil
				again(topic)
			}
			f.stop(t)
			in.check()
		})
	}
}

// TestTopicsJoinUnderState: a topic whose partitions do not fit the state right behind the pattern
// is refused by name, and nothing ends; one that fits is read.
func TestTopicsJoinUnderState(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	in := newPatternInputs(t, b, "counted")
	in.create(in.topic("a"), 2, nil)
	hook := new(growths)
	in.start(nil, func(cfg *processor.Config) { cfg.Hooks = []processor.Hook{hook} })
	in.send("a", 2, 20)
	in.await()
	in.create(in.topic("b"), 3, nil)
	eventually(t, soon, "the refusal", func() (bool, string) { return len(hook.told()) == 1, "" })
	g := hook.told()[0]
	if g.Refused == nil || g.Topic != in.topic("b") || g.Before != 0 || !strings.Contains(g.Refused.Error(), "Repartition") {
		t.Errorf("told %+v", g)
	}
	in.create(in.topic("c"), 2, nil)
	in.send("a", 2, 20)
	in.send("c", 2, 20)
	in.await()
	in.stop()
	in.check()
}

// TestTopicsGo: a topic of a pattern that is deleted ends, and what reads the others goes on, also
// with a topic of the same name that comes later.
func TestTopicsGo(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	in := newPatternInputs(t, b, "counted")
	in.create(in.topic("a"), 2, nil)
	in.create(in.topic("b"), 2, nil)
	a := in.start(nil, nil)
	in.send("a", 2, 20)
	in.send("b", 2, 20)
	in.await()
	in.deleteTopic(in.topic("b"))
	in.send("a", 2, 20)
	in.await()
	a.log.await(t, soon, "is gone")
	in.send("a", 2, 20)
	in.await()
	for _, topic := range []string{"c", "b"} {
		in.create(in.topic(topic), 2, nil)
		in.send(topic, 2, 20)
		in.await()
	}
	in.stop()
	in.check()
}

// TestLargestTopicGoes: the topic with the most partitions is deleted, while the application runs
// or while it does not. Windows behind a repartition topic, which wait for all that write it, close
// as soon as it is certain that some write no more.
func TestLargestTopicGoes(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	for _, running := range []bool{true, false} {
		t.Run(map[bool]string{true: "running", false: "not running"}[running], func(t *testing.T) {
			t.Parallel()
			in := newPatternInputs(t, b, "by hour")
			in.create(in.topic("a"), 2, nil)
			in.create(in.topic("b"), 5, nil)
			dir := t.TempDir()
			start := func() *app {
				return in.start(nil, func(cfg *processor.Config) { cfg.StateDir, cfg.IdleAfter = dir, -1 })
			}
			// send sends a record of each key in each partition at an hour of the day.
			send := func(topic string, partitions int32, hour int64) {
				in.admin.produce(in.topic(topic), func(yield func(message) bool) {
					for p := range partitions {
						for i := range 7 {
							yield(message{Key: []byte("k"), Value: []byte("v" + strconv.Itoa(i)), Partition: p, Timestamp: hour * 3_600_000})
						}
					}
				})
			}
			// await waits for results of hours with so many records of each value.
			await := func(want ...string) {
				t.Helper()
				before := in.n
				in.n += 7 * len(want)
				in.await()
				got := map[string]int{}
				for _, o := range in.live.yet(t)[before:] {
					got[o.Value]++
				}
				for _, w := range want {
					if got[w] != 7 || len(got) != len(want) {
						t.Errorf("results %v, want 7 of each of %q", got, want)
					}
				}
			}
			a := start()
			send("a", 2, 1)
			send("b", 5, 1)
			send("a", 2, 2)
			send("b", 5, 2)
			await("01:00 7")
			if !running {
				in.stop()
			}
			in.deleteTopic(in.topic("b"))
			if running {
				a.log.await(t, soon, "is gone")
			} else {
				a = start()
			}
			send("a", 2, 3)
			await("02:00 7") // what was read of it counts
			send("a", 2, 4)
			await("03:00 2")
			in.create(in.topic("c"), 4, nil)
			a.log.await(t, soon, "joins in")
			send("c", 4, 5)
			send("a", 2, 5)
			in.stop()
			start()
			send("c", 4, 6)
			send("a", 2, 6)
			await("04:00 2", "05:00 6")
			in.stop()
		})
	}
}

// TestTopicsOfTwoPatterns: a topic that two patterns match is refused by name when it comes, and
// what else happens to topics is still noticed.
func TestTopicsOfTwoPatterns(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	in := newPatternInputs(t, b, "overlapping")
	in.create(in.topic("a"), 1, nil)
	in.create(in.topic("z"), 1, nil)
	hook := new(growths)
	in.start(nil, func(cfg *processor.Config) { cfg.Hooks = []processor.Hook{hook} })
	in.send("a", 1, 10)
	in.send("z", 1, 10)
	in.await()
	in.create(in.topic("az"), 1, nil)
	eventually(t, soon, "the refusal", func() (bool, string) { return len(hook.told()) == 1, "" })
	if g := hook.told()[0]; g.Refused == nil || g.Topic != in.topic("az") || !strings.Contains(g.Refused.Error(), "Make the patterns differ") {
		t.Errorf("told %+v", g)
	}
	in.create(in.topic("a2"), 1, nil)
	in.send("a2", 1, 10)
	in.await()
	newAdmin(t, b.Addr()).grow(b.Addr(), in.topic("z"), 2)
	in.send("z", 2, 10)
	in.await()
	in.stop()
	in.check()
	failed := startAppAt(t, b.Addr(), in.job, nil, nil)
	failed.failsWith(t, time.Minute, in.topic("az"), "first, last", "Make the patterns differ")
}

// TestBoundedTopics: a bounded run reads the topics that were there when it was begun, also when it
// is interrupted and topics come meanwhile; without any it says which pattern matches none.
func TestBoundedTopics(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	in := newPatternInputs(t, b, "counted")
	dir := t.TempDir()
	run := func(points failpoint.Points) error {
		t.Helper()
		a := startAppAt(t, b.Addr(), in.job, points, func(cfg *processor.Config) {
			cfg.StateDir, cfg.UntilEnd, cfg.SessionTimeout = dir, true, 3*time.Second
		})
		return a.wait(t, time.Minute)
	}
	var none *processor.NoTopicsError
	if err := run(nil); !errors.As(err, &none) || !strings.Contains(err.Error(), "(found)") {
		t.Fatalf("without a topic: %v", err)
	}
	in.create(in.topic("a"), 2, nil)
	in.send("a", 2, 20)
	died := errors.New("the instance dies")
	if err := run(func(n failpoint.Name) error {
		if n == failpoint.BeforeOffsetCommit {
			return died
		}
		return nil
	}); !errors.Is(err, died) {
		t.Fatalf("the run ended with %v", err)
	}
	in.create(in.topic("b"), 2, nil)
	first := maps.Clone(in.sent)
	in.send("b", 2, 20)
	if err := run(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, "results", func() (bool, string) { return in.live.count() >= 20, "" })
	all := in.sent
	in.sent = first
	in.check()
	if err := run(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, "results", func() (bool, string) { return in.live.count() >= 40, "" })
	in.sent = all
	in.check()
}
