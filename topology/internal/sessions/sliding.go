package sessions

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/windows"
	"github.com/kolkstream/kolk/topology/record"
)

// Slides are the sliding windows of an aggregation, in milliseconds: Difference from the first to
// the last millisecond, both of which belong to the window, and open for Grace after that.
type Slides struct{ Difference, Grace int64 }

// Sliding keeps a value for each sliding window and key: one ends at each record, and one begins
// behind it if there are later records in it. docs/adr/0031-sliding-windows.md has the argument.
//
// A window that is new begins with the value of another one, which has the same records but for
// those that it may not have. So windows stay in the store for a difference after they have closed:
// a record that is in time may need them.
type Sliding[K, V, A any] struct {
	aggregate[K, A]
	Slides
	step ops.Step[K, V, A]
	rule slidingRule
	// origin is the least time at which windows begin: 0, or behind what the end of a bounded run
	// has closed.
	origin int64
	// handed is behind what was handed on: what lies before it is kept for new windows only. next
	// is the least end of a window that lies behind it, or less.
	handed []byte
	next   int64
	near   near[A]
}

// near are the windows around a record.
type near[A any] struct {
	within []int32 // those that it is in, the latest first
	own    int32   // the one that ends at it, or the first one of all; 0 for none
	again  bool    // that one has a record of the same time already
	behind bool    // there is one that begins behind it
	left   int32   // the last one that ends before it, 0 for none
	prev   int64   // the time of the last record before it, if there was one within two lengths
	before bool    // there was
	after  bool    // the window that begins behind that one is there
	// first and later are what its own window and the one behind it begin with.
	first, later operator.Opt[A]
	laterAt      int64 // the timestamp of later
}

// NewSliding returns an aggregate of sliding windows over the task's store of n's name; see [New].
func NewSliding[K, V, A any](n Node, w Slides, by operator.Clocks, k serde.Serde[K], keyRaw bool, v serde.Serde[A], step ops.Step[K, V, A], e ops.Emission[windows.Windowed[K], A]) (*Sliding[K, V, A], error) {
	s := &Sliding[K, V, A]{
		aggregate: newAggregate(n, layout{sliding: true, length: w.Difference}, w.Grace, k, keyRaw, v, e),
		Slides:    w, step: step,
		rule: &slidingByDisorder{byDisorder: byDisorder{task: n.Task, grace: w.Grace, at: n.Task.Time()}, keeps: w.Difference},
	}
	if by.Seen != nil {
		s.rule = &slidingByClock{task: n.Task, clock: by.Seen, starts: by.Put, Slides: w, closed: record.NoTime}
	}
	s.kept, s.end, s.open = s.rule.kept, s.close, &s.next
	return s, s.restore()
}

// handedOn is the name of the mark behind what was handed on. That of the store itself is behind
// what was deleted.
func (s *Sliding[K, V, A]) handedOn() string { return s.Name + "/handed-on" }

// restore finds out what was handed on, and deletes what nothing is made of any more.
func (s *Sliding[K, V, A]) restore() error {
	now, shuts := s.rule.opened(), s.rule.shuts()
	s.origin = max(0, s.passed+1)
	gone := binary.BigEndian.AppendUint64(nil, uint64(s.origin))
	later := func(key []byte) {
		if bytes.Compare(gone, key) < 0 {
			gone = append(gone[:0], key...)
		}
	}
	later(s.rows.until(nil, s.rule.gone(now)))
	if mark := s.Task.Mark(s.Name); mark != nil {
		s.mark = append(s.mark[:0], mark...)
		later(mark)
		if start := int64(binary.BigEndian.Uint64(mark)); shuts {
			s.origin = max(s.origin, start)
		}
	}
	s.passed = s.origin - 1
	s.handed = s.rows.until(nil, s.due(now))
	if mark := s.Task.Mark(s.handedOn()); mark != nil {
		if bytes.Compare(s.handed, mark) < 0 {
			s.handed = append(s.handed[:0], mark...)
		}
		if shuts && bytes.Compare(gone, mark) < 0 {
			s.passed = max(s.passed, s.lastBefore(mark))
		}
	}
	if err := s.begin(gone); err != nil {
		return err
	}
	return s.seekNext()
}

