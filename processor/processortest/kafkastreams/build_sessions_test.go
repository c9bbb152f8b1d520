package kafkastreams

import (
	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// sessions builds an aggregation of sessions. An accumulator that is null, as the start or what
// comes of merging may be, is a value that stands for none.
func (b *builder) sessions(in *built, n node, store string) *built {
	open := func(e entry) bool { return *e.End+in.window.GapMs+in.window.grace() > b.lastTime() }
	if n.Op == "count" {
		b.stored[n.Store] = sessions(store, serde.Int64(), decimal, open)
		return &built{window: in.window, totals: emit(in, in.windowed.Count(store))}
	}
	b.stored[n.Store] = openSessions(store, in.window, b.lastTime())
	fold := topology.FoldOpt(func(a topology.Opt[string], r *record) topology.Opt[string] {
		v, before := value(r), null(a)
		if v != nil {
			v = seen(*v)
		}
		if before != nil {
			before = seen(*before)
		}
		switch {
		case n.Op == "aggregate":
			return opt(aggregate(n.Aggregator, key(r), v, before))
		case before == nil:
			return opt(v)
		}
		return opt(reduce(n.Reducer, before, v))
	})
	if n.Op == "aggregate" {
		fold = fold.From(func() string { return visible(n.Init) })
	}
	fold = fold.Merge(func(x, y string) string {
		switch {
		case n.Op == "aggregate":
			return visible(merge(n.Merger, seen(x), seen(y)))
		case seen(x) == nil:
			return y
		}
		return visible(reduce(n.Reducer, seen(x), seen(y)))
	})
	return &built{window: in.window, results: emit(in, in.windowed.AggregateRecords(store, fold))}
}

// openSessions reads the store of an aggregation of sessions of texts.
func openSessions(store string, w node, last int64) stored {
	open := func(e entry) bool { return *e.End+w.GapMs+w.grace() > last }
	return sessions(store, serde.String(), func(v string) text { return seen(v) }, open)
}

// sessions reads a store of sessions. Those that are not open any more kolk and Kafka Streams
// delete at different times.
func sessions[V any](name string, s serde.Serde[V], show func(V) text, open func(entry) bool) stored {
	return func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		for _, e := range d.Store(name, serde.String(), s) {
			if one := (entry{Key: e.Key, Value: show(e.Value), Start: &e.Window, End: &e.WindowEnd}); open(one) {
				all = append(all, one)
			}
		}
		return all, func(e entry) bool { return !open(e) }
	}
}

// merge is what mergers make of two accumulators.
func merge(name string, a, b text) text {
	switch name {
	case "trace":
		return some("[" + str(a) + "&" + str(b) + "]")
	case "sum":
		return decimal(num(a) + num(b))
	}
	switch {
	case empty(a):
		return b
	case empty(b):
		return a
	case name == "max":
		return decimal(max(num(a), num(b)))
	case name == "concat":
		return some(*a + "," + *b)
	}
	panic("merger " + name)
}
