package processortest

import (
	"fmt"

	"github.com/kolkstream/kolk/topology"
)

// rowsOfWindows makes tables of the rows of windows or sessions, groups them perhaps, and compares
// what is there in the end.
func (g *randomTopology) rowsOfWindows() {
	from, ok := g.pick(true)
	if !ok || !from.placed {
		return
	}
	sum := func(a, v int64) int64 { return a + v }
	size, grace := []int64{10, 7, 25}[g.rnd.Intn(3)], []int64{0, 4, 20}[g.rnd.Intn(3)]
	var (
		t    topology.WindowedTable[string, int64]
		n    *modelNode
		name func(topology.Window, string) string
		what string
	)
	if g.rnd.Intn(2) == 0 {
		store, advance := g.name("window"), []int64{size, 5}[g.rnd.Intn(2)]
		t = from.s.GroupByKey().Window(topology.Hopping(ms(size), ms(min(size, advance))).Grace(ms(grace))).Aggregate(store, sum)
		n = g.m.windows(store, size, min(size, advance), grace, 0, sum, windowKey, from.n)
		name = func(w topology.Window, k string) string { return windowKey(w.Start, k) }
		what = fmt.Sprintf("%s window %s %d/%d+%d", from.name, store, size, advance, grace)
	} else {
		store := g.name("sessions")
		t = from.s.GroupByKey().Window(topology.Sessions(ms(size)).Grace(ms(grace))).AggregateWith(store, topology.Fold(sum).Merge(sum))
		n = g.m.sessions(store, size, grace, func(values []int64) (n int64) {
			for _, v := range values {
				n += v
			}
			return n
		}, from.n)
		name = func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
		what = fmt.Sprintf("%s sessions %s %d+%d", from.name, store, size, grace)
	}
	if g.rnd.Intn(2) == 0 {
		t, what = t.EachUpdate(), what+" each"
	}
	rows := map[string]int64{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) { rows[r.key] = r.value }, n)
	change := func(v int64) (int64, bool) { return v + 1, v%3 != 0 }
	switch g.rnd.Intn(3) {
	case 0:
		t = t.Filter(func(v int64) bool { return v%3 != 0 }).MapValues(func(v int64) int64 { return v + 1 })
	case 1:
		t = t.MapRows(func(_ topology.Window, _ string, v int64) topology.Opt[int64] {
			v, ok := change(v)
			return topology.Opt[int64]{Value: v, OK: ok}
		})
	case 2:
		t = t.FilterRows(func(w topology.Window, k string, v int64) bool { return w.End >= w.Start && v%3 != 0 && len(k) >= 0 }).
			MapValues(func(v int64) int64 { return v + 1 })
	}
	topic := g.name("out")
	if g.rnd.Intn(2) == 0 {
		t.Stream(name).To(topic)
		g.contents(topic, func() map[string]int64 {
			want := map[string]int64{}
			for k, v := range rows {
				if v, ok := change(v); ok {
					want[k] = v
				}
			}
			return want
		})
		g.text = append(g.text, fmt.Sprintf("%s = %s changed", topic, what))
		return
	}
	group := func(v int64) string { return string("abc"[(v%3+3)%3]) }
	g.emitted(t.GroupBy(g.name("rows"), group).AggregateWith(g.name("group"), topology.Fold(func(sum, v int64) int64 { return sum + many + v%1000 }).
		SubtractOpt(func(sum, v int64) topology.Opt[int64] {
			sum -= many + v%1000
			return topology.Opt[int64]{Value: sum, OK: sum != 0}
		}))).ToStream().To(topic)
	g.contents(topic, func() map[string]int64 {
		want := map[string]int64{}
		for _, v := range rows {
			if v, ok := change(v); ok {
				want[group(v)] += many + v%1000
			}
		}
		return want
	})
	g.text = append(g.text, fmt.Sprintf("%s = %s grouped", topic, what))
}
