package task

import (
	"encoding/binary"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// windowLog knows how much of a window store's changelog nobody needs any more.
//
// A change can go when its window has closed. The marks are pairs (largest window start, offset):
// no change before the offset is of a later window. Both grow from mark to mark, and there is one
// for each start at most, so there are not more of them than open windows.
type windowLog struct {
	retention int64 // milliseconds from a window's start to its closing
	segment   int64 // of the buffer of a join, whose rows go one by one; 0 for windows
	marks     []windowMark
	largest   int64 // start in this transaction, NoTime if there was no change
	added     int64 // bytes of its changes
	below     int64 // what may be deleted
	// Bytes of changes since the task was opened: all, and those that a restore would not read, for
	// the database has what they say or nobody needs it.
	bytes, done int64
}

type windowMark struct {
	start, offset int64
	bytes         int64 // before the offset
}

// saw notes a change of this transaction.
func (w *windowLog) saw(key, value []byte) {
	w.added += int64(len(key) + len(value))
	if w.segment != 0 { // the row's own time
		key = key[max(0, len(key)-timeAndNumber):]
	}
	if start, ok := windowStart(key); ok {
		w.largest = max(w.largest, start)
	}
}

// timeAndNumber is how many bytes the rows of a join's buffer end with.
const timeAndNumber = 8 + 4

// latest returns the largest time of a row that lies in a store whose last key begins with start.
func (w *windowLog) latest(start int64) int64 {
	if start == topology.NoTime || w.segment == 0 {
		return start
	}
	return start + w.segment - 1
}

// commit notes that the changes seen end at offset.
func (w *windowLog) commit(offset int64) {
	w.bytes += w.added
	if w.largest != topology.NoTime {
		w.mark(w.largest, offset)
	}
	w.abort()
}

// abort forgets the changes of this transaction.
func (w *windowLog) abort() { w.largest, w.added = topology.NoTime, 0 }

func (w *windowLog) mark(start, offset int64) {
	if n := len(w.marks); n > 0 && w.marks[n-1].start >= start {
		w.marks[n-1].offset, w.marks[n-1].bytes = offset, w.bytes
		return
	}
	w.marks = append(w.marks, windowMark{start, offset, w.bytes})
}

// purgeable returns the offset below which everything is of windows that begin by closed.
func (w *windowLog) purgeable(closed int64) int64 {
	n := 0
	for n < len(w.marks) && w.marks[n].start <= closed {
		w.below, w.done = w.marks[n].offset, max(w.done, w.marks[n].bytes)
		n++
	}
	w.marks = append(w.marks[:0], w.marks[n:]...)
	return w.below
}

// closedStart is the largest start of a window, one that closes retention after its start, that is
// closed.
func (v times) closedStart(retention int64) int64 {
	start := v.closed
	if v.time != topology.NoTime {
		start = max(start, v.time-retention)
	}
	return start
}

// windowStart returns the start of the window that a key of a window store begins with.
func windowStart(key []byte) (int64, bool) {
	if len(key) < 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(key)), true
}

func startKey(start int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(start)) }

// lastStart returns the largest window start in the store, NoTime if it is empty.
func lastStart(s *state.Store) (int64, error) {
	last := topology.NoTime
	lo, hi := int64(0), topology.EndOfTime
	for lo <= hi { // a key at or after the middle?
		mid := lo + (hi-lo)/2
		found := topology.NoTime
		err := s.Scan(startKey(mid), nil, func(k, _ []byte) (bool, error) {
			if start, ok := windowStart(k); ok && start >= 0 {
				found = start
			}
			return false, nil
		})
		if err != nil {
			return 0, err
		}
		if found == topology.NoTime {
			if mid == 0 {
				break
			}
			hi = mid - 1
			continue
		}
		last = found
		if found == topology.EndOfTime {
			break
		}
		lo = found + 1
	}
	return last, nil
}

// Purgeable returns, by topic, the offset of the task's partition below which nothing is needed any
// more: of repartition topics what has been processed, of window stores' changelogs the changes of
// closed windows. It counts what is committed and, locally, durable or not: state is rebuilt from
// what is left. Topics with nothing to delete are not listed.
func (t *Task) Purgeable() map[string]int64 {
	m := map[string]int64{}
	for _, in := range t.inputs {
		if in.repartition && in.was.pos > 0 {
			m[in.topic] = in.was.pos
		}
	}
	for _, s := range t.stores {
		if s.windows != nil {
			if below := s.windows.purgeable(t.passed(s)); below > 0 {
				m[s.topic] = below
			}
		}
	}
	return m
}

// passed returns the largest start of a row of a store that nobody needs any more.
func (t *Task) passed(s *store) int64 {
	switch {
	case s.spec.Kept && s.spec.Marked:
		return t.chronicle.marked(s.spec.Name)
	case s.spec.Kept:
		if now := t.Settled(); now != topology.NoTime {
			return now - s.windows.retention
		}
		return topology.NoTime
	case s.spec.Marked:
		return max(t.was.closed, t.chronicle.marked(s.spec.Name))
	}
	return t.was.closedStart(s.windows.retention)
}
