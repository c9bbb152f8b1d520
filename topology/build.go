package topology

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// planNode is a node of a plan: a node as it was when the plan was built, and what building found
// out.
type planNode struct {
	*node
	children []int
	sub      int // index of its sub-topology
	emit     ops.Emit

	// Serdes of the bytes that come with the input's keys and values, and with the output's; "" if
	// none do.
	rawKey, rawValue       string
	rawKeyOut, rawValueOut string
	// mixedKey and mixedValue say that the inputs' bytes are of different serdes.
	mixedKey, mixedValue bool
	// What has to be decoded: of the input, for this node and those behind; of the output, for
	// those behind.
	needKey, needValue bool
	outKey, outValue   bool
	sinks              []*flow.Sink
	// places says that an InOrder or a Sample comes further on, behind repartition topics too: it
	// wants to know where records stand.
	places bool
	// strict says that an operator further on demands records that depend on nothing but the input.
	strict bool
	// ordered says that it is an InOrder that wants to.
	ordered bool
	// ahead says that the node is in the graph ahead too: calls further on depend on it.
	ahead bool
	// line is the InOrder before this node, in its sub-topology, whose time it goes by; noLine if
	// it goes by the task's.
	line int
	// late is how much event time what reaches the node may lie behind the task's time, since
	// behind that of its line.
	late, since time.Duration
	// held says that a node before this one, in its sub-topology, holds back updates until the
	// commit.
	held bool
}

// Build checks the topology and returns its plan. The error joins all mistakes, each a [*Mistake]
// with the position of the call and a way out. The topology may be extended afterwards and built
// again; plans do not change.
func (t *Topology) Build() (*Plan, error) {
	if t = t.made(); t.lost != nil {
		return nil, t.errLost()
	}
	kept := len(t.mistakes)
	defer func() { t.mistakes = t.mistakes[:kept] }() // those of this call
	p := &Plan{config: t.config, made: &flow.Plan{Name: t.name}}
	for _, n := range t.nodes {
		pn := &planNode{node: n}
		if n.emits != nil {
			pn.emit = n.emits.when
		}
		p.nodes = append(p.nodes, pn)
		for _, parent := range n.parents {
			if c := &p.nodes[parent.id].children; !slices.Contains(*c, n.id) {
				*c = append(*c, n.id)
			}
		}
	}
	t.checkSources()
	t.checkPatterns()
	t.checkSerdes()
	t.checkTopics()
	if len(t.mistakes) != 0 {
		return nil, t.joined()
	}
	t.checkGraces()
	p.analyze()
	t.checkOrder(p)
	t.checkHistories(p)
	t.checkCalls(p)
	t.checkSuppressions(p)
	if len(t.mistakes) != 0 {
		return nil, t.joined()
	}
	p.cut(t)
	t.checkJoins()
	t.checkInternal(p)
	t.checkPartitions(p)
	t.checkLoops(p)
	if len(t.mistakes) == 0 {
		t.checkEnds() // after a mistake, something may be missing that would have read the records
	}
	if len(t.mistakes) != 0 {
		return nil, t.joined()
	}
	p.texts(t)
	p.made.Clocks = p.config.clocks
	p.made.Fingerprint, p.made.Contract, p.made.NewGraph = p.Fingerprint(), p.contract(), p.newGraph
	return p, nil
}

// joined returns the mistakes as one error.
func (t *Topology) joined() error { return errors.Join(slices.Clone(t.mistakes)...) }

// checkSerdes finds the serdes that are needed.
func (t *Topology) checkSerdes() {
	seen := make(map[anySerde]bool)
	check := func(n string, at string, serdes ...anySerde) {
		for _, s := range serdes {
			if s == nil || seen[s] {
				continue
			}
			seen[s] = true
			if _, err := s.serdeName(); err != nil {
				mistakef(t, at, n, "%s", err)
			}
		}
	}
	for _, n := range t.nodes {
		if n.writer != nil {
			check(n.name, n.at, n.writer.key, n.writer.value)
		}
		check(n.name, n.at, n.reads.wantKey, n.reads.wantValue)
	}
	for _, d := range t.storeIDs {
		check(d.name, d.at, d.key, d.value)
	}
	for _, d := range t.globals {
		check(d.name, d.at, d.key, d.value)
	}
	for _, n := range t.nodes {
		check(n.name, n.at, n.key.serde, n.value.serde)
	}
}

