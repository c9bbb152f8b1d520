package processortest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/kolkstream/kolk/topology"
)

// modelWindow is a window of a time. Windows are closed, and come out, in the order of their marks.
type modelWindow struct{ mark, start, end int64 }

// cuts adds an aggregation with final results over the windows that a function finds for a time.
// total makes one value of those of a window, which it may change.
func (m *model) cuts(store string, of func(ts int64) []modelWindow, grace int64, total func(values []int64) int64, key func(w modelWindow, key string) string, parent *modelNode) *modelNode {
	type slot struct {
		p   int32
		w   modelWindow
		key string
	}
	type agg struct {
		values []int64
		ts     int64
	}
	open := map[slot]agg{}
	passed := map[int32]int64{}
	var sub func() *modelSub
	n := m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		if r.noKey || r.noValue {
			reason := topology.NullValue
			if r.noKey {
				reason = topology.NullKey
			}
			m.drop(reason)
			return
		}
		late, taken := false, false
		last, any := passed[p]
		for _, w := range of(r.ts) {
			switch at := (slot{p, w, r.key}); {
			case r.ref >= w.end+grace:
				late = true
			case w.start <= sub().closed[p], any && w.mark <= last:
			default:
				taken = true
				a, ok := open[at]
				if !ok {
					a.ts = r.ts
				}
				open[at] = agg{append(a.values, r.value), max(a.ts, r.ts)}
			}
		}
		switch {
		case taken:
		case late:
			m.drop(topology.LateRecord)
		default:
			m.drop(topology.WindowClosed)
		}
	}, parent)
	sub = func() *modelSub { return n.sub }
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of != n.sub {
			return
		}
		all := slices.SortedFunc(maps.Keys(open), func(a, b slot) int {
			return cmp.Or(cmp.Compare(a.w.mark, b.w.mark), cmp.Compare(a.key, b.key))
		})
		for _, at := range all {
			if at.p == p {
				a := open[at]
				delete(open, at)
				passed[p] = max(passed[p], at.w.mark)
				n.send(p, modelRecord{key: key(at.w, at.key), value: total(a.values), ts: a.ts, ref: a.ts,
					place: modelPlace{kind: 2, name: store, a: at.w.mark, key: at.key, task: p}})
			}
		}
	})
	return n
}

// cuts aggregates in windows that do not begin at the multiples of a size: with an offset, or
// cumulating.
func (g *randomTopology) cuts() {
	from, ok := g.pick(true)
	if !ok {
		return
	}
	store := g.name("cuts")
	grace := []int64{0, 4, 20}[g.rnd.Intn(3)]
	size, advance := []int64{12, 20}[g.rnd.Intn(2)], []int64{4, 1}[g.rnd.Intn(2)]
	var (
		w  topology.Windows
		of func(ts int64) []modelWindow
	)
	if kind := g.rnd.Intn(3); kind == 0 {
		w = topology.Cumulating(ms(size), ms(advance))
		of = func(ts int64) (all []modelWindow) {
			start := ts - ts%size
			for end := start + advance; end <= start+size; end += advance {
				if ts < end {
					all = append(all, modelWindow{end - advance, start, end})
				}
			}
			return all
		}
	} else {
		offset := int64(g.rnd.Intn(int(3*size))) - size
		w = topology.Hopping(ms(size), ms(advance)).Offset(ms(offset))
		if kind == 1 {
			advance = size
			w = topology.Tumbling(ms(size)).Offset(ms(offset))
		}
		of = func(ts int64) (all []modelWindow) {
			for start := ((offset%advance)+advance)%advance - advance; start <= ts; start += advance {
				if ts < start+size && (start >= 0 || offset%advance != 0) {
					all = append(all, modelWindow{max(0, start), max(0, start), start + size})
				}
			}
			return all
		}
	}
	text := func(start, end int64, k string) string { return fmt.Sprintf("%s@%d/%d", k, start, end) }
	out := grown{parts: from.parts, rekeyed: true, line: from.line}
	group := from.s.GroupByKey().Window(w.Grace(ms(grace)))
	key := func(w topology.Window, k string) string { return text(w.Start, w.End, k) }
	total, what := addUp, "sum"
	if g.rnd.Intn(3) == 0 {
		out.s = group.AggregateWith(store, topology.Top(2, byQuarter)).Final().Stream(key).MapValues(digest)
		total, what = largest(2), "top"
	} else {
		out.s = group.Aggregate(store, func(a, v int64) int64 { return a + v }).Final().Stream(key)
	}
	out.n = g.m.cuts(store, of, grace, total, func(w modelWindow, k string) string { return text(w.start, w.end, k) }, from.n)
	g.add(out, "%s windows %s %s, %s", from.name, store, w, what)
}
