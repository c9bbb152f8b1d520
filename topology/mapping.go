package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// MapValues replaces each value.
func (s Stream[K, V]) MapValues[V2 any](f func(V) V2) Stream[K, V2] {
	n := s.add("map-values")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.MapValues[K, V, V2]{Map: f, Next: next[K, V2](b, p)})
		return nil
	}
	return withValues[K, V2](s, n)
}

// TryMapValues is [Stream.MapValues] with a function that can fail: its errors go to the error policy. The context ends when the
// record's transaction can no longer commit.
func (s Stream[K, V]) TryMapValues[V2 any](f func(context.Context, V) (V2, error)) Stream[K, V2] {
	n := s.add("map-values")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryMapValues[K, V, V2]{Node: b.node(p), Map: ops.OfValue[K](f), Next: next[K, V2](b, p)})
		return nil
	}
	return withValues[K, V2](s, n)
}

// MapValuesRecords is [Stream.MapValues] with a function that sees the whole record, so that a value
// may depend on the key, the time and the headers. It does not see tombstones, which pass.
func (s Stream[K, V]) MapValuesRecords[V2 any](f func(*Record[K, V]) V2) Stream[K, V2] {
	n := s.add("map-values")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryMapValues[K, V, V2]{
			Node: b.node(p), Next: next[K, V2](b, p),
			Map: func(_ context.Context, r *Record[K, V]) (V2, error) { return f(r), nil },
		})
		return nil
	}
	return withValues[K, V2](s, n)
}

// FlatMapValues replaces each record by one for each value that f returns, with its key.
func (s Stream[K, V]) FlatMapValues[V2 any](f func(V) []V2) Stream[K, V2] {
	n := s.add("flat-map-values")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.FlatMapValues[K, V, V2]{Node: b.node(p), Map: f, Next: next[K, V2](b, p)})
		return nil
	}
	return withValues[K, V2](s, n)
}

// TryFlatMapValues is [Stream.FlatMapValues] with a function that can fail.
func (s Stream[K, V]) TryFlatMapValues[V2 any](f func(context.Context, V) ([]V2, error)) Stream[K, V2] {
	n := s.add("flat-map-values")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryFlatMapValues[K, V, V2]{Node: b.node(p), Map: f, Next: next[K, V2](b, p)})
		return nil
	}
	return withValues[K, V2](s, n)
}

// MapRecords replaces each record. [Record.With] makes one that inherits timestamp and headers. What is grouped or joined by key
// after it has to go through [Stream.GroupBy] or [Stream.Repartition], for the key may be another.
func (s Stream[K, V]) MapRecords[K2, V2 any](f func(*Record[K, V]) Record[K2, V2]) Stream[K2, V2] {
	n := s.add("map-records")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.MapRecords[K, V, K2, V2]{Node: b.node(p), Map: f, Next: next[K2, V2](b, p)})
		return nil
	}
	return withBoth[K2, V2](s, n)
}

// FlatMapRecords replaces each record by any number of others; see [Stream.MapRecords].
func (s Stream[K, V]) FlatMapRecords[K2, V2 any](f func(*Record[K, V]) []Record[K2, V2]) Stream[K2, V2] {
	n := s.add("flat-map-records")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.FlatMapRecords[K, V, K2, V2]{Node: b.node(p), Map: f, Next: next[K2, V2](b, p)})
		return nil
	}
	return withBoth[K2, V2](s, n)
}

// SelectKey gives each record the key that f computes from its value. What is grouped or joined by it after that has to go through
// [Stream.Repartition]; [Stream.GroupBy] does both in one.
func (s Stream[K, V]) SelectKey[K2 any](f func(V) K2) Stream[K2, V] {
	n := s.add("select-key")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.SelectKey[K, V, K2]{Node: b.node(p), Key: f, Next: next[K2, V](b, p)})
		return nil
	}
	return withKeys[K2](s, n)
}

// TrySelectKey is [Stream.SelectKey] with a function that can fail: its errors go to the error policy.
func (s Stream[K, V]) TrySelectKey[K2 any](f func(context.Context, V) (K2, error)) Stream[K2, V] {
	n := s.add("select-key")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TrySelectKey[K, V, K2]{Node: b.node(p), Key: ops.OfValue[K](f), Next: next[K2, V](b, p)})
		return nil
	}
	return withKeys[K2](s, n)
}

// withValues returns the handle of a node that makes new values.
func withValues[K, V2, V any](s Stream[K, V], n *node) Stream[K, V2] {
	n.value = output{}
	return Stream[K, V2]{n: n, key: s.key, value: derived[V2](n.t, s.value, false)}
}

// withKeys returns the handle of a node that makes new keys.
func withKeys[K2, K, V any](s Stream[K, V], n *node) Stream[K2, V] {
	n.key, n.rekeyed = output{}, n
	return Stream[K2, V]{n: n, key: derived[K2](n.t, s.key, true), value: s.value}
}

// withBoth returns the handle of a node that makes new keys and values.
func withBoth[K2, V2, K, V any](s Stream[K, V], n *node) Stream[K2, V2] {
	return withValues[K2, V2](withKeys[K2](s, n), n)
}