// nameOf returns the name of a serde that checkSerdes has found; "" for none.
func nameOf(s anySerde) string {
	if s == nil {
		return ""
	}
	name, _ := s.serdeName()
	return name
}

// checkJoins checks that both sides of a join have keys of one serde: their bytes decide the
// partition.
func (t *Topology) checkJoins() {
	for _, n := range t.nodes {
		if l, r := nameOf(n.keys[0]), nameOf(n.keys[1]); l != r {
			mistakef(t, n.at, n.name, "the keys of the stream are written as %s and those of the stream to join with as %s, so that equal keys lie in different partitions: write both in one way, with WithKeySerde and Repartition", l, r)
		}
		if n.looks.table == nil {
			continue
		}
		if s, tb := nameOf(n.reads.wantKey), nameOf(n.looks.key); s != tb {
			what := "the stream's keys"
			if slices.Contains(n.parents, n.looks.table) {
				what = "the keys of table " + n.parents[0].name
			}
			mistakef(t, n.at, n.name, what+" are written as %s and those of table %s as %s, so that equal keys lie in different partitions: write both in one way, with WithKeySerde and Repartition", s, n.looks.table.name, tb)
		}
	}
}

// checkInternal checks the names of internal topics, and that nothing else is written to them.
func (t *Topology) checkInternal(p *Plan) {
	internal := make(map[string]string)
	add := func(at, name, suffix, what string) {
		topic := t.name + "-" + name + suffix
		if len(topic) > flow.MaxName {
			mistakef(t, at, name, "the name of its topic would have %d characters, and Kafka allows %d: choose shorter names", len(topic), flow.MaxName)
		}
		internal[topic] = what + " " + name
	}
	for _, d := range t.storeIDs {
		add(d.at, d.name, "-changelog", "the changelog of store")
	}
	for _, n := range t.nodes {
		if n.writer != nil && n.writer.repartition != nil {
			add(n.at, n.name, "-repartition", "the repartition topic")
		}
	}
	for _, sub := range p.made.SubTopologies {
		if sub.TimeStore != "" {
			named := slices.IndexFunc(p.nodes, func(n *planNode) bool { return slices.Contains(n.topics(), sub.Name) })
			add(p.nodes[named].at, sub.TimeStore, "-changelog", "the changelog of store")
		}
	}
	for _, n := range t.nodes {
		if n.writer == nil || n.writer.repartition != nil {
			continue
		}
		for _, topic := range n.writer.topics {
			if what, ok := internal[topic]; ok {
				said := "this topic"
				if len(n.writer.topics) > 1 {
					said = "topic " + topic
				}
				mistakef(t, n.at, n.name, "%s is %s, which is internal: write to another topic", said, what)
			}
		}
	}
}

