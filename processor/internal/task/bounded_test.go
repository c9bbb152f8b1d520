package task

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

func TestBoundedRunEndsOnce(t *testing.T) {
	b := newRelayBench(t)
	var events []string
	b.more = func(tk flow.Task, g *flow.Graph) {
		g.Timed = append(g.Timed, timedFunc(func(now int64) error {
			if now == topology.EndOfTime {
				events = append(events, fmt.Sprintf("end of time, time %t", tk.Time() == topology.EndOfTime))
				return nil
			}
			events = append(events, fmt.Sprintf("advance %d", now))
			return nil
		}))
		tk.Schedule(0, "p", topology.StreamTime, 50*time.Millisecond, punctuateFunc(func(at int64) error {
			events = append(events, fmt.Sprintf("punctuate %d", at))
			return nil
		}))
	}
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 3}}
	b.open()
	b.add("a", 1, rec(0, 100), rec(1, 130))
	b.process()
	b.commit()
	same(t, "done", b.task.Done(), false)
	b.add("a", 0, marker(2))
	b.process()
	want(t, "events", events, "punctuate 100", "advance 100", "advance 130", "punctuate 150", "end of time, time true", "punctuate 200")
	same(t, "done before the commit", b.task.Done(), false)
	same(t, "ended", b.task.Positions()[0].Ended, 7)
	same(t, "ended as of the commit", b.task.Rewind()[0].Ended, 0)
	want(t, "the end is announced with the last finite time", tells(t, b.commit()), "0 control 120 end", "1 control 120 end")
	same(t, "done", b.task.Done(), true)
	same(t, "dirty", b.task.Dirty(), false)

	b.restart()
	same(t, "done after a restart", b.task.Done(), true)
	same(t, "time after a restart", b.task.Time(), topology.EndOfTime)
	same(t, "dirty after a restart", b.task.Dirty(), false)
	want(t, "processed after a restart", b.process())
	b.tick()
	same(t, "events", len(events), 6)
}

func TestAnAbortTakesTheEndBack(t *testing.T) {
	b := newRelayBench(t)
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 1}}
	b.open()
	b.add("a", 0, rec(0, 100))
	b.process()
	same(t, "time", b.task.Time(), topology.EndOfTime)
	if err := b.task.Flush(); err != nil {
		t.Fatal(err)
	}
	b.abort()
	same(t, "time", b.task.Time(), topology.NoTime)
	b.add("a", 0, rec(0, 100))
	b.process()
	want(t, "announced", tells(t, b.commit()), "0 record", "0 control 90 end", "1 control 90 end")
	same(t, "done", b.task.Done(), true)
}

func TestEmptyInputEndsAtOnce(t *testing.T) {
	b := newBench(t, "a")
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 0}}
	b.open()
	b.tick()
	same(t, "dirty", b.task.Dirty(), true)
	b.commit()
	same(t, "done", b.task.Done(), true)
}

func TestRepartitionInputEndsWithItsWriters(t *testing.T) {
	b := newBench(t, "r:b")
	b.opts.Bounded = &Bounded{Run: 7}
	b.open()
	for i, c := range []struct {
		h    kgo.RecordHeader
		time int64
		end  bool
	}{
		{toldIn(6, 0, 10, end), topology.NoTime, false}, // of an earlier run
		{toldIn(7, 1, 20, 0), 10, false},
		{toldIn(7, 0, 30, end), 20, false},
		{toldIn(0, 1, 25, idle), 25, false}, // idle means nothing in a bounded run
		{toldIn(7, 1, 40, end), topology.EndOfTime, true},
	} {
		b.add("r:b", 0, bare(int64(i), c.h))
		b.process()
		same(t, fmt.Sprint("time ", i), b.task.Time(), c.time)
		b.commit()
		same(t, fmt.Sprint("done ", i), b.task.Done(), c.end)
		if i == 2 {
			b.restart()
			same(t, "time after a restart", b.task.Time(), c.time)
		}
	}
}

func TestTimeGoesOnAfterABoundedRun(t *testing.T) {
	b := newBench(t, "a")
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 2}}
	b.open()
	same(t, "closed through", b.task.ClosedThrough(), topology.NoTime)
	b.add("a", 0, rec(0, 100), rec(1, 130))
	b.process()
	b.commit()
	b.close()

	b.opts.Bounded = nil
	b.open()
	same(t, "time", b.task.Time(), 130)
	same(t, "closed through", b.task.ClosedThrough(), 130)
	same(t, "done", b.task.Done(), false)
	b.add("a", 0, rec(2, 140))
	want(t, "new data", b.process(), "a@2 140 140")
	same(t, "time", b.task.Time(), 140)
	b.commit()
	b.close()

	b.opts.Bounded = &Bounded{Run: 8, Ends: map[string]int64{"a": 4}}
	b.open()
	same(t, "not done by an earlier run", b.task.Done(), false)
	b.add("a", 0, rec(3, 135))
	want(t, "new data", b.process(), "a@3 135 140")
	b.commit()
	same(t, "done", b.task.Done(), true)
	same(t, "closed through", b.task.ClosedThrough(), 140)
}

func TestTimeAfterABoundedRunDoesNotDependOnWhoEndedFirst(t *testing.T) {
	for _, order := range []string{"ab", "ba"} {
		b := newBench(t, "a", "b")
		b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 1, "b": 2}}
		b.open()
		for _, in := range order {
			if in == 'a' {
				b.add("a", 0, rec(0, 10))
			} else {
				b.add("b", 0, rec(0, 50), rec(1, 100))
			}
			b.process()
		}
		b.commit()
		b.close()
		b.opts.Bounded = nil
		b.open()
		same(t, order+": time", b.task.Time(), 10)
		same(t, order+": closed through", b.task.ClosedThrough(), 100)
	}
}

func TestAnnouncedTimeIsSetByTheEnd(t *testing.T) {
	b := newBench(t, "r:b")
	b.opts.Bounded = &Bounded{Run: 7}
	b.open()
	b.add("r:b", 0, bare(0, toldIn(7, 0, 90, 0)), bare(1, toldIn(7, 1, 80, 0)), bare(2, toldIn(7, 0, 20, end)), bare(3, toldIn(7, 1, 30, end)))
	b.process()
	b.commit()
	b.close()
	b.opts.Bounded = nil
	b.open()
	same(t, "time", b.task.Time(), 20)
}

func TestWaitingForTheOtherEndsOnceItIsReached(t *testing.T) {
	b := newBench(t, "a", "r:b")
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{"a": 1}}
	b.open()
	b.add("a", 0, rec(0, 100))
	b.add("r:b", 0, bare(0, toldIn(7, 0, 5, end)), bare(1, toldIn(7, 1, 5, caughtUp)))
	want(t, "caught up means nothing in a bounded run", b.process())
	b.add("r:b", 0, rec(2, 7), bare(3, toldIn(7, 1, 8, end)))
	want(t, "order", b.process(), "b@2 7 7", "a@0 100 100")
	b.commit()
	same(t, "done", b.task.Done(), true)
}

func TestBoundedRunNeedsItsEnds(t *testing.T) {
	b := newBench(t, "a")
	b.opts.Bounded = &Bounded{Run: 7}
	if err := b.tryOpen(); err == nil || err.Error() != "task s/0: no end of the bounded run for topic a" {
		t.Errorf("got %v", err)
	}
	b.opts.Bounded = &Bounded{}
	if err := b.tryOpen(); err == nil {
		t.Error("no run id")
	}
}
