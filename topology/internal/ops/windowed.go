package ops

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
)

// WindowedAggregate keeps one value per window and key.
//
// A record is late for a window if its Ref has passed the window's close; that decides what counts. The task's time decides when a
// window is closed: then it is forwarded (EmitFinal), and its keys are deleted from the store, all at once.
type WindowedAggregate[K, V, A any] struct {
	Node
	spans    Spans
	step     Step[K, V, A]
	key      encoder[K]
	cache    *Cache[A]
	emission Emission[Windowed[K], A]
	mutable  bool
	windows  windows
	storeKey []byte
	out      Record[Windowed[K], A]
	value    encoder[A]
	closing  []*entry[A]
	rows     rows
	// held says that an operator of the task holds back what it sends here until the commit. Task time runs ahead of that, so windows
	// close at the flush only, when it has come; now is the time as of the last flush.
	held bool
	now  int64
	// ended is the largest start of a window that the end of an earlier bounded run has closed before its time. passed is ended, or
	// the largest start of a window that was handed on, be it in part, before time has passed it.
	ended, passed int64
	mark          []byte // behind what was handed on last
	place         place
	// late and closed count pairs of a record and a window.
	late, closed *int64
}

// NewWindowedAggregate returns a windowed aggregate over cache. It looks up which windows the store has open. What closed before
// the task's time, or lies before the mark, is deleted: it has been forwarded. held says that what comes may have been held
// back by another operator until the commit.
func NewWindowedAggregate[K, V, A any](n Node, spans Spans, held bool, k serde.Serde[K], keyRaw bool, cache *Cache[A], step Step[K, V, A], e Emission[Windowed[K], A]) (*WindowedAggregate[K, V, A], error) {
	a := &WindowedAggregate[K, V, A]{
		Node: n, spans: spans, step: step, key: newEncoder(k, keyRaw), cache: cache, emission: e,
		mutable: Mutable[A](), value: newEncoder(cache.serde, false),
		windows: windows{byStart: make(map[int64]*window)}, ended: n.Task.ClosedThrough(), held: held, now: n.Task.Time(),
		late: n.Task.Tally(n.Name, LateWindows), closed: n.Task.Tally(n.Name, ClosedWindows),
	}
	cache.windows = &a.windows
	return a, a.restore()
}

// restore finds the windows in the store.
func (a *WindowedAggregate[K, V, A]) restore() error {
	now, gone := a.Task.Time(), int64(-1)
	a.passed = a.ended
	if mark := a.Task.Mark(a.store()); mark != nil {
		a.pass(mark)
		a.cache.store.DeleteRange(appendStart(nil, 0), a.mark)
	}
	var from []byte
	for {
		start := int64(-1)
		err := a.cache.store.Scan(from, nil, func(key, _ []byte) (bool, error) {
			if len(key) < 8 || startOf(key) < 0 {
				return false, fmt.Errorf("store %s: %w: key %x has no window", a.cache.node.Name, state.ErrCorrupt, key)
			}
			start = startOf(key)
			return false, nil
		})
		if err != nil {
			return err
		}
		if start < 0 {
			break
		}
		if a.spans.closes(start) <= now || start <= a.ended {
			gone = start
		} else {
			a.windows.open(start, false)
		}
		from = appendStart(from[:0], start+1)
	}
	if gone >= 0 {
		a.deleteBefore(0, gone+1)
	}
	return nil
}

// store is the name of the store.
func (a *WindowedAggregate[K, V, A]) store() string { return a.cache.node.Name }

// pass notes that everything before mark has been handed on. A window that was handed on in part takes no more records either.
func (a *WindowedAggregate[K, V, A]) pass(mark []byte) {
	a.mark = append(a.mark[:0], mark...)
	last := startOf(mark)
	if len(mark) == 8 {
		last--
	}
	a.passed = max(a.passed, last)
	a.Task.SetMark(a.store(), a.mark, a.spans.closes(last))
}

// deleteBefore deletes the windows with starts in [lo, hi) from the store.
func (a *WindowedAggregate[K, V, A]) deleteBefore(lo, hi int64) {
	a.cache.store.DeleteRange(appendStart(nil, lo), appendStart(nil, hi))
}