// checkLoops refuses topologies whose sub-topologies read, by whatever way, what they write: there
// is no telling when they are done, and time, which none of them lets run ahead of its inputs,
// would stand still. The operators form no loop where all topics of the way are repartition topics;
// then the sub-topology can be divided.
func (t *Topology) checkLoops(p *Plan) {
	// next are the sub-topologies that read what a sub-topology writes.
	next := make([][]int, len(p.made.SubTopologies))
	type edge struct{ from, to int }
	by := make(map[edge]*planNode)
	for _, n := range p.nodes {
		if n.writer == nil {
			continue
		}
		for _, m := range p.nodes {
			if n.writer.feeds(m.reader) {
				next[n.sub] = append(next[n.sub], m.sub)
				if e := (edge{n.sub, m.sub}); by[e] == nil || by[e].writer.repartition != nil {
					by[e] = n
				}
			}
		}
	}
	var looped *planNode
	for from := range p.made.SubTopologies {
		// Is there a way from what it writes back to it?
		for _, to := range next[from] {
			reached := make([]bool, len(p.made.SubTopologies))
			queue := []int{to}
			for len(queue) > 0 {
				s := queue[0]
				queue = queue[1:]
				if !reached[s] {
					reached[s] = true
					queue = append(queue, next[s]...)
				}
			}
			if n := by[edge{from, to}]; reached[from] && n.writer.repartition == nil {
				mistakef(t, n.at, n.name, "what is written to this topic is read again by what writes it: loops are not supported, write to another topic")
				return
			} else if reached[from] && looped == nil {
				looped = n
			}
		}
	}
	if looped == nil {
		return
	}
	if d, a, b := p.torn(looped.sub); d != nil {
		mistakef(t, b.at, b.name, "store %s is shared with %s at %s, and repartition topic %s lies between the two, so that they run in different tasks: put Repartition before both, or give each a store of its own", d.name, a.name, a.at, looped.name)
	} else {
		mistakef(t, looped.at, looped.name, "what goes through this repartition topic meets, by way of a table, a store or a merged stream, what has not gone through one: the task that reads it would wait for itself. Put Repartition before the other side too")
	}
}

// torn returns a store of processors, and two of them that share it and have nothing else that
// brings them together, of a sub-topology; nil if there is none.
func (p *Plan) torn(sub int) (d *storeDecl, a, b *planNode) {
	for _, n := range p.nodes {
		for _, d := range n.stores {
			if n.sub != sub || n.kind != "process" {
				continue
			}
			sets := p.together(d)
			for _, m := range p.nodes[:n.id] {
				if slices.Contains(m.stores, d) && sets.find(m.id) != sets.find(n.id) {
					return d, m, n
				}
			}
		}
	}
	return nil, nil, nil
}

// analyze finds out which bytes come along with records, and what has to be decoded.
func (p *Plan) analyze() {
	for _, n := range p.nodes {
		for i, parent := range n.parents {
			from := p.nodes[parent.id]
			n.held = n.held || from.held || from.atCommit || from.emits != nil && (from.emit == ops.EmitUpdates || from.holdsBack && from.emit != ops.EmitEach)
			if i == 0 {
				n.rawKey, n.rawValue = from.rawKeyOut, from.rawValueOut
				continue
			}
			n.mixedKey = n.mixedKey || n.rawKey != from.rawKeyOut
			n.mixedValue = n.mixedValue || n.rawValue != from.rawValueOut
		}
		if n.mixedKey {
			n.rawKey = ""
		}
		if n.mixedValue {
			n.rawValue = ""
		}
		n.rawKeyOut = n.key.raw(n, n.rawKey)
		n.rawValueOut = n.value.raw(n, n.rawValue)
	}
	for _, n := range slices.Backward(p.nodes) {
		for _, c := range n.children {
			n.outKey = n.outKey || p.nodes[c].needKey
			n.outValue = n.outValue || p.nodes[c].needValue
		}
		r := n.reads
		atOnce := n.emits != nil && n.emit == ops.EmitEach
		n.needKey = r.key || r.wantKey != nil && nameOf(r.wantKey) != n.rawKey || n.outKey && (n.key.kept || n.key.passed && atOnce)
		n.needValue = r.value || r.wantValue != nil && nameOf(r.wantValue) != n.rawValue || n.outValue && (n.value.kept || n.value.passed && atOnce)
	}
}

// raw returns the serde of the bytes that come along with the output, "" if none do.
func (o output) raw(n *planNode, in string) string {
	switch {
	case o.kept:
		return in
	case o.serde != nil && (o.live == nil || o.live(n)):
		return nameOf(o.serde)
	}
	return ""
}

// sortedBy returns a comparison by a name.
func sortedBy[T any](name func(T) string) func(a, b T) int {
	return func(a, b T) int { return strings.Compare(name(a), name(b)) }
}
