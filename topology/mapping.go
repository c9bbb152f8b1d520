package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// MapValues replaces each value.
func (s Stream[K, V]) MapValues[V2 any](f func(V) V2) Stream[K, V2] {
	n := s.add("map-values")
	n.need("the function", f == nil)
	return withValues(s, n, func(_ site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.MapValues[K, V, V2]{Map: f, Next: next}, nil
	})
}

// TryMapValues is [Stream.MapValues] with a function that can fail: its errors go to the error
// policy. The context ends when the record's transaction can no longer commit.
func (s Stream[K, V]) TryMapValues[V2 any](f func(context.Context, V) (V2, error)) Stream[K, V2] {
	n := s.add("map-values")
	n.need("the function", f == nil)
	return withValues(s, n, func(at site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.TryMapValues[K, V, V2]{Node: at.node(), Map: ops.OfValue[K](f), Next: next}, nil
	})
}

// MapValuesRecords is [Stream.MapValues] with a function that sees the whole record, so that a
// value may depend on the key, the time and the headers. It does not see tombstones, which pass.
func (s Stream[K, V]) MapValuesRecords[V2 any](f func(*Record[K, V]) V2) Stream[K, V2] {
	n := s.add("map-values")
	n.reads.key = true
	n.need("the function", f == nil)
	return withValues(s, n, func(at site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.TryMapValues[K, V, V2]{
			Node: at.node(), Next: next,
			Map: func(_ context.Context, r *Record[K, V]) (V2, error) { return f(r), nil },
		}, nil
	})
}

// FlatMapValues replaces each record by one for each value that f returns, with its key.
func (s Stream[K, V]) FlatMapValues[V2 any](f func(V) []V2) Stream[K, V2] {
	n := s.add("flat-map-values")
	n.need("the function", f == nil)
	return withValues(s, n, func(at site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.FlatMapValues[K, V, V2]{Node: at.node(), Map: f, Next: next}, nil
	})
}

// FlatMapValuesRecords is [Stream.FlatMapValues] with a function that sees the whole record,
// tombstones too, and may make any: the value of each element, or none for a tombstone. The key
// stays, and so does the partition.
func (s Stream[K, V]) FlatMapValuesRecords[V2 any](f func(*Record[K, V]) []Opt[V2]) Stream[K, V2] {
	n := s.add("flat-map-values")
	n.reads.key = true
	n.need("the function", f == nil)
	return withValues(s, n, func(_ site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.FlatMapValuesRecords[K, V, V2]{Map: f, Next: next}, nil
	})
}

// TryFlatMapValues is [Stream.FlatMapValues] with a function that can fail.
func (s Stream[K, V]) TryFlatMapValues[V2 any](f func(context.Context, V) ([]V2, error)) Stream[K, V2] {
	n := s.add("flat-map-values")
	n.need("the function", f == nil)
	return withValues(s, n, func(at site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.TryFlatMapValues[K, V, V2]{Node: at.node(), Map: f, Next: next}, nil
	})
}

// MapRecords replaces each record. [Record.With] makes one that inherits timestamp and headers.
// What is grouped or joined by key after it has to go through [Stream.GroupBy] or
// [Stream.Repartition], for the key may be another.
func (s Stream[K, V]) MapRecords[K2, V2 any](f func(*Record[K, V]) Record[K2, V2]) Stream[K2, V2] {
	n := s.add("map-records")
	n.reads.key = true
	n.need("the function", f == nil)
	return withBoth(s, n, func(at site, next ops.Receiver[K2, V2]) (ops.Receiver[K, V], error) {
		return &ops.MapRecords[K, V, K2, V2]{Node: at.node(), Map: f, Next: next}, nil
	})
}

// FlatMapRecords replaces each record by any number of others; see [Stream.MapRecords].
func (s Stream[K, V]) FlatMapRecords[K2, V2 any](f func(*Record[K, V]) []Record[K2, V2]) Stream[K2, V2] {
	n := s.add("flat-map-records")
	n.reads.key = true
	n.need("the function", f == nil)
	return withBoth(s, n, func(at site, next ops.Receiver[K2, V2]) (ops.Receiver[K, V], error) {
		return &ops.FlatMapRecords[K, V, K2, V2]{Node: at.node(), Map: f, Next: next}, nil
	})
}

// SelectKey gives each record the key that f computes from its value. What is grouped or joined by
// it after that has to go through [Stream.Repartition]; [Stream.GroupBy] does both in one.
func (s Stream[K, V]) SelectKey[K2 any](f func(V) K2) Stream[K2, V] {
	n := s.add("select-key")
	n.need("the function", f == nil)
	return withKeys(s, n, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.SelectKey[K, V, K2]{Node: at.node(), Key: f, Next: next}, nil
	})
}

// TrySelectKey is [Stream.SelectKey] with a function that can fail: its errors go to the error
// policy.
func (s Stream[K, V]) TrySelectKey[K2 any](f func(context.Context, V) (K2, error)) Stream[K2, V] {
	n := s.add("select-key")
	n.need("the function", f == nil)
	return withKeys(s, n, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.TrySelectKey[K, V, K2]{Node: at.node(), Key: ops.OfValue[K](f), Next: next}, nil
	})
}

// withValues returns the output of a node behind s that makes new values.
func withValues[K, V, V2 any](s Stream[K, V], n *node, o constructor[K, V, K, V2]) Stream[K, V2] {
	n.value = output{}
	return Stream[K, V2]{n: n, out: link(n, o, s.out), key: s.key, value: derived[V2](n.t, s.value, false)}
}

// withKeys returns the output of a node behind s that makes new keys.
func withKeys[K, V, K2 any](s Stream[K, V], n *node, o constructor[K, V, K2, V]) Stream[K2, V] {
	n.key, n.rekeyed = output{}, n
	return Stream[K2, V]{n: n, out: link(n, o, s.out), key: derived[K2](n.t, s.key, true), value: s.value}
}

// withBoth returns the output of a node behind s that makes new keys and values.
func withBoth[K, V, K2, V2 any](s Stream[K, V], n *node, o constructor[K, V, K2, V2]) Stream[K2, V2] {
	n.key, n.value, n.rekeyed = output{}, output{}, n
	return Stream[K2, V2]{n: n, out: link(n, o, s.out), key: derived[K2](n.t, s.key, true), value: derived[V2](n.t, s.value, false)}
}