// Receive implements Receiver. A record that misses all of its windows is dropped, once; windows missed are counted each.
func (a *WindowedAggregate[K, V, A]) Receive(r *Record[K, V]) error {
	if r.NoKey {
		a.drop(NullKey, r.Origin)
		return nil
	}
	if r.NoValue {
		a.drop(NullValue, r.Origin)
		return nil
	}
	key, err := a.key.bytes(r.RawKey, r.Key)
	if err != nil {
		return a.fail(r.Origin, encodeError("key", a.key.serde.Name(), err))
	}
	a.storeKey = append(append(a.storeKey[:0], 0, 0, 0, 0, 0, 0, 0, 0), key...)
	now := a.now
	if !a.held {
		now = a.Task.Time()
	}
	taken := false
	var late, closed int64
	for start := a.spans.first(r.Timestamp); start <= r.Timestamp; start += a.spans.Advance {
		closes := a.spans.closes(start)
		if r.Ref >= closes {
			late++
			continue
		}
		if now >= closes || start <= a.passed {
			closed++
			continue
		}
		taken = true
		binary.BigEndian.PutUint64(a.storeKey, uint64(start))
		if failed, err := a.add(start, r); failed || err != nil {
			return err
		}
	}
	if late+closed != 0 {
		a.missed(late, closed, taken, r.Origin)
	}
	return nil
}

// missed counts windows that did not take a record, and the record if none did.
func (a *WindowedAggregate[K, V, A]) missed(late, closed int64, taken bool, o Origin) {
	*a.late += late
	*a.closed += closed
	switch {
	case taken:
	case late != 0:
		a.drop(LateRecord, o)
	default:
		a.drop(WindowClosed, o)
	}
}

// add adds r to one window. failed says that the step failed and the error policy skips the record.
func (a *WindowedAggregate[K, V, A]) add(start int64, r *Record[K, V]) (failed bool, err error) {
	w := a.windows.find(start)
	if w == nil {
		w = a.windows.open(start, true)
	}
	e, err := a.cache.find(a.storeKey, w.complete)
	if err != nil {
		return false, err
	}
	if !e.at[byWindow].in {
		a.cache.slab.push(&w.entries, e)
	}
	after, keep, err := a.step(e.value, e.has, r)
	if err != nil {
		return true, a.fail(r.Origin, err)
	}
	m := &a.emission
	update(a.cache, e, after, keep, r, m.Forward && m.Emit == EmitUpdates)
	if !m.Forward || m.Emit != EmitEach {
		return false, nil
	}
	out := &a.out
	inherit(out, r)
	out.Key = Windowed[K]{Window: Window{Start: start, End: start + a.spans.Size}, Key: r.Key}
	out.RawKey = nil
	if ok, err := result(a.Node, e, &a.value, a.mutable, m, out); !ok {
		return false, err
	}
	return false, m.Next.Receive(out)
}

// Flush implements Flusher. Operators before this one have been flushed.
func (a *WindowedAggregate[K, V, A]) Flush() (bool, error) {
	now, moved, closed := a.Task.Time(), false, 0
	switch {
	case a.Task.Postponed(): // what is on its way here
	case a.emission.Emit == EmitFinal:
		if a.held && (now > a.now || a.due(0, now)) {
			moved, a.now = true, now
			done, err := a.close(now)
			if err != nil {
				return true, err
			}
			if !done {
				a.Task.Postpone()
			}
		}
	default:
		moved, a.now = a.held && now > a.now, now
		for ; closed < len(a.windows.sorted) && a.due(closed, now); closed++ {
			a.windows.sorted[closed].closed = true
		}
	}
	did, err := a.cache.flush(a.forward)
	if err != nil || closed == 0 {
		return did || moved, err
	}
	gone := a.windows.sorted[:closed]
	for _, w := range gone {
		a.forget(w)
	}
	a.deleteBefore(gone[0].start, gone[closed-1].start+1)
	a.windows.remove(closed)
	return true, nil
}

// forward sends the pending update of an entry.
func (a *WindowedAggregate[K, V, A]) forward(e *entry[A], key, raw []byte) error {
	m, out := &a.emission, &a.out
	out.RawKey, out.RawValue = nil, raw
	out.Timestamp, out.Ref, out.Origin, out.Headers = e.ts, max(e.last.ref, e.ts), a.cache.log.origin(e.last), a.cache.log.recorded(e.id)
	if ok, err := a.setKey(key, out.Origin); !ok {
		return err
	}
	if ok, err := a.cache.forwardValue(e, raw, a.mutable, m.NeedValue, &out.Value, &out.NoValue); !ok {
		return err
	}
	return m.Next.Receive(out)
}

// setKey sets the output record's key from a store key.
func (a *WindowedAggregate[K, V, A]) setKey(key []byte, o Origin) (ok bool, err error) {
	start := startOf(key)
	a.out.Key.Window = Window{Start: start, End: start + a.spans.Size}
	if a.emission.NeedKey {
		if a.out.Key.Key, err = a.key.serde.Decode(key[8:]); err != nil {
			return false, a.fail(o, decodeError("key", a.key.serde.Name(), err))
		}
	}
	return true, nil
}

