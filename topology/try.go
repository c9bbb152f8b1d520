package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// The twins of methods whose functions can fail, other than those beside their originals: for programs that are read from files,
// whose expressions may fail anywhere. Errors go to the error policy. The context ends when the record's transaction can no
// longer commit. In a plan they look like their originals.

// TryFilterRecords is [Stream.FilterRecords] with a function that can fail.
func (s Stream[K, V]) TryFilterRecords(keep func(context.Context, *Record[K, V]) (bool, error)) Stream[K, V] {
	n := s.add("filter")
	n.usesKey = true
	n.t.needFunc(n, "the predicate", keep)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryFilterRecords[K, V]{Node: b.node(p), Keep: keep, Next: next[K, V](b, p)})
		return nil
	}
	return s.then(n)
}

// TryMapValuesRecords is [Stream.TryMapValues] with a function that sees the whole record; it does not see tombstones, which pass.
func (s Stream[K, V]) TryMapValuesRecords[V2 any](f func(context.Context, *Record[K, V]) (V2, error)) Stream[K, V2] {
	n := s.add("map-values")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryMapValues[K, V, V2]{Node: b.node(p), Map: f, Next: next[K, V2](b, p)})
		return nil
	}
	return withValues[K, V2](s, n)
}

// TryMap gives each record the key and value that f computes from all of it; timestamp and headers stay. As with
// [Stream.SelectKey], tombstones are dropped and counted. In a plan it looks like [Stream.MapRecords].
func (s Stream[K, V]) TryMap[K2, V2 any](f func(context.Context, *Record[K, V]) (K2, V2, error)) Stream[K2, V2] {
	n := s.add("map-records")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryMap[K, V, K2, V2]{Node: b.node(p), Map: f, Next: next[K2, V2](b, p)})
		return nil
	}
	return withBoth[K2, V2](s, n)
}

// TrySelectKey is [Stream.SelectKey] with a function that can fail.
func (s Stream[K, V]) TrySelectKey[K2 any](f func(context.Context, V) (K2, error)) Stream[K2, V] {
	n := s.add("select-key")
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TrySelectKey[K, V, K2]{Node: b.node(p), Key: ops.OfValue[K](f), Next: next[K2, V](b, p)})
		return nil
	}
	return withKeys[K2](s, n)
}

// TrySelectKeyRecords is [Stream.TrySelectKey] with a function that sees the whole record.
func (s Stream[K, V]) TrySelectKeyRecords[K2 any](f func(context.Context, *Record[K, V]) (K2, error)) Stream[K2, V] {
	n := s.add("select-key")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TrySelectKey[K, V, K2]{Node: b.node(p), Key: f, Next: next[K2, V](b, p)})
		return nil
	}
	return withKeys[K2](s, n)
}

// TryGroupByRecords is [Stream.GroupByRecords] with a function that can fail.
func (s Stream[K, V]) TryGroupByRecords[K2 any](name string, f func(context.Context, *Record[K, V]) (K2, error), opts ...KeyOption[K2]) Grouped[K2, V] {
	n := s.groupBy(name, f)
	n.usesKey = true
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TrySelectKey[K, V, K2]{Node: b.node(p), Key: f, Next: next[K2, V](b, p)})
		return nil
	}
	return grouped(s, n, opts)
}

// TryReduce is [Grouped.Reduce] with a function that can fail.
func (g Grouped[K, V]) TryReduce(store string, f func(context.Context, V, V) (V, error), opts ...ValueOption[V]) Table[K, V] {
	return aggregate(g.s, tryReduction(g.s, store, f, opts))
}

// TryReduce is [WindowedGroup.Reduce] with a function that can fail.
func (g WindowedGroup[K, V]) TryReduce(store string, f func(context.Context, V, V) (V, error), opts ...ValueOption[V]) WindowedTable[K, V] {
	return windowed(g, tryReduction(g.s, store, f, opts))
}

// tryReduction is the aggregation of TryReduce.
func tryReduction[K, V any](s Stream[K, V], store string, f func(context.Context, V, V) (V, error), opts []ValueOption[V]) aggregation[K, V, V] {
	a := aggregation[K, V, V]{kind: "reduce", store: store, funcs: []any{f}, usesValue: true, value: s.value, opts: opts}
	if ops.Mutable[V]() {
		a.wantValue = s.value // it makes its own copies, from bytes where there are some
	}
	from := s.value
	a.step = func(b *builder, p *planNode) (ops.Step[K, V, V], error) {
		v, err := from.resolve()
		if err != nil {
			return nil, err
		}
		return ops.TryReduceStep[K](b.task, f, v, p.rawValue == v.Name()), nil
	}
	return a
}

// TryAggregateRecords is [Grouped.AggregateRecords] with a function that can fail. When it fails it must have left the accumulator
// as it was.
func (g Grouped[K, V]) TryAggregateRecords[A any](store string, add func(context.Context, A, *Record[K, V]) (A, error), opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, tryAggregation[K, V, A](store, add, opts))
}

// TryAggregateRecords is [WindowedGroup.AggregateRecords] with a function that can fail; see [WindowedGroup.TryAggregate].
func (g WindowedGroup[K, V]) TryAggregateRecords[A any](store string, add func(context.Context, A, *Record[K, V]) (A, error), opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, tryAggregation[K, V, A](store, add, opts))
}

// tryAggregation is the aggregation of TryAggregateRecords.
func tryAggregation[K, V, A any](store string, add func(context.Context, A, *Record[K, V]) (A, error), opts []ValueOption[A]) aggregation[K, V, A] {
	return aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesKey: true, usesValue: true, opts: opts,
		step: func(b *builder, _ *planNode) (ops.Step[K, V, A], error) {
			return ops.TryAggregateRecordsStep(b.task, add), nil
		},
	}
}

// TryBranch is [Splitter.Branch] with a predicate that can fail. One such branch makes the whole split one that can.
func (s *Splitter[K, V]) TryBranch(name string, when func(context.Context, V) (bool, error)) Stream[K, V] {
	out := s.Branch(name, func(V) bool { return false })
	s.s.n.t.needFunc(out.n, "the predicate", when)
	s.branches[len(s.branches)-1].try = when
	return out
}

// tries reports whether a branch has a predicate that can fail.
func (s *Splitter[K, V]) tries() bool {
	for _, b := range s.branches {
		if b.try != nil {
			return true
		}
	}
	return false
}

// trying is the branch's predicate as one that can fail.
func (b *branch[V]) trying() func(context.Context, V) (bool, error) {
	if b.try != nil {
		return b.try
	}
	return func(_ context.Context, v V) (bool, error) { return b.when(v), nil }
}
