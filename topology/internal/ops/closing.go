package ops

import (
	"bytes"
	"slices"

	"github.com/kolkstream/kolk/internal/place"
)

// Advance implements Timed: final results come when their windows close, in the order of starts,
// then keys as bytes.
func (a *WindowedAggregate[K, V, A]) Advance(now int64) (done bool, err error) {
	if a.emit.Emit != EmitFinal || a.held {
		return true, nil
	}
	return a.close(now)
}

// due reports whether the open window of that number is closed at now.
func (a *WindowedAggregate[K, V, A]) due(i int, now int64) bool {
	return i < len(a.windows.sorted) && a.spans.closes(a.windows.sorted[i].start) <= now
}

// close forwards and deletes the windows that are closed at now, until the task is full.
func (a *WindowedAggregate[K, V, A]) close(now int64) (done bool, err error) {
	if !a.due(0, now) {
		return true, nil
	}
	first, closed := a.windows.sorted[0].start, 0
	for whole, full := true, false; whole && !full && a.due(closed, now); {
		w := a.windows.sorted[closed]
		w.closed = true
		if a.emit.Forward {
			if whole, full, err = a.finish(w); err != nil {
				return false, err
			}
		}
		if !whole { // what is left is to be in the store
			w.closed = false
			break
		}
		a.mark = appendStart(a.mark[:0], w.start+1)
		a.forget(w)
		closed++
	}
	a.cache.store.DeleteRange(appendStart(nil, first), a.mark)
	a.pass(a.mark)
	a.windows.remove(closed)
	return !a.due(0, now), nil
}

// finish forwards the results of a window, until the task is full. Unless that was whole, mark lies
// behind the last.
func (a *WindowedAggregate[K, V, A]) finish(w *window) (whole, full bool, err error) {
	if !w.complete {
		return a.finishStored(w)
	}
	// Everything is at hand, and need never have been in the store.
	all := a.closing[:0]
	slab := &a.cache.slab
	for id := w.entries.first; id != 0; {
		e := slab.entry(id)
		if e.has {
			all = append(all, e)
		}
		id = e.at[byWindow].next
	}
	slices.SortFunc(all, func(x, y *entry[A]) int { return bytes.Compare(slab.key(x), slab.key(y)) })
	sent := 0
	for ; sent < len(all) && !full; sent++ {
		e := all[sent]
		a.storeKey = append(a.storeKey[:0], slab.key(e)...)
		if err := a.final(a.storeKey, e.value, e.ts); err != nil {
			return false, false, err
		}
		full = a.Task.Full(int(e.cost))
	}
	if whole = sent == len(all); !whole {
		a.mark = append(append(a.mark[:0], a.storeKey...), 0)
		for _, e := range all[:sent] {
			a.cache.drop(e)
		}
	}
	clear(all)
	a.closing = all[:0]
	return whole, full, nil
}

// finishStored is finish for a window of which a part is in the store only. It brings the rest
// there first, and reads the window in portions: those behind may write stores, which nobody may
// during a scan.
func (a *WindowedAggregate[K, V, A]) finishStored(w *window) (whole, full bool, err error) {
	for id := w.entries.first; id != 0; {
		e := a.cache.slab.entry(id)
		id = e.at[byWindow].next // a failing write drops e
		if e.dirty {
			b, _, err := a.cache.write(e, a.cache.buf, true)
			if err != nil {
				return false, false, err
			}
			a.cache.buf = b
		}
	}
	whole = true
	err = a.portions.each(a.cache.store, a.store(), appendStart(nil, w.start), appendStart(nil, w.start+1), func(key, value []byte) (bool, error) {
		if len(value) < 8 {
			return false, a.cache.noTimestamp(value)
		}
		v, err := a.cache.decode(value[8:])
		if err != nil {
			return false, err
		}
		if err := a.final(key, v, startOf(value)); err != nil {
			return false, err
		}
		if a.Task.Full(len(key) + len(value)) {
			whole, a.mark = false, append(append(a.mark[:0], key...), 0)
		}
		return whole, nil
	})
	return whole, !whole, err
}

// final forwards one final result.
func (a *WindowedAggregate[K, V, A]) final(key []byte, v A, ts int64) error {
	var at *place.Place
	if a.emit.Places {
		at = &a.place
		at.OfWindow(a.Name, startOf(key), key[8:], a.Task.Partition())
	}
	return a.emit.final(key, v, ts, at)
}
