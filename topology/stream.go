package topology

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Stream is a stream of records with keys of K and values of V. It is made by [Topology.Stream] and
// by the methods of other handles; a copy of the handle is the same stream, and the zero value is
// not to be used: its methods panic.
//
// Functions that take a value do not see tombstones (records without a value): filters, MapValues
// and Peek pass them on, Split sends them to every branch; SelectKey and FlatMapValues, which can
// do nothing with them, drop and count them. Functions that take a [Record] see them all.
//
// A value that a function is given may be seen by others after it: it must not be changed.
type Stream[K, V any] struct {
	n     *node
	out   *port[K, V] // of n
	key   *serdeRef[K]
	value *serdeRef[V]
}

// node returns the node. A zero handle has no topology that could keep the mistake for Build.
func (s Stream[K, V]) node() *node {
	if s.n == nil {
		panic("topology: a method of the zero Stream was called: streams come from Topology.Stream and from other handles")
	}
	return s.n
}

// WithKeySerde returns the same stream, whose keys are written with s from here on, as long as
// their type does not change.
func (s Stream[K, V]) WithKeySerde(key serde.Serde[K]) Stream[K, V] {
	n := s.node()
	if isNil(key) {
		mistakef(n.t, n.t.caller(), "", "the serde given to WithKeySerde is nil: give one")
	}
	s.key = given(n.t, key, true)
	return s
}

// WithValueSerde returns the same stream, whose values are written with s from here on, as long as
// their type does not change.
func (s Stream[K, V]) WithValueSerde(value serde.Serde[V]) Stream[K, V] {
	n := s.node()
	if isNil(value) {
		mistakef(n.t, n.t.caller(), "", "the serde given to WithValueSerde is nil: give one")
	}
	s.value = given(n.t, value, false)
	return s
}

// then returns the output of a node behind s that leaves keys and values as they are.
func (s Stream[K, V]) then(n *node, o constructor[K, V, K, V]) Stream[K, V] {
	s.n, s.out = n, link(n, o, s.out)
	return s
}

// add adds a node behind s that looks at values only and leaves records as they are.
func (s Stream[K, V]) add(kind string) *node {
	n := s.node()
	c := n.t.add(kind, "", n.t.caller(), n)
	c.reads.value = true
	return c
}

// Filter passes on the records whose value keep accepts.
func (s Stream[K, V]) Filter(keep func(V) bool) Stream[K, V] {
	n := s.add("filter")
	n.need("the predicate", keep == nil)
	return s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.Filter[K, V]{Keep: keep, Next: next}, nil
	})
}

// FilterNot passes on the records whose value drop does not accept.
func (s Stream[K, V]) FilterNot(drop func(V) bool) Stream[K, V] {
	n := s.add("filter-not")
	n.need("the predicate", drop == nil)
	return s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.FilterNot[K, V]{Drop: drop, Next: next}, nil
	})
}

// FilterRecords passes on the records that keep accepts.
func (s Stream[K, V]) FilterRecords(keep func(*Record[K, V]) bool) Stream[K, V] {
	n := s.add("filter")
	n.reads.key = true
	n.need("the predicate", keep == nil)
	return s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.FilterRecords[K, V]{Keep: keep, Next: next}, nil
	})
}

// TryFilter is [Stream.Filter] with a function that can fail: its errors go to the error policy.
// The context ends when the record's transaction can no longer commit.
func (s Stream[K, V]) TryFilter(keep func(context.Context, V) (bool, error)) Stream[K, V] {
	n := s.add("filter")
	n.need("the predicate", keep == nil)
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.TryFilter[K, V]{Node: at.node(), Keep: keep, Next: next}, nil
	})
}

// Peek shows each value to look, and passes all records on. When an aborted transaction is
// processed again, look sees them again.
func (s Stream[K, V]) Peek(look func(V)) Stream[K, V] {
	n := s.add("peek")
	n.need("the function", look == nil)
	return s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.Peek[K, V]{Look: look, Next: next}, nil
	})
}

// PeekRecords shows each record to look, and passes all on.
func (s Stream[K, V]) PeekRecords(look func(*Record[K, V])) Stream[K, V] {
	n := s.add("peek")
	n.reads.key = true
	n.need("the function", look == nil)
	return s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.PeekRecords[K, V]{Look: look, Next: next}, nil
	})
}

// Merge returns the records of s and of all others. Where their serdes differ those of s are used
// from here on. A stream that is given more than once counts once: merged with itself it is itself,
// as in Kafka Streams.
func (s Stream[K, V]) Merge(others ...Stream[K, V]) Stream[K, V] {
	n := s.node()
	at := n.t.caller()
	parents, from := []*node{n}, []*port[K, V]{s.out}
	for _, o := range others {
		if n.t.own(at, "", "a stream to merge with", o.n) {
			parents, from = append(parents, o.n), append(from, o.out)
		}
	}
	m := n.t.add("merge", "", at, parents...)
	s.n, s.out = m, link(m, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		if !at.n.mixedKey && !at.n.mixedValue {
			return next, nil
		}
		return &ops.Forget[K, V]{Key: at.n.mixedKey, Value: at.n.mixedValue, Next: next}, nil
	}, from...)
	return s
}
