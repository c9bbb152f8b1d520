package sessions

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kolkstream/kolk/internal/bykey"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/windows"
	"github.com/kolkstream/kolk/topology/record"
)

// entry is a key in the cache.
type entry = cache.Entry[set]

// aggregate is what aggregates of windows that records make have in common: the windows of each
// key, and their end.
type aggregate[K, A any] struct {
	operator.Keyed[K]
	rows  *rows[A]
	cache *cache.Cache[set]
	send  sender[K, A]
	clone operator.Encoder[A]
	// closing is how long after its end a window is open. open is the least end of a window that is
	// not closed, or less.
	closing int64
	open    *int64
	kept    func(closes int64) int64
	// end closes the windows that are due at a time, until the task is full. Everything is in the
	// store.
	end    func(now int64) (did, done bool, err error)
	cursor operator.Cursor
	// passed is the largest time that the end of an earlier bounded run has closed, or the end of a
	// window that was handed on beyond the stored time before the task was opened.
	passed int64
	mark   []byte // behind what was closed last
	// late and closed count pairs of a record and a window.
	late, closed *int64
}

func newAggregate[K, A any](n Node, l layout, closing int64, k serde.Serde[K], keyRaw bool, v serde.Serde[A], e ops.Emission[windows.Windowed[K], A]) aggregate[K, A] {
	r := newRows(n.Name, n.Task.Store(n.Name), v, l)
	a := aggregate[K, A]{
		Keyed: operator.NewKeyed(n, k, keyRaw), rows: r, cache: cache.NewRowsCache[set](n.Task, n.Name, r),
		send: newSender(n, e, k, v), clone: operator.NewEncoder("value", v, false), closing: closing,
		passed: n.Task.ClosedThrough(),
		late:   n.Task.Tally(n.Name, record.LateWindows), closed: n.Task.Tally(n.Name, record.ClosedWindows),
	}
	r.tells = a.send.atCommit()
	if !l.sliding && !(e.Forward && e.Emit == ops.EmitFinal) {
		r.due = new(due)
		r.store.Index(func(dst, key []byte) []byte {
			if bykey.Is(key) || len(key) < r.times() {
				return dst
			}
			return bykey.Row(dst, key, r.times())
		})
	}
	return a
}

// restore deletes what has been closed by now, or was handed on beyond it. shuts says that nothing
// is added any more to windows as early as those.
func (a *aggregate[K, A]) restore(now int64, shuts bool) error {
	gone := a.rows.until(nil, max(a.due(now), a.passed))
	if mark := a.Task.Mark(a.Name); mark != nil {
		if last := a.pass(mark); shuts {
			a.passed = max(a.passed, last)
		}
		if string(gone) < string(mark) {
			gone = mark
		}
	}
	return a.begin(gone)
}

// begin deletes what lies before gone, and finds out what the store has.
func (a *aggregate[K, A]) begin(gone []byte) error {
	err := a.cursor.Each(a.rows.store, a.Name, nil, gone, func(key, _ []byte) (bool, error) {
		n := a.rows.times()
		if len(key) < n {
			return false, fmt.Errorf("store %s: key %x has no window", a.Name, key)
		}
		a.rows.dropByKey(key[n:], a.rows.bounds(key))
		return true, nil
	})
	if err != nil {
		return err
	}
	a.rows.store.DeleteRange(nil, gone)
	return a.rows.open()
}

// due returns the largest end of windows that are closed at now.
func (a *aggregate[K, A]) due(now int64) int64 {
	switch {
	case now == record.EndOfTime:
		return math.MaxInt64
	case now <= a.closing: // NoTime too
		return -1
	}
	return now - a.closing - 1
}

// pass notes that everything before mark has been closed, and returns the end of the last window.
func (a *aggregate[K, A]) pass(mark []byte) int64 {
	a.mark = append(a.mark[:0], mark...)
	last := a.lastBefore(mark)
	a.Task.SetMark(a.Name, a.mark, a.kept(last+a.closing+1))
	return last
}

// lastBefore returns the end of the last window that lies before a mark, or in part.
func (a *aggregate[K, A]) lastBefore(mark []byte) int64 {
	last := int64(binary.BigEndian.Uint64(mark))
	if len(mark) == 8 {
		last--
	}
	return last + a.rows.length
}

// find returns the windows of a key.
func (a *aggregate[K, A]) find(key []byte) (*entry, error) {
	return a.cache.Find(key, a.rows.outside < a.rows.first)
}

// tidy forgets the entry of a key that has no windows, as far as is known.
func (a *aggregate[K, A]) tidy(e *entry) {
	if s := &e.Value; s.open == (chain{}) && s.gone == (chain{}) && !e.Dirty && !e.Pending {
		a.cache.Drop(e)
	}
}

// own returns a copy of a value that its owner may change.
func (a *aggregate[K, A]) own(v A) (A, error) {
	if !a.send.mutable {
		return v, nil
	}
	return a.clone.Clone(nil, v)
}

// leave takes a window out of a set. What was in the store, or told, is noted, with the value if
// somebody asks for what was before.
func (a *aggregate[K, A]) leave(s *set, id int32) {
	x := a.rows.spans.at(id)
	a.rows.spans.remove(&s.open, id)
	if !x.stored && !x.told {
		a.rows.spans.recycle(id)
		return
	}
	if !x.told || !a.send.asked() {
		var none A
		x.value = none
	}
	x.loaded, x.dirty, x.news = false, false, false
	a.rows.spans.insert(&s.gone, id)
}

