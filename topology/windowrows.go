package topology

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Tables that are made of the rows of a windowed table, one by one, are what they are for other
// tables: their keys are a key and a window.

// Filter returns the windowed table of the rows whose values keep accepts. A row that is accepted
// no longer is deleted; one that has not been there before either makes no update. The table has no
// store of its own, and forwards when the table that it is made of does.
func (t WindowedTable[K, V]) Filter(keep func(V) bool) WindowedTable[K, V] {
	return windowRows(t, filterRows(t.relation(), "filter", false, keep == nil, func(_ context.Context, _ windows.Windowed[K], v V) (bool, error) { return keep(v), nil }))
}

// FilterNot returns the windowed table of the rows whose values drop does not accept; see
// [WindowedTable.Filter].
func (t WindowedTable[K, V]) FilterNot(drop func(V) bool) WindowedTable[K, V] {
	return windowRows(t, filterRows(t.relation(), "filter-not", false, drop == nil, func(_ context.Context, _ windows.Windowed[K], v V) (bool, error) { return !drop(v), nil }))
}

// FilterRows is [WindowedTable.Filter] with a function that sees window and key too.
func (t WindowedTable[K, V]) FilterRows(keep func(Window, K, V) bool) WindowedTable[K, V] {
	return windowRows(t, filterRows(t.relation(), "filter", true, keep == nil, func(_ context.Context, k windows.Windowed[K], v V) (bool, error) {
		return keep(k.Window, k.Key, v), nil
	}))
}

// TryFilterRows is [WindowedTable.FilterRows] with a function that can fail: its errors go to the
// error policy, and a row on which it fails is not in the table.
func (t WindowedTable[K, V]) TryFilterRows(keep func(context.Context, Window, K, V) (bool, error)) WindowedTable[K, V] {
	return windowRows(t, filterRows(t.relation(), "filter", true, keep == nil, func(ctx context.Context, k windows.Windowed[K], v V) (bool, error) {
		return keep(ctx, k.Window, k.Key, v)
	}))
}

// MapValues returns the windowed table whose rows have the values that f makes of this one's. The
// table has no store of its own, and forwards when the table that it is made of does.
func (t WindowedTable[K, V]) MapValues[V2 any](f func(V) V2) WindowedTable[K, V2] {
	return windowRows(t, mapRows(t.relation(), false, f == nil, func(_ context.Context, _ windows.Windowed[K], v V) (Opt[V2], error) { return Some(f(v)), nil }))
}

// MapRows is [WindowedTable.MapValues] with a function that sees window and key too, and may leave
// rows out by returning [None].
func (t WindowedTable[K, V]) MapRows[V2 any](f func(Window, K, V) Opt[V2]) WindowedTable[K, V2] {
	return windowRows(t, mapRows(t.relation(), true, f == nil, func(_ context.Context, k windows.Windowed[K], v V) (Opt[V2], error) {
		return f(k.Window, k.Key, v), nil
	}))
}

// TryMapRows is [WindowedTable.MapRows] with a function that can fail: its errors go to the error
// policy, and a row on which it fails is not in the table.
func (t WindowedTable[K, V]) TryMapRows[V2 any](f func(context.Context, Window, K, V) (Opt[V2], error)) WindowedTable[K, V2] {
	return windowRows(t, mapRows(t.relation(), true, f == nil, func(ctx context.Context, k windows.Windowed[K], v V) (Opt[V2], error) {
		return f(ctx, k.Window, k.Key, v)
	}))
}

// GroupBy groups the rows by the key that f computes from each value; see [Table.GroupBy]. What is
// in the groups stays there when windows close.
func (t WindowedTable[K, V]) GroupBy[K2 any](name string, f func(V) K2, opts ...KeyOption[K2]) GroupedTable[K2, V] {
	return groupRows(t.relation(), name, false, f == nil, func(_ context.Context, _ windows.Windowed[K], v V) (Opt[K2], error) { return Some(f(v)), nil }, opts)
}

// GroupByRows is [WindowedTable.GroupBy] with a function that sees window and key too. A row for
// which it returns [None] is in no group.
func (t WindowedTable[K, V]) GroupByRows[K2 any](name string, f func(Window, K, V) Opt[K2], opts ...KeyOption[K2]) GroupedTable[K2, V] {
	return groupRows(t.relation(), name, true, f == nil, func(_ context.Context, k windows.Windowed[K], v V) (Opt[K2], error) {
		return f(k.Window, k.Key, v), nil
	}, opts)
}

// TryGroupByRows is [WindowedTable.GroupByRows] with a function that can fail: its errors go to the
// error policy, and a row on which it fails is in no group.
func (t WindowedTable[K, V]) TryGroupByRows[K2 any](name string, f func(context.Context, Window, K, V) (Opt[K2], error), opts ...KeyOption[K2]) GroupedTable[K2, V] {
	return groupRows(t.relation(), name, true, f == nil, func(ctx context.Context, k windows.Windowed[K], v V) (Opt[K2], error) {
		return f(ctx, k.Window, k.Key, v)
	}, opts)
}

// WithValueSerde returns the same windowed table, whose values are written with s from here on:
// where they go through a topic, in [WindowedTable.GroupBy] and behind [WindowedTable.Stream]. Its
// own store, if it has one, stays as it is.
func (t WindowedTable[K, V]) WithValueSerde(value serde.Serde[V]) WindowedTable[K, V] {
	t.value = givenValues(t.node(), value)
	return t
}

// relation is the table as those see it that are made of its rows. Nobody looks its rows up.
func (t WindowedTable[K, V]) relation() relation[windows.Windowed[K], V] {
	t.node()
	return relation[windows.Windowed[K], V]{n: t.n, out: t.out, value: t.value}
}

// windowRows is the inverse, for a table made of rows of t.
func windowRows[K, V, V2 any](t WindowedTable[K, V], made relation[windows.Windowed[K], V2]) WindowedTable[K, V2] {
	return WindowedTable[K, V2]{n: made.n, out: made.out, key: t.key, value: made.value, w: t.w}
}
