package topology

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Windows are windows of event time: [Tumbling], [Hopping], [Sliding], [Cumulating], [Days],
// [Weeks], [Months] or [Sessions]. Sizes are whole milliseconds.
type Windows struct {
	kind                         string
	size, advance, grace, offset time.Duration
	zone                         *time.Location
	first                        time.Weekday
}

// Tumbling returns windows of that size, one after the other from 1970 on.
func Tumbling(size time.Duration) Windows {
	return Windows{kind: "tumbling", size: size, advance: size}
}

// Hopping returns windows of that size, one beginning every advance: a record lies in all that
// cover its time, which may be 100,000 at most.
func Hopping(size, advance time.Duration) Windows {
	return Windows{kind: "hopping", size: size, advance: advance}
}

// Cumulating returns windows that grow: at every multiple of the size from 1970 on begin windows
// that are a step long, two steps, and so on up to the size, which is a multiple of the step. Their
// results show what has come together so far. A record lies in all that end behind it, which may be
// 100,000 at most.
func Cumulating(size, step time.Duration) Windows {
	return Windows{kind: "cumulating", size: size, advance: step}
}

// Grace returns the windows with that grace: how long after its end a window takes records that
// come out of order. Without it none.
func (w Windows) Grace(d time.Duration) Windows {
	w.grace = d
	return w
}

// Offset returns tumbling or hopping windows that begin by d later, or earlier if it is negative:
// windows of an hour with an offset of 15 minutes begin at a quarter past. The first one after 1970
// may be shorter.
func (w Windows) Offset(d time.Duration) Windows {
	w.offset = d
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
		report("the windows are the zero value: use Tumbling, Hopping or Sessions")
		return
	case w.kind == "sessions":
		if w.size < 0 {
			report("the gap of the sessions, %s, is negative: give 0 or more", w.size)
		}
	case w.kind == "sliding":
		if w.size < 0 {
			report("the difference of the sliding windows, %s, is negative: give 0 or more", w.size)
			return
		}
	case w.calendar():
		if w.zone == nil || w.zone == time.Local {
			report("the time zone of the windows is %s, which differs from machine to machine: give one by name, as time.LoadLocation does", where(w.zone == nil, "nil")+where(w.zone != nil, "time.Local"))
			return
		}
		if w.first < time.Sunday || w.first > time.Saturday {
			report("the first day of the weeks, %d, is no day of the week: give one as time.Monday", int(w.first))
		}
	case w.size < time.Millisecond:
		report("the size of the windows, %s, is not positive: give one millisecond or more", w.size)
		return
	case w.advance < time.Millisecond:
		report("the advance of the windows, %s, is not positive: give one millisecond or more", w.advance)
	case w.advance > w.size:
		report("the advance of the windows, %s, is larger than their size %s, so that records would fall between them: make it smaller", w.advance, w.size)
	case w.size/w.advance > mostWindows:
		report("each record lies in %d windows of %s that begin every %s, and %d are the most: make the advance larger", w.size/w.advance, w.size, w.advance, mostWindows)
	case w.kind == "cumulating" && w.size%w.advance != 0:
		report("the size of the windows, %s, is no multiple of their step %s: make it one, so that the last step is a whole one", w.size, w.advance)
	}
	if w.offset != 0 && w.kind != "tumbling" && w.kind != "hopping" {
		report("tumbling and hopping windows have an offset, and these are %s: leave Offset out", w.kind)
	}
	size := w.longest()
	if w.kind == "sliding" { // they are kept twice as long
		if size > math.MaxInt64/2-time.Second {
			report("the difference of the sliding windows, %s, is longer than 146 years: make it smaller", size)
			return
		}
		size = 2*size + time.Second
	}
	switch {
	case w.grace < 0:
		report("the grace of the windows, %s, is negative: give 0 or more", w.grace)
	case size >= 0 && w.grace > math.MaxInt64-size:
		report("the size and the grace of the windows, %s and %s, are more together than a time.Duration holds, 292 years%s: make one smaller", w.longest(), w.grace, where(w.kind == "sliding", ", with the size twice, for windows are kept for that long"))
	}
	switch w.kind {
	case "sessions":
		whole("gap", w.size)
	case "sliding":
		whole("difference", w.size)
	default:
		whole("size", w.size)
	}
	if w.kind != "tumbling" {
		whole("advance", w.advance)
	}
	whole("offset", w.offset)
	whole("grace", w.grace)
}

// longest is how long a window is at most.
func (w Windows) longest() time.Duration {
	days := map[string]int{"days": 1, "weeks": 7, "months": 31}[w.kind]
	if days == 0 || w.zone == nil {
		return w.size
	}
	return time.Duration(windows.Longest(w.zone, days)) * time.Millisecond
}

