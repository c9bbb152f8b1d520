package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/tables"
)

// Tables that are made of another one's rows, one by one. They have no store: their rows are
// computed when they are looked up, and their updates come when the other table's do.

// relation is a table, with windows or without, to those that are made of its rows.
type relation[K, V any] struct {
	n     *node
	out   *port[K, V]
	key   *serdeRef[K]
	value *serdeRef[V]
	rows  rows[V]
}

// relation is the table as those see it that are made of its rows.
func (t Table[K, V]) relation() relation[K, V] {
	t.node()
	return relation[K, V](t)
}

// Filter returns the table of the rows whose values keep accepts. A row that is accepted no longer
// is deleted; one that has not been there before either makes no update.
//
// The table has no store of its own. It forwards when the table that it is made of does, and where
// it is joined keep is called for each look-up: it has to give the same answer for the same value,
// always. (`t.Filter(keep).ToStream().ToTable(store)` has a store, and is looked up there.)
func (t Table[K, V]) Filter(keep func(V) bool) Table[K, V] {
	return Table[K, V](filterRows(t.relation(), "filter", false, keep == nil, func(_ context.Context, _ K, v V) (bool, error) { return keep(v), nil }))
}

// FilterNot returns the table of the rows whose values drop does not accept; see [Table.Filter].
func (t Table[K, V]) FilterNot(drop func(V) bool) Table[K, V] {
	return Table[K, V](filterRows(t.relation(), "filter-not", false, drop == nil, func(_ context.Context, _ K, v V) (bool, error) { return !drop(v), nil }))
}

// FilterRows is [Table.Filter] with a function that sees the key too.
func (t Table[K, V]) FilterRows(keep func(K, V) bool) Table[K, V] {
	return Table[K, V](filterRows(t.relation(), "filter", true, keep == nil, func(_ context.Context, k K, v V) (bool, error) { return keep(k, v), nil }))
}

// TryFilterRows is [Table.FilterRows] with a function that can fail: its errors go to the error
// policy, and a row on which it fails is not in the table.
func (t Table[K, V]) TryFilterRows(keep func(context.Context, K, V) (bool, error)) Table[K, V] {
	return Table[K, V](filterRows(t.relation(), "filter", true, keep == nil, keep))
}

// MapValues returns the table whose rows have the values that f makes of this one's.
//
// The table has no store of its own. It forwards when the table that it is made of does, and where
// it is joined f is called for each look-up: it has to give the same value for the same value,
// always. (`t.MapValues(f).ToStream().ToTable(store)` has a store, and is looked up there.)
func (t Table[K, V]) MapValues[V2 any](f func(V) V2) Table[K, V2] {
	return Table[K, V2](mapRows(t.relation(), false, f == nil, func(_ context.Context, _ K, v V) (Opt[V2], error) { return Some(f(v)), nil }))
}

// MapRows is [Table.MapValues] with a function that sees the key too, and may leave rows out by
// returning [None].
func (t Table[K, V]) MapRows[V2 any](f func(K, V) Opt[V2]) Table[K, V2] {
	return Table[K, V2](mapRows(t.relation(), true, f == nil, func(_ context.Context, k K, v V) (Opt[V2], error) { return f(k, v), nil }))
}

// TryMapRows is [Table.MapRows] with a function that can fail: its errors go to the error policy,
// and a row on which it fails is not in the table.
func (t Table[K, V]) TryMapRows[V2 any](f func(context.Context, K, V) (Opt[V2], error)) Table[K, V2] {
	return Table[K, V2](mapRows(t.relation(), true, f == nil, f))
}

// filterRows adds a filter of a table.
func filterRows[K, V any](t relation[K, V], kind string, keyed, missing bool, keep func(context.Context, K, V) (bool, error)) relation[K, V] {
	n := t.derive(kind, keyed)
	n.need("the predicate", missing)
	return derivedTable(t, n, t.value, true, func(ctx context.Context, k K, v V) (Opt[V], error) {
		ok, err := keep(ctx, k, v)
		if !ok || err != nil {
			return Opt[V]{}, err
		}
		return Some(v), nil
	})
}

// mapRows adds a map of a table.
func mapRows[K, V, V2 any](t relation[K, V], keyed, missing bool, f tables.RowFunc[K, V, V2]) relation[K, V2] {
	n := t.derive("map-values", keyed)
	n.need("the function", missing)
	n.value = output{}
	return derivedTable(t, n, derived[V2](n.t, t.value, false), false, f)
}

// derive adds a node whose rows are made of those of t.
func (t relation[K, V]) derive(kind string, keyed bool) *node {
	n := t.n.t.add(kind, "", t.n.t.caller(), t.n)
	n.reads.key, n.reads.value = keyed, true
	return n
}

// derivedTable returns the output of a node whose rows are made of those of t. filter says that
// values stay as they are.
func derivedTable[K, V, V2 any](t relation[K, V], n *node, value *serdeRef[V2], filter bool, make tables.RowFunc[K, V, V2]) relation[K, V2] {
	out := new(port[K, V2])
	n.build = func(at site) error {
		switch {
		case !out.read(at.b): // it is looked up only
		case filter || out.asked(at.b):
			t.out.handChanges(at.b, &tables.Derive[K, V, V2]{Node: at.node(), Make: make, Filter: filter, Next: out.changes(at.b)})
		default:
			t.out.hand(at.b, &tables.DeriveUpdates[K, V, V2]{Node: at.node(), Make: make, Next: out.next(at.b)})
		}
		return nil
	}
	rows := rows[V2]{stores: t.rows.stores, lookup: func(b *builder) operator.Lookup[V2] {
		d := &tables.Derived[K, V, V2]{Node: b.site(n).node(), Of: t.rows.lookup(b), Make: make}
		if n.reads.key {
			d.Key = t.key.get()
		}
		return d
	}}
	return relation[K, V2]{n: n, out: out, key: t.key, value: value, rows: rows}
}
