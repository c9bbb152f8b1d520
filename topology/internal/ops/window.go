package ops

import (
	"encoding/binary"
	"slices"
)

// Windowed is a key in a window.
type Windowed[K any] struct {
	Window Window
	Key    K
}

// Spans are the windows of an aggregation, in milliseconds: each of Size long, one beginning at
// every multiple of Advance from 0 on, and open for Grace after its end.
type Spans struct {
	Size, Advance, Grace int64
}

// first returns the start of the earliest window that ts, the time of a record, lies in. No window
// begins before 1970.
func (s Spans) first(ts int64) int64 {
	return max(0, ts-s.Size+s.Advance) / s.Advance * s.Advance
}

// closes returns the time at which the window of that start is closed.
func (s Spans) closes(start int64) int64 { return start + s.Size + s.Grace }

// window is an open window of a task.
type window struct {
	start int64
	// closed says that nothing is added to it any more, and that it goes at the next flush.
	closed bool
	// complete says that entries has all of its keys: none has left the cache, or was there before.
	// The store need not be asked then.
	complete bool
	entries  list
}

// windows are the open windows of a task in the order of their starts.
type windows struct {
	byStart map[int64]*window
	sorted  []*window
	last    *window // found last
}

// find returns the window of that start, nil if it is not open.
func (w *windows) find(start int64) *window {
	if w.last != nil && w.last.start == start {
		return w.last
	}
	if found := w.byStart[start]; found != nil {
		w.last = found
	}
	return w.byStart[start]
}

// open opens a window.
func (w *windows) open(start int64, complete bool) *window {
	n := &window{start: start, complete: complete, entries: list{which: byWindow}}
	w.byStart[start] = n
	i, _ := slices.BinarySearchFunc(w.sorted, start, func(e *window, start int64) int {
		if e.start < start {
			return -1
		}
		return 1
	})
	w.sorted = slices.Insert(w.sorted, i, n)
	w.last = n
	return n
}

// remove takes out the first n windows.
func (w *windows) remove(n int) {
	for _, e := range w.sorted[:n] {
		delete(w.byStart, e.start)
	}
	w.sorted = slices.Delete(w.sorted, 0, n)
	w.last = nil
}

// appendStart appends a window's start as window store keys begin.
func appendStart(dst []byte, start int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(start))
}

// startOf returns the start that a window store key begins with.
func startOf(key []byte) int64 { return int64(binary.BigEndian.Uint64(key)) }
