package processortest

import (
	"fmt"
	"strconv"

	"github.com/kolkstream/kolk/topology"
)

// coGroup aggregates two streams together, whose values are of different types.
func (g *randomTopology) coGroup() {
	a, ok := g.pick(true)
	b, ok2 := g.pick(true)
	if !ok || !ok2 || a.parts != b.parts || a.line != b.line {
		return
	}
	kind := g.rnd.Intn(4)
	if kind == 0 && (!a.placed || !b.placed) {
		return
	}
	store := g.name("together")
	add := func(sum, v int64) int64 { return sum + v }
	texts := b.s.MapValues(func(v int64) string { return strconv.FormatInt(3*v+1, 10) })
	first := topology.Fold(add).Merge(add)
	second := topology.Fold(func(sum int64, v string) int64 {
		n, _ := strconv.ParseInt(v, 10, 64)
		return sum + n
	})
	group := a.s.GroupByKey().CoGroup(first).With(texts.GroupByKey().CoGroup(second))
	n := g.m.node(keep, g.m.node(keep, a.n), g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		if !r.noValue {
			r.value = 3*r.value + 1
		}
		send(r)
	}, b.n))
	what := fmt.Sprintf("%s and %s together %s", a.name, b.name, store)
	grace := []int64{0, 0, 4, 20}[g.rnd.Intn(4)]
	out := grown{parts: a.parts, rekeyed: true, line: a.line}
	switch kind {
	case 0: // updates, to a topic of their own
		topic := g.name("out")
		t := g.emitted(group.Aggregate(store))
		t.ToStream().To(topic)
		g.last(topic, g.m.summed(n))
		g.text = append(g.text, fmt.Sprintf("%s = %s", topic, what))
		return
	case 1:
		out.s = group.Window(topology.Hopping(ms(10), ms(5)).Grace(ms(grace))).Aggregate(store).Final().
			Stream(func(w topology.Window, k string) string { return windowKey(w.Start, k) })
		out.n = g.m.windows(store, 10, 5, grace, 0, add, windowKey, n)
	case 2:
		out.s = group.Window(topology.Sessions(ms(3)).Grace(ms(grace))).Aggregate(store).Final().
			Stream(func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) })
		out.n = g.m.sessions(store, 3, grace, addUp, n)
	case 3:
		out.s = group.Window(topology.Sliding(ms(4)).Grace(ms(grace))).Aggregate(store).Final().
			Stream(func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) })
		out.n = g.m.sliding(store, 4, grace, addUp, n)
	}
	g.add(out, "%s, kind %d, grace %d", what, kind, grace)
}
