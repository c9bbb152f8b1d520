package task

import (
	"math"
	"slices"

	"github.com/kolkstream/kolk/topology"
)

// heard is what a writer has announced last.
type heard struct {
	time  int64 // topology.NoTime: nothing yet
	run   uint64
	flags flags
	// doubt: it was said before this task was opened, and the writer may have input by now of which
	// it has not said anything. It is not stored.
	doubt bool
}

// believed are the flags that still hold. How far time had got, and that a run has ended, holds in
// any case.
func (h *heard) believed() flags {
	if h.doubt {
		return h.flags &^ (idle | caughtUp)
	}
	return h.flags
}

// writers keeps what the writers of a repartition partition have announced, and what that makes of
// the input's time. A writer is a task: the partition of a sub-topology.
type writers struct {
	subs []writerSub
	// now is the present, was the last commit's; changed lists where they may differ.
	now, was []heard
	changed  []int
	// written lists what is to be written to the time store at the next flush.
	marked []bool

	run uint64 // of this task's bounded run, 0 for none

	// Of the present:
	time     int64
	idle     bool // all are; time is the largest announced then
	ended    bool // all have, in this run
	caughtUp bool // all are, or idle
}

type writerSub struct {
	name        string
	first, size int
	// found says that it reads topics of a pattern: its tasks come and go with these.
	found bool
	// seen is how often the brokers had been asked for topics when a task beyond those that they
	// speak of was heard last.
	seen int
}

func (w *writers) add(sub string, tasks int32) {
	w.subs = append(w.subs, writerSub{name: sub, first: len(w.now), size: int(tasks)})
	for range tasks {
		w.now = append(w.now, heard{time: topology.NoTime})
		w.was = append(w.was, heard{time: topology.NoTime})
		w.marked = append(w.marked, false)
	}
}

// find returns the writer's place, and the number of its sub-topology in subs. A sub-topology that
// the plan does not know, of another version of the application, has none; -1 is the place of a
// task that was not there when this one was opened.
func (w *writers) find(sub []byte, partition int32) (i, k int, known bool) {
	for k := range w.subs {
		if s := &w.subs[k]; s.name == string(sub) {
			if int(partition) >= s.size {
				return -1, k, true
			}
			return s.first + int(partition), k, true
		}
	}
	return 0, 0, false
}

// mostWriters bounds what is believed of how many tasks write a topic: brokers have fewer
// partitions.
const mostWriters = 1 << 18

// grow makes the sub-topology number k one of more tasks, which have not announced anything.
func (w *writers) grow(k, tasks int) {
	s := &w.subs[k]
	at, more := s.first+s.size, tasks-s.size
	none := slices.Repeat([]heard{{time: topology.NoTime}}, more)
	w.now = slices.Insert(w.now, at, none...)
	w.was = slices.Insert(w.was, at, none...)
	w.marked = slices.Insert(w.marked, at, make([]bool, more)...)
	for i := range w.changed {
		if w.changed[i] >= at {
			w.changed[i] += more
		}
	}
	s.size = tasks
	for i := range w.subs[k+1:] {
		w.subs[k+1+i].first += more
	}
}

// shrink makes the sub-topology number k one of fewer tasks: of the others nothing comes any more.
func (w *writers) shrink(k, tasks int) {
	s := &w.subs[k]
	at, end := s.first+tasks, s.first+s.size
	w.now = slices.Delete(w.now, at, end)
	w.was = slices.Delete(w.was, at, end)
	w.marked = slices.Delete(w.marked, at, end)
	w.changed = slices.DeleteFunc(w.changed, func(i int) bool { return i >= at && i < end })
	for i := range w.changed {
		if w.changed[i] >= end {
			w.changed[i] -= end - at
		}
	}
	s.size = tasks
	for i := range w.subs[k+1:] {
		w.subs[k+1+i].first -= end - at
	}
	w.summarize()
}

// name returns who is at place i.
func (w *writers) name(i int) (sub string, partition int32) {
	for k := range w.subs {
		if s := &w.subs[k]; i < s.first+s.size {
			return s.name, int32(i - s.first)
		}
	}
	return "", 0
}

// hear takes an announcement. Announced time does not go back, for a writer that starts again
// without state of its own begins low; only the end of a bounded run sets it, to what the next run
// begins with.
func (w *writers) hear(i int, a *announcement, doubt bool) {
	h := &w.now[i]
	next := heard{time: max(h.time, a.time), run: a.run, flags: a.flags &^ control, doubt: doubt}
	if w.run != 0 && a.run == w.run && a.flags&end != 0 {
		next.time = a.time
	}
	if *h == next {
		return
	}
	*h = next
	w.mark(i)
	w.summarize()
}

func (w *writers) mark(i int) {
	if !w.marked[i] {
		w.marked[i] = true
		w.changed = append(w.changed, i)
	}
}

// summarize computes the input's time.
func (w *writers) summarize() {
	least, most := int64(math.MaxInt64), topology.NoTime
	w.ended, w.idle, w.caughtUp = true, true, true
	for i := range w.now {
		h := &w.now[i]
		if w.run != 0 && h.run == w.run && h.flags&end != 0 {
			continue
		}
		w.ended = false
		said := h.believed()
		if w.run == 0 && said&idle != 0 {
			most = max(most, h.time)
			continue
		}
		w.idle = false
		w.caughtUp = w.caughtUp && said&caughtUp != 0
		least = min(least, h.time)
	}
	switch {
	case w.ended:
		w.time, w.idle = topology.EndOfTime, false
	case w.idle:
		w.time = most
	default:
		w.time = least
	}
}

// believe ends the doubts in what was loaded.
func (w *writers) believe() {
	for i := range w.now {
		w.now[i].doubt, w.was[i].doubt = false, false
	}
	w.summarize()
}

// commit makes the present what an abort goes back to.
func (w *writers) commit() {
	for _, i := range w.changed {
		w.was[i] = w.now[i]
		w.marked[i] = false
	}
	w.changed = w.changed[:0]
}

// abort goes back to the last commit.
func (w *writers) abort() {
	for _, i := range w.changed {
		w.now[i] = w.was[i]
		w.marked[i] = false
	}
	w.changed = w.changed[:0]
	w.summarize()
}

// shown is the least time announced, by those that have ended too.
func (w *writers) shown() int64 {
	least := topology.EndOfTime
	for i := range w.now {
		least = min(least, w.now[i].time)
	}
	return least
}
