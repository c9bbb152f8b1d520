package processortest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/topology"
)

// byQuarter compares a quarter of values, so that there are ties.
func byQuarter(a, b int64) int { return cmp.Compare(a/4, b/4) }

// largest sorts all values and takes the first n of them.
func largest(n int) func([]int64) int64 {
	return func(values []int64) int64 {
		slices.SortFunc(values, func(a, b int64) int {
			return cmp.Or(cmp.Compare(b/4, a/4), cmp.Compare(uint64(a), uint64(b)))
		})
		return digest(values[:min(n, len(values))])
	}
}

// digest makes one value of a list, which depends on its order.
func digest(values []int64) (d int64) {
	for _, v := range values {
		d = 31*d + v + 1
	}
	return d
}

// addUp adds the values of a list.
func addUp(values []int64) (n int64) {
	for _, v := range values {
		n += v
	}
	return n
}

// largest keeps the largest values of each key, in a topic of its own.
func (g *randomTopology) largest() {
	from, ok := g.pick(true)
	if !ok || !from.placed {
		return
	}
	store, topic, n := g.name("top"), g.name("out"), 1+g.rnd.Intn(4)
	t := from.s.GroupByKey().AggregateWith(store, topology.Top(n, byQuarter))
	each := g.rnd.Intn(2) == 0
	if each {
		t = t.EachUpdate()
	}
	t.ToStream().MapValues(digest).To(topic)
	type group struct {
		values []int64
		ts     int64
	}
	all := map[string]group{}
	g.last(topic, g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		switch {
		case r.noKey:
			g.m.drop(topology.NullKey)
			return
		case r.noValue:
			g.m.drop(topology.NullValue)
			return
		}
		a := all[r.key]
		a = group{append(a.values, r.value), max(a.ts, r.ts)}
		all[r.key] = a
		send(modelRecord{key: r.key, value: largest(n)(a.values), ts: a.ts})
	}, from.n))
	g.text = append(g.text, fmt.Sprintf("%s = %s top %s %d, each %v", topic, from.name, store, n, each))
}
