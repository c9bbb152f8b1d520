package task

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// newStoringBench makes a task whose operators count all messages in the store kv, put one entry
// per message into the window of its timestamp, and have a field.
func newStoringBench(t *testing.T) *bench {
	b := newBench(t, "a")
	fields := 0
	b.more = func(tk flow.Task, g *flow.Graph) {
		field := 0
		fields++
		mine := fields
		g.Flushers = append(g.Flushers, flushFunc(func() (bool, error) {
			if mine != fields {
				t.Error("an instance of before the abort was flushed")
			}
			if field == 0 {
				return false, nil
			}
			stamped := func(v int) []byte { return fmt.Append(make([]byte, 8), v) }
			kv := tk.Store("kv")
			old, _, err := kv.Get(nil, []byte("n"))
			if err != nil {
				return false, err
			}
			n := 0
			if len(old) > 8 {
				fmt.Sscan(string(old[8:]), &n)
			}
			kv.Put([]byte("n"), stamped(n+field))
			tk.Store("win").Put(append(startKey(tk.Time()/10*10), 'k'), stamped(field))
			field = 0
			return true, nil
		}))
		g.Sources["a"] = &testSource{func(*flow.Message) error { field++; return nil }}
	}
	return b
}

// count reads the counter from the database.
func (b *bench) count() string {
	b.t.Helper()
	v, _, err := b.task.Store("kv").Get(nil, []byte("n"))
	if err != nil {
		b.t.Fatal(err)
	}
	if len(v) < 8 {
		return ""
	}
	return string(v[8:])
}

func TestCommitWritesStoresChangelogsAndPositions(t *testing.T) {
	b := newStoringBench(t).open()
	b.add("a", 0, rec(0, 100), rec(1, 101))
	b.process()
	all := b.commit()
	same(t, "count", b.count(), "2")
	var logged []string
	for _, s := range all {
		logged = append(logged, fmt.Sprintf("%s/%d %q=%q", s.topic, s.partition, s.key, s.value))
	}
	want(t, "changelog", logged[:2], `app-kv-changelog/0 "n"="2"`,
		`app-win-changelog/0 "k\x00\x00\x00\x00\x00\x00\x00d\x00\x00\x00\x00"="2"`)
	want(t, "ends", b.task.ChangelogEnds(),
		checkpoint.ChangelogEnd{Store: "kv", TopicID: b.cluster.TopicID("app-kv-changelog"), Offset: 1, Shape: "store key=k value=v"},
		checkpoint.ChangelogEnd{Store: "win", TopicID: b.cluster.TopicID("app-win-changelog"), Offset: 1, Shape: "count tumbling=1s key=k value=v"},
		checkpoint.ChangelogEnd{Store: "s-time", TopicID: b.cluster.TopicID("app-s-time-changelog"), Offset: 1, Shape: "time key=k value=v"})
	same(t, "seq in the database", b.opts.Checkpoint.Seq(), 0)
	committed := b.clock.now
	same(t, "dirty", b.task.Dirty(), false)
	same(t, "uncommitted", b.task.Uncommitted(), 0)
	if b.task.Logged() == 0 || b.task.Held() == 0 {
		t.Errorf("%d bytes logged, %d held", b.task.Logged(), b.task.Held())
	}

	b.clock.now = b.clock.now.Add(time.Minute)
	b.add("a", 0, rec(2, 102))
	b.process()
	same(t, "dirty", b.task.Dirty(), true)
	if err := b.task.Flush(); err != nil {
		t.Fatal(err)
	}
	same(t, "count", b.count(), "3")
	// In the middle of a transaction, of which the database learns nothing.
	if err := b.task.Persist(); err != nil {
		t.Fatal(err)
	}
	same(t, "seq", b.opts.Checkpoint.Seq(), 1)
	same(t, "last commit", b.opts.Checkpoint.LastCommit().UnixMilli(), committed.UnixMilli())
	if pos, ok := b.opts.Checkpoint.Input("a"); !ok || pos != 2 {
		t.Errorf("position of a: %d, %t", pos, ok)
	}
	if log, ok := b.opts.Checkpoint.Changelog("kv"); !ok || log.Offset != 1 {
		t.Errorf("position in the changelog: %v, %t", log, ok)
	}
	same(t, "logged", b.task.Logged(), 0)
	same(t, "held", b.task.Held(), 0)
	same(t, "count", b.count(), "3")
	b.abort()
	same(t, "count after the abort", b.count(), "2")
	same(t, "uncommitted after the abort", b.task.Uncommitted(), 0)
	b.add("a", 0, rec(2, 102))
	b.process()
	b.restart()
	same(t, "count after a crash", b.count(), "2")
	b.add("a", 0, rec(2, 102), rec(3, 103))
	b.process()
	b.commit()
	same(t, "count", b.count(), "4")
	same(t, "the changelog goes on", b.task.ChangelogEnds()[0].Offset, 3)
}

