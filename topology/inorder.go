package topology

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// inOrder is the kind of an InOrder node, noLine the line of a node that has none before it.
const (
	inOrder = "in-order"
	noLine  = -1
)

// InOrder returns the stream in the order of event time: of timestamp, source topic, partition and
// offset, and, of what was made from one message, as it was made. What lies behind it (processors,
// reduce, each update, writing) is a function of the input wherever the stream is, behind
// repartition topics too, where records of several partitions come together as they are read. Its
// time is that of the records: [Context.Time] and stream-time schedules behind it go by what has
// been handed on.
//
// delay is how much out of order the records of a source partition may be. A record is handed on,
// at a commit, when task time is later than its timestamp by more than delay; so the last ones of a
// stream that stands still wait for the next, except in a bounded run. A record that is behind what
// its source partition had shown by more than delay is dropped and counted as late, whatever else
// has been read. (One that comes from an input which had been idle, and is too early for what was
// handed on meanwhile, is counted as time-passed.) With 0, partitions that are each in order give
// all their records.
//
// Records that are held back are in a store of that name, on disk as far as they do not fit in
// memory, with a changelog. Final results of windows with the same timestamp are in the order of
// store, window and key. The order can be had of every stream but those whose records depend on
// when something was committed (updates of tables), or that carry no time.
func (s Stream[K, V]) InOrder(name string, delay time.Duration) Stream[K, V] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("store", name, at)
	switch {
	case delay < 0:
		mistakef(t, at, name, "the delay %s is negative: give 0 or more", delay)
	case delay > math.MaxInt64-time.Millisecond:
		mistakef(t, at, name, "the delay %s is longer than what a time.Duration holds, less a millisecond: make it smaller", delay)
		delay = 0
	case delay%time.Millisecond != 0:
		mistakef(t, at, name, "the delay %s is not a whole number of milliseconds: round it", delay)
	}
	n := t.add(inOrder, name, at, from)
	n.delay = delay
	n.stores = []*storeDecl{t.addStore(&storeDecl{
		name: name, at: at, kind: InOrderStore, role: inOrder, retention: delay + time.Millisecond, key: s.key, value: s.value,
	})}
	n.wantKey, n.wantValue = s.key, s.value
	n.key, n.value = output{serde: s.key}, output{serde: s.value}
	n.build = func(b *builder, p *planNode) error {
		k, err := s.key.resolve()
		if err != nil {
			return err
		}
		v, err := s.value.resolve()
		if err != nil {
			return err
		}
		l := b.line(p.id)
		timed := make([]Timed, 0, len(l.timed))
		for i := range l.timed { // they were made from the last to the first
			timed = append(timed, l.timed[len(l.timed)-1-i])
		}
		op := &ops.InOrder[K, V]{
			Node: b.node(p), Behind: l.task, Timed: timed, After: p.since.Milliseconds(), Delay: delay.Milliseconds(), Branches: b.branches,
			NeedKey: p.outKey, NeedValue: p.outValue, Next: next[K, V](b, p),
		}
		op.Open(k, v, p.rawKey == k.Name(), p.rawValue == v.Name())
		b.set(p, op)
		b.flushers = append(b.flushers, op)
		return nil
	}
	return s.then(n)
}

// checkOrder finds out which nodes go by the time of which InOrder and where places are needed, and
// refuses what cannot be in order.
func (t *Topology) checkOrder(p *Plan) {
	uses := make(map[*storeDecl]*planNode)
	for _, n := range p.nodes {
		n.line = noLine
		for i, parent := range n.parents {
			from := p.nodes[parent.id]
			line := from.line
			if from.kind == inOrder {
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
			n.places = n.places || p.nodes[c].kind == inOrder || p.nodes[c].places
		}
		switch {
		case n.kind == repartitioned:
			read[n.topics[0]] = n
		case n.node.sink != nil && n.node.sink.repartition != nil:
			n.places = read[n.node.sink.topic] != nil && read[n.node.sink.topic].places
		}
		switch {
		case !n.places:
		case n.timeless:
			mistakef(t, n.at, n.name, "records of a timeless source cannot be in order, as InOrder further on demands: leave Timeless out")
		case n.node.emit != nil && n.emit == ops.EmitUpdates:
			mistakef(t, n.at, n.name, "this table forwards what it has when something is committed, and InOrder further on demands records that depend on nothing but the input: say EachUpdate, or Final for windows")
		}
	}
}

// delay finds out how far what reaches a node, whose parents have been there before, may lie behind
// time.
func (p *Plan) delay(n *planNode) {
	for _, parent := range n.parents {
		from := p.nodes[parent.id]
		late, since := from.late, from.since
		switch {
		case from.windows != nil && from.emit == ops.EmitFinal:
			late = sum(late, from.windows.size+from.windows.grace)
			since = sum(since, from.windows.size+from.windows.grace)
		case from.kind == inOrder:
			late, since = sum(late, from.node.delay), 0
		}
		n.late, n.since = max(n.late, late), max(n.since, since)
	}
}

// sum is a + b, or the longest duration.
func sum(a, b time.Duration) time.Duration { return a + min(b, math.MaxInt64-a) }

// ordering names the InOrder that two lines differ in.
func (p *Plan) ordering(a, b int) string { return "InOrder " + p.nodes[max(a, b)].name }
