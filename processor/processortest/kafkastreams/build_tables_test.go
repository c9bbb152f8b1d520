package kafkastreams

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kolkstream/kolk/topology"
)

// tables builds what leads from streams to tables and back.
func (b *builder) tables(in *built, n node) (*built, error) {
	if n.Op == "toStream" {
		return b.toStream(in, n)
	}
	name := b.store(n)
	table := b.byKey(in).ToTable(name).EachUpdate()
	b.stored[n.Store] = texts(name)
	return &built{table: &table}, nil
}

func (b *builder) toStream(in *built, n node) (*built, error) {
	name := func(w topology.Window, k string) string {
		if n.Key == "key" {
			return k
		}
		return rendered(w, k)
	}
	count := func(n int64) string { return *decimal(n) }
	switch {
	case in.table != nil:
		return &built{stream: in.table.ToStream()}, nil
	case in.counts != nil:
		return &built{stream: in.counts.ToStream().MapValues(count)}, nil
	case in.results != nil:
		return rekeyed(in.results.Stream(name)), nil
	}
	return rekeyed(in.totals.Stream(name).MapValues(count)), nil
}

// ofTable builds an operator on a table.
func (b *builder) ofTable(in *built, n node) (*built, error) {
	if in.results != nil || in.totals != nil {
		return b.ofWindows(in, n)
	}
	t := in.texts()
	switch n.Op {
	case "filter", "filterNot":
		keep := func(k, v string) bool { return predicate(n.Pred, &k, &v) == (n.Op == "filter") }
		if b.sendsOld(n) {
			return b.named(t.FilterRows(keep), n), nil
		}
		// Kafka Streams does not know what there was before: it deletes what may never have been.
		return b.named(t.MapRows(func(k, v string) topology.Opt[string] {
			if !keep(k, v) {
				return topology.None[string]()
			}
			return topology.Some(v)
		}), n), nil
	case "mapValues":
		return b.named(t.MapRows(func(k, v string) topology.Opt[string] { return opt(function(n.Fn, &k, &v)) }), n), nil
	case "groupBy":
		g := t.MapRows(func(k, v string) topology.Opt[string] { return paired(n, k, v) }).GroupBy(b.name("group"), groupOf)
		return &built{rows: &g}, nil
	case "tableJoin":
		if with := b.nodes[n.In[1]]; with.table != nil || with.counts != nil {
			return b.joinTables(t, with.texts(), n), nil
		}
	}
	return nil, unsaid("%s of a table", n.Op)
}

// ofWindows builds an operator on a table of windows.
func (b *builder) ofWindows(in *built, n node) (*built, error) {
	t := in.windowTexts()
	var made topology.WindowedTable[string, string]
	switch n.Op {
	case "filter", "filterNot":
		keep := func(w topology.Window, k, v string) bool {
			k = rendered(w, k)
			return predicate(n.Pred, &k, &v) == (n.Op == "filter")
		}
		if b.sendsOld(n) {
			made = t.FilterRows(keep)
			break
		}
		made = t.MapRows(func(w topology.Window, k, v string) topology.Opt[string] {
			return topology.Opt[string]{Value: v, OK: keep(w, k, v)}
		})
	case "mapValues":
		made = t.MapRows(func(w topology.Window, k, v string) topology.Opt[string] {
			k = rendered(w, k)
			return opt(function(n.Fn, &k, &v))
		})
	case "groupBy":
		g := t.MapRows(func(w topology.Window, k, v string) topology.Opt[string] {
			k = rendered(w, k)
			return paired(n, k, v)
		}).GroupBy(b.name("group"), groupOf)
		return &built{rows: &g}, nil
	default:
		return nil, unsaid("%s of a table of windows", n.Op)
	}
	return &built{results: &made, window: in.window}, nil
}

// rendered is a window and a key as one text.
func rendered(w topology.Window, k string) string { return fmt.Sprintf("%s@%d/%d", k, w.Start, w.End) }

// windowTexts is texts of a table of windows.
func (in *built) windowTexts() topology.WindowedTable[string, string] {
	if in.totals != nil {
		return in.totals.MapValues(func(n int64) string { return *decimal(n) })
	}
	return *in.results
}

// paired makes the key of a group and the value of a row one text, for groupOf.
func paired(n node, k, v string) topology.Opt[string] {
	k2, v2 := function(n.KeyFn, &k, &v), function(n.ValueFn, &k, &v)
	if k2 == nil || v2 == nil {
		return topology.None[string]()
	}
	return topology.Some(pair(*k2, *v2))
}

func groupOf(p string) string {
	k, _ := split(p)
	return *k
}

