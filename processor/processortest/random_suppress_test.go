package processortest

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology"
)

// suppress holds back the updates of a table for a time, or those of windows until they close.
func (g *randomTopology) suppress() {
	from, ok := g.pick(true)
	if !ok {
		return
	}
	if !from.apart && (from.first || from.line != 0) && g.rnd.Intn(2) == 0 {
		g.suppressTable(from)
		return
	}
	if from.placed {
		g.suppressWindows(from)
	}
}

func (g *randomTopology) suppressTable(from *grown) {
	store, name := g.name("ordered"), g.name("held")
	if from.line == 0 {
		g.ordered = append(g.ordered, store)
	}
	limit := []int64{1, 3, 10, 40}[g.rnd.Intn(4)]
	var (
		t topology.Table[string, int64]
		n *modelNode
	)
	if g.rnd.Intn(2) == 0 {
		t = from.s.GroupByKey().Aggregate(store, func(a, v int64) int64 { return a + v }).EachUpdate()
		n = g.m.updates(from.n, func(a int64, _ bool, v int64) (int64, bool) { return a + v, true })
	} else {
		t = from.s.ToTable(store).EachUpdate()
		n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noKey {
				g.m.drop(topology.NullKey)
				return
			}
			send(r)
		}, from.n)
	}
	filter := g.rnd.Intn(3)
	if filter == 0 {
		t, n = t.Filter(func(v int64) bool { return v%3 != 0 }), g.m.rowFilter(n)
	}
	t, n = t.Suppress(name, topology.UntilTimeLimit(ms(limit))), g.m.held(name, limit, n)
	if filter == 1 {
		t, n = t.Filter(func(v int64) bool { return v%3 != 0 }), g.m.rowFilter(n)
	}
	out := *from
	out.s, out.n, out.used, out.first, out.apart, out.sorted, out.fresh = t.ToStream(), n, false, false, true, false, false
	g.add(out, "%s table %s held for %d as %s, filter %d", from.name, store, limit, name, filter)
}

// held holds back the last update of each key until its source partition has gone on by limit.
func (m *model) held(name string, limit int64, parent *modelNode) *modelNode {
	type slot struct {
		p   int32
		key string
	}
	type hold struct {
		at   int64
		last modelRecord
	}
	all := map[slot][]hold{}
	n := m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		at := slot{p, r.key}
		holds := all[at]
		if i := len(holds) - 1; i >= 0 && r.ref < holds[i].at+limit {
			holds[i].last = r
			return
		}
		all[at] = append(holds, hold{r.ref, r})
	}, parent)
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of != n.sub {
			return
		}
		var out []hold
		for _, at := range slices.Collect(maps.Keys(all)) {
			if at.p == p {
				out = append(out, all[at]...)
				delete(all, at)
			}
		}
		slices.SortFunc(out, func(a, b hold) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.last.key, b.last.key))
		})
		for _, h := range out {
			r := h.last
			n.send(p, modelRecord{key: r.key, noValue: r.noValue, value: r.value, ts: r.ts, ref: max(h.at, r.ts),
				place: modelPlace{kind: 2, name: name, a: h.at, key: r.key, task: p}})
		}
	})
	return n
}

// rowFilter has the rows whose values are no multiples of 3.
func (m *model) rowFilter(parent *modelNode) *modelNode {
	type slot struct {
		p   int32
		key string
	}
	was := map[slot]bool{}
	return m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		at, is := slot{p, r.key}, !r.noValue && r.value%3 != 0
		before := was[at]
		was[at] = is
		if is || before {
			if !is {
				r.value, r.noValue = 0, true
			}
			send(r)
		}
	}, parent)
}

// suppressWindows holds updates of windows or sessions back until they close: final results.
func (g *randomTopology) suppressWindows(from *grown) {
	sum := func(a, v int64) int64 { return a + v }
	size, grace := []int64{10, 7, 25}[g.rnd.Intn(3)], []int64{0, 4, 20}[g.rnd.Intn(3)]
	store, name := g.name("window"), g.name("held")
	var (
		t   topology.WindowedTable[string, int64]
		n   *modelNode
		key func(topology.Window, string) string
	)
	sessions := g.rnd.Intn(2) == 0
	if sessions {
		t = from.s.GroupByKey().Window(topology.Sessions(ms(size)).Grace(ms(grace))).AggregateWith(store, topology.Fold(sum).Merge(sum))
		n = g.m.sessions(store, size, grace, func(values []int64) (n int64) {
			for _, v := range values {
				n += v
			}
			return n
		}, from.n)
		key = func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
	} else {
		advance := min(size, []int64{size, 5}[g.rnd.Intn(2)])
		t = from.s.GroupByKey().Window(topology.Hopping(ms(size), ms(advance)).Grace(ms(grace))).Aggregate(store, sum)
		n = g.m.windows(store, size, advance, grace, 0, sum, windowKey, from.n)
		key = func(w topology.Window, k string) string { return windowKey(w.Start, k) }
	}
	each := g.rnd.Intn(2) == 0
	if each {
		t = t.EachUpdate()
	}
	n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		// They are in the order of the buffer: its end, the key, and the window.
		at := strings.LastIndexByte(r.key, '@')
		start, end, _ := strings.Cut(r.key[at+1:], "/")
		first, _ := strconv.ParseInt(start, 10, 64)
		second, last := first+size, first+size
		if sessions {
			last, _ = strconv.ParseInt(end, 10, 64)
			first, second = last, first
		}
		b := binary.BigEndian.AppendUint64([]byte(r.key[:at]), uint64(first))
		r.place = modelPlace{kind: 2, name: name, a: last, key: string(binary.BigEndian.AppendUint64(b, uint64(second))), task: p}
		if r.value%3 != 0 {
			send(r)
		}
	}, n)
	s := t.Filter(func(v int64) bool { return v%3 != 0 }).Suppress(name, topology.UntilWindowCloses()).Stream(key)
	g.add(grown{s: s, n: n, parts: from.parts, rekeyed: true, line: from.line, apart: true},
		"%s windows %s held as %s, %d+%d, sessions %v, each %v", from.name, store, name, size, grace, sessions, each)
}
