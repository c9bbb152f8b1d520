package topology

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Stream is a stream of records with keys of K and values of V. It is made by [Topology.Stream] and
// by the methods of other handles; a copy of the handle is the same stream. The zero value is a
// mistake, as that of every handle: [Topology.Build] says so if what is made of it is given to a
// handle of the topology, with the position of the first call.
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
	part  partitioner[K, V] // nil: by key
}

// node returns the node, which a zero handle gets by it.
func (s *Stream[K, V]) node() *node {
	if s.n == nil {
		*s = lostStream[K, V]()
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

// WithPartitioner returns the same stream, whose records go to the partitions that f chooses
// wherever they are written from here on ([Stream.To], [Stream.ToOneOf], [Stream.Repartition]), as
// long as the types of key and value do not change. Without it a record goes where its key belongs,
// as Kafka's own producers have it.
//
// f is given the record and the number of partitions, and returns one of 0 to that number; another
// one is an error of the record, for the error policy. Records with equal keys may come to lie in
// different partitions. So what keeps state by key behind such a Repartition is a mistake, unless
// [Stream.MarkPartitioned] says that f chooses by the key alone.
func (s Stream[K, V]) WithPartitioner(f func(r *Record[K, V], partitions int32) int32) Stream[K, V] {
	if f == nil {
		return s.partitioned(nil)
	}
	return s.partitioned(func(_ context.Context, r *Record[K, V], n int32) (int32, error) { return f(r, n), nil })
}

// partitioned returns the stream with a partitioner.
func (s *Stream[K, V]) partitioned(f partitioner[K, V]) Stream[K, V] {
	n := s.node()
	if f == nil {
		mistakef(n.t, n.t.caller(), "", "the function given to WithPartitioner is nil: give one")
	}
	s.part = f
	return *s
}

// partitioner chooses the partition of a record.
type partitioner[K, V any] = func(ctx context.Context, r *Record[K, V], partitions int32) (int32, error)

// then returns the output of a node behind s that leaves keys and values as they are.
func (s Stream[K, V]) then(n *node, o constructor[K, V, K, V]) Stream[K, V] {
	s.n, s.out = n, link(n, o, s.out)
	return s
}

// add adds a node behind s that looks at values only and leaves records as they are.
func (s *Stream[K, V]) add(kind string) *node {
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
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		if at.b.ahead {
			return next, nil // it is to be shown once
		}
		return &ops.Peek[K, V]{Look: look, Next: next}, nil
	})
}

// PeekRecords shows each record to look, and passes all on.
func (s Stream[K, V]) PeekRecords(look func(*Record[K, V])) Stream[K, V] {
	n := s.add("peek")
	n.reads.key = true
	n.need("the function", look == nil)
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		if at.b.ahead {
			return next, nil
		}
		return &ops.PeekRecords[K, V]{Look: look, Next: next}, nil
	})
}

// ForEach calls do with each value, and ends the stream there. When an aborted transaction is
// processed again, do sees its values again.
func (s Stream[K, V]) ForEach(do func(V)) {
	n := s.add("for-each")
	n.need("the function", do == nil)
	n.discarded = true
	s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.Peek[K, V]{Look: do, Next: next}, nil
	})
}

// ForEachRecord calls do with each record, tombstones too, and ends the stream there; see
// [Stream.ForEach].
func (s Stream[K, V]) ForEachRecord(do func(*Record[K, V])) {
	n := s.add("for-each")
	n.reads.key = true
	n.need("the function", do == nil)
	n.discarded = true
	s.then(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.PeekRecords[K, V]{Look: do, Next: next}, nil
	})
}

// SetHeaders gives each record, tombstones too, the headers that f returns. What f returns must not
// be changed afterwards, and those of the record must not be changed at all: to keep them and add
// one, clone them.
func (s Stream[K, V]) SetHeaders(f func(*Record[K, V]) []Header) Stream[K, V] {
	if f == nil {
		return setHeaders(s, nil)
	}
	return setHeaders(s, func(_ context.Context, r *Record[K, V]) ([]Header, error) { return f(r), nil })
}

// setHeaders adds a node that gives records new headers.
func setHeaders[K, V any](s Stream[K, V], f func(context.Context, *Record[K, V]) ([]Header, error)) Stream[K, V] {
	n := s.add("set-headers")
	n.reads.key = true
	n.need("the function", f == nil)
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.SetHeaders[K, V]{Node: at.node(), Headers: f, Next: next}, nil
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
