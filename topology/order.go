package topology

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// noLine is the line of a node that has no InOrder before it.
const noLine = -1

// checkOrder finds out which nodes go by the time of which InOrder and where places are needed, and
// refuses what cannot be in order.
func (t *Topology) checkOrder(p *Plan) {
	uses := make(map[*storeDecl]*planNode)
	for _, n := range p.nodes {
		n.line = noLine
		for i, parent := range n.parents {
			from := p.nodes[parent.id]
			line := from.line
			if from.orders {
				line = from.id
			}
			if i > 0 && line != n.line {
				mistakef(t, n.at, n.name, "it brings together records that are in order, of %s, with others that are not in the same order: put InOrder behind it instead", p.ordering(line, n.line))
				break
			}
			n.line = line
		}
		p.delay(n)
		for _, d := range n.stores {
			first := uses[d]
			if first == nil {
				uses[d] = n
			} else if first.line != n.line {
				mistakef(t, n.at, n.name, "it reads store %s, which %s writes at another time: one of them is behind %s. Put InOrder behind both instead", d.name, first.name, p.ordering(n.line, first.line))
			}
		}
	}
	read := make(map[string]*planNode) // the nodes behind repartition topics
	for i := len(p.nodes) - 1; i >= 0; i-- {
		n := p.nodes[i]
		for _, c := range n.children {
			c := p.nodes[c]
			n.ordered = n.ordered || c.orders || c.ordered
			n.strict = n.strict || c.orders || c.placed || c.strict
			// What Suppress hands on has a place of its own.
			n.places = n.places || c.orders || c.placed || c.places && c.suppresses == nil
		}
		switch {
		case n.reader != nil && n.reader.internal:
			read[n.reader.topics[0]] = n
		case n.writer != nil && n.writer.repartition != nil:
			if to := read[n.writer.topics[0]]; to != nil {
				n.places, n.strict, n.ordered = to.places, to.strict, to.ordered
			}
		}
		who := "Sample"
		if n.ordered {
			who = "InOrder"
		}
		switch {
		case !n.strict:
		case n.ordered && n.reader != nil && n.reader.timeless:
			mistakef(t, n.at, n.name, "records of a timeless source cannot be in order, as InOrder further on demands: leave Timeless out")
		case n.races:
			mistakef(t, n.at, n.name, "which updates this join makes depends on which side of it is read first, and %s further on demands records that depend on nothing but the input: leave %[1]s out behind it", who)
		case n.places && n.emits != nil && n.emit == ops.EmitUpdates:
			mistakef(t, n.at, n.name, "this table forwards what it has when something is committed, and %s further on demands records that depend on nothing but the input: say EachUpdate, or Final for windows", who)
		}
	}
}

// delay finds out how far what reaches a node, whose parents have been there before, may lie behind
// time.
func (p *Plan) delay(n *planNode) {
	for _, parent := range n.parents {
		from := p.nodes[parent.id]
		by := from.holds.of(from)
		n.late = max(n.late, sum(from.late, by))
		if !from.orders {
			n.since = max(n.since, sum(from.since, by))
		}
	}
	if n.grace != nil && n.looks.table != nil { // it waits for the table too
		table := p.nodes[n.looks.table.id]
		n.late, n.since = max(n.late, table.late), max(n.since, table.since)
	}
}

// sum is a + b, or the longest duration.
func sum(a, b time.Duration) time.Duration { return a + min(b, math.MaxInt64-a) }

// ordering names the InOrder that two lines differ in.
func (p *Plan) ordering(a, b int) string { return "InOrder " + p.nodes[max(a, b)].name }
