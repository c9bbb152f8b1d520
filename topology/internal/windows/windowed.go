package windows

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// WindowedAggregate keeps one value per window and key.
//
// A rule says for which windows a record is late, which decides what counts, and when a window is
// closed: then it is forwarded (EmitFinal), and its keys are deleted from the store, all at once.
type WindowedAggregate[K, V, A any] struct {
	operator.Keyed[K]
	spans    Spans
	step     ops.Step[K, V, A]
	cache    *cache.Cache[A]
	emit     ops.Emitter[Windowed[K], A]
	windows  cache.OpenWindows
	storeKey []byte
	closing  []*cache.Entry[A]
	cursor   operator.Cursor
	rule     rule
	// starts is the largest start of a window that got a value, by which the store forgets windows
	// if several streams share it by Kafka Streams' rule; nil otherwise.
	starts *operator.Clock
	// tombstones says that records without value are seen, nulls that they are added like others.
	tombstones, nulls bool
	// ended is the largest start of a window that the end of an earlier bounded run has closed
	// before its time. passed is ended, or the largest start of a window that was handed on, be it
	// in part, before time has passed it.
	ended, passed int64
	mark          []byte // behind what was handed on last
	place         place.Place
	// late and closed count pairs of a record and a window.
	late, closed *int64
}

// NewWindowedAggregate returns a windowed aggregate over cache. It looks up which windows the store
// has open. What closed before the task's time, or lies before the mark, is deleted: it has been
// forwarded. held says that what comes may have been held back by another operator until the
// commit. by are the operator's clocks, none for the rule of this house; with them, records without
// value are seen, and added if nulls says so.
func NewWindowedAggregate[K, V, A any](n Node, spans Spans, held bool, by operator.Clocks, nulls bool, k serde.Serde[K], keyRaw bool, c *cache.Cache[A], step ops.Step[K, V, A], e ops.Emission[Windowed[K], A]) (*WindowedAggregate[K, V, A], error) {
	a := &WindowedAggregate[K, V, A]{
		Keyed: operator.NewKeyed(n, k, keyRaw), spans: spans, step: step, cache: c,
		emit: ops.KeyEmitter(n, c, e, k.Name(), func(key []byte, need bool, to *Windowed[K]) (err error) {
			start := cache.StartOf(key)
			to.Window = spans.window(start)
			if need {
				to.Key, err = k.Decode(key[8:])
			}
			return err
		}),
		rule: &byTask{task: n.Task, held: held, at: n.Task.Time()}, ended: n.Task.ClosedThrough(),
		late: n.Task.Tally(n.Name, record.LateWindows), closed: n.Task.Tally(n.Name, record.ClosedWindows),
	}
	if by.Seen != nil {
		a.rule, a.tombstones, a.nulls = &byClock{n.Task, by.Seen}, true, nulls
	}
	if by.Put != nil {
		a.rule, a.starts = &byClocks{byClock{n.Task, by.Seen}, by.Put}, by.Put
	}
	c.Windows = &a.windows
	return a, a.restore()
}

// restore finds the windows in the store.
func (a *WindowedAggregate[K, V, A]) restore() error {
	now, gone := a.rule.opened(), int64(-1)
	a.passed = a.ended
	if mark := a.Task.Mark(a.store()); mark != nil {
		a.pass(mark)
		a.cache.Store.DeleteRange(cache.AppendStart(nil, 0), a.mark)
	}
	var from []byte
	for {
		start := int64(-1)
		err := a.cache.Store.Scan(from, nil, func(key, _ []byte) (bool, error) {
			if len(key) < 8 || cache.StartOf(key) < 0 {
				return false, fmt.Errorf("store %s: %w: key %x has no window", a.cache.Name(), state.ErrCorrupt, key)
			}
			start = cache.StartOf(key)
			return false, nil
		})
		if err != nil {
			return err
		}
		if start < 0 {
			break
		}
		if a.spans.closes(start) <= now || a.spans.Start(start) <= a.ended {
			gone = start
		} else {
			a.windows.Open(start, false)
		}
		from = cache.AppendStart(from[:0], start+1)
	}
	if gone >= 0 {
		a.deleteBefore(0, gone+1)
	}
	return nil
}

// store is the name of the store.
func (a *WindowedAggregate[K, V, A]) store() string { return a.cache.Name() }

