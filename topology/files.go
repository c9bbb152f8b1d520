package topology

import (
	"context"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/sessions"
)

// forFiles are the forms of the language for topologies that are read from files: their calls have
// positions in the file, and their expressions may fail anywhere. Errors go to the error policy;
// the context ends when the record's transaction can no longer commit. In a plan the forms look
// like their originals.
//
// It is not exported, and neither can be the key to it: go doc shows none of this.
type forFiles struct{ t *Topology }

// ForFiles is for the packages of kolk that read topologies from files. No other can call it, for
// its argument lies in an internal package.
func (t *Topology) ForFiles(door.Key) forFiles { return forFiles{t.made()} }

// At sets the position that later calls are reported with; "" goes back to the file and line of the
// caller.
func (f forFiles) At(pos string) { f.t.pos = pos }

// FilterRecords is [Stream.FilterRecords].
func (forFiles) FilterRecords[K, V any](s Stream[K, V], keep func(context.Context, *Record[K, V]) (bool, error)) Stream[K, V] {
	n := s.add("filter")
	n.reads.key = true
	n.need("the predicate", keep == nil)
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return &ops.TryFilterRecords[K, V]{Node: at.node(), Keep: keep, Next: next}, nil
	})
}

// MapValuesRecords is [Stream.MapValuesRecords].
func (forFiles) MapValuesRecords[K, V, V2 any](s Stream[K, V], f func(context.Context, *Record[K, V]) (V2, error)) Stream[K, V2] {
	n := s.add("map-values")
	n.reads.key = true
	n.need("the function", f == nil)
	return withValues(s, n, func(at site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		return &ops.TryMapValues[K, V, V2]{Node: at.node(), Map: f, Next: next}, nil
	})
}

// SetHeaders is [Stream.SetHeaders].
func (forFiles) SetHeaders[K, V any](s Stream[K, V], f func(context.Context, *Record[K, V]) ([]Header, error)) Stream[K, V] {
	return setHeaders(s, f)
}

// ToOneOf is [Stream.ToOneOf].
func (forFiles) ToOneOf[K, V any](s Stream[K, V], name string, topics []string, choose func(context.Context, *Record[K, V]) (string, error)) {
	toOneOf(s, name, topics, choose)
}

// WithPartitioner is [Stream.WithPartitioner].
func (forFiles) WithPartitioner[K, V any](s Stream[K, V], f func(ctx context.Context, r *Record[K, V], partitions int32) (int32, error)) Stream[K, V] {
	return s.partitioned(f)
}

// Map gives each record the key and value that f computes from all of it; timestamp and headers
// stay. As with [Stream.SelectKey], tombstones are dropped and counted. In a plan it looks like
// [Stream.MapRecords].
func (forFiles) Map[K, V, K2, V2 any](s Stream[K, V], f func(context.Context, *Record[K, V]) (K2, V2, error)) Stream[K2, V2] {
	n := s.add("map-records")
	n.reads.key = true
	n.need("the function", f == nil)
	return withBoth(s, n, func(at site, next ops.Receiver[K2, V2]) (ops.Receiver[K, V], error) {
		return &ops.TryMap[K, V, K2, V2]{Node: at.node(), Map: f, Next: next}, nil
	})
}

// SelectKeyRecords is [Stream.TrySelectKey] with a function that sees the whole record.
func (forFiles) SelectKeyRecords[K, V, K2 any](s Stream[K, V], f func(context.Context, *Record[K, V]) (K2, error)) Stream[K2, V] {
	n := s.add("select-key")
	n.reads.key = true
	n.need("the function", f == nil)
	return withKeys(s, n, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.TrySelectKey[K, V, K2]{Node: at.node(), Key: f, Next: next}, nil
	})
}

// Deduplicate is [Stream.Deduplicate] with a function that sees the whole record, tombstones left
// out, and can fail.
func (forFiles) Deduplicate[K, V, ID any](s Stream[K, V], name string, id func(context.Context, *Record[K, V]) (ID, error), within time.Duration, opts ...KeyOption[ID]) Stream[K, V] {
	return deduplicate(s, name, within, identity[K, V, ID]{isNil: id == nil, usesKey: true, of: id}, opts)
}

// GroupByRecords is [Stream.GroupByRecords].
func (forFiles) GroupByRecords[K, V, K2 any](s Stream[K, V], name string, f func(context.Context, *Record[K, V]) (K2, error), opts ...KeyOption[K2]) Grouped[K2, V] {
	n := s.groupBy(name, f == nil)
	n.reads.key = true
	return grouped(s, n, opts, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.TrySelectKey[K, V, K2]{Node: at.node(), Key: f, Next: next}, nil
	})
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
	if operator.Mutable[V]() {
		a.wantValue = s.value // it makes its own copies, from bytes where there are some
	}
	a.step = func(at site) ops.Step[K, V, V] {
		v, raw := copying(at, s.value)
		return ops.TryReduceStep[K](at.b.task, f, v, raw)
	}
	if f != nil {
		a.merge = func(at site) sessions.Merge[V] {
			return func(x, y V) (V, error) { return f(at.b.task.Context(), x, y) }
		}
	}
	return a
}

// Merge is [Aggregator.Merge] with a function that can fail.
func (forFiles) Merge[In, A any](a Aggregator[In, A], f func(context.Context, A, A) (A, error)) Aggregator[In, A] {
	a.tryMerge = f
	return a
}

// StreamWindows is [WindowedTable.StreamRecords].
func (forFiles) StreamWindows[K, V, K2, V2 any](t WindowedTable[K, V], f func(context.Context, Window, K, V) (K2, V2, error)) Stream[K2, V2] {
	return streamRecords(t, f == nil, func(task flow.Task) func(Window, K, V) (K2, V2, error) {
		return func(w Window, k K, v V) (K2, V2, error) { return f(task.Context(), w, k, v) }
	})
}

// JoinGlobal is [Stream.JoinGlobal] with a key that can fail to be computed.
func (forFiles) JoinGlobal[K, V, GK, GV, R any](s Stream[K, V], name string, with GlobalTable[GK, GV], key func(context.Context, V) (GK, error), j Joiner[V, GV, R]) Stream[K, R] {
	return joinGlobal(s, name, with, key, j)
}

// JoinForeign is [Table.JoinForeignRows] with a key that can fail to be computed.
func (forFiles) JoinForeign[K, V, K2, V2, O any](t Table[K, V], name string, with Table[K2, V2], key func(context.Context, K, V) (Opt[K2], error), j Joiner[V, V2, O], opts ...ValueOption[O]) Table[K, O] {
	return joinForeign(t, name, with, foreignKey[K, V, K2]{isNil: key == nil, usesKey: true, of: key}, j, opts)
}

// Branch is [Splitter.Branch]. One such branch makes the whole split one that can fail.
func (forFiles) Branch[K, V any](s *Splitter[K, V], name string, when func(context.Context, V) (bool, error)) Stream[K, V] {
	return s.branch(name, when == nil, way[K, V]{try: when})
}

// ReduceRows is [GroupedTable.Reduce] with functions that can fail: their errors go to the error
// policy.
func (forFiles) ReduceRows[K, V any](g GroupedTable[K, V], store string, add, subtract func(context.Context, V, V) (V, error), opts ...ValueOption[V]) Table[K, V] {
	return reduceRows(g, store, add, subtract, opts)
}
