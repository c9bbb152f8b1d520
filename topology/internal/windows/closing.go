package windows

import (
	"bytes"
	"slices"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Advance implements Timed: final results come when their windows close, in the order of starts,
// then keys as bytes.
func (a *WindowedAggregate[K, V, A]) Advance(now int64) (done bool, err error) {
	if a.emit.Emit != ops.EmitFinal || !a.rule.advanced(now) {
		return true, nil
	}
	return a.close(now)
}

// closeWith closes the windows that r has closed by moving the time to now. Their results have its
// headers; but for those that have to wait for the next transaction.
func (a *WindowedAggregate[K, V, A]) closeWith(r *Record[K, V], now int64) error {
	if a.emit.Emit != ops.EmitFinal || !a.due(0, now) || a.Task.Postponed() {
		return nil
	}
	out := &a.emit.Out
	out.Headers, out.Origin = r.Headers, r.Origin
	done, err := a.close(now)
	out.Headers, out.Origin = nil, Origin{}
	if err == nil && !done {
		a.Task.Postpone()
	}
	return err
}

// due reports whether the open window of that number is closed at now.
func (a *WindowedAggregate[K, V, A]) due(i int, now int64) bool {
	return i < len(a.windows.Sorted) && a.spans.closes(a.windows.Sorted[i].Start) <= now
}

// close forwards and deletes the windows that are closed at now, until the task is full.
func (a *WindowedAggregate[K, V, A]) close(now int64) (done bool, err error) {
	if !a.due(0, now) {
		return true, nil
	}
	first, closed := a.windows.Sorted[0].Start, 0
	for whole, full := true, false; whole && !full && a.due(closed, now); {
		w := a.windows.Sorted[closed]
		w.Closed = true
		if a.emit.Forward {
			if whole, full, err = a.finish(w); err != nil {
				return false, err
			}
		}
		if !whole { // what is left is to be in the store
			w.Closed = false
			break
		}
		a.mark = cache.AppendStart(a.mark[:0], w.Start+1)
		a.cache.Clear(w)
		closed++
	}
	a.cache.Store.DeleteRange(cache.AppendStart(nil, first), a.mark)
	a.pass(a.mark)
	a.windows.Remove(closed)
	return !a.due(0, now), nil
}

// finish forwards the results of a window, until the task is full. Unless that was whole, mark lies
// behind the last.
func (a *WindowedAggregate[K, V, A]) finish(w *cache.OpenWindow) (whole, full bool, err error) {
	if !w.Complete {
		return a.finishStored(w)
	}
	// Everything is at hand, and need never have been in the store.
	all := a.closing[:0]
	for e := range a.cache.In(w) {
		if e.Has {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y *cache.Entry[A]) int { return bytes.Compare(a.cache.Key(x), a.cache.Key(y)) })
	sent := 0
	for ; sent < len(all) && !full; sent++ {
		e := all[sent]
		a.storeKey = append(a.storeKey[:0], a.cache.Key(e)...)
		if err := a.final(a.storeKey, e.Value, e.TS); err != nil {
			return false, false, err
		}
		full = a.Task.Full(int(e.Cost))
	}
	if whole = sent == len(all); !whole {
		a.mark = append(append(a.mark[:0], a.storeKey...), 0)
		for _, e := range all[:sent] {
			a.cache.Drop(e)
		}
	}
	clear(all)
	a.closing = all[:0]
	return whole, full, nil
}

// finishStored is finish for a window of which a part is in the store only. It brings the rest
// there first, and reads the window in portions: those behind may write stores, which nobody may
// during a scan.
func (a *WindowedAggregate[K, V, A]) finishStored(w *cache.OpenWindow) (whole, full bool, err error) {
	for e := range a.cache.In(w) {
		if e.Dirty {
			if err := a.cache.Save(e); err != nil {
				return false, false, err
			}
		}
	}
	whole = true
	err = a.cursor.Each(a.cache.Store, a.store(), cache.AppendStart(nil, w.Start), cache.AppendStart(nil, w.Start+1), func(key, value []byte) (bool, error) {
		if len(value) < 8 {
			return false, a.cache.NoTimestamp(value)
		}
		v, err := a.cache.Decode(value[8:])
		if err != nil {
			return false, err
		}
		if err := a.final(key, v, cache.StartOf(value)); err != nil {
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
		at.OfWindow(a.Name, cache.StartOf(key), key[8:], a.Task.Partition())
	}
	return a.emit.Final(key, v, ts, at)
}
