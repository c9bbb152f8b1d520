package processortest

import (
	"cmp"
	"slices"

	"github.com/kolkstream/kolk/topology"
)

// modelPlace orders records of one timestamp: what a record was made from, and its number among
// what was made from that, step by step.
type modelPlace struct {
	kind int // 1 a message, 2 a window, 4 a join
	name string
	a, b int64 // partition and number, or start
	key  string
	task int32
	path []int
}

func (x modelPlace) compare(y modelPlace) int {
	return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.name, y.name), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b),
		cmp.Compare(x.key, y.key), cmp.Compare(x.task, y.task), slices.Compare(x.path, y.path))
}

// branch gives a record that leaves a step its number among those made of the same.
func (m *model) branch(of modelPlace) modelPlace {
	if m.branched.compare(of) != 0 {
		m.branched, m.branches = of, 0
	}
	of.path = append(slices.Clone(of.path), m.branches)
	m.branches++
	return of
}

// inOrder compares by timestamp and place.
func (r modelRecord) inOrder(other modelRecord) int {
	return cmp.Or(cmp.Compare(r.ts, other.ts), r.place.compare(other.place))
}

// inOrder adds an InOrder: at the end of a run it sorts what is not late, and not before what it
// has sent in an earlier run.
func (m *model) inOrder(delay int64, parent *modelNode) *modelNode {
	held := map[int32][]modelRecord{}
	// sent, by task; what comes before it later on would be out of order
	last := map[int32]modelRecord{}
	var sub func() *modelSub
	n := m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		switch {
		case r.ref-r.ts > delay:
			m.drop(topology.LateRecord)
		case r.ts <= sub().closed[p]:
			m.drop(topology.TimePassed)
		default:
			r.place = m.branch(r.place)
			if sent, ok := last[p]; ok && r.inOrder(sent) < 0 {
				m.drop(topology.TimePassed)
				return
			}
			held[p] = append(held[p], r)
		}
	}, parent)
	sub = func() *modelSub { return n.sub }
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of != n.sub {
			return
		}
		all := held[p]
		delete(held, p)
		slices.SortFunc(all, modelRecord.inOrder)
		for _, r := range all {
			last[p] = r
			r.ref = r.ts
			n.send(p, r)
		}
	})
	return n
}

// inOrder puts a stream in order.
func (g *randomTopology) inOrder() {
	from, _ := g.pick(false)
	out := *from
	out.fresh = false
	out.used, out.first, out.apart = false, false, false
	delay := []int64{0, 0, 5, 40, 1000}[g.rnd.Intn(5)]
	g.lines++
	out.line, out.sorted = g.lines, true
	out.s = from.s.InOrder(g.name("order"), ms(delay))
	out.n = g.m.inOrder(delay, from.n)
	g.add(out, "%s in order, delay %d", from.name, delay)
}
