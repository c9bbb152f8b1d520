package processortest

import (
	"fmt"
	"testing"

	"github.com/kolkstream/kolk/topology"
)

// modelJoin is what a join of two streams keeps of a task during a run: the records that count.
type modelJoin struct {
	left, right []modelRecord
	passed      int64 // the largest time of a record of earlier runs
}

// modelBounds are the bounds of a join.
type modelBounds struct{ before, after, grace int64 }

// joinWithin adds a join of two streams: at the end of a run all pairs that count, and of the sides
// that make output alone all records without one.
func (m *model) joinWithin(name string, b modelBounds, leftAlone, rightAlone bool, pair func(l, r *modelRecord) int64, left, right *modelNode) *modelNode {
	tasks := map[int32]*modelJoin{}
	var sub func() *modelSub
	out := m.node(keep)
	of := func(p int32) *modelJoin {
		if tasks[p] == nil {
			tasks[p] = &modelJoin{passed: -1}
		}
		return tasks[p]
	}
	side := func(parent *modelNode, alone, isLeft bool, closes int64, to func(*modelJoin) *[]modelRecord) {
		m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
			j := of(p)
			switch {
			case r.noValue:
				m.drop(topology.NullValue)
			case r.noKey && alone:
				if isLeft {
					r.value = pair(&r, nil)
				} else {
					r.value = pair(nil, &r)
				}
				out.send(p, r)
			case r.noKey:
				m.drop(topology.NullKey)
			case r.ref > r.ts+closes:
				m.drop(topology.LateRecord)
			case r.ts <= max(j.passed, sub().closed[p]):
				m.drop(topology.WindowClosed)
			default:
				all := to(j)
				*all = append(*all, r)
			}
		}, parent)
	}
	leftCloses, rightCloses := b.after+b.grace, b.before+b.grace
	side(left, leftAlone, true, leftCloses, func(j *modelJoin) *[]modelRecord { return &j.left })
	side(right, rightAlone, false, rightCloses, func(j *modelJoin) *[]modelRecord { return &j.right })
	// it is found by the sub-topology of its left side
	left.children = append(left.children, out)
	out.recv = func(int32, modelRecord) {}
	sub = func() *modelSub { return out.sub }
	m.atEnd = append(m.atEnd, func(p int32, s *modelSub) {
		if s != out.sub {
			return
		}
		j := of(p)
		send := func(l, r *modelRecord, nl, nr int) {
			o := modelRecord{value: pair(l, r), place: modelPlace{kind: 4, name: name, task: p}}
			text := ""
			for i, x := range []*modelRecord{l, r} {
				if x == nil {
					text += "0"
					continue
				}
				if o.key = x.key; i == 0 || l == nil {
					text = x.key + "\x00" + text
				}
				o.ts, o.ref = max(o.ts, x.ts), max(o.ref, x.ref)
				text += fmt.Sprintf("1%020d%020d", x.ts, uint64(x.value))
			}
			if l == nil || r == nil {
				o.ref = o.ts // time has made it
			}
			o.place.key = text + fmt.Sprintf("%020d%020d", nl, nr)
			out.send(p, o)
		}
		matched := make([]bool, len(j.right))
		for nl := range j.left {
			l, alone := &j.left[nl], true
			for nr := range j.right {
				r := &j.right[nr]
				near := l.key == r.key && l.ts-b.before <= r.ts && r.ts <= l.ts+b.after
				if near && max(l.ref, r.ref) <= min(l.ts+leftCloses, r.ts+rightCloses) {
					alone, matched[nr] = false, true
					send(l, r, nl, nr)
				}
			}
			if alone && leftAlone {
				send(l, nil, nl, 0)
			}
			j.passed = max(j.passed, l.ts)
		}
		for nr := range j.right {
			if !matched[nr] && rightAlone {
				send(nil, &j.right[nr], 0, nr)
			}
			j.passed = max(j.passed, j.right[nr].ts)
		}
		j.left, j.right = nil, nil
	})
	return out
}

// joinWithin joins two streams, which may be one.
func (g *randomTopology) joinWithin() {
	l, ok := g.pick(true)
	if !ok {
		return
	}
	r := l
	for range 10 {
		if o, ok := g.pick(true); ok && o.parts == l.parts && o.line == l.line {
			r = o
			break
		}
	}
	b := modelBounds{[]int64{0, 3, 8, 30}[g.rnd.Intn(4)], []int64{0, 3, 8, 30}[g.rnd.Intn(4)], []int64{0, 0, 4, 20}[g.rnd.Intn(4)]}
	kind := g.rnd.Intn(3)
	name := g.name("within")
	value := func(l, r topology.Opt[int64]) int64 {
		if !l.OK {
			l.Value = 500
		}
		if !r.OK {
			r.Value = 500
		}
		return 1000*l.Value + r.Value
	}
	joiner := topology.Inner(func(l, r int64) int64 { return value(topology.Some(l), topology.Some(r)) })
	switch kind {
	case 1:
		joiner = topology.Left(func(l int64, r topology.Opt[int64]) int64 { return value(topology.Some(l), r) })
	case 2:
		joiner = topology.Outer(value)
	}
	opt := func(r *modelRecord) topology.Opt[int64] {
		if r == nil {
			return topology.None[int64]()
		}
		return topology.Some(r.value)
	}
	out := grown{parts: l.parts, apart: true, placed: l.placed && r.placed, line: l.line}
	out.s = l.s.JoinWithin(name, r.s, topology.Within(0).Before(ms(b.before)).After(ms(b.after)).Grace(ms(b.grace)), joiner)
	out.n = g.m.joinWithin(name, b, kind > 0, kind > 1, func(l, r *modelRecord) int64 { return value(opt(l), opt(r)) }, l.n, r.n)
	g.add(out, "%s join-within %s, kind %d, %+v", l.name, r.name, kind, b)
}

// joinSteps draw joins of streams, in chains, and what may stand behind one in its sub-topology.
func joinSteps(g *randomTopology) []func() {
	return []func(){g.joinWithin, g.joinWithin, g.joinWithin, g.joinWithin, g.window, g.window, g.stateless, g.rekey, g.merge, g.inOrder, g.orderly}
}

// TestRandomJoins is TestRandomTopologies with joins of two streams everywhere.
func TestRandomJoins(t *testing.T) { checkRandomTopologies(t, 1, joinSteps) }
