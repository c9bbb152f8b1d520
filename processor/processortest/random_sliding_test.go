package processortest

import (
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// sliding adds an aggregation of sliding windows with final results. It keeps the records that
// count, and cuts windows by their definition when the run ends.
func (m *model) sliding(store string, diff, grace int64, total func(values []int64) int64, parent *modelNode) *modelNode {
	taken := map[int32][]modelRecord{}
	begun := map[int32]int64{} // the largest starts of windows that a run's end has closed
	var sub func() *modelSub
	through := func(p int32) int64 {
		last, any := begun[p]
		if !any {
			last = -1
		}
		return max(last, sub().closed[p])
	}
	n := m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
		case r.noValue:
			m.drop(topology.NullValue)
		case r.ref-r.ts > grace:
			m.drop(topology.LateRecord)
		case r.ts <= through(p):
			m.drop(topology.WindowClosed)
		default:
			taken[p] = append(taken[p], r)
		}
	}, parent)
	sub = func() *modelSub { return n.sub }
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of != n.sub {
			return
		}
		records := taken[p]
		delete(taken, p)
		all := cutSliding(records, diff, through(p)+1)
		for _, w := range all {
			begun[p] = max(begun[p], w.start)
			n.send(p, modelRecord{key: sessionKey(w.start, w.end, w.key), value: total(w.values), ts: w.ts, ref: w.ts,
				place: modelPlace{kind: 2, name: store, a: w.start, key: w.key, task: p}})
		}
	})
	return n
}

// sliding aggregates in sliding windows.
func (g *randomTopology) sliding() {
	from, ok := g.pick(true)
	if !ok {
		return
	}
	store := g.name("sliding")
	diff := []int64{0, 1, 4, 15}[g.rnd.Intn(4)]
	grace := []int64{0, 0, 4, 20}[g.rnd.Intn(4)]
	group := from.s.GroupByKey().Window(topology.Sliding(ms(diff)).Grace(ms(grace)))
	key := func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
	add := func(a, b int64) int64 { return a + b }
	sum := func(values []int64) (n int64) {
		for _, v := range values {
			n += v
		}
		return n
	}
	what := fmt.Sprintf("%s sliding %s %d+%d", from.name, store, diff, grace)
	if from.placed && g.rnd.Intn(3) == 0 { // updates, to a topic of their own
		t := group.Aggregate(store, add)
		n := g.m.sliding(store, diff, grace, sum, from.n)
		if g.rnd.Intn(2) == 0 {
			t = t.EachUpdate()
			what += " each"
		} else {
			what += " updates"
		}
		topic := g.name("out")
		t.Stream(key).To(topic)
		g.remaining(topic, n)
		g.text = append(g.text, fmt.Sprintf("%s = %s", topic, what))
		return
	}
	out := grown{parts: from.parts, rekeyed: true, line: from.line}
	kind := g.rnd.Intn(4)
	switch kind {
	case 0:
		out.s = group.Aggregate(store, add).Final().Stream(key)
		out.n = g.m.sliding(store, diff, grace, sum, from.n)
	case 1:
		out.s = group.Count(store).Final().Stream(key)
		out.n = g.m.sliding(store, diff, grace, func(values []int64) int64 { return int64(len(values)) }, from.n)
	case 2:
		most := func(a, v int64) int64 { return max(a, v) }
		out.s = group.Reduce(store, most).Final().Stream(key)
		out.n = g.m.sliding(store, diff, grace, slices.Max[[]int64], from.n)
	case 3: // an accumulator that is changed in place
		fold := topology.Fold(func(a []int64, v int64) []int64 { return append(a, v) })
		out.s = group.AggregateWith(store, fold, topology.ValueSerde(serde.JSON[[]int64]())).Final().Stream(key).
			MapValues(sum)
		out.n = g.m.sliding(store, diff, grace, sum, from.n)
	}
	g.add(out, "%s final, kind %d", what, kind)
}