// TestCloseAfterUnknownOutcome: a task whose transaction may or may not be committed leaves a
// database as of the commit before.
func TestCloseAfterUnknownOutcome(t *testing.T) {
	for _, failed := range []bool{false, true} {
		b := newStoringBench(t).open()
		b.add("a", 0, rec(0, 100), rec(1, 150))
		b.process()
		b.commit()
		ends := map[string]int64{"kv": 1, "win": 1, "s-time": 1}
		b.add("a", 0, rec(2, 900))
		b.process()
		if err := b.task.Flush(); err != nil {
			t.Fatal(err)
		}
		same(t, "the changelog's end with the open transaction", b.task.ChangelogEnds()[0].Offset, ends["kv"]+1)
		if failed {
			b.task.broken = errors.New("by user code")
		}
		b.restart()
		for store, want := range ends {
			if p, ok := b.opts.Checkpoint.Changelog(store); !ok || p.Offset != want {
				t.Errorf("%s is at %d, %t; want %d", store, p.Offset, ok, want)
			}
		}
		pos, _ := b.opts.Checkpoint.Input("a")
		same(t, "input", pos, 2)
		same(t, "count", b.count(), "2")
		same(t, "seq", b.opts.Checkpoint.Seq(), 1)
	}
}

// TestUnlogged: a store without a changelog is kept over a restart, and emptied, for good, where
// somebody else has gone on.
func TestUnlogged(t *testing.T) {
	b := newBench(t, "a")
	b.opts.Sub.Stores[0].Logged = false
	b.receive = func(tk flow.Task, _ *flow.Message) error {
		s := tk.Store("kv")
		v, _, err := s.Get(nil, []byte("n"))
		s.Put([]byte("n"), append(v, 'x'))
		return err
	}
	kept := func() string {
		v, _, err := b.task.Store("kv").Get(nil, []byte("n"))
		if err != nil {
			t.Fatal(err)
		}
		return string(v)
	}
	b.open()
	b.add("a", 0, rec(0, 100), rec(1, 101))
	b.process()
	b.commit()
	b.add("a", 0, rec(2, 102))
	b.process() // not committed
	b.restart()
	same(t, "kept", kept(), "xx")
	b.opts.Start["a"] = Start{Offset: 3, Ref: 102}
	b.restart()
	same(t, "emptied", kept(), "")
	b.abort()
	same(t, "after an abort", kept(), "")
	b.restart()
	same(t, "after another restart", kept(), "")
	b.add("a", 0, rec(3, 103))
	b.process()
	b.commit()
	b.restart()
	same(t, "anew", kept(), "x")
}

// TestPersistFails: what the database did not take is not tried again when the task is closed: the
// changelog has it.
func TestPersistFails(t *testing.T) {
	b := newStoringBench(t).open()
	b.add("a", 0, rec(0, 100))
	b.process()
	b.commit()
	full := errors.New("disk full")
	b.task.journal.db = failingDB{b.task.journal.db, full}
	if err := b.task.Persist(); !errors.Is(err, full) {
		t.Errorf("persisted: %v", err)
	}
	if err := b.task.Flush(); !errors.Is(err, full) {
		t.Errorf("the task goes on: %v", err)
	}
	b.close()
	b.open()
	same(t, "seq", b.opts.Checkpoint.Seq(), 0)
}

