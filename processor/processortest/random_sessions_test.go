package processortest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// sessions adds an aggregation of sessions with final results. It keeps the records that count, and
// cuts them into sessions when the run ends.
func (m *model) sessions(store string, gap, grace int64, total func(values []int64) int64, parent *modelNode) *modelNode {
	type slot struct {
		p   int32
		key string
	}
	taken := map[slot][]modelRecord{}
	passed := map[int32]int64{} // ends of sessions that a run's end has closed
	var sub func() *modelSub
	n := m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		last, any := passed[p]
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
		case r.noValue:
			m.drop(topology.NullValue)
		case r.ref-r.ts > grace:
			m.drop(topology.LateRecord)
		case r.ts <= sub().closed[p], any && r.ts <= last:
			m.drop(topology.WindowClosed)
		default:
			taken[slot{p, r.key}] = append(taken[slot{p, r.key}], r)
		}
	}, parent)
	sub = func() *modelSub { return n.sub }
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of != n.sub {
			return
		}
		type session struct {
			key        string
			start, end int64
			values     []int64
		}
		var all []session
		for at, records := range taken {
			if at.p != p {
				continue
			}
			delete(taken, at)
			slices.SortStableFunc(records, func(a, b modelRecord) int { return cmp.Compare(a.ts, b.ts) })
			for i, r := range records {
				if i == 0 || r.ts-records[i-1].ts > gap {
					all = append(all, session{key: at.key, start: r.ts})
				}
				s := &all[len(all)-1]
				s.end, s.values = r.ts, append(s.values, r.value)
			}
		}
		slices.SortFunc(all, func(a, b session) int {
			return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
		})
		for _, s := range all {
			passed[p] = max(passed[p], s.end)
			n.send(p, modelRecord{key: sessionKey(s.start, s.end, s.key), value: total(s.values), ts: s.end, ref: s.end,
				place: modelPlace{kind: 2, name: store, a: s.start, key: s.key, task: p}})
		}
	})
	return n
}

func sessionKey(start, end int64, k string) string { return fmt.Sprintf("%s@%d/%d", k, start, end) }

// sessions aggregates in sessions.
func (g *randomTopology) sessions() {
	from, ok := g.pick(true)
	if !ok {
		return
	}
	store := g.name("sessions")
	gap := []int64{0, 1, 3, 10}[g.rnd.Intn(4)]
	grace := []int64{0, 0, 4, 20}[g.rnd.Intn(4)]
	group := from.s.GroupByKey().Window(topology.Sessions(ms(gap)).Grace(ms(grace)))
	key := func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
	add := func(a, b int64) int64 { return a + b }
	what := fmt.Sprintf("%s sessions %s %d+%d", from.name, store, gap, grace)
	if from.placed && g.rnd.Intn(3) == 0 { // updates, to a topic of their own
		t := group.AggregateWith(store, topology.Fold(add).Merge(add))
		n := g.m.sessions(store, gap, grace, addUp, from.n)
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
	kind := g.rnd.Intn(5)
	switch kind {
	case 0:
		out.s = group.AggregateWith(store, topology.Fold(add).Merge(add)).Final().Stream(key)
		out.n = g.m.sessions(store, gap, grace, addUp, from.n)
	case 1:
		out.s = group.Count(store).Final().Stream(key)
		out.n = g.m.sessions(store, gap, grace, func(values []int64) int64 { return int64(len(values)) }, from.n)
	case 2:
		most := func(a, v int64) int64 { return max(a, v) }
		out.s = group.Reduce(store, most).Final().Stream(key)
		out.n = g.m.sessions(store, gap, grace, slices.Max[[]int64], from.n)
	case 3: // an accumulator that is changed in place
		fold := topology.Fold(func(a []int64, v int64) []int64 { return append(a, v) }).
			Merge(func(a, b []int64) []int64 { return append(a, b...) })
		out.s = group.AggregateWith(store, fold, topology.ValueSerde(serde.JSON[[]int64]())).Final().Stream(key).
			MapValues(addUp)
		out.n = g.m.sessions(store, gap, grace, addUp, from.n)
	case 4:
		out.s = group.AggregateWith(store, topology.Top(3, byQuarter)).Final().Stream(key).MapValues(digest)
		out.n = g.m.sessions(store, gap, grace, largest(3), from.n)
	}
	g.add(out, "%s final, kind %d", what, kind)
}

// remaining compares what is left in a topic, where a later record of a key replaces an earlier one
// and a tombstone deletes it, with all that n sends.
func (g *randomTopology) remaining(topic string, n *modelNode) {
	type result struct{ value, ts int64 }
	want := map[string]result{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) { want[r.key] = result{r.value, r.ts} }, n)
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]result{}
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			if _, ok := got[r.Key]; r.NoValue && !ok {
				return fmt.Sprintf("%s: %q is taken back, and was not there", topic, r.Key)
			}
			if got[r.Key] = (result{r.Value, r.Timestamp}); r.NoValue {
				delete(got, r.Key)
			}
		}
		return differ(topic, got, want)
	})
}