// seekNext finds the first window that was not handed on.
func (s *Sliding[K, V, A]) seekNext() (err error) {
	s.next, err = s.rows.firstFrom(s.handed)
	return err
}

// Receive implements Receiver.
func (s *Sliding[K, V, A]) Receive(r *Record[K, V]) error {
	key, ok, err := operator.KeyOf(&s.Keyed, r, false)
	if !ok {
		return err
	}
	ts := r.Timestamp
	s.rule.see(ts)
	switch {
	case s.rule.late(ts, r.Ref):
		*s.late++
		s.Drop(record.LateRecord, r.Origin)
		return nil
	case ts <= s.passed || s.rule.shut(ts):
		*s.closed++
		s.Drop(record.WindowClosed, r.Origin)
		return nil
	}
	if err := s.take(key, r); err != nil {
		return err
	}
	if s.send.Emit == ops.EmitFinal && s.rule.closes(ts) {
		return s.closeWith(r.Origin, r.Headers, s.rule.now())
	}
	return nil
}

// find returns the windows of a key, with at least those that begin by two lengths before a record
// of time ts, or a millisecond behind it: no others are made of, or changed by, it.
func (s *Sliding[K, V, A]) find(key []byte, ts int64) (*entry, error) {
	r := s.rows
	r.from, r.to = max(0, ts-2*s.Difference), ts+2
	e, err := s.cache.Find(key, r.outside < r.from+s.Difference)
	if err != nil {
		return nil, err
	}
	set := &e.Value
	if !e.Has && !e.Dirty { // the store, which has none of them, was not asked
		set.from, set.to = r.from, math.MaxInt64
	}
	if r.from < set.from {
		if _, err := r.list(key, set, r.from, set.from, set.from); err != nil {
			return nil, err
		}
		set.from = r.from
	}
	if set.to < r.to {
		if set.to, err = r.list(key, set, set.to, r.to, math.MaxInt64); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// own is where the window begins that ends at ts. Windows that would begin before the origin are
// one, which begins there.
func (s *Sliding[K, V, A]) own(ts int64) int64 { return max(s.origin, ts-s.Difference) }

// take adds r to its windows.
func (s *Sliding[K, V, A]) take(key []byte, r *Record[K, V]) error {
	e, err := s.find(key, r.Timestamp)
	if err != nil {
		return err
	}
	if err := s.look(&e.Value, key, r.Timestamp); err != nil {
		return err
	}
	if ok, err := s.begins(r); !ok || err != nil {
		s.tidy(e)
		return err
	}
	if s.send.atOnce() {
		operator.Inherit(&s.send.out, r)
		s.send.out.Key.Key = r.Key
	}
	s.touch(e)
	cache.Touch(s.cache, e, r, s.send.atCommit())
	return s.spread(e, r)
}

// look finds the windows around a record of time ts, and reads their values.
func (s *Sliding[K, V, A]) look(set *set, key []byte, ts int64) error {
	n, spans := &s.near, &s.rows.spans
	*n = near[A]{within: n.within[:0]}
	own := s.own(ts)
	id := set.open.last
	for ; id != 0; id = spans.at(id).prev {
		x := spans.at(id)
		if x.start < ts-2*s.Difference || !s.rule.found(x.start) {
			break
		}
		switch {
		case x.start > ts+1:
			continue
		case x.start == ts+1:
			n.behind = true
			continue
		case x.end < ts:
			n.left = id
		default:
			n.within = append(n.within, id)
		}
		if err := s.rows.need(x, key); err != nil {
			return err
		}
		if x.start == own {
			n.own, n.again = id, x.ts == ts
		}
		if n.left == id {
			n.prev, n.before = x.ts, true
			break
		}
		if x.start == own && x.ts < ts {
			n.prev, n.before = x.ts, true
		}
	}
	for _, id := range n.within {
		n.after = n.after || n.before && spans.at(id).start == n.prev+1
	}
	return nil
}

// begins computes what new windows begin with: before anything changes, and as copies where steps
// may change values in place. ok is false if that failed and the error policy skips the record.
func (s *Sliding[K, V, A]) begins(r *Record[K, V]) (ok bool, err error) {
	n, ts := &s.near, r.Timestamp
	copied := func(id int32) (operator.Opt[A], error) {
		v, err := s.clones(s.rows.spans.at(id).value)
		return operator.Opt[A]{Value: v, OK: err == nil}, err
	}
	if n.own == 0 && n.left != 0 && n.prev >= s.own(ts) {
		if n.first, err = copied(n.left); err != nil {
			return false, s.Fail(r.Origin, err)
		}
	}
	if len(n.within) == 0 || n.behind {
		return true, nil
	}
	// The latest of them has all records behind this one that are in the window behind it, and no
	// record before it.
	if x := s.rows.spans.at(n.within[0]); x.end > ts && x.ts > ts {
		n.laterAt = x.ts
		if n.later, err = copied(n.within[0]); err != nil {
			return false, s.Fail(r.Origin, err)
		}
	}
	return true, nil
}

// clones is own of the aggregate.
func (s *Sliding[K, V, A]) clones(v A) (A, error) { return s.aggregate.own(v) }

// spread adds a record to the windows that it is in, and makes those that it gives rise to. The
// order is that of Kafka Streams.
func (s *Sliding[K, V, A]) spread(e *entry, r *Record[K, V]) error {
	n, ts, set := &s.near, r.Timestamp, &e.Value
	own := s.own(ts)
	early := own > ts-s.Difference
	was := s.rows.spans.used
	defer func() { s.cache.Grow(e, (s.rows.spans.used-was)*s.rows.spans.size()) }()
	for i := range n.within {
		id := n.within[i]
		if early {
			if id = n.within[len(n.within)-1-i]; id == n.own {
				continue
			}
		}
		if more, err := s.add(set, id, r); !more {
			return err
		}
	}
	if n.again && !early && !s.rule.shuts() {
		// By Kafka Streams' rule all that a record of this time gives rise to has been made; also
		// where a function has deleted it since.
		return nil
	}
	if early {
		if more, err := s.behind(set, r); !more {
			return err
		}
	}
	made, more, err := s.after(set, own, r)
	if !more {
		return err
	}
	switch {
	case made != 0 && !s.rule.twice():
	case made != 0:
		more, err = s.create(set, made, s.bounds(own), operator.Opt[A]{}, r)
	case n.own == 0:
		more, err = s.create(set, 0, s.bounds(own), n.first, r)
	case early:
		more, err = s.add(set, n.own, r)
	}
	if early || !more {
		return err
	}
	_, err = s.behind(set, r)
	return err
}

// bounds are those of the window that begins at start.
func (s *Sliding[K, V, A]) bounds(start int64) bounds { return bounds{start, start + s.Difference} }

// after makes the window that begins behind the record before r, if r is the first one in it. made
// is the window if it is r's own as well.
func (s *Sliding[K, V, A]) after(set *set, own int64, r *Record[K, V]) (made int32, more bool, err error) {
	n := &s.near
	start := n.prev + 1
	if !n.before || n.after || start+s.Difference < r.Timestamp {
		return 0, true, nil
	}
	more, err = s.create(set, 0, s.bounds(start), operator.Opt[A]{}, r)
	if start == own && n.own == 0 {
		made = s.rows.spans.find(set.open, s.bounds(start))
	}
	return made, more, err
}

// behind makes the window that begins behind r, if there are records in it and it is not there.
func (s *Sliding[K, V, A]) behind(set *set, r *Record[K, V]) (more bool, err error) {
	n := &s.near
	if !n.later.OK {
		return true, nil
	}
	return s.put(set, 0, s.bounds(r.Timestamp+1), n.later.Value, true, n.laterAt, r)
}

// add adds r to a window that there is.
func (s *Sliding[K, V, A]) add(set *set, id int32, r *Record[K, V]) (more bool, err error) {
	x := s.rows.spans.at(id)
	if !s.rule.takes(x.end) {
		*s.late++
		return true, nil
	}
	acc := x.value
	if s.send.asked() {
		if acc, err = s.clones(acc); err != nil {
			return false, s.Fail(r.Origin, err)
		}
	}
	after, keep, err := s.step(acc, true, r)
	if err != nil {
		return false, s.Fail(r.Origin, err)
	}
	return s.put(set, id, x.bounds, after, keep, max(x.ts, r.Timestamp), r)
}

// create makes a window that begins with a value, if there is one, and r. id is the window that it
// replaces, 0 for none.
func (s *Sliding[K, V, A]) create(set *set, id int32, b bounds, first operator.Opt[A], r *Record[K, V]) (more bool, err error) {
	if !s.rule.takes(b.end) {
		*s.late++
		return true, nil
	}
	after, keep, err := s.step(first.Value, first.OK, r)
	if err != nil {
		return false, s.Fail(r.Origin, err)
	}
	return s.put(set, id, b, after, keep, r.Timestamp, r)
}

// errNone: a window that is gone cannot be told from one that never was, and others are made of it.
var errNone = errors.New("the function has returned no accumulator: sliding windows are made of one another, so each has to keep one; return one that says that it is empty, and leave it out behind the aggregation")

// put sets the value of a window, 0 for a new one, and forwards it, if it is to be at once. more is
// false if the record goes no further.
func (s *Sliding[K, V, A]) put(set *set, id int32, b bounds, v A, keep bool, ts int64, r *Record[K, V]) (more bool, err error) {
	if !keep && s.rule.shuts() {
		return false, s.Fail(r.Origin, errNone)
	}
	s.rule.put(b.start)
	var before operator.Opt[A]
	if asks := s.send.asked(); id != 0 && (asks || !keep) {
		before = operator.Opt[A]{Value: s.rows.spans.at(id).value, OK: asks}
		s.leave(set, id)
		id = 0
	}
	if keep {
		if id == 0 {
			id = s.enter(set, b)
			s.next = min(s.next, b.end)
		}
		x := s.rows.spans.at(id)
		x.value, x.ts, x.loaded, x.dirty, x.news = v, ts, true, true, s.send.atCommit()
	}
	if !s.send.atOnce() {
		return true, nil
	}
	s.send.out.Ref = r.Ref
	if keep {
		err = s.send.send(b, v, ts, before)
	} else {
		err = s.send.takeBack(b, ts, before)
	}
	return err == nil, err
}

// Flush implements Flusher. Operators before this one have been flushed.
func (s *Sliding[K, V, A]) Flush() (bool, error) { return s.flush(s.rule.now) }

// Advance implements Timed: windows close at the commit.
func (s *Sliding[K, V, A]) Advance(int64) (done bool, err error) { return true, nil }

// close forwards the windows that are closed at now, if final results are wanted, and deletes those
// of which no window can be made any more, until the task is full. Everything is in the store.
func (s *Sliding[K, V, A]) close(now int64) (did, done bool, err error) {
	if end := s.due(now); s.send.Emit == ops.EmitFinal && end >= s.next {
		if did, done, err = s.hand(end); !done || err != nil {
			return did, done, err
		}
	}
	end := s.rule.gone(now)
	hi := s.rows.until(nil, end)
	if s.send.Emit == ops.EmitFinal && bytes.Compare(s.handed, hi) < 0 {
		hi = s.handed
	}
	deleted, done, err := s.delete(hi, end, false)
	return did || deleted, done, err
}

// hand forwards the windows that end by end and were not forwarded yet.
func (s *Sliding[K, V, A]) hand(end int64) (did, done bool, err error) {
	last, done, err := s.sweep(s.handed, s.rows.until(nil, end), true, false)
	if err != nil {
		return false, false, err
	}
	if done && last >= 0 {
		s.mark = s.rows.until(s.mark[:0], last)
	}
	if last >= 0 {
		s.handed = append(s.handed[:0], s.mark...)
		s.Task.SetMark(s.handedOn(), s.handed, s.kept(s.lastBefore(s.handed)+s.closing+1))
	}
	if done {
		err = s.seekNext()
	}
	return last >= 0, done, err
}
