package kafkastreams

import (
	"strings"

	"github.com/kolkstream/kolk/topology"
)

// group builds a grouping of a stream.
func (b *builder) group(in *built, n node) (*built, error) {
	nulls := b.nulls[n.ID]
	if n.Op == "groupByKey" {
		if nulls && !b.clocks {
			in = rekeyed(in.stream.MapRecords(func(r *record) record { return like(r, key(r), some(visible(value(r)))) }))
		}
		g := b.byKey(in).GroupByKey()
		return &built{grouped: &g}, nil
	}
	by := func(r *record) text { return function(n.KeyFn, key(r), value(r)) }
	if nulls && b.clocks {
		// The function of GroupBy does not see records without value.
		s := in.stream.MapRecords(func(r *record) record { return like(r, by(r), value(r)) })
		g := s.Repartition(b.name("group")).GroupByKey()
		return &built{grouped: &g}, nil
	}
	// Nor has it a null to return: Kafka Streams drops the records for which it is.
	s := in.stream.FilterRecords(func(r *record) bool { return r.NoValue && !nulls || by(r) != nil })
	if nulls {
		s = s.MapRecords(func(r *record) record { return like(r, key(r), some(visible(value(r)))) })
	}
	g := s.GroupByRecords(b.name("group"), func(r *record) string { return b.must(function(n.KeyFn, key(r), seen(r.Value))) })
	return &built{grouped: &g}, nil
}

// With the default time windows do not count records without value: a value stands for none there.
const hidden = "\xffnull"

func visible(v text) string {
	if v == nil {
		return hidden
	}
	return *v
}

func seen(v string) text {
	if v == hidden {
		return nil
	}
	return &v
}

// windows builds the windows of a group.
func (b *builder) windows(in *built, n node) (*built, error) {
	var w topology.Windows
	switch n.Type {
	case "tumbling":
		w = topology.Tumbling(ms(n.SizeMs))
	case "hopping":
		w = topology.Hopping(ms(n.SizeMs), ms(n.AdvanceMs))
	case "session":
		if !b.clocks {
			return nil, unsaid("sessions with the default time, which have a model of their own")
		}
		w = topology.Sessions(ms(n.GapMs))
	case "sliding":
		if !b.clocks {
			return nil, unsaid("sliding windows with the default time, which have a model of their own")
		}
		w = topology.Sliding(ms(n.DiffMs))
	default:
		return nil, unsaid("windows: %s", n.Type)
	}
	w = w.Grace(ms(n.grace()))
	if in.co != nil {
		return b.coWindows(in, n, w), nil
	}
	g := in.grouped.Window(w)
	return &built{windowed: &g, window: n, final: n.Emit == "onWindowClose"}, nil
}

// aggregate builds an aggregation.
func (b *builder) aggregate(in *built, n node) (*built, error) {
	store := b.store(n)
	switch {
	case in.grouped != nil:
		b.stored[n.Store] = texts(store)
	case in.windowed != nil && in.window.Type == "session":
		return b.sessions(in, n, store), nil
	case in.windowed != nil:
		b.stored[n.Store] = windows(store, in.window, b.lastTime())
	default:
		return nil, unsaid("%s of what is not grouped", n.Op)
	}
	if n.Op == "count" {
		if in.grouped != nil {
			b.stored[n.Store] = numbers(store)
			t := in.grouped.Count(store).EachUpdate()
			return &built{counts: &t}, nil
		}
		b.stored[n.Store] = counts(store, in.window, b.lastTime())
		return &built{window: in.window, totals: emit(in, in.windowed.Count(store))}, nil
	}
	// Without value is what no record has been added to yet; a function that returns none deletes.
	add := func(a topology.Opt[string], k, v text) topology.Opt[string] {
		switch {
		case n.Op == "reduce" && !a.OK:
			return opt(v)
		case n.Op == "reduce":
			return opt(reduce(n.Reducer, &a.Value, v))
		case !a.OK:
			return opt(aggregate(n.Aggregator, k, v, n.Init))
		}
		return opt(aggregate(n.Aggregator, k, v, &a.Value))
	}
	values := topology.FoldOpt(func(a topology.Opt[string], v string) topology.Opt[string] { return add(a, nil, seen(v)) })
	records := topology.FoldOpt(func(a topology.Opt[string], r *record) topology.Opt[string] {
		if r.NoValue {
			return add(a, key(r), nil)
		}
		return add(a, key(r), seen(r.Value))
	})
	combine := func(a, v string) string { return b.must(reduce(n.Reducer, &a, &v)) }
	whole := n.Aggregator == "withKey" || len(b.nulls) != 0 && b.clocks
	reduces := n.Op == "reduce" && !strings.HasPrefix(n.Reducer, "nullWhen") && len(b.nulls) == 0
	if in.grouped != nil {
		var t topology.Table[string, string]
		switch {
		case whole:
			t = in.grouped.AggregateRecords(store, records)
		case reduces:
			t = in.grouped.Reduce(store, combine)
		default:
			t = in.grouped.AggregateWith(store, values)
		}
		t = t.EachUpdate()
		return &built{table: &t}, nil
	}
	switch {
	case whole:
		return &built{window: in.window, results: emit(in, in.windowed.AggregateRecords(store, records))}, nil
	case reduces:
		return &built{window: in.window, results: emit(in, in.windowed.Reduce(store, combine))}, nil
	}
	return &built{window: in.window, results: emit(in, in.windowed.AggregateWith(store, values))}, nil
}

func emit[V any](in *built, t topology.WindowedTable[string, V]) *topology.WindowedTable[string, V] {
	if in.final {
		t = t.Final()
	} else {
		t = t.EachUpdate()
	}
	return &t
}
