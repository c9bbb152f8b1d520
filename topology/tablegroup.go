package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/tables"
)

// GroupedTable is a table whose rows are in groups, ready to be aggregated: an update of a row
// takes the old value out of the aggregate of its group, and puts the new one in. It is made by
// [Table.GroupBy].
type GroupedTable[K, V any] struct {
	s     Stream[K, []byte] // of changes
	value *serdeRef[V]
}

// GroupBy groups the rows by the key that f computes from each value. Old and new values go through
// a repartition topic, which is named by name. f has to give the same key for the same value,
// always: a row is taken out of the group that f computes from its old value. Whatever f returns is
// a key; rows that are in no group are left out with [Table.Filter] before, or with
// [Table.GroupByRows].
//
// A row that moves from one group to another is an update of both, which come one after the other.
// What is in the groups in the end is a function of the input. Where the table forwards at the
// commit ([Table.Updates]), a row that was in a group between two commits only leaves no trace
// there, neither its timestamp nor an accumulator of a group that is empty again.
func (t Table[K, V]) GroupBy[K2 any](name string, f func(V) K2, opts ...KeyOption[K2]) GroupedTable[K2, V] {
	return groupRows(t.relation(), name, false, f == nil, func(_ context.Context, _ K, v V) (Opt[K2], error) { return Some(f(v)), nil }, opts)
}

// GroupByRows is [Table.GroupBy] with a function that sees the key too. A row for which it returns
// [None] is in no group.
func (t Table[K, V]) GroupByRows[K2 any](name string, f func(K, V) Opt[K2], opts ...KeyOption[K2]) GroupedTable[K2, V] {
	return groupRows(t.relation(), name, true, f == nil, func(_ context.Context, k K, v V) (Opt[K2], error) { return f(k, v), nil }, opts)
}

// TryGroupByRows is [Table.GroupByRows] with a function that can fail: its errors go to the error
// policy, and a row on which it fails is in no group.
func (t Table[K, V]) TryGroupByRows[K2 any](name string, f func(context.Context, K, V) (Opt[K2], error), opts ...KeyOption[K2]) GroupedTable[K2, V] {
	return groupRows(t.relation(), name, true, f == nil, f, opts)
}

// groupRows adds the node that computes the keys of groups, and the repartition topic behind it.
func groupRows[K, V, K2 any](t relation[K, V], name string, keyed, missing bool, f tables.RowFunc[K, V, K2], opts []KeyOption[K2]) GroupedTable[K2, V] {
	tp := t.n.t
	at := tp.caller()
	tp.claim("group-by", name, at)
	n := tp.add("group-by", name, at, t.n)
	n.reads.key, n.reads.value, n.reads.wantValue = keyed, true, t.value
	n.need("the function of the key", missing)
	key := newKeys(n, derived[K2](tp, t.key, true), opts)
	value := given[[]byte](tp, tables.Bytes{Of: func() string { return nameOf(t.value) }}, false)
	n.key, n.value, n.rekeyed = output{serde: key}, output{serde: value}, n
	out := new(port[K2, []byte])
	n.build = func(at site) error {
		k := key.get()
		t.out.handChanges(at.b, &tables.Regroup[K, V, K2]{
			Node: at.node(), Group: f, Before: operator.NewEncoder("key", k, false), After: operator.NewEncoder("key", k, false),
			Changes: tables.Changes[V]{Of: t.value.get()}, Next: out.next(at.b),
		})
		return nil
	}
	s := Stream[K2, []byte]{n: n, out: out, key: key, value: value}
	return GroupedTable[K2, V]{s: repartition(s, "repartition", name, at, nil), value: t.value}
}

// Count counts the rows of each group. A group that has no rows any more is deleted; with
// [KafkaStreamsTime] it has the count 0.
func (g GroupedTable[K, V]) Count(store string) Table[K, int64] {
	zero := g.s.node().t.config.clocks
	return aggregate(g.s, ofChanges(g, "count", store, nil, nil, tables.Fold[V, int64]{
		Add: func(_ context.Context, n Opt[int64], _ V) (Opt[int64], error) { return Some(n.Value + 1), nil },
		Subtract: func(_ context.Context, n int64, _ V) (Opt[int64], error) {
			return Opt[int64]{Value: n - 1, OK: n > 1 || zero}, nil
		},
	}))
}

// Reduce combines the values of the rows of each group with add, the first one being the start, and
// takes old values out again with subtract. Functions may change their first argument in place and
// return it, but keep neither elsewhere.
func (g GroupedTable[K, V]) Reduce(store string, add, subtract func(V, V) V, opts ...ValueOption[V]) Table[K, V] {
	if add == nil || subtract == nil {
		return reduceRows(g, store, nil, nil, opts)
	}
	return reduceRows(g, store,
		func(_ context.Context, a, v V) (V, error) { return add(a, v), nil },
		func(_ context.Context, a, v V) (V, error) { return subtract(a, v), nil }, opts)
}

// reduceRows adds a reduction of a grouped table.
func reduceRows[K, V any](g GroupedTable[K, V], store string, add, subtract func(context.Context, V, V) (V, error), opts []ValueOption[V]) Table[K, V] {
	var wrong []string
	if add == nil {
		wrong = []string{"the function that adds or the one that subtracts is nil: give both"}
	}
	a := ofChanges(g, "reduce", store, wrong, opts, tables.Fold[V, V]{
		Add: func(ctx context.Context, a Opt[V], v V) (after Opt[V], err error) {
			if !a.OK {
				return Some(v), nil
			}
			v, err = add(ctx, a.Value, v)
			return Some(v), err
		},
		Subtract: func(ctx context.Context, a V, v V) (Opt[V], error) {
			v, err := subtract(ctx, a, v)
			return Some(v), err
		},
	})
	a.value = g.value
	return aggregate(g.s, a)
}

// AggregateWith folds the values of the rows of each group into an accumulator. The aggregator has
// to have a function for [Aggregator.Subtract], or a form of it: of an update the old value is
// subtracted, if the group has an accumulator, and then the new one added.
func (g GroupedTable[K, V]) AggregateWith[A any](store string, a Aggregator[V, A], opts ...ValueOption[A]) Table[K, A] {
	wrong := a.mistakes()
	switch {
	case a.byBytes != nil:
		wrong = append(wrong[:len(wrong):len(wrong)], "a Top has forgotten what comes next when a row changes and its old value is taken out: keep the values of all rows of a group with Fold and Subtract, and cut them to the first ones with MapRows behind it")
	case a.form != noFold && a.subtract == nil:
		wrong = append(wrong[:len(wrong):len(wrong)], "the aggregator cannot take a value out again, and the rows of a table change: say how with Subtract, SubtractOpt or TrySubtract")
	}
	return aggregate(g.s, ofChanges(g, "aggregate", store, wrong, opts, tables.Fold[V, A]{Add: a.adds(), Subtract: a.subtract}))
}

// ofChanges returns the aggregation of a grouped table.
func ofChanges[K, V, A any](g GroupedTable[K, V], kind, store string, wrong []string, opts []ValueOption[A], f tables.Fold[V, A]) aggregation[K, []byte, A] {
	return aggregation[K, []byte, A]{
		kind: kind, store: store, wrong: wrong, wantValue: g.s.value, opts: opts,
		step: func(at site) ops.Step[K, []byte, A] {
			return tables.FoldStep[K](at.b.task, tables.Changes[V]{Of: g.value.get()}, f)
		},
	}
}