type failingDB struct {
	state.DB
	err error
}

func (d failingDB) NewBatch() state.Batch { return failingBatch{d.DB.NewBatch(), d.err} }

type failingBatch struct {
	state.Batch
	err error
}

func (b failingBatch) Commit() error { return b.err }

func TestPurgeable(t *testing.T) {
	b := newStoringBench(t)
	b.opts.Sub.Inputs = append(b.opts.Sub.Inputs, flow.Input{Topic: "b", Repartition: true, Timeless: true})
	b.plan.Repartitions = append(b.plan.Repartitions, flow.Repartition{Name: "b", Writers: []flow.Writer{{SubTopology: "w"}}})
	b.cluster["app-b-repartition"] = 1
	b.opts.Start["app-b-repartition"] = Start{Offset: 5, Ref: topology.NoTime}
	b.open()
	purge := func() string { return fmt.Sprint(b.task.Purgeable()) }
	same(t, "at first", purge(), "map[app-b-repartition:5]")
	step := func(offset, ts int64) {
		b.add("a", 0, rec(offset, ts))
		b.process()
		b.commit()
	}
	step(0, 100) // window 100 closes at 200
	step(1, 150) // window 150 closes at 250
	same(t, "all open", purge(), "map[app-b-repartition:5]")
	step(2, 220)
	same(t, "one closed", purge(), "map[app-b-repartition:5 app-win-changelog:1]")
	b.restart()
	same(t, "after a restart nothing is known", purge(), "map[app-b-repartition:5]")
	step(3, 320) // 220 closes at 320
	same(t, "all of before the restart closed", purge(), "map[app-b-repartition:5 app-win-changelog:3]")
	b.add("r:b", 0, rec(5, 321), rec(6, 330))
	b.process()
	same(t, "not committed", purge(), "map[app-b-repartition:5 app-win-changelog:3]")
	b.commit()
	same(t, "committed", purge(), "map[app-b-repartition:7 app-win-changelog:3]")
}

func TestStoresWithoutChangelogMustFitThePositions(t *testing.T) {
	b := newStoringBench(t)
	b.opts.Sub.Stores[0].Logged = false
	b.open()
	b.add("a", 0, rec(0, 100))
	b.process()
	b.commit()
	b.restart()
	same(t, "kept", b.count(), "1")
	b.close()
	b.opts.Start["a"] = Start{Offset: 9, Ref: 100}
	b.open()
	same(t, "emptied", b.count(), "")
}

func TestTheHotLoopDoesNotAllocate(t *testing.T) {
	b := newBench(t, "a", "b")
	n := int64(0)
	b.more = func(tk flow.Task, g *flow.Graph) {
		for _, name := range []string{"a", "b"} {
			g.Sources[name] = &testSource{func(m *flow.Message) error {
				n += m.Ref
				return nil
			}}
		}
	}
	b.open()
	const each = 1000
	add := func(round int64) {
		for _, name := range []string{"a", "b"} {
			b.task.Enqueue(name, batchOf(round*each, each), (round+1)*each)
		}
	}
	round := int64(0)
	add(round)
	var handled int
	per := testing.AllocsPerRun(5, func() {
		k, err := b.task.Process(2 * each)
		if err != nil {
			t.Fatal(err)
		}
		handled += k
		round++
		add(round)
	})
	base := testing.AllocsPerRun(5, func() { batchOf(0, each); batchOf(0, each) })
	if handled < 5*2*each {
		t.Fatalf("handled %d", handled)
	}
	if per-base > 10 { // per call, not per record
		t.Errorf("%.0f allocations for %d records", per-base, 2*each)
	}
}

// batchOf makes n records.
func batchOf(first, n int64) []*kgo.Record {
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = rec(first+int64(i), first+int64(i))
	}
	return all
}