// pass notes that everything before mark has been handed on. A window that was handed on in part
// takes no more records either.
func (a *WindowedAggregate[K, V, A]) pass(mark []byte) {
	a.mark = append(a.mark[:0], mark...)
	last := cache.StartOf(mark)
	if len(mark) == 8 {
		last--
	}
	if a.starts == nil {
		a.passed = max(a.passed, last)
	}
	a.Task.SetMark(a.store(), a.mark, a.rule.kept(a.spans.closes(last)))
}

// deleteBefore deletes the windows with starts in [lo, hi) from the store.
func (a *WindowedAggregate[K, V, A]) deleteBefore(lo, hi int64) {
	a.cache.Store.DeleteRange(cache.AppendStart(nil, lo), cache.AppendStart(nil, hi))
}

// Receive implements Receiver.
func (a *WindowedAggregate[K, V, A]) Receive(r *Record[K, V]) error {
	key, ok, err := operator.KeyOf(&a.Keyed, r, a.tombstones)
	if !ok {
		return err
	}
	at, now, closes := a.rule.moment(r.Timestamp, r.Ref)
	if r.NoValue && !a.nulls {
		a.Drop(record.NullValue, r.Origin)
	} else if err := a.take(key, r, at, now); err != nil {
		return err
	}
	if closes {
		return a.closeWith(r, at)
	}
	return nil
}

// take adds r to its windows. Those that have closed by at miss it because it is late, those that
// have by now because they are gone. A record that misses all of its windows is dropped, once;
// windows missed are counted each.
func (a *WindowedAggregate[K, V, A]) take(key []byte, r *Record[K, V], at, now int64) error {
	a.storeKey = append(append(a.storeKey[:0], 0, 0, 0, 0, 0, 0, 0, 0), key...)
	taken := false
	var late, closed int64
	for start, ok := a.spans.First(r.Timestamp), true; ok; start, ok = a.spans.Next(start, r.Timestamp) {
		closes := a.spans.closes(start)
		if at >= closes {
			late++
			continue
		}
		if now >= closes || start <= a.passed || a.spans.Start(start) <= a.ended {
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
		a.Drop(record.LateRecord, o)
	default:
		a.Drop(record.WindowClosed, o)
	}
}

// add adds r to one window. failed says that the step failed and the error policy skips the record.
func (a *WindowedAggregate[K, V, A]) add(start int64, r *Record[K, V]) (failed bool, err error) {
	w := a.windows.Find(start)
	if w == nil {
		w = a.windows.Open(start, true)
	}
	e, err := a.cache.Find(a.storeKey, w.Complete)
	if err != nil {
		return false, err
	}
	a.cache.Enter(w, e)
	if err := a.emit.Remember(e); err != nil {
		return true, a.Fail(r.Origin, err)
	}
	before, has := e.Value, e.Has
	if a.starts != nil && a.spans.closes(start) <= a.starts.Time() {
		var none A
		before, has = none, false
	}
	after, keep, err := a.step(before, has, r)
	if err != nil {
		return true, a.Fail(r.Origin, err)
	}
	if a.starts != nil {
		a.starts.See(start)
	}
	cache.Update(a.cache, e, after, keep, r, a.emit.AtCommit())
	if !a.emit.AtOnce() {
		return false, nil
	}
	out := &a.emit.Out
	operator.Inherit(out, r)
	out.Key = Windowed[K]{Window: a.spans.window(start), Key: r.Key}
	out.RawKey = nil
	return false, a.emit.Each(e)
}

// Flush implements Flusher. Operators before this one have been flushed.
func (a *WindowedAggregate[K, V, A]) Flush() (bool, error) {
	moved, closed := false, 0
	if !a.Task.Postponed() { // otherwise something is on its way here
		now, closes, ahead := a.rule.flushed()
		moved = ahead
		switch {
		case a.emit.Emit != ops.EmitFinal:
			for ; closed < len(a.windows.Sorted) && a.due(closed, now); closed++ {
				a.windows.Sorted[closed].Closed = true
			}
		case closes && (ahead || a.due(0, now)):
			moved = true
			done, err := a.close(now)
			if err != nil {
				return true, err
			}
			if !done {
				a.Task.Postpone()
			}
		}
	}
	did, err := a.cache.Flush(a.emit.AtLast)
	if err != nil || closed == 0 {
		return did || moved, err
	}
	gone := a.windows.Sorted[:closed]
	for _, w := range gone {
		a.cache.Clear(w)
	}
	a.mark = cache.AppendStart(a.mark[:0], gone[closed-1].Start+1)
	a.cache.Store.DeleteRange(cache.AppendStart(nil, gone[0].Start), a.mark)
	a.pass(a.mark)
	a.windows.Remove(closed)
	return true, nil
}
