package task

import (
	"errors"
	"testing"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// newFoundBench makes a task behind a sub-topology of as many tasks whose topics a pattern has
// found.
func newFoundBench(t *testing.T, tasks int32) *bench {
	b := newBench(t, "r:b")
	b.plan.SubTopologies[0].Inputs[0].Of = "pattern"
	b.cluster["source"], b.cluster["tasks of w"] = tasks, tasks
	return b
}

// look says what the brokers answer next, and lets the task act.
func (b *bench) look(tasks int32) {
	b.t.Helper()
	b.cluster["tasks of w"] = tasks
	b.cluster["asked"]++
	b.tick()
}

// TestWhoIsWaitedFor: a writer is waited for unless it is certain that it is gone. A step is what
// the task hears of w/1 or of w/0, which is always there, or what the brokers answer; behind it is
// the time that comes of it.
func TestWhoIsWaitedFor(t *testing.T) {
	type step struct {
		hear  int32 // -1: nothing
		at    int64
		flags flags
		asked int32 // 0: the brokers are not asked; else how many tasks they know of
		more  int64 // lies behind what was heard, and is not there yet
		time  int64
	}
	none := topology.NoTime
	zero := func(at, time int64) step { return step{hear: 0, at: at, time: time} }
	one := func(at, time int64) step { return step{hear: 1, at: at, time: time} }
	asked := func(tasks int32, time int64) step { return step{hear: -1, asked: tasks, time: time} }
	for name, steps := range map[string][]step{
		"one that is there is waited for however long it is silent": {
			zero(90, none), one(5, 5), asked(2, 5), asked(2, 5), asked(2, 5), asked(2, 5), one(80, 80)},
		"one that is gone is forgotten when the brokers were asked twice for certain": {
			zero(90, none), one(5, 5), asked(1, 5), asked(1, 5), asked(1, 90)},
		"what speaks is not gone": {
			zero(90, none), one(5, 5), asked(1, 5), asked(1, 5), one(6, 6), asked(1, 6), asked(1, 6), one(7, 7), asked(1, 7), asked(1, 7), asked(1, 90)},
		"what comes back is waited for again": {
			zero(90, none), one(5, 5), asked(1, 5), asked(1, 5), asked(1, 90), one(95, 90), zero(120, 95), asked(2, 95), asked(2, 95), asked(2, 95), one(110, 110)},
		"one that the brokers find again, before it is forgotten, stays": {
			zero(90, none), one(5, 5), asked(1, 5), asked(1, 5), asked(2, 5), asked(2, 5), asked(2, 5), one(60, 60)},
		"what is not processed yet may be of it": {
			zero(90, none), {hear: 1, at: 5, more: 1, time: 5}, asked(1, 5), asked(1, 5), asked(1, 5), asked(1, 5), one(80, 80), asked(1, 80), asked(1, 80), asked(1, 90)},
		"one that is idle is not waited for anyway": {
			zero(90, none), {hear: 1, at: 5, flags: idle, time: 90}, asked(1, 90), asked(1, 90), asked(1, 90)},
	} {
		for _, kind := range []string{"running", "committed and aborted", "opened anew"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				b := newFoundBench(t, 2).open()
				offset := int64(0)
				for i, s := range steps {
					switch {
					case s.hear >= 0:
						b.add("r:b", s.more, bare(offset, told(s.hear, s.at, s.flags)))
						offset++
						b.process()
						b.tick()
					default:
						b.look(s.asked)
					}
					if got := b.task.Time(); got != s.time {
						t.Fatalf("step %d: time %d, want %d", i, got, s.time)
					}
					switch kind {
					case "committed and aborted":
						b.commit()
						b.abort()
					case "opened anew":
						b.commit()
						if s.asked == 0 || s.asked == 2 { // else they are asked as often again
							b.restart()
							b.add("r:b", offset+s.more)
						}
					}
				}
			})
		}
	}
}

// TestWritersGone: state that knows of more writers than there are is right if a pattern has found
// their topics, and no longer knows of them when it is opened the next time.
func TestWritersGone(t *testing.T) {
	b := newFoundBench(t, 3).open()
	b.add("r:b", 0, bare(0, told(0, 50, 0)), bare(1, told(1, 5, 0)), bare(2, told(2, 6, 0)))
	b.process()
	b.commit()
	b.close()
	b.cluster["source"], b.cluster["tasks of w"] = 1, 1
	b.open()
	same(t, "writers", len(b.task.inputs[0].writers.now), 3)
	b.add("r:b", 3) // the end
	for range looksApart {
		same(t, "time", b.task.Time(), 5)
		b.look(1)
	}
	same(t, "time without them", b.task.Time(), 50)
	if !b.task.Dirty() {
		t.Error("that they are gone is not to be stored")
	}
	b.commit()
	b.restart()
	same(t, "writers that are stored", len(b.task.inputs[0].writers.now), 1)

	// A topic with as many partitions comes again.
	b.add("r:b", 0, bare(3, told(1, 60, 0)), bare(4, told(0, 70, 0)))
	b.process()
	same(t, "time with another", b.task.Time(), 60)
	b.commit()

	b.close()
	b.plan.SubTopologies[0].Inputs[0].Of = ""
	if err := b.tryOpen(); !errors.Is(err, report.ErrWriters) {
		t.Errorf("without a pattern: %v", err)
	}
}

// TestWritersOfARun: a bounded run knows its topics. Who else has written before it is none of its
// writers.
func TestWritersOfARun(t *testing.T) {
	b := newFoundBench(t, 2).open()
	b.add("r:b", 0, bare(0, told(0, 50, 0)), bare(1, told(1, 5, 0)))
	b.process()
	b.commit()
	b.close()
	b.cluster["source"], b.cluster["tasks of w"] = 1, 1
	b.opts.Bounded = &Bounded{Run: 7, Ends: map[string]int64{}}
	b.open()
	b.add("r:b", 0, bare(2, told(1, 6, 0)), bare(3, toldIn(7, 0, 60, end)))
	b.process()
	b.tick()
	b.commit()
	if !b.task.Done() {
		t.Errorf("the run does not end; time %d", b.task.Time())
	}
}
