// Package suppress holds back the updates of a table: of each key the last one comes out, when it
// has been held long enough.
//
// What is held lies in a store, a row for each key in the order in which rows come out: by the time
// that a rule gives them, then by key. Rows by key (package bykey) lead to them. What has come out
// is deleted row by row, so the changelog says what is there; nobody has to know a time for that.
package suppress

import (
	"fmt"
	"math"

	"github.com/kolkstream/kolk/internal/bykey"
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// What all operators have in common, by short names.
type (
	Record[K, V any] = operator.Record[K, V]
	Opt[V any]       = operator.Opt[V]
	Change[V any]    = operator.Change[V]
	Header           = operator.Header
	Origin           = operator.Origin
	Node             = operator.Node
)

// Suppress holds updates back. An update of a key that is held takes the place of the one before,
// and comes out when that would have.
type Suppress[K, V any] struct {
	Node
	keys  Keys[K]
	value operator.Encoder[V]
	older operator.Encoder[V] // of old values
	emit  ops.Emission[K, V]
	rule  rule
	bound Bound
	// olds says that what was handed on before is kept with a row.
	olds bool

	store  *state.Store
	least  int64 // no row has an earlier time
	held   Size
	cursor operator.Cursor
	place  place.Place

	key, row, index, buf []byte
	before               []byte // the row before, if one was found
	found                []byte // the key of the last row that a look-up has seen
	heads                []Header
	out                  Record[K, V]
	changed              Record[K, Change[V]]
}

// Options are how updates are held back.
type Options[K, V any] struct {
	Keys Keys[K]
	Rule Rule
	Bound
	// Value and Older write values. Raw of Value says that the bytes that come along are good.
	Value, Older operator.Encoder[V]
	Emission     ops.Emission[K, V]
}

// Open finds the store and what is in it.
func (s *Suppress[K, V]) Open(n Node, o Options[K, V]) error {
	s.Node, s.keys, s.value, s.older, s.emit = n, o.Keys, o.Value, o.Older, o.Emission
	s.bound, s.rule = o.Bound, o.Rule.of(n.Task)
	s.olds = s.olds || o.Emission.Changes != nil
	s.store = n.Task.Store(n.Name)
	// What an update has made due may have come out in part only.
	due, waits := s.rule.taken(), false
	err := s.cursor.Each(s.store, s.Name, nil, end, func(key, row []byte) (bool, error) {
		waits = waits || len(key) >= 8 && cache.StartOf(key) <= due
		s.held.add(key, row)
		return s.bound.set(), nil
	})
	if err == nil && (waits || s.evicts()) {
		n.Task.Postpone()
	}
	return err
}

// evicts reports whether rows are to come out early.
func (s *Suppress[K, V]) evicts() bool { return s.bound.early() && s.bound.over(s.held) }

// KeepOlds has what was handed on before be kept with what is held, for Row.
func (s *Suppress[K, V]) KeepOlds() { s.olds = true }

// Olds reports whether it is.
func (s *Suppress[K, V]) Olds() bool { return s.olds }

// end is the key behind all rows in the order of time.
var end = []byte{0xff}

// Receive implements operator.Receiver, where nobody asks for what was before.
func (s *Suppress[K, V]) Receive(r *Record[K, V]) error {
	return take(s, r, r.RawValue, Opt[V]{Value: r.Value, OK: !r.NoValue}, Opt[V]{})
}

// Changes is the receiver of changes.
func (s *Suppress[K, V]) Changes() operator.Receiver[K, Change[V]] { return (*changes[K, V])(s) }

type changes[K, V any] Suppress[K, V]

// Receive implements operator.Receiver.
func (c *changes[K, V]) Receive(r *Record[K, Change[V]]) error {
	return take((*Suppress[K, V])(c), r, r.RawValue, r.Value.New, r.Value.Old)
}

// take holds an update back, and hands on what it makes due.
func take[K, V, W any](s *Suppress[K, V], r *Record[K, W], raw []byte, now, old Opt[V]) error {
	ok, err := put(s, r, raw, now, old)
	if !ok || err != nil {
		return err
	}
	due := s.rule.taken()
	if due < s.least && !s.bound.over(s.held) || s.Task.Postponed() {
		return nil
	}
	done, err := s.handOn(due, r.Origin)
	if err == nil && !done {
		s.Task.Postpone()
	}
	if err != nil || !s.bound.over(s.held) {
		return err
	}
	return s.full(r.Origin)
}

// put puts an update into the store. ok is false if it cannot be written, and the error policy
// skips it.
func put[K, V, W any](s *Suppress[K, V], r *Record[K, W], raw []byte, now, old Opt[V]) (ok bool, err error) {
	s.key = append(s.key[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	if s.key, err = s.keys.Append(s.key, r.RawKey, r.Key); err != nil {
		return false, s.Fail(r.Origin, err)
	}
	due := s.rule.taken()
	time := s.rule.time(s.keys.End(r.Key), r.Timestamp, r.Ref)
	at, begins, err := s.find(&s.before, s.key[8:], time, r.Ref)
	if err != nil {
		return false, err
	}
	if !begins && at <= due && s.Task.Postponed() {
		// It was due before this update, and waits for those before it, which fill a transaction:
		// it comes out without it.
		copy(s.key, cache.AppendStart(s.buf[:0], at))
		s.remove(s.key, s.before)
		if err := s.send(at, s.key[8:], s.before, r.Origin); err != nil {
			return false, err
		}
		at, begins, s.before = time, true, s.before[:0]
	}
	row := appendRow(s.row[:0], r.Timestamp, !now.OK)
	if s.rule.headers() {
		row = appendHeaders(row, r.Headers)
	}
	if s.olds {
		if !begins {
			row, err = keepOld(row, s.before)
		} else if old.OK {
			var b []byte
			if b, err = s.older.Bytes(nil, old.Value); err == nil {
				row = appendOld(row, b)
			}
		}
		if err != nil {
			return false, s.Fail(r.Origin, err)
		}
	}
	if now.OK {
		b, err := s.value.Bytes(raw, now.Value)
		if err != nil {
			return false, s.Fail(r.Origin, err)
		}
		row = append(row, b...)
	}
	s.row = row
	copy(s.key, cache.AppendStart(s.buf[:0], at))
	if !begins {
		s.held.remove(s.key, s.before)
	}
	s.enter(s.key, row)
	s.least = min(s.least, at)
	return true, nil
}

// find finds the row that an update of a key belongs to, of all that has time and ref, and reads
// it into before. It begins if there is none.
func (s *Suppress[K, V]) find(before *[]byte, key []byte, time, ref int64) (at int64, begins bool, err error) {
	*before = (*before)[:0]
	if at = time; s.rule.leads() {
		last, ok, err := s.last(key)
		if err != nil || !ok || !s.rule.joins(last, ref) {
			return time, true, err
		}
		at = last
	} else if !s.olds && !s.bound.set() && !s.Task.Postponed() {
		return time, true, nil // it does not matter
	}
	s.buf = append(cache.AppendStart(s.buf[:0], at), key...)
	b, found, err := s.store.Get((*before)[:0], s.buf)
	switch *before = b; {
	case err != nil:
		return 0, false, fmt.Errorf("store %s: %w", s.Name, err)
	case !found && s.rule.leads():
		return 0, false, s.corrupt(fmt.Errorf("there is a row by key, and no row %x", s.buf))
	}
	return at, !found, nil
}

// last returns the time of the last row of a key.
func (s *Suppress[K, V]) last(key []byte) (at int64, ok bool, err error) {
	s.index = bykey.Prefix(s.index[:0], key)
	n := len(s.index)
	s.index = append(append(s.index, s.index...), 0xff)
	s.found = s.found[:0]
	err = s.store.Scan(s.index[:n], s.index[n:], func(key, _ []byte) (bool, error) {
		s.found = append(s.found[:0], key[n:]...)
		return true, nil
	})
	if err != nil {
		return 0, false, fmt.Errorf("store %s: %w", s.Name, err)
	}
	if len(s.found) != 8 {
		return 0, false, nil
	}
	return cache.StartOf(s.found), true, nil
}

// Flush implements flow.Flusher. Operators before this one have been flushed.
func (s *Suppress[K, V]) Flush() (bool, error) {
	due := s.rule.flushed()
	if due < s.least && !s.evicts() || s.Task.Postponed() {
		return false, nil
	}
	was := s.least
	done, err := s.handOn(due, Origin{})
	if err == nil && !done {
		s.Task.Postpone()
	}
	return s.least != was || !done, err
}

// Advance implements flow.Timed: what time makes due comes out at the commit.
func (s *Suppress[K, V]) Advance(int64) (done bool, err error) { return true, nil }

// handOn hands on, in their order, the rows of times up to due, and as many more as are over the
// bound, until the task is full.
func (s *Suppress[K, V]) handOn(due int64, o Origin) (done bool, err error) {
	early := s.evicts()
	hi := end
	if !early && due < math.MaxInt64 {
		hi = cache.AppendStart(nil, due+1)
	}
	s.cursor.Start(s.store, s.Name, cache.AppendStart(nil, max(0, s.least)), hi)
	for {
		key, row, ok, err := s.cursor.Next()
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		if len(key) < 8 || cache.StartOf(key) < 0 {
			return false, s.corrupt(fmt.Errorf("key %x has no time", key))
		}
		at := cache.StartOf(key)
		s.least = at
		if at > due && !s.bound.over(s.held) {
			return true, nil
		}
		s.remove(key, row)
		if err := s.send(at, key[8:], row, o); err != nil {
			return false, err
		}
		if s.Task.Full(len(key) + len(row)) {
			return false, nil
		}
	}
	s.least = math.MaxInt64
	if !early && due < math.MaxInt64 {
		s.least = due + 1
	}
	return true, nil
}

// enter puts a row into the store, remove takes it out.
func (s *Suppress[K, V]) enter(key, row []byte) {
	if s.rule.leads() {
		s.index = bykey.Row(s.index[:0], key, 8)
		s.store.Put(s.index, nil)
	}
	s.store.Put(key, row)
	s.held.add(key, row)
}

func (s *Suppress[K, V]) remove(key, row []byte) {
	if s.rule.leads() {
		s.index = bykey.Row(s.index[:0], key, 8)
		s.store.Delete(s.index)
	}
	s.store.Delete(key)
	s.held.remove(key, row)
}

// full reports an update that does not fit. If the error policy skips it, what was there before
// counts again.
func (s *Suppress[K, V]) full(o Origin) error {
	err := s.Fail(o, s.bound.error(s.held))
	if err != nil {
		return err
	}
	s.remove(s.key, s.row)
	if len(s.before) != 0 {
		s.enter(s.key, s.before)
	}
	return nil
}

// send hands on what was held.
func (s *Suppress[K, V]) send(at int64, key, row []byte, o Origin) error {
	h, err := s.split(row)
	if err != nil {
		return s.corrupt(err)
	}
	if h.none && !s.rule.deletions() || !s.emit.Forward {
		return nil
	}
	out := &s.out
	var none V
	out.Value, out.NoValue, out.RawValue = none, h.none, h.value
	out.Timestamp, out.Ref, out.Headers, out.Origin = h.ts, max(h.ts, s.rule.ref(at)), h.headers, s.rule.origin(o)
	if out.RawKey, err = s.keys.Decode(key, s.emit.NeedKey, &out.Key); err != nil {
		return s.Fail(out.Origin, err)
	}
	if !h.none && (s.emit.NeedValue || s.emit.Changes != nil) {
		if out.Value, err = s.decode(h.value); err != nil {
			return err
		}
	}
	if s.emit.Places {
		out.Place = &s.place
		s.place.OfWindow(s.Name, at, key, s.Task.Partition())
	}
	if s.emit.Changes == nil {
		return s.emit.Next.Receive(out)
	}
	c := &s.changed
	operator.InheritKey(c, out)
	c.Value, c.RawValue = Change[V]{New: Opt[V]{Value: out.Value, OK: !h.none}}, h.value
	if c.Value.Old.OK = h.old != nil; h.old != nil {
		if c.Value.Old.Value, err = s.decode(h.old); err != nil {
			return err
		}
	}
	return s.emit.Changes.Receive(c)
}

// decode decodes a stored value. Failing is fatal: the serde is not the one that wrote it.
func (s *Suppress[K, V]) decode(b []byte) (V, error) {
	v, err := s.value.Serde.Decode(b)
	if err != nil {
		err = fmt.Errorf("store %s: %w", s.Name, operator.DecodeError("a stored value", s.value.Serde.Name(), err))
	}
	return v, err
}

func (s *Suppress[K, V]) corrupt(err error) error {
	return fmt.Errorf("store %s: %w: %w", s.Name, state.ErrCorrupt, err)
}

// Handed looks up what a suppressed table has handed on last: of a key that is held what was before
// that, without a time, and else what the table has that it is made of.
type Handed[K, V any] struct {
	By  *Suppress[K, V]
	Of  operator.Lookup[V]
	row []byte
}

// Row implements operator.Lookup.
func (h *Handed[K, V]) Row(key []byte, handedOn bool, o Origin) (row operator.Row[V], ok bool, err error) {
	s := h.By
	_, begins, err := s.find(&h.row, key, 0, 0)
	if err != nil {
		return row, false, err
	}
	if begins {
		return h.Of.Row(key, handedOn, o)
	}
	held, err := s.split(h.row)
	if err != nil {
		return row, false, s.corrupt(err)
	}
	if row.Timestamp = -1; held.old != nil {
		row.OK = true
		row.Value, err = s.decode(held.old)
	}
	return row, err == nil, err
}
