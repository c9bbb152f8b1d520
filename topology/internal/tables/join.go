package tables

import (
	"context"
	"encoding/binary"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Kind is which sides of a join have to be there.
type Kind int

// The kinds of joins of two tables.
const (
	Inner Kind = iota
	Left
	Outer
)

// Rows reports whether a row with these sides is in a join.
func (k Kind) Rows(left, right bool) bool {
	switch k {
	case Inner:
		return left && right
	case Left:
		return left
	}
	return left || right
}

// JoinFunc makes the result of a join from what both sides have.
type JoinFunc[V, W, R any] func(context.Context, Opt[V], Opt[W]) (R, error)

// Side hands on the changes of a join that come from one of its tables, whose rows have values of
// V. What the other table has for the key is what that has handed on last: so each change begins
// where the one before, from whichever side, has ended.
type Side[K, V, W, R any] struct {
	operator.Node
	Key   operator.Encoder[K]
	Other operator.Lookup[W]
	// Has reports whether a row is in the join, with this side and the other.
	Has  func(this, other bool) bool
	Join JoinFunc[V, W, R]
	// Bytes says that the bytes of keys may come along.
	Bytes bool
	// Deletions says that a row whose one side is gone has the time of that, if it is later than
	// that of the other side, as in Kafka Streams. Otherwise it has the time of what there is: so
	// it does not depend on which updates came in between.
	Deletions bool
	// Kept has what the join has handed on last, if both of its tables are made of one: then an
	// update of that comes by both sides, one after the other, and what the other one has handed on
	// is not what the join has had of it. nil otherwise.
	Kept *Kept[R]
	Next operator.Receiver[K, operator.Change[R]]
	out  operator.Record[K, operator.Change[R]]
}

// Receive implements operator.Receiver. It is silent where nothing can come of it: the other side
// is missing, and either has to be there, or this one is missing too, now and before. But where
// one update takes both sides away and both have to be there, the first to tell deletes the row.
func (s *Side[K, V, W, R]) Receive(r *operator.Record[K, operator.Change[V]]) error {
	if r.Value.Older {
		return nil
	}
	key, err := s.Key.Bytes(r.RawKey, r.Key)
	if err != nil {
		return s.Fail(r.Origin, err)
	}
	other, ok, err := s.Other.Row(key, true, r.Origin)
	if !ok {
		return err
	}
	silent := !other.OK && (!s.Has(true, false) || !r.Value.Old.OK && !r.Value.New.OK)
	if silent && (s.Kept == nil || s.Has(true, false) || s.Has(false, true)) {
		return nil
	}
	out := &s.out
	like(out, r)
	if !s.Bytes {
		out.RawKey = nil
	}
	if other.OK {
		out.Timestamp = max(out.Timestamp, other.Timestamp)
		out.Ref = max(out.Ref, out.Timestamp)
	}
	joined, err := s.join(r.Value.New, other.Opt)
	if err != nil {
		if err := s.Fail(r.Origin, err); err != nil {
			return err
		}
	}
	if joined.OK && !r.Value.New.OK && !s.Deletions {
		out.Timestamp = other.Timestamp
	}
	out.Value = operator.Change[R]{New: joined}
	switch {
	case s.Kept == nil:
		// An error was reported when the values were new: there was no row.
		out.Value.Old, _ = s.join(r.Value.Old, other.Opt)
	default:
		if out.Value.Old, ok, err = s.Kept.swap(key, joined, out.Timestamp, r.Origin); !ok {
			return err
		}
		if silent && !out.Value.Old.OK {
			return nil
		}
	}
	return s.Next.Receive(out)
}

// join returns the row of what both sides have, none after an error.
func (s *Side[K, V, W, R]) join(this Opt[V], other Opt[W]) (row Opt[R], err error) {
	if !s.Has(this.OK, other.OK) {
		return row, nil
	}
	v, err := s.Join(s.Task.Context(), this, other)
	if err != nil {
		return row, err
	}
	return Opt[R]{Value: v, OK: true}, nil
}

// Kept is the store of a join's rows.
type Kept[R any] struct {
	node  operator.Node
	cache *cache.Cache[R]
	value operator.Encoder[R]
	buf   []byte
}

// NewKept returns the store of that name, whose values s writes, with their timestamps before them.
func NewKept[R any](n operator.Node, store string, s serde.Serde[R]) *Kept[R] {
	return &Kept[R]{node: n, cache: cache.NewCache(n.Task, store, s), value: operator.NewEncoder("value", s, false)}
}

// swap stores a row and returns the one before. ok is false if the row cannot be written, and the
// error policy skips the record, or says err.
func (k *Kept[R]) swap(key []byte, row Opt[R], ts int64, o operator.Origin) (old Opt[R], ok bool, err error) {
	b, _, found, err := k.cache.Read(k.buf[:0], key)
	if err != nil {
		return old, false, err
	}
	k.buf = b
	before, err := k.cache.Row(b, found)
	if err != nil {
		return old, false, err
	}
	if !row.OK {
		if found {
			k.cache.Store.Delete(key)
		}
		return before.Opt, true, nil
	}
	v, err := k.value.Bytes(nil, row.Value)
	if err != nil {
		return old, false, k.node.Fail(o, err)
	}
	k.buf = append(binary.BigEndian.AppendUint64(k.buf[:0], uint64(ts)), v...)
	k.cache.Store.Put(key, k.buf)
	return before.Opt, true, nil
}

// Joined looks up rows of a join.
type Joined[V, W, R any] struct {
	operator.Node
	Left  operator.Lookup[V]
	Right operator.Lookup[W]
	Kind  Kind
	Join  JoinFunc[V, W, R]
}

// Row implements operator.Lookup.
func (j *Joined[V, W, R]) Row(key []byte, handedOn bool, o operator.Origin) (row operator.Row[R], ok bool, err error) {
	left, ok, err := j.Left.Row(key, handedOn, o)
	if !ok || !left.OK && j.Kind != Outer {
		return row, ok, err
	}
	right, ok, err := j.Right.Row(key, handedOn, o)
	if !ok || !j.Kind.Rows(left.OK, right.OK) {
		return row, ok, err
	}
	v, err := j.Join(j.Task.Context(), left.Opt, right.Opt)
	if err != nil {
		err = j.Fail(o, err)
		return row, err == nil, err
	}
	if left.OK {
		row.Timestamp = left.Timestamp
	}
	if right.OK {
		row.Timestamp = max(row.Timestamp, right.Timestamp)
	}
	row.Opt = Opt[R]{Value: v, OK: true}
	return row, true, nil
}
