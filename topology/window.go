package topology

import (
	"context"
	"math"
	"time"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Windows are windows of event time: [Tumbling] or [Hopping]. Sizes are whole milliseconds.
type Windows struct {
	kind                 string
	size, advance, grace time.Duration
}

// Tumbling returns windows of that size, one after the other from 1970 on.
func Tumbling(size time.Duration) Windows {
	return Windows{kind: "tumbling", size: size, advance: size}
}

// Hopping returns windows of that size, one beginning every advance: a record lies in all that cover its time, which may be 100,000 at
// most.
func Hopping(size, advance time.Duration) Windows {
	return Windows{kind: "hopping", size: size, advance: advance}
}

// Grace returns the windows with that grace: how long after its end a window takes records that come out of order. Without it none.
func (w Windows) Grace(d time.Duration) Windows {
	w.grace = d
	return w
}

// mostWindows is how many windows a record may lie in. Each of them is written for each record.
const mostWindows = 100_000

// check reports what is wrong with the windows.
func (w Windows) check(report func(format string, args ...any)) {
	whole := func(what string, d time.Duration) {
		if d%time.Millisecond != 0 {
			report("the %s of the windows, %s, is not a whole number of milliseconds: round it", what, d)
		}
	}
	switch {
	case w.kind == "":
		report("the windows are the zero value: use Tumbling or Hopping")
		return
	case w.size < time.Millisecond:
		report("the size of the windows, %s, is not positive: give one millisecond or more", w.size)
		return
	case w.advance < time.Millisecond:
		report("the advance of the windows, %s, is not positive: give one millisecond or more", w.advance)
	case w.advance > w.size:
		report("the advance of the windows, %s, is larger than their size %s, so that records would fall between them: make it smaller", w.advance, w.size)
	case w.size/w.advance > mostWindows:
		report("each record lies in %d windows of %s that begin every %s, and %d are the most: make the advance larger", w.size/w.advance, w.size, w.advance, mostWindows)
	}
	switch {
	case w.grace < 0:
		report("the grace of the windows, %s, is negative: give 0 or more", w.grace)
	case w.grace > math.MaxInt64-w.size:
		report("the size and the grace of the windows, %s and %s, are more together than a time.Duration holds, 292 years: make one smaller", w.size, w.grace)
	}
	whole("size", w.size)
	if w.kind == "hopping" {
		whole("advance", w.advance)
	}
	whole("grace", w.grace)
}

// spans returns the windows as operators know them.
func (w Windows) spans() ops.Spans {
	return ops.Spans{Size: w.size.Milliseconds(), Advance: w.advance.Milliseconds(), Grace: w.grace.Milliseconds()}
}

// WindowedGroup is a grouped stream whose aggregations are made for each window. It is made by [Grouped.Window].
type WindowedGroup[K, V any] struct {
	s Stream[K, V]
	w Windows
}

// Window has the aggregations made for each window of event time.
func (g Grouped[K, V]) Window(w Windows) WindowedGroup[K, V] {
	t := g.s.node().t
	at := t.caller()
	w.check(func(format string, args ...any) { mistakef(t, at, "", format, args...) })
	return WindowedGroup[K, V]{s: g.s, w: w}
}

// Count counts the records of each key and window.
func (g WindowedGroup[K, V]) Count(store string) WindowedTable[K, int64] {
	return windowed(g, aggregation[K, V, int64]{
		kind: "count", store: store,
		step: func(*builder, *planNode) (ops.Step[K, V, int64], error) { return ops.CountStep[K, V](), nil },
	})
}

// Reduce combines the values of each key and window; see [Grouped.Reduce].
func (g WindowedGroup[K, V]) Reduce(store string, f func(V, V) V, opts ...ValueOption[V]) WindowedTable[K, V] {
	return windowed(g, reduction(g.s, store, f, opts))
}

// Aggregate adds the values of each key and window to an accumulator; see [Grouped.Aggregate].
func (g WindowedGroup[K, V]) Aggregate[A any](store string, add func(A, V) A, opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateStep[K](add), nil },
	})
}

// AggregateFrom is Aggregate with a start of its own; see [Grouped.AggregateFrom].
func (g WindowedGroup[K, V]) AggregateFrom[A any](store string, init func() A, add func(A, V) A, opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add, init}, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateFromStep[K](init, add), nil },
	})
}

// AggregateRecords is Aggregate with a function that sees whole records; see [Grouped.AggregateRecords].
func (g WindowedGroup[K, V]) AggregateRecords[A any](store string, add func(A, *Record[K, V]) A, opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesKey: true, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateRecordsStep(add), nil },
	})
}

// AggregateOpt is Aggregate with a function that can delete; see [Grouped.AggregateOpt].
func (g WindowedGroup[K, V]) AggregateOpt[A any](store string, add func(Opt[A], V) Opt[A], opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateOptStep[K](add), nil },
	})
}

// TryAggregate is Aggregate with a function that can fail; see [Grouped.TryAggregate]. When it fails for one of several windows those
// before it have counted the record.
func (g WindowedGroup[K, V]) TryAggregate[A any](store string, add func(context.Context, A, V) (A, error), opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesValue: true, opts: opts,
		step: func(b *builder, _ *planNode) (ops.Step[K, V, A], error) {
			return ops.TryAggregateStep[K](b.task, add), nil
		},
	})
}

// windowed adds a windowed aggregation.
func windowed[K, V, A any](g WindowedGroup[K, V], a aggregation[K, V, A]) WindowedTable[K, A] {
	s := g.s
	n := addAggregation(s, &a, WindowStore)
	n.key = output{}
	spans := g.w.spans()
	n.windows, n.spans = &g.w, &spans
	n.stores[0].windows, n.stores[0].retention = &g.w, g.w.size+g.w.grace
	store := n.stores[0]
	n.build = func(b *builder, p *planNode) error {
		k, err := s.key.resolve()
		if err != nil {
			return err
		}
		step, err := a.step(b, p)
		if err != nil {
			return err
		}
		cache, err := cacheOf(b, store, a.value)
		if err != nil {
			return err
		}
		op, err := ops.NewWindowedAggregate(b.node(p), spans, p.held, k, p.rawKey == k.Name(), cache, step, emission[ops.Windowed[K], A](b, p))
		if err != nil {
			return err
		}
		b.set(p, op)
		b.flushers = append(b.flushers, op)
		b.addTimed(p, op)
		return nil
	}
	return WindowedTable[K, A]{n: n, key: s.key, value: a.value}
}
