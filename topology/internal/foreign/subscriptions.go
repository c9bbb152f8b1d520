package foreign

import (
	"encoding/binary"
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Subscriptions keeps which left rows have which foreign key, and answers to them: when they come,
// and whenever the right row changes. K and K2 are the keys of the left and the right table, V2 the
// values of the right one.
type Subscriptions[K, K2, V2 any] struct {
	operator.Node
	key   operator.Encoder[K2]
	value operator.Encoder[V2] // of what comes with changes
	found operator.Encoder[V2] // of what is looked up
	right operator.Lookup[V2]
	store *state.Store
	next  Receiver[K, Answer]
	out   Record[K, Answer]
	lo    []byte // keys of the store
	hi    []byte
	buf   []byte
	each  func(key, value []byte) (bool, error) // made once

	failed error // of the one who got the last answer
}

// NewSubscriptions returns the operator. store is the name of the store of subscriptions; keyRaw
// says that subscriptions and changes bring along their key as k writes it, valueRaw that changes
// bring along their value.
func NewSubscriptions[K, K2, V2 any](n operator.Node, store string, k serde.Serde[K2], keyRaw bool, v serde.Serde[V2], valueRaw bool,
	right operator.Lookup[V2], next Receiver[K, Answer]) *Subscriptions[K, K2, V2] {
	s := &Subscriptions[K, K2, V2]{
		Node: n, key: operator.NewEncoder("key", k, keyRaw), value: operator.NewEncoder("value", v, valueRaw),
		found: operator.NewEncoder("value", v, false), right: right, store: n.Task.Store(store), next: next,
	}
	s.each = s.answer
	return s
}

// Receive implements operator.Receiver.
func (s *Subscriptions[K, K2, V2]) Receive(r *Record[K2, Subscription]) error {
	foreign, err := s.key.Bytes(r.RawKey, r.Key)
	if err != nil {
		return s.Fail(r.Origin, err)
	}
	sub := &r.Value
	out := &s.out
	operator.Inherit(out, r)
	out.RawKey = sub.Key
	out.Value = Answer{Number: sub.Number, Ends: sub.Ends, Say: sub.Say}
	s.lo = append(prefix(s.lo[:0], foreign), sub.Key...)
	if sub.Ends {
		s.store.Delete(s.lo)
	} else {
		s.buf = binary.BigEndian.AppendUint64(s.buf[:0], uint64(sub.Number))
		s.store.Put(s.lo, s.buf)
	}
	if sub.Ends {
		return s.next.Receive(out)
	}
	row, ok, err := s.right.Row(foreign, true, r.Origin)
	switch {
	case err != nil:
		return err
	case !ok: // there is no row then, which has to be told
		out.Value.Say = true
	case row.OK:
		out.Timestamp, out.Ref = row.Timestamp, max(out.Ref, row.Timestamp)
		if err := s.has(&s.found, nil, row.Value); err != nil {
			return err
		}
	}
	return s.next.Receive(out)
}

// has makes a right row part of the answer. One that cannot be written, where the error policy
// skips that, is not there.
func (s *Subscriptions[K, K2, V2]) has(e *operator.Encoder[V2], raw []byte, v V2) error {
	b, err := e.Bytes(raw, v)
	if err != nil {
		s.out.Value.Say = true
		return s.Fail(s.out.Origin, err)
	}
	s.out.Value.Has, s.out.Value.Right = true, b
	return nil
}

// Rights returns the receiver of changes of the right table.
func (s *Subscriptions[K, K2, V2]) Rights() Receiver[K2, Change[V2]] {
	return rights[K, K2, V2]{s}
}

type rights[K, K2, V2 any] struct{ s *Subscriptions[K, K2, V2] }

// Receive implements operator.Receiver: it answers to all who have that foreign key, in the order
// of their keys.
func (r rights[K, K2, V2]) Receive(c *Record[K2, Change[V2]]) error {
	if c.Value.Older {
		return nil
	}
	s := r.s
	foreign, err := s.key.Bytes(c.RawKey, c.Key)
	if err != nil {
		return s.Fail(c.Origin, err)
	}
	out := &s.out
	operator.Inherit(out, c)
	out.Value = Answer{Say: true, Update: true}
	if c.Value.New.OK {
		if err := s.has(&s.value, c.RawValue, c.Value.New.Value); err != nil {
			return err
		}
	}
	s.lo = prefix(s.lo[:0], foreign)
	s.hi = after(append(s.hi[:0], s.lo...))
	s.failed = nil
	if err := s.store.Scan(s.lo, s.hi, s.each); err != nil {
		return fmt.Errorf("join %s: %w", s.Name, err)
	}
	return s.failed
}

// answer answers to one of those who have the foreign key of s.lo.
func (s *Subscriptions[K, K2, V2]) answer(key, value []byte) (bool, error) {
	if len(value) != 8 {
		return false, fmt.Errorf("%w: a subscription of %d bytes", state.ErrCorrupt, len(value))
	}
	s.out.RawKey = key[len(s.lo):]
	s.out.Value.Number = int64(binary.BigEndian.Uint64(value))
	s.failed = s.next.Receive(&s.out)
	return s.failed == nil, nil
}

// prefix appends what the keys of all subscriptions of a foreign key begin with.
func prefix(dst, foreign []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(foreign))), foreign...)
}

// after makes of b the least key behind all that begin with b; nil if there is none.
func after(b []byte) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}