// spans returns the windows as operators know them, for one operator.
func (w Windows) spans() windows.Spans {
	s := windows.Spans{Grace: w.grace.Milliseconds()}
	switch w.kind {
	case "cumulating":
		s.Cut = windows.Cumulating{Size: w.size.Milliseconds(), Step: w.advance.Milliseconds()}
	case "days":
		s.Cut = windows.NewDays(w.zone)
	case "weeks":
		s.Cut = windows.NewWeeks(w.zone, w.first)
	case "months":
		s.Cut = windows.NewMonths(w.zone)
	default:
		s.Cut = windows.Aligned{Size: w.size.Milliseconds(), Advance: w.advance.Milliseconds(), Offset: w.begins().Milliseconds()}
	}
	return s
}

// begins is the offset as one that is smaller than the advance.
func (w Windows) begins() time.Duration {
	if w.advance <= 0 {
		return 0
	}
	return (w.offset%w.advance + w.advance) % w.advance
}

// shape tells a store's shape what windows it has.
func (w Windows) shape(s *flow.Shape) {
	s.Size, s.Advance, s.Offset = w.size, w.advance, w.begins()
	switch {
	case w.calendar():
		s.Zone = w.place()
		fallthrough
	case w.kind == "sessions", w.kind == "sliding", w.kind == "cumulating":
		s.Windows = w.kind
	}
}

// WindowedGroup is a grouped stream whose aggregations are made for each window. It is made by
// [Grouped.Window].
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

// Count counts the records of each key and window. With [KafkaStreamsTime] those without value
// count too.
func (g WindowedGroup[K, V]) Count(store string) WindowedTable[K, int64] {
	return windowed(g, ofCount[K, V](store))
}

// Reduce combines the values of each key and window; see [Grouped.Reduce].
func (g WindowedGroup[K, V]) Reduce(store string, f func(V, V) V, opts ...ValueOption[V]) WindowedTable[K, V] {
	return windowed(g, reduction(g.s, store, f, opts))
}

// Aggregate adds the values of each key and window to an accumulator; see [Grouped.Aggregate].
func (g WindowedGroup[K, V]) Aggregate[A any](store string, add func(A, V) A, opts ...ValueOption[A]) WindowedTable[K, A] {
	return g.AggregateWith(store, Fold(add), opts...)
}

// AggregateWith folds the values of each key and window into an accumulator.
func (g WindowedGroup[K, V]) AggregateWith[A any](store string, a Aggregator[V, A], opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, ofValues(g.s, store, a, opts))
}

// AggregateRecords is [WindowedGroup.AggregateWith] of whole records. With [KafkaStreamsTime] it
// sees those without value too; functions of values never do.
func (g WindowedGroup[K, V]) AggregateRecords[A any](store string, a Aggregator[*Record[K, V], A], opts ...ValueOption[A]) WindowedTable[K, A] {
	return windowed(g, ofRecords(store, a, opts))
}

// windowed adds a windowed aggregation.
func windowed[K, V, A any](g WindowedGroup[K, V], a aggregation[K, V, A]) WindowedTable[K, A] {
	switch g.w.kind {
	case "sessions":
		return sessioned(g, a)
	case "sliding":
		return slides(g, a)
	}
	n := addWindowed(g, &a, flow.WindowStore, g.w.longest()+g.w.grace)
	rows := &tableStore[A]{d: n.stores[0], value: a.value}
	return windowedTable(g, n, a, func(at site, k serde.Serde[K], raw bool, e ops.Emission[windows.Windowed[K], A]) (timedReceiver[K, V], error) {
		return windows.NewWindowedAggregate(at.behind(), g.w.spans(), at.n.held, a.clocks(at), a.nulls, k, raw, rows.cache(at.b), a.step(at), e)
	})
}

// addWindowed adds the node and the store of a windowed aggregation, whose windows are closed
// retention after the time that their rows begin with.
func addWindowed[K, V, A any](g WindowedGroup[K, V], a *aggregation[K, V, A], kind flow.StoreKind, retention time.Duration) *node {
	n := addAggregation(g.s, a, kind)
	n.key = output{passed: true}
	n.timed = true
	n.holds = hold{by: retention, final: true}
	n.details.Windows = g.w.String()
	d := n.stores[0]
	d.windows, d.retention, d.marked = &g.w, retention, n.t.config.clocks
	return n
}

// timedReceiver is an operator that acts by time and at the commit.
type timedReceiver[K, V any] interface {
	ops.Receiver[K, V]
	flow.Flusher
	flow.Timed
}

// windowedTable links the node of a windowed aggregation.
func windowedTable[K, V, A any](g WindowedGroup[K, V], n *node, a aggregation[K, V, A],
	op func(at site, k serde.Serde[K], raw bool, e ops.Emission[windows.Windowed[K], A]) (timedReceiver[K, V], error)) WindowedTable[K, A] {
	out := linkTable(n, func(at site, e ops.Emission[windows.Windowed[K], A]) (ops.Receiver[K, V], error) {
		k, raw := keySerde(at, g.s.key)
		r, err := op(at, k, raw, e)
		if err != nil {
			return nil, err
		}
		at.flushes(r)
		at.timed(r)
		return r, nil
	}, g.s.out)
	return WindowedTable[K, A]{n: n, out: out, key: g.s.key, value: a.value, w: g.w}
}
