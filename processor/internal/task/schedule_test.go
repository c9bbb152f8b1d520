package task

import (
	"fmt"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// newScheduleBench makes a task that notes its punctuations: p and q on stream time, every 50 and
// 70 ms, w on wall-clock time every 60 s.
func newScheduleBench(t *testing.T) (*bench, func() []string) {
	b := newBench(t, "a")
	var calls []string
	b.more = func(tk flow.Task, g *flow.Graph) {
		note := func(name string) flow.Punctuator {
			return punctuateFunc(func(at int64) error {
				now := tk.Time()
				if name == "w" {
					now = tk.Now().UnixMilli()
				}
				calls = append(calls, fmt.Sprintf("%s %d at %d", name, at, now))
				return nil
			})
		}
		tk.Schedule(0, "p", topology.StreamTime, 50*time.Millisecond, note("p"))
		tk.Schedule(0, "q", topology.StreamTime, 70*time.Millisecond, note("q"))
		tk.Schedule(0, "w", topology.WallClock, time.Minute, note("w"))
	}
	return b, func() []string {
		all := calls
		calls = nil
		return all
	}
}

func TestStreamTimePunctuation(t *testing.T) {
	b, calls := newScheduleBench(t)
	b.open()
	offset := int64(0)
	add := func(ts int64) []string {
		b.add("a", 0, rec(offset, ts))
		offset++
		b.process()
		return calls()
	}
	want(t, "time begins", add(101))
	want(t, "before the first multiple", add(139))
	want(t, "the first", add(140), "q 140 at 140")
	want(t, "behind it", add(149))
	want(t, "passed", add(155), "p 150 at 150")
	want(t, "several at once: the largest, in the order of times", add(361), "p 350 at 350", "q 350 at 350")
	same(t, "time", b.task.Time(), 361)
	b.commit()
	want(t, "next", add(400), "p 400 at 400")
	b.abort()
	offset--
	want(t, "again after an abort", add(400), "p 400 at 400")
	b.restart()
	offset--
	want(t, "again after a crash", add(400), "p 400 at 400")
	b.commit()
	b.restart()
	want(t, "not after a restart", add(410))
	want(t, "next", add(420), "q 420 at 420")
}

// What a punctuation sends is there in that of a node behind, whichever was asked for first.
func TestPunctuationsInTheOrderOfNodes(t *testing.T) {
	b := newBench(t, "a")
	var calls []string
	b.more = func(tk flow.Task, _ *flow.Graph) {
		for _, s := range []struct {
			place    int
			name     string
			clock    topology.Clock
			interval time.Duration
		}{
			{2, "behind", topology.StreamTime, 50 * time.Millisecond},
			{1, "ahead", topology.StreamTime, 50 * time.Millisecond},
			{1, "ahead too", topology.StreamTime, 50 * time.Millisecond},
			{2, "wall behind", topology.WallClock, time.Minute},
			{1, "wall ahead", topology.WallClock, time.Minute},
			{1, "wall later", topology.WallClock, 2 * time.Minute},
		} {
			tk.Schedule(s.place, s.name, s.clock, s.interval, punctuateFunc(func(int64) error {
				calls = append(calls, s.name)
				return nil
			}))
		}
	}
	b.open()
	b.add("a", 0, rec(0, 101), rec(1, 155))
	b.process()
	want(t, "stream time", calls, "ahead", "ahead too", "behind")
	calls = nil
	b.clock.now = b.clock.now.Add(time.Hour)
	b.tick()
	want(t, "wall clock", calls, "wall ahead", "wall behind", "wall later")
}

func TestTimeThatBeginsOnAMultiple(t *testing.T) {
	b, calls := newScheduleBench(t)
	b.open()
	b.add("a", 0, rec(0, 100))
	b.process()
	want(t, "calls", calls(), "p 100 at 100")
}

func TestWallClockPunctuation(t *testing.T) {
	b, calls := newScheduleBench(t)
	b.clock.now = time.UnixMilli(30_000)
	b.open()
	tick := func(ms int64) []string {
		b.clock.now = time.UnixMilli(ms)
		b.tick()
		return calls()
	}
	want(t, "early", tick(59_999))
	same(t, "dirty", b.task.Dirty(), false)
	want(t, "due", tick(60_000), "w 60000 at 60000")
	same(t, "dirty", b.task.Dirty(), true)
	b.commit()
	want(t, "not again", tick(60_001))
	want(t, "several at once: the largest", tick(310_000), "w 300000 at 310000")
	b.commit()
	b.restart()
	want(t, "not again after a restart", tick(359_999))
	b.close()
	b.clock.now = time.UnixMilli(500_000)
	b.open()
	want(t, "missed while away", tick(500_000), "w 480000 at 500000")
}

// How long a task may be left alone: until a wall-clock punctuation is due, and a second at most.
func TestQuiet(t *testing.T) {
	b, _ := newScheduleBench(t)
	b.clock.now = time.UnixMilli(30_000)
	b.open()
	at := func(ms int64) time.Duration {
		b.clock.now = time.UnixMilli(ms)
		return b.task.Quiet()
	}
	same(t, "long before", at(30_000), time.Second)
	same(t, "shortly before", at(59_600), 400*time.Millisecond)
	same(t, "due", at(60_000), 0)
	b.tick()
	same(t, "done", at(60_000), time.Second)
	same(t, "missed", at(500_000), 0)

	b, _ = newScheduleBench(t)
	b.opts.Times.IdleAfter = 3 * time.Second
	same(t, "a tenth of what makes an input idle", b.open().task.Quiet(), 300*time.Millisecond)
	b, _ = newScheduleBench(t)
	b.opts.Times.IdleAfter = time.Millisecond
	same(t, "not shorter", b.open().task.Quiet(), 100*time.Millisecond)
	b, _ = newScheduleBench(t)
	b.opts.Bounded = &Bounded{Run: 1, Ends: map[string]int64{"a": 10}}
	same(t, "a bounded run", b.open().task.Quiet(), 100*time.Millisecond)
}

func TestReached(t *testing.T) {
	for _, c := range [][3]int64{{0, 10, 0}, {9, 10, 0}, {10, 10, 10}, {-1, 10, -10}, {-10, 10, -10}, {25, 7, 21}} {
		same(t, fmt.Sprint(c), reached(c[0], c[1]), c[2])
	}
}

// A timestamp near the largest is no reason to call a punctuator for ever.
func TestPunctuationNearTheEndOfTime(t *testing.T) {
	for _, ts := range []int64{topology.MaxTime, topology.MaxTime - 1, topology.MaxTime - 49, topology.MaxTime - 60} {
		b, calls := newScheduleBench(t)
		b.open()
		b.add("a", 0, rec(0, ts))
		b.process()
		b.add("a", 1, rec(1, 100))
		b.process()
		if n := len(calls()); n > 2 {
			t.Errorf("%d calls for a record at %d", n, ts)
		}
		b.commit()
	}
}
