package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// forFiles are the forms of the language for topologies that are read from files: their calls have
// positions in the file, and their expressions may fail anywhere. Errors go to the error policy; the
// context ends when the record's transaction can no longer commit. In a plan the forms look like
// their originals.
//
// It is not exported, and neither can be the key to it: go doc shows none of this.
type forFiles struct{ t *Topology }

// ForFiles is for the packages of kolk that read topologies from files. No other can call it, for its
// argument lies in an internal package.
func (t *Topology) ForFiles(door.Key) forFiles { return forFiles{t} }

// At sets the position that later calls are reported with; "" goes back to the file and line of the
// caller.
func (f forFiles) At(pos string) { f.t.pos = pos }

// FilterRecords is [Stream.FilterRecords].
func (forFiles) FilterRecords[K, V any](s Stream[K, V], keep func(context.Context, *Record[K, V]) (bool, error)) Stream[K, V] {
	n := s.add("filter")
	n.usesKey = true
	n.t.needFunc(n, "the predicate", keep)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryFilterRecords[K, V]{Node: b.node(p), Keep: keep, Next: next[K, V](b, p)})
		return nil
	}
	return s.then(n)
}

// MapValuesRecords is [Stream.MapValuesRecords].
func (forFiles) MapValuesRecords[K, V, V2 any](s Stream[K, V], f func(context.Context, *Record[K, V]) (V2, error)) Stream[K, V2] {
	n := s.add("map-values")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryMapValues[K, V, V2]{Node: b.node(p), Map: f, Next: next[K, V2](b, p)})
		return nil
	}
	return withValues[K, V2](s, n)
}

// Map gives each record the key and value that f computes from all of it; timestamp and headers stay.
// As with [Stream.SelectKey], tombstones are dropped and counted. In a plan it looks like
// [Stream.MapRecords].
func (forFiles) Map[K, V, K2, V2 any](s Stream[K, V], f func(context.Context, *Record[K, V]) (K2, V2, error)) Stream[K2, V2] {
	n := s.add("map-records")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TryMap[K, V, K2, V2]{Node: b.node(p), Map: f, Next: next[K2, V2](b, p)})
		return nil
	}
	return withBoth[K2, V2](s, n)
}

// SelectKeyRecords is [Stream.TrySelectKey] with a function that sees the whole record.
func (forFiles) SelectKeyRecords[K, V, K2 any](s Stream[K, V], f func(context.Context, *Record[K, V]) (K2, error)) Stream[K2, V] {
	n := s.add("select-key")
	n.usesKey = true
	n.t.needFunc(n, "the function", f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TrySelectKey[K, V, K2]{Node: b.node(p), Key: f, Next: next[K2, V](b, p)})
		return nil
	}
	return withKeys[K2](s, n)
}

// GroupByRecords is [Stream.GroupByRecords].
func (forFiles) GroupByRecords[K, V, K2 any](s Stream[K, V], name string, f func(context.Context, *Record[K, V]) (K2, error), opts ...KeyOption[K2]) Grouped[K2, V] {
	n := s.groupBy(name, f)
	n.usesKey = true
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.TrySelectKey[K, V, K2]{Node: b.node(p), Key: f, Next: next[K2, V](b, p)})
		return nil
	}
	return grouped(s, n, opts)
}

// Reduce is [Grouped.Reduce].
func (forFiles) Reduce[K, V any](g Grouped[K, V], store string, f func(context.Context, V, V) (V, error), opts ...ValueOption[V]) Table[K, V] {
	return aggregate(g.s, tryReduction(g.s, store, f, opts))
}

// ReduceWindows is [WindowedGroup.Reduce].
func (forFiles) ReduceWindows[K, V any](g WindowedGroup[K, V], store string, f func(context.Context, V, V) (V, error), opts ...ValueOption[V]) WindowedTable[K, V] {
	return windowed(g, tryReduction(g.s, store, f, opts))
}

// tryReduction is the aggregation of Reduce and ReduceWindows.
func tryReduction[K, V any](s Stream[K, V], store string, f func(context.Context, V, V) (V, error), opts []ValueOption[V]) aggregation[K, V, V] {
	a := aggregation[K, V, V]{kind: "reduce", store: store, wrong: missing(f == nil), usesValue: true, value: s.value, opts: opts}
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

// StreamWindows is [WindowedTable.StreamRecords].
func (forFiles) StreamWindows[K, V, K2, V2 any](t WindowedTable[K, V], f func(context.Context, Window, K, V) (K2, V2, error)) Stream[K2, V2] {
	n := t.stream(f)
	n.usesValue, n.value = true, output{}
	n.build = func(b *builder, p *planNode) error {
		task := b.task
		b.set(p, &ops.StreamWindowRecords[K, V, K2, V2]{
			Node: b.node(p), Next: next[K2, V2](b, p),
			Map: func(w Window, k K, v V) (K2, V2, error) { return f(task.Context(), w, k, v) },
		})
		return nil
	}
	return Stream[K2, V2]{n: n, key: derived[K2](n.t, t.key, true), value: derived[V2](n.t, t.value, false)}
}

// JoinGlobal is [Stream.JoinGlobal] with a key that can fail to be computed.
func (forFiles) JoinGlobal[K, V, GK, GV, R any](s Stream[K, V], name string, with GlobalTable[GK, GV], key func(context.Context, V) (GK, error), j Joiner[V, GV, R]) Stream[K, R] {
	return joinGlobal(s, name, with, key, j)
}

// Branch is [Splitter.Branch]. One such branch makes the whole split one that can fail.
func (forFiles) Branch[K, V any](s *Splitter[K, V], name string, when func(context.Context, V) (bool, error)) Stream[K, V] {
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