// forget drops what the cache has of a window.
func (a *WindowedAggregate[K, V, A]) forget(w *window) {
	for w.entries.first != 0 {
		a.cache.drop(a.cache.slab.entry(w.entries.first))
	}
}

// Advance implements Timed: final results come when their windows close, in the order of starts, then keys as bytes.
func (a *WindowedAggregate[K, V, A]) Advance(now int64) (done bool, err error) {
	if a.emission.Emit != EmitFinal || a.held {
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
		if a.emission.Forward {
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

// finish forwards the results of a window, until the task is full. Unless that was whole, mark lies behind the last.
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

// finishStored is finish for a window of which a part is in the store only. It brings the rest there first, and reads the
// window in portions: those behind may write stores, which nobody may during a scan.
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
	from, to := appendStart(nil, w.start), appendStart(nil, w.start+1)
	for more := true; more; {
		a.rows.reset()
		more = false
		err := a.cache.store.Scan(from, to, func(key, value []byte) (bool, error) {
			if a.rows.len() == portion {
				more = true
				return false, nil
			}
			a.rows.add(key, value)
			return true, nil
		})
		if err != nil {
			return false, false, err
		}
		for i := range a.rows.len() {
			key, value := a.rows.at(i)
			if len(value) < 8 {
				return false, false, a.cache.noTimestamp(value)
			}
			v, err := a.cache.decode(value[8:])
			if err != nil {
				return false, false, err
			}
			if err := a.final(key, v, startOf(value)); err != nil {
				return false, false, err
			}
			from = append(append(from[:0], key...), 0)
			if a.Task.Full(len(key) + len(value)) {
				a.mark = append(a.mark[:0], from...)
				return !more && i+1 == a.rows.len(), true, nil
			}
		}
	}
	return true, false, nil
}

// final forwards one final result. It was made by time, so that its own timestamp is its ref.
func (a *WindowedAggregate[K, V, A]) final(key []byte, v A, ts int64) error {
	if ok, err := a.setKey(key, Origin{}); !ok {
		return err
	}
	out := &a.out
	out.Value, out.Timestamp, out.Ref = v, ts, ts
	if a.emission.Places {
		a.place.ofWindow(a.Name, startOf(key), key[8:], a.Task.Partition())
		out.place = &a.place
	}
	return a.emission.Next.Receive(out)
}

// portion is how many rows are read at once.
const portion = 256

// rows are keys and values read from a store.
type rows struct {
	bytes []byte
	ends  []int // of key and value in turn
}

func (r *rows) reset()   { r.bytes, r.ends = r.bytes[:0], r.ends[:0] }
func (r *rows) len() int { return len(r.ends) / 2 }

func (r *rows) add(key, value []byte) {
	r.bytes = append(r.bytes, key...)
	r.ends = append(r.ends, len(r.bytes))
	r.bytes = append(r.bytes, value...)
	r.ends = append(r.ends, len(r.bytes))
}

func (r *rows) at(i int) (key, value []byte) {
	from := 0
	if i > 0 {
		from = r.ends[2*i-1]
	}
	mid, end := r.ends[2*i], r.ends[2*i+1]
	return r.bytes[from:mid:mid], r.bytes[mid:end:end]
}

// StreamWindows makes a stream of the results of a windowed aggregate.
type StreamWindows[K, V, K2 any] struct {
	Key  func(Window, K) K2
	Next Receiver[K2, V]
	out  Record[K2, V]
}

// Receive implements Receiver.
func (s *StreamWindows[K, V, K2]) Receive(r *Record[Windowed[K], V]) error {
	out := &s.out
	inherit(out, r)
	out.Key = s.Key(r.Key.Window, r.Key.Key)
	out.Value, out.NoValue, out.RawValue = r.Value, r.NoValue, r.RawValue
	return s.Next.Receive(out)
}

// StreamWindowRecords makes a stream of the results of a windowed aggregate, with other values. Tombstones are dropped and counted.
type StreamWindowRecords[K, V, K2, V2 any] struct {
	Node
	Map  func(Window, K, V) (K2, V2, error)
	Next Receiver[K2, V2]
	out  Record[K2, V2]
}

// Receive implements Receiver.
func (s *StreamWindowRecords[K, V, K2, V2]) Receive(r *Record[Windowed[K], V]) error {
	if r.NoValue {
		s.drop(NullValue, r.Origin)
		return nil
	}
	k, v, err := s.Map(r.Key.Window, r.Key.Key, r.Value)
	if err != nil {
		return s.fail(r.Origin, err)
	}
	out := &s.out
	inherit(out, r)
	out.Key, out.Value = k, v
	return s.Next.Receive(out)
}