// texts is a table of texts; numbers are texts in the cases.
func (in *built) texts() topology.Table[string, string] {
	if in.counts != nil {
		return in.counts.MapValues(func(n int64) string { return *decimal(n) })
	}
	return *in.table
}

// named is a table that has a store if the node names one.
func (b *builder) named(t topology.Table[string, string], n node) *built {
	if n.Store != "" {
		t = t.ToStream().ToTable(n.Store).EachUpdate()
		b.stored[n.Store] = texts(n.Store)
	}
	return &built{table: &t}
}

// sendsOld reports whether Kafka Streams knows the old values at a filter: what comes before it has
// a store, or is a join, or something behind it asks for them.
func (b *builder) sendsOld(filter node) bool {
	before := func(n node) node {
		for _, o := range b.c.Topology {
			if o.ID == n.In[0] {
				return o
			}
		}
		return node{}
	}
	for n := before(filter); ; n = before(n) {
		switch {
		case n.HistoryMs != nil: // with versions it does not know
		case n.Store != "" || slices.Contains([]string{"count", "reduce", "aggregate", "tableJoin", "fkJoin"}, n.Op):
			return true
		case slices.Contains([]string{"filter", "filterNot", "mapValues", "suppress"}, n.Op):
			continue
		}
		break
	}
	return b.asked(filter.ID, filter.Store != "")
}

// asked reports whether something behind a table asks for its old values. A filter asks where they
// can be had: of what is stored, and of joins, which fetch them from further up.
func (b *builder) asked(at string, stored bool) bool {
	for _, n := range b.c.Topology {
		for _, id := range n.In {
			if id != at {
				continue
			}
			switch n.Op {
			case "groupBy", "fkJoin":
				return true
			case "tableJoin":
				// A left join needs those of its left side, an outer join of both; others hand them
				// on to those who ask.
				if n.Type == "outer" || n.Type == "left" && id == n.In[0] || b.asked(n.ID, true) {
					return true
				}
			case "filter", "filterNot":
				// What has a store has the old values itself.
				if stored || n.Store == "" && b.asked(n.ID, false) {
					return true
				}
			case "mapValues", "suppress":
				if n.Store == "" && b.asked(n.ID, stored) {
					return true
				}
			}
		}
	}
	return false
}

// pair is a key and a value in one text, for split.
func pair(k, v string) string {
	return "k" + strings.ReplaceAll(k, "\x00", "\x00\x01") + "\x00\x00" + v
}

// aggregateRows builds an aggregation of a grouped table.
func (b *builder) aggregateRows(in *built, n node) *built {
	store := b.store(n)
	if n.Op == "count" {
		b.stored[n.Store] = numbers(store)
		t := in.rows.Count(store).EachUpdate()
		return &built{counts: &t}
	}
	b.stored[n.Store] = texts(store)
	add := func(a topology.Opt[string], p string) topology.Opt[string] {
		k, v := split(p)
		switch {
		case n.Op == "reduce" && !a.OK:
			return topology.Some(v)
		case n.Op == "reduce":
			return opt(reduce(n.Adder, &a.Value, &v))
		case !a.OK:
			return opt(aggregate(n.Adder, k, &v, n.Init))
		}
		return opt(aggregate(n.Adder, k, &v, &a.Value))
	}
	subtract := func(a, p string) topology.Opt[string] {
		k, v := split(p)
		if n.Op == "reduce" {
			return opt(reduce(n.Subtractor, &a, &v))
		}
		return opt(aggregate(n.Subtractor, k, &v, &a))
	}
	t := in.rows.AggregateWith(store, topology.FoldOpt(add).SubtractOpt(subtract)).EachUpdate()
	return &built{table: &t}
}

// joinTables builds a join of two tables.
func (b *builder) joinTables(left, right topology.Table[string, string], n node) *built {
	joined := func(l, r topology.Opt[string]) topology.Opt[string] {
		return opt(join(n.Joiner, nil, null(l), null(r)))
	}
	var how topology.Joiner[string, string, topology.Opt[string]]
	switch n.Type {
	case "inner":
		how = topology.Inner(func(l, r string) topology.Opt[string] { return joined(topology.Some(l), topology.Some(r)) })
	case "left":
		how = topology.Left(func(l string, r topology.Opt[string]) topology.Opt[string] { return joined(topology.Some(l), r) })
	default:
		how = topology.Outer(joined)
	}
	// What a joiner makes null of is no row.
	rows := left.Join(b.name("join"), right, how).MapRows(func(_ string, v topology.Opt[string]) topology.Opt[string] { return v })
	return b.named(rows, n)
}