// enter adds a window to a set.
func (a *aggregate[K, A]) enter(s *set, b bounds) int32 {
	id := a.rows.spans.alloc()
	a.rows.spans.at(id).bounds = b
	a.rows.spans.insert(&s.open, id)
	a.rows.first = min(a.rows.first, b.end)
	return id
}

// touch says that a set has changed.
func (a *aggregate[K, A]) touch(e *entry) { e.Has, e.Dirty = true, true }

// flush writes what is held back, forwards what is to be forwarded at the commit, and closes the
// windows that are due by then.
func (a *aggregate[K, A]) flush(now func() int64) (bool, error) {
	if a.Task.Postponed() { // what is postponed is on its way here
		return a.cache.Flush(a.last)
	}
	at := now()
	if a.rows.due != nil && a.rows.due.all {
		a.rows.closed = a.due(at)
	}
	did, err := a.cache.Flush(a.last)
	a.rows.closed = -1
	if err != nil || a.Task.Postponed() {
		return did, err
	}
	a.send.out.Origin, a.send.out.Headers = Origin{}, nil
	closed, done, err := a.end(at)
	if err == nil && !done {
		a.Task.Postpone()
	}
	return did || closed, err
}

// closeWith closes the windows that a record has closed by moving the time to now. Their results
// have its headers; but for those that have to wait for the next transaction.
func (a *aggregate[K, A]) closeWith(o Origin, hs []operator.Header, now int64) error {
	if a.due(now) < *a.open || a.Task.Postponed() {
		return nil
	}
	if _, err := a.cache.Flush(a.last); err != nil {
		return err
	}
	out := &a.send.out
	out.Origin, out.Headers = o, hs
	_, done, err := a.end(now)
	out.Origin, out.Headers = Origin{}, nil
	if err == nil && !done {
		a.Task.Postpone()
	}
	return err
}

// last forwards what has become of the windows of a key since the last commit: those that are no
// more, then those that have changed.
func (a *aggregate[K, A]) last(e *entry, key, _ []byte) error {
	s, spans, out := &e.Value, &a.rows.spans, &a.send.out
	out.Origin, out.Headers, out.Place = a.cache.Log.Origin(e.Last), nil, nil
	ref := e.Last.Ref
	ok, err := a.send.setKey(key)
	if err != nil {
		return err
	}
	for id := s.gone.first; ok && id != 0; id = spans.at(id).next {
		x := spans.at(id)
		if !x.told || spans.find(s.open, x.bounds) != 0 {
			continue
		}
		out.Ref = ref
		if err := a.send.takeBack(x.bounds, x.end, operator.Opt[A]{Value: x.value, OK: a.send.asked()}); err != nil {
			return err
		}
	}
	for id := s.open.first; id != 0; id = spans.at(id).next {
		x := spans.at(id)
		if !x.news {
			continue
		}
		x.news, x.told = false, true
		var before operator.Opt[A]
		if old := spans.find(s.gone, x.bounds); old != 0 && spans.at(old).told {
			before = operator.Opt[A]{Value: spans.at(old).value, OK: a.send.asked()}
		}
		out.Ref = ref
		if ok {
			if err := a.send.send(x.bounds, x.value, x.ts, before); err != nil {
				return err
			}
		}
	}
	spans.clear(&s.gone)
	return nil
}

// sweep goes over the rows in [lo, hi) until the task is full: it forwards them, if hands says so
// and final results are wanted, and takes those that drops says are to be deleted out of the cache
// and the rows by key. Then mark lies behind the last of them. last is the end of its window, -1 if
// there was none.
func (a *aggregate[K, A]) sweep(lo, hi []byte, hands, drops bool) (last int64, done bool, err error) {
	r := a.rows
	last, done = -1, true
	err = a.cursor.Each(r.store, a.Name, lo, hi, func(key, value []byte) (bool, error) {
		b, k := r.bounds(key), key[r.times():]
		if hands && a.send.Forward && a.send.Emit == ops.EmitFinal {
			v, ts, err := r.decode(value, b)
			if err != nil {
				return false, err
			}
			if err := a.send.final(k, b, v, ts); err != nil {
				return false, err
			}
		}
		last = b.end
		if drops {
			r.dropByKey(k, b)
			a.forget(k, b)
		}
		if a.Task.Full(len(key) + len(value)) {
			done, a.mark = false, append(append(a.mark[:0], key...), 0)
		}
		return done, nil
	})
	return last, done, err
}

// delete deletes the windows whose rows lie before hi, which end by end, until the task is full,
// and forwards them before if hands says so.
func (a *aggregate[K, A]) delete(hi []byte, end int64, hands bool) (did, done bool, err error) {
	r := a.rows
	if end < r.first {
		return false, true, nil
	}
	if r.due != nil && r.due.all {
		did, done = a.expire(end)
		return did, done, nil
	}
	last, done, err := a.sweep(nil, hi, hands, true)
	if err != nil {
		return false, false, err
	}
	if done {
		a.mark = r.until(a.mark[:0], last)
	}
	if last >= 0 {
		r.store.DeleteRange(nil, a.mark)
		a.pass(a.mark)
	}
	if done {
		if err = r.seek(); r.due != nil && r.outside <= end {
			a.awaitAll()
		}
	}
	return last >= 0, done, err
}

// forget takes a window out of the cache.
func (a *aggregate[K, A]) forget(key []byte, b bounds) {
	e := a.cache.Lookup(key)
	if e == nil {
		return
	}
	if id := a.rows.spans.find(e.Value.open, b); id != 0 {
		a.rows.spans.remove(&e.Value.open, id)
		a.rows.spans.recycle(id)
	}
	a.tidy(e)
}
