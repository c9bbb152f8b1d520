package processortest

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// randomTable is a table and its model: what is in it, of the rows of the aggregates that it is
// made of.
type randomTable struct {
	t    topology.Table[string, int64]
	rows func(key string) (int64, bool)
	name string
}

// many is what every row adds to the sum of its group: a sum of 0 is a group without rows.
const many = 1 << 40

// tablesOfTables makes tables of the rows of one or two aggregates, groups them perhaps, and
// compares what is there in the end.
func (g *randomTopology) tablesOfTables() {
	from, ok := g.pick(true)
	if !ok || !from.placed {
		return
	}
	keys := map[string]bool{}
	all := []*randomTable{g.summed(from, keys)}
	for range g.rnd.Intn(2) {
		if with, ok := g.pick(true); ok && with.placed && with.parts == from.parts && with.line == from.line {
			all = append(all, g.summed(with, keys))
		}
	}
	for range 1 + g.rnd.Intn(4) {
		a, b := all[g.rnd.Intn(len(all))], all[g.rnd.Intn(len(all))]
		all = append(all, g.derived(a, b))
	}
	last := all[len(all)-1]
	for _, t := range all {
		t.t.ToStream().Discard() // nothing may be made of it
	}
	topic := g.name("out")
	if g.rnd.Intn(2) == 0 {
		last.t.ToStream().To(topic)
		g.contents(topic, func() map[string]int64 {
			want := map[string]int64{}
			for k := range keys {
				if v, ok := last.rows(k); ok {
					want[k] = v
				}
			}
			return want
		})
		g.text = append(g.text, fmt.Sprintf("%s = %s", topic, last.name))
		return
	}
	group := func(v int64) string { return string("abc"[(v%3+3)%3]) }
	rows := last.t.GroupBy(g.name("rows"), group)
	counts := g.rnd.Intn(2) == 0
	var t topology.Table[string, int64]
	if counts {
		t = rows.Count(g.name("group"))
	} else {
		t = rows.AggregateWith(g.name("group"), topology.Fold(func(sum, v int64) int64 { return sum + many + v%1000 }).
			SubtractOpt(func(sum, v int64) topology.Opt[int64] {
				sum -= many + v%1000
				return topology.Opt[int64]{Value: sum, OK: sum != 0}
			}))
	}
	g.emitted(t).ToStream().To(topic)
	g.contents(topic, func() map[string]int64 {
		want := map[string]int64{}
		for k := range keys {
			switch v, ok := last.rows(k); {
			case !ok:
			case counts:
				want[group(v)]++
			default:
				want[group(v)] += many + v%1000
			}
		}
		return want
	})
	g.text = append(g.text, fmt.Sprintf("%s = %s grouped, count %v", topic, last.name, counts))
}

// emitted draws when a table forwards.
func (g *randomTopology) emitted(t topology.Table[string, int64]) topology.Table[string, int64] {
	if g.rnd.Intn(2) == 0 {
		return t.EachUpdate()
	}
	return t
}

// summed is the table of the sums of a stream's values by key, whatever their order; sums that are
// multiples of 5 are left out.
func (g *randomTopology) summed(from *grown, keys map[string]bool) *randomTable {
	store := g.name("table")
	t := g.emitted(from.s.GroupByKey().Aggregate(store, func(sum, v int64) int64 { return sum + v })).
		Filter(func(sum int64) bool { return sum%5 != 0 })
	rows := map[string]int64{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
		switch {
		case r.noKey:
			g.m.drop(topology.NullKey)
			return
		case r.noValue:
			g.m.drop(topology.NullValue)
			return
		}
		keys[r.key] = true
		rows[r.key] += r.value
	}, from.n)
	return &randomTable{t: t, name: fmt.Sprintf("%s(%s)", store, from.name), rows: func(key string) (int64, bool) {
		v, ok := rows[key]
		return v, ok && v%5 != 0
	}}
}

// derived draws a table that is made of others.
func (g *randomTopology) derived(a, b *randomTable) *randomTable {
	switch g.rnd.Intn(6) {
	case 0:
		return &randomTable{t: a.t.Filter(func(v int64) bool { return v%3 != 0 }), name: a.name + " filter", rows: func(key string) (int64, bool) {
			v, ok := a.rows(key)
			return v, ok && v%3 != 0
		}}
	case 1:
		return &randomTable{t: a.t.MapValues(func(v int64) int64 { return v + 1 }), name: a.name + " map", rows: func(key string) (int64, bool) {
			v, ok := a.rows(key)
			return v + 1, ok
		}}
	case 2:
		mapped := a.t.MapRows(func(key string, v int64) topology.Opt[int64] {
			return topology.Opt[int64]{Value: v + int64(len(key)), OK: v%2 == 0}
		})
		return &randomTable{t: mapped, name: a.name + " map rows", rows: func(key string) (int64, bool) {
			v, ok := a.rows(key)
			return v + int64(len(key)), ok && v%2 == 0
		}}
	}
	name, kind := g.name("join"), g.rnd.Intn(3)
	both := func(l, r int64) int64 { return (2*l + 3*r) % 1000003 }
	var how topology.Joiner[int64, int64, int64]
	switch kind {
	case 0:
		how = topology.Inner(both)
	case 1:
		how = topology.Left(func(l int64, r topology.Opt[int64]) int64 { return both(l, r.Value) })
	case 2:
		how = topology.Outer(func(l, r topology.Opt[int64]) int64 { return both(l.Value, r.Value) })
	}
	return &randomTable{t: a.t.Join(name, b.t, how), name: fmt.Sprintf("(%s %s %d %s)", a.name, name, kind, b.name), rows: func(key string) (int64, bool) {
		l, left := a.rows(key)
		r, right := b.rows(key)
		if !left {
			l = 0
		}
		if !right {
			r = 0
		}
		return both(l, r), []bool{left && right, left, left || right}[kind]
	}}
}

// contents compares what the records of a topic make of a table in the end.
func (g *randomTopology) contents(topic string, want func() map[string]int64) {
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]int64{}
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			if got[r.Key] = r.Value; r.NoValue {
				delete(got, r.Key)
			}
		}
		return differ(topic, got, want())
	})
}
