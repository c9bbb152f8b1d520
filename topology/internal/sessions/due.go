package sessions

import "math"

// due says which keys have windows that close next, as long as the cache has all open windows of
// the store: then those that close are found without reading it. It has no windows with final
// results, which are handed on in the order of the store.
//
// It is a heap of the keys' entries by the least end of their windows, or less: an entry is looked
// at when that is due, and put back if its windows end later by now.
type due struct {
	// all says that it has every key with an open window.
	all   bool
	items []item
}

// item is an entry, by its number, to be looked at when windows close that end at end. It counts if
// the entry's set says so, too: others are of entries that are gone, or are looked at earlier.
type item struct {
	end   int64
	entry int32
}

// lose says that a window has left the cache.
func (d *due) lose() { d.all, d.items = false, d.items[:0] }

// first returns the least end of a window, or less; the largest int64 if there is none.
func (d *due) first() int64 {
	if len(d.items) == 0 {
		return math.MaxInt64
	}
	return d.items[0].end
}

func (d *due) push(x item) {
	d.items = append(d.items, x)
	at := len(d.items) - 1
	for at > 0 {
		up := (at - 1) / 2
		if d.items[up].end <= x.end {
			break
		}
		d.items[at] = d.items[up]
		at = up
	}
	d.items[at] = x
}

func (d *due) pop() item {
	top, n := d.items[0], len(d.items)-1
	x := d.items[n]
	d.items = d.items[:n]
	at := 0
	for down := 1; down < n; down = 2*at + 1 {
		if down+1 < n && d.items[down+1].end < d.items[down].end {
			down++
		}
		if x.end <= d.items[down].end {
			break
		}
		d.items[at] = d.items[down]
		at = down
	}
	if n > 0 {
		d.items[at] = x
	}
	return top
}

// await sees to it that an entry is looked at when its window that ends at end closes.
func (a *aggregate[K, A]) await(e *entry, end int64) {
	d := a.rows.due
	if d == nil || !d.all || e.Value.due != 0 && e.Value.due <= end+1 {
		return
	}
	e.Value.due = end + 1
	d.push(item{end, e.ID})
}

// awaitAll makes due have every key again, where the cache has all windows.
func (a *aggregate[K, A]) awaitAll() {
	a.rows.due.all = true
	for e := range a.cache.All() {
		e.Value.due = 0
		if id := e.Value.open.first; id != 0 {
			a.await(e, a.rows.spans.at(id).end)
		}
	}
}

// expire deletes the windows that end by end, until the task is full. The cache has all of them,
// and nobody asks for their results.
func (a *aggregate[K, A]) expire(end int64) (did, done bool) {
	d, last := a.rows.due, int64(-1)
	for done = true; done && len(d.items) > 0 && d.items[0].end <= end; {
		x := d.pop()
		e := a.cache.At(x.entry)
		if e.Value.due != x.end+1 {
			continue
		}
		e.Value.due = 0
		n, to := a.cut(e, end)
		last = max(last, to)
		done = n == 0 || !a.Task.Full(n)
	}
	a.rows.first = d.first()
	if last >= 0 {
		a.pass(a.rows.until(nil, last))
	}
	return last >= 0, done
}

// cut deletes the windows of a key that end by end. It returns the length of their rows' keys and
// the last end.
func (a *aggregate[K, A]) cut(e *entry, end int64) (size int, last int64) {
	r, s := a.rows, &e.Value
	last = -1
	for id := s.open.first; id != 0; id = s.open.first {
		x := r.spans.at(id)
		if x.end > end {
			a.await(e, x.end)
			return size, last
		}
		if x.stored {
			r.forget(x, a.cache.Key(e))
			size += len(r.row)
		}
		last = x.end
		r.spans.remove(&s.open, id)
		r.spans.recycle(id)
	}
	a.tidy(e)
	return size, last
}
