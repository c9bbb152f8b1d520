package processortest

import (
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The operators of this file depend on the order of records. They are drawn only where that is a
// function of the input: in sub-topologies that read no repartition topic, and behind an InOrder
// anywhere.

// orderedIn reports whether all stores whose operators depend on the order lie in such
// sub-topologies of the plan.
func (g *randomTopology) orderedIn(plan *topology.Plan) bool {
	for _, sub := range plan.ForRuntime(flow.Key{}).SubTopologies {
		if !slices.ContainsFunc(sub.Inputs, func(in flow.Input) bool { return in.Repartition }) {
			continue
		}
		for _, s := range sub.Stores {
			if slices.Contains(g.ordered, s.Name) {
				return false
			}
		}
	}
	return true
}

// ordered draws a table that forwards each update, or is joined with.
func (g *randomTopology) orderly() {
	from, ok := g.pick(true)
	if !ok || from.apart || !from.first && from.line == 0 {
		return
	}
	store := g.name("ordered")
	if from.line == 0 {
		g.ordered = append(g.ordered, store)
	}
	out := *from
	out.fresh = false
	out.used = false
	kind := g.rnd.Intn(5)
	switch kind {
	case 0:
		sum := func(a, v int64) int64 { return a + v }
		out.s = from.s.GroupByKey().Aggregate(store, sum).EachUpdate().ToStream()
		out.n = g.m.updates(from.n, func(a int64, _ bool, v int64) (int64, bool) { return a + v, true })
	case 1:
		out.s = from.s.GroupByKey().AggregateWith(store, topology.FoldOpt(func(a topology.Opt[int64], v int64) topology.Opt[int64] {
			if n := a.Value + v; n%3 != 0 {
				return topology.Some(n)
			}
			return topology.None[int64]()
		})).EachUpdate().ToStream()
		out.n = g.m.updates(from.n, func(a int64, _ bool, v int64) (int64, bool) {
			if n := a + v; n%3 != 0 {
				return n, true
			}
			return 0, false
		})
	case 2:
		mix := func(a, v int64) int64 { return (3*a + v) % 1000 }
		out.s = from.s.GroupByKey().Reduce(store, mix).EachUpdate().ToStream()
		out.n = g.m.updates(from.n, func(a int64, has bool, v int64) (int64, bool) {
			if !has {
				return v, true
			}
			return mix(a, v), true
		})
	case 3:
		out.s = from.s.ToTable(store).EachUpdate().ToStream()
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noKey {
				g.m.drop(topology.NullKey)
				return
			}
			send(r)
		}, from.n)
	case 4:
		g.joinList(from, &out, store)
	}
	g.add(out, "%s %s, kind %d", from.name, store, kind)
}

// joinList joins a stream with a table whose values are changed in place.
func (g *randomTopology) joinList(from, out *grown, store string) {
	with, ok := g.pick(true)
	if !ok || with.apart || !with.first || with.line != from.line {
		with = from
	}
	table := with.s.GroupByKey().Aggregate(store, func(a []int64, v int64) []int64 {
		if len(a) >= 4 {
			a[0], a[1], a[2], a[3] = a[1], a[2], a[3], v
			return a
		}
		return append(a, v)
	}, topology.ValueSerde(serde.JSON[[]int64]()))
	value := func(v int64, a []int64) int64 {
		for i, n := range a {
			v += int64(i+1) * n
		}
		return v
	}
	out.s = from.s.Join(g.name("join"), table, topology.Left(func(v int64, a topology.Opt[[]int64]) int64 { return value(v, a.Value) }))
	type slot struct {
		p   int32
		key string
	}
	lists := map[slot][]int64{}
	g.m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		switch at := (slot{p, r.key}); {
		case r.noKey:
			g.m.drop(topology.NullKey)
		case r.noValue:
			g.m.drop(topology.NullValue)
		default:
			a := append(slices.Clone(lists[at]), r.value)
			lists[at] = a[max(0, len(a)-4):]
		}
	}, with.n)
	out.n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		switch {
		case r.noValue:
			g.m.drop(topology.NullValue)
			return
		case !r.noKey:
			r.value = value(r.value, lists[slot{p, r.key}])
		}
		send(r)
	}, from.n)
	out.name = fmt.Sprintf("with %s", with.name)
}

// updates adds an aggregation that forwards each update.
func (m *model) updates(parent *modelNode, step func(a int64, has bool, v int64) (int64, bool)) *modelNode {
	type slot struct {
		p   int32
		key string
	}
	type agg struct{ value, ts int64 }
	all := map[slot]agg{}
	return m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
			return
		case r.noValue:
			m.drop(topology.NullValue)
			return
		}
		at := slot{p, r.key}
		a, has := all[at]
		if has {
			r.ts = max(r.ts, a.ts)
		}
		v, keep := step(a.value, has, r.value)
		if keep {
			all[at] = agg{v, r.ts}
		} else {
			delete(all, at)
		}
		r.value, r.noValue, r.ref = v, !keep, max(r.ref, r.ts)
		send(r)
	}, parent)
}
