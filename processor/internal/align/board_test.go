package align

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// meet is a plan of topics that meet behind a repartition topic.
func meet(t *testing.T) *flow.Plan {
	t.Helper()
	top := topology.New("meet")
	key := func(s string) string { return s }
	a := top.Stream("a", serde.String(), serde.String()).SelectKey(key)
	b := top.Stream("b", serde.String(), serde.String()).SelectKey(key)
	a.Merge(b).Repartition("r").To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan.ForRuntime(flow.Key{})
}

func TestGroups(t *testing.T) {
	top := topology.New("groups")
	key := func(s string) string { return s }
	// x goes through hourly windows to the topic that y writes too; z writes one of its own.
	x := top.Stream("x", serde.String(), serde.String()).GroupBy("first", key).Window(topology.Tumbling(time.Hour).Grace(time.Minute)).Count("hourly").
		Final().StreamRecords(func(_ topology.Window, k string, _ int64) (string, string) { return k, k })
	y := top.Stream("y", serde.String(), serde.String())
	x.Merge(y).GroupBy("second", key).Count("all").EachUpdate().ToStream().To("out")
	top.Stream("z", serde.String(), serde.String()).GroupBy("third", key).Count("others").EachUpdate().ToStream().To("out2")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, g := range groupsOf(plan.ForRuntime(flow.Key{})) {
		for _, m := range g {
			got[m.sub] = fmt.Sprint(i, " ", time.Duration(m.delay)*time.Millisecond)
		}
	}
	// y is an input of the sub-topology that has the windows of x, whose results it meets on the
	// way to "second".
	want := map[string]string{"x": "0 1h1m0s", "first": "1 1h1m0s", "z": "2 0s"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// model is tasks with records, dealt to workers of processes, and the log that they write.
type model struct {
	t       *testing.T
	rng     *rand.Rand
	now     time.Time
	boards  []*Board
	workers []*modelWorker
	offsets map[task.ID]told
	log     []*written
}

type modelWorker struct {
	board *Board
	w     *Worker
	tasks []*modelTask
	open  []*written // of the transaction, in the log or still to come
}

type modelTask struct {
	id       task.ID
	times    []int64
	pos, was int
	side     task.Alignment
}

type written struct {
	time    int64
	logged  bool
	aborted bool
}

// step does one thing of a worker, and reports whether a record was processed.
func (m *model) step(w *modelWorker) bool {
	switch m.rng.IntN(12) {
	case 0:
		m.commit(w)
		return false
	case 1:
		if m.rng.IntN(5) == 0 {
			for _, o := range w.open {
				o.aborted = true
			}
			w.open = nil
			for _, t := range w.tasks {
				t.pos = t.was
			}
			w.w.Aborted()
		}
		return false
	case 2: // the producer sends some of it
		for _, o := range w.open[:m.rng.IntN(len(w.open)+1)] {
			m.append(o)
		}
		return false
	case 3:
		m.exchange(w.board)
		return false
	}
	return m.process(w, w.tasks[m.rng.IntN(len(w.tasks))])
}

func (m *model) process(w *modelWorker, t *modelTask) bool {
	if t.pos == len(t.times) {
		t.side.Rest()
		if len(w.open) == 0 {
			w.w.Committed()
		}
		return false
	}
	at := t.times[t.pos]
	if at > t.side.Limit(at) {
		if len(w.open) == 0 {
			w.w.Committed()
		}
		return false
	}
	t.pos++
	w.open = append(w.open, &written{time: at})
	return true
}

func (m *model) append(o *written) {
	if !o.logged {
		o.logged = true
		m.log = append(m.log, o)
	}
}

func (m *model) commit(w *modelWorker) {
	for _, o := range w.open {
		m.append(o)
	}
	w.open = nil
	for _, t := range w.tasks {
		t.was = t.pos
	}
	w.w.Committed()
}

func (m *model) exchange(b *Board) {
	b.exchanged(func(id task.ID) (told, bool) { t, ok := m.offsets[id]; return t, ok }, func(id task.ID, t told) { m.offsets[id] = t })
}

// TestModel deals tasks to workers of some processes, which process, send, commit, abort and
// exchange in any order. All get to their ends, and in the log time does not go back further than
// the bound and a partition's own disorder.
func TestModel(t *testing.T) {
	seed := seeds.New(t)
	plan := meet(t)
	for round := range 300 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		m := &model{t: t, rng: rng, now: time.UnixMilli(0), offsets: map[task.ID]told{}}
		const bound = 50
		tasks := rng.IntN(6) + 2
		cfg := Config{Plan: plan, Times: timing.Settings{MaxAhead: bound * time.Millisecond, Session: time.Hour}, Now: func() time.Time { return m.now },
			Tasks: func(sub string) int32 { return int32(tasks) }}
		for range rng.IntN(3) + 1 {
			b := New(cfg)
			m.boards = append(m.boards, b)
			for range rng.IntN(2) + 1 {
				m.workers = append(m.workers, &modelWorker{board: b, w: b.Worker(func() {})})
			}
		}
		disorder, total := int64(rng.IntN(20)), 0
		for id := range m.boards[0].tasks {
			w := m.workers[rng.IntN(len(m.workers))]
			mt := &modelTask{id: id}
			at := int64(rng.IntN(300))
			for range rng.IntN(60) {
				if at += int64(rng.IntN(12)); rng.IntN(15) == 0 {
					at += int64(rng.IntN(400)) // a gap
				}
				mt.times = append(mt.times, at-rng.Int64N(disorder+1))
			}
			total += len(mt.times)
			w.w.Take(id)
			mt.side = w.w.Task(id)
			w.tasks = append(w.tasks, mt)
		}
		for idle := 0; ; {
			m.now = m.now.Add(7 * time.Millisecond)
			progress, left := false, false
			for _, w := range m.workers {
				if len(w.tasks) > 0 && m.step(w) {
					progress = true
				}
				for _, t := range w.tasks {
					left = left || t.was < len(t.times)
				}
			}
			if !left {
				break
			}
			if idle++; progress {
				idle = 0
			}
			if idle > 3000 {
				t.Fatalf("round %d: nobody goes on", round)
			}
		}
		most, n := int64(0), 0
		for _, o := range m.log {
			if o.aborted {
				continue
			}
			n++
			if o.time < most-bound-2*disorder {
				t.Fatalf("round %d: %d after %d, with a bound of %d and disorder of %d", round, o.time, most, bound, disorder)
			}
			most = max(most, o.time)
		}
		if n != total {
			t.Fatalf("round %d: %d records, want %d", round, n, total)
		}
	}
}

func TestSilentOwnersAreNotWaitedForLong(t *testing.T) {
	now := time.UnixMilli(0)
	b := New(Config{Plan: meet(t), Times: timing.Settings{MaxAhead: time.Second, Session: 10 * time.Second}, Now: func() time.Time { return now }, Tasks: func(string) int32 { return 2 }})
	woken := 0
	w := b.Worker(func() { woken++ })
	var mine, other task.ID
	for id := range b.tasks {
		mine, other = id, mine
	}
	w.Take(mine)
	side := w.Task(mine)
	say := func(tl told) {
		b.exchanged(func(id task.ID) (told, bool) { return tl, id == other }, func(task.ID, told) {})
	}
	free := func() bool { return side.Limit(5000) >= 5000 }
	if free() {
		t.Error("it goes on although nothing was heard of the other")
	}
	now = now.Add(29 * time.Second)
	say(told{place{time: 1000}, 1})
	if free() || woken != 1 || !w.News() {
		t.Errorf("it goes on although the other is at 1000, or was not woken: %d", woken)
	}
	now = now.Add(30 * time.Second)
	say(told{place{time: 1000}, 2}) // it is there, and slow
	now = now.Add(30 * time.Second)
	if say(told{place{time: 1000}, 2}); free() {
		t.Error("it goes on although the other has said that it is there")
	}
	now = now.Add(time.Second)
	if say(told{place{time: 1000}, 2}); !free() {
		t.Error("it waits for one that has been silent for too long")
	}
	now = now.Add(limitFor)
	say(told{place{time: 3999}, 3})
	if free() {
		t.Error("it goes on although the other is back")
	}
	if say(told{place{time: 4000}, 4}); !free() {
		t.Error("it waits although the other is within the bound")
	}
	say(told{place{time: 3000}, 5})
	if say(told{place{rest: true}, 6}); !free() {
		t.Error("it waits for one that has nothing left")
	}
}

func TestDefaultBoundGrowsWithThePace(t *testing.T) {
	now := time.UnixMilli(0)
	b := New(Config{Plan: meet(t), Times: timing.Settings{Session: 20 * time.Second}, Now: func() time.Time { return now }, Tasks: func(string) int32 { return 2 }})
	w, v := b.Worker(func() {}), b.Worker(func() {})
	var ids []task.ID
	for id := range b.tasks {
		ids = append(ids, id)
	}
	w.Take(ids[0])
	v.Take(ids[1])
	slow, fast := w.Task(ids[0]), v.Task(ids[1])
	hour := time.Hour.Milliseconds()
	slow.Limit(0)
	w.Committed()
	if fast.Limit(hour) < hour || fast.Limit(hour+1) > hour {
		t.Error("the bound is not an hour")
	}
	for i := range int64(20) { // ten days a second
		now = now.Add(100 * time.Millisecond)
		slow.Limit(i * 24 * hour)
		w.Committed()
		fast.Limit(i * 24 * hour)
	}
	at := func(hours int64) int64 { return (19*24 + hours) * hour }
	if fast.Limit(at(60)) < at(60) {
		t.Error("60 hours ahead it waits, although that is less than what 300 ms cover")
	}
	if fast.Limit(at(80)) >= at(80) {
		t.Error("80 hours ahead it goes on, although that is more than what 300 ms cover")
	}
}

func TestSnapshot(t *testing.T) {
	now := time.UnixMilli(0)
	b := New(Config{Plan: meet(t), Times: timing.Settings{MaxAhead: time.Second, Session: 20 * time.Second}, Now: func() time.Time { return now }, Tasks: func(string) int32 { return 3 }})
	w := b.Worker(func() {})
	var ids []task.ID
	for id := range b.tasks {
		ids = append(ids, id)
		w.Take(id)
	}
	first, last := w.Task(ids[0]), w.Task(ids[1])
	w.Task(ids[2]).Rest()
	first.Limit(4000) // it waits until the other has said where it is
	last.Limit(1000)
	first.Limit(4000)
	now = now.Add(5 * time.Second)
	a := b.Snapshot()[0]
	if a.Spread != 3*time.Second || a.Waited != 5*time.Second || len(a.Waiting) != 1 || a.Waiting[0] != (report.Waiting{Task: ids[0], On: ids[1], For: 5 * time.Second}) || len(a.SubTopologies) != 1 {
		t.Errorf("%+v", a)
	}
	last.Limit(3000)
	first.Limit(4000)
	now = now.Add(time.Second)
	if a = b.Snapshot()[0]; a.Spread != time.Second || a.Waited != 5*time.Second || len(a.Waiting) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestTold(t *testing.T) {
	for _, c := range []told{{place{time: -5}, 7}, {place{rest: true, time: topology.NoTime}, 1 << 63}, {unknown, 0}} {
		if got, err := parse(c.String()); err != nil || got != c {
			t.Errorf("%v is %q, and back %v, %v", c, c.String(), got, err)
		}
	}
	if s := (told{place{time: 12}, 3}).String(); s != "1:3:12" {
		t.Errorf("the format has changed: %s", s)
	}
	for _, s := range []string{"", "2:3:12", "1:3", "1:x:12", "1:3:x", "1:3:12:4"} {
		if _, err := parse(s); err == nil {
			t.Errorf("%q was parsed", s)
		}
	}
}
