package cache

import (
	"encoding/binary"
	"iter"
	"slices"
)

// OpenWindow is an open window of a task.
type OpenWindow struct {
	Start int64
	// closed says that nothing is added to it any more, and that it goes at the next flush.
	Closed bool
	// complete says that entries has all of its keys: none has left the cache, or was there before.
	// The store need not be asked then.
	Complete bool
	entries  list
}

// OpenWindows are the open windows of a task in the order of their starts.
type OpenWindows struct {
	starts map[int64]*OpenWindow
	Sorted []*OpenWindow
	last   *OpenWindow // found last
}

// Find returns the window of that start, nil if it is not open.
func (w *OpenWindows) Find(start int64) *OpenWindow {
	if w.last != nil && w.last.Start == start {
		return w.last
	}
	if found := w.starts[start]; found != nil {
		w.last = found
	}
	return w.starts[start]
}

// Open opens a window.
func (w *OpenWindows) Open(start int64, complete bool) *OpenWindow {
	n := &OpenWindow{Start: start, Complete: complete, entries: list{which: byWindow}}
	if w.starts == nil {
		w.starts = make(map[int64]*OpenWindow)
	}
	w.starts[start] = n
	i, _ := slices.BinarySearchFunc(w.Sorted, start, func(e *OpenWindow, start int64) int {
		if e.Start < start {
			return -1
		}
		return 1
	})
	w.Sorted = slices.Insert(w.Sorted, i, n)
	w.last = n
	return n
}

// Remove takes out the first n windows.
func (w *OpenWindows) Remove(n int) {
	for _, e := range w.Sorted[:n] {
		delete(w.starts, e.Start)
	}
	w.Sorted = slices.Delete(w.Sorted, 0, n)
	w.last = nil
}

// Enter puts an entry into a window, if it is not there.
func (c *Cache[A]) Enter(w *OpenWindow, e *Entry[A]) {
	if !e.at[byWindow].in {
		c.slab.push(&w.entries, e)
	}
}

// In returns the entries of a window that the cache has. Each may be dropped in the loop, no other.
func (c *Cache[A]) In(w *OpenWindow) iter.Seq[*Entry[A]] {
	return func(yield func(*Entry[A]) bool) {
		for id := w.entries.first; id != 0; {
			e := c.slab.entry(id)
			id = e.at[byWindow].next
			if !yield(e) {
				return
			}
		}
	}
}

// Clear drops what the cache has of a window.
func (c *Cache[A]) Clear(w *OpenWindow) {
	for w.entries.first != 0 {
		c.Drop(c.slab.entry(w.entries.first))
	}
}

// Key returns the store key of an entry: good as long as the entry, and until the next Get.
func (c *Cache[A]) Key(e *Entry[A]) []byte { return c.slab.key(e) }

// AppendStart appends a window's start as window store keys begin.
func AppendStart(dst []byte, start int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(start))
}

// StartOf returns the start that a window store key begins with.
func StartOf(key []byte) int64 { return int64(binary.BigEndian.Uint64(key)) }
