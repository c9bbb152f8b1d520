package topology

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/async"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// newGraph returns new instances of the operators of a sub-topology for a task.
func (p *Plan) newGraph(sub *flow.SubTopology, task flow.Task) (*flow.Graph, error) {
	index := slices.Index(p.made.SubTopologies, sub.Declared())
	if index < 0 {
		return nil, fmt.Errorf("topology: sub-topology %s is not of this plan", sub.Name)
	}
	b := &builder{plan: p, inputs: sub.Inputs, task: task, branches: new(place.Branches), lines: make(map[int]*behind), sources: make(map[string][]flow.Source)}
	defer b.done()
	for _, n := range slices.Backward(p.nodes) {
		if n.sub != index {
			continue
		}
		if err := n.build(site{b: b, n: n}); err != nil {
			return nil, err
		}
	}
	g := &flow.Graph{Sources: make(map[string]flow.Source), Timed: b.timed, Flushers: b.flushers}
	slices.Reverse(g.Timed)
	slices.Reverse(g.Flushers)
	b.gather(g.Sources)
	return g, p.callAhead(b, g, index)
}

// gather collects the sources of each topic.
func (b *builder) gather(to map[string]flow.Source) {
	for topic, sources := range b.sources {
		slices.Reverse(sources)
		if len(sources) == 1 {
			to[topic] = sources[0]
		} else {
			to[topic] = ops.Inputs(sources)
		}
	}
}

// builder makes the operators of one task, from the last node to the first: each finds those behind
// it made.
type builder struct {
	plan     *Plan
	inputs   []flow.Input // of the task
	task     flow.Task
	branches *place.Branches
	lines    map[int]*behind // what lies behind an InOrder, by its node
	sources  map[string][]flow.Source
	timed    []flow.Timed
	flushers []flow.Flusher
	calls    *async.Ahead // nil: there are none
	ahead    bool         // it makes the graph ahead, of that of
	of       *builder
	held     []interface{ forget(*builder) } // what holds something for this builder
}

// done lets go of what is held for the builder.
func (b *builder) done() {
	for _, h := range b.held {
		h.forget(b)
	}
}

// behind is the task behind an InOrder, and what acts by time there.
type behind struct {
	task  flow.Line
	timed []flow.Timed
}

// line returns what lies behind the InOrder of that node; nil if there is none.
func (b *builder) line(id int) *behind {
	if id == noLine {
		return nil
	}
	l := b.lines[id]
	if l == nil {
		l = &behind{task: b.task.Line(b.plan.nodes[id].name)}
		b.lines[id] = l
	}
	return l
}

// site is where an operator is built: a graph, and the node of the plan.
type site struct {
	b *builder
	n *planNode
}

// site returns where a node is built.
func (b *builder) site(n *node) site { return site{b: b, n: b.plan.nodes[n.id]} }

// task returns the task as the operator sees it.
func (s site) task() flow.Task {
	if l := s.b.line(s.n.line); l != nil {
		return l.task
	}
	return s.b.task
}

// node returns what the operator knows of itself.
func (s site) node() ops.Node { return ops.Node{Name: s.n.name, Place: s.n.id, Task: s.task()} }

// behind returns what an operator that acts by time knows of itself. What holds records back before
// it, in its sub-topology, sends them at times that the task has passed: its own time stays behind
// by that.
func (s site) behind() operator.Node {
	n := s.node()
	if s.n.since > 0 {
		n.Task = lagging{n.Task, s.n.since.Milliseconds()}
	}
	return n
}

// lagging is a task whose time lies behind.
type lagging struct {
	flow.Task
	by int64
}

// Time is that of the task less what it lies behind. The end of time is that of both.
func (t lagging) Time() int64 {
	now := t.Task.Time()
	if now == NoTime || now == EndOfTime {
		return now
	}
	return now - t.by
}

// SetMark sets a mark, which goes by the task's own time.
func (t lagging) SetMark(store string, key []byte, until int64) {
	if until != EndOfTime {
		until += t.by
	}
	t.Task.SetMark(store, key, until)
}

// timed adds the operator as one that acts by time.
func (s site) timed(op flow.Timed) {
	if l := s.b.line(s.n.line); l != nil {
		l.timed = append(l.timed, op)
		return
	}
	s.b.timed = append(s.b.timed, op)
}

// clock returns the clock of the operator, nil in a topology with the default time. An operator
// with several clocks gives each a name.
func (s site) clock(name ...string) *operator.Clock {
	if !s.b.plan.config.clocks {
		return nil
	}
	return (*operator.Clock)(s.b.task.Clock(strings.Join(append([]string{s.n.name}, name...), "/")))
}

// taken returns the largest timestamp that the task has taken, which is the time of processors with
// Kafka Streams' rules; nil in a topology with the default time, and behind an InOrder.
func (s site) taken() *operator.Clock {
	if !s.b.plan.config.clocks || s.n.line != noLine {
		return nil
	}
	return (*operator.Clock)(s.b.task.Clock(""))
}

// flushes adds the operator as one that holds something back until the commit.
func (s site) flushes(op flow.Flusher) { s.b.flushers = append(s.b.flushers, op) }

// topics returns the topics that a source reads: of a pattern, those of the task.
func (s site) topics(d *sourceDecl) []string {
	if d.pattern == nil {
		return d.topics
	}
	var topics []string
	for _, in := range s.b.inputs {
		if in.Of == d.topics[0] {
			topics = append(topics, in.Topic)
		}
	}
	return topics
}

// source adds the operator as a source of a topic.
func (s site) source(topic string, op flow.Source) {
	s.b.sources[topic] = append(s.b.sources[topic], op)
}

// keySerde returns the serde of keys, and whether the bytes that come with them are written by it.
func keySerde[K any](s site, of *serdeRef[K]) (k serde.Serde[K], raw bool) {
	k = of.get()
	return k, s.n.rawKey == k.Name()
}

// valueSerde is keySerde of values.
func valueSerde[V any](s site, of *serdeRef[V]) (v serde.Serde[V], raw bool) {
	v = of.get()
	return v, s.n.rawValue == v.Name()
}

// emission returns how an operator with a store forwards what is in it to those who read out.
func emission[K, A any](s site, out *port[K, A]) ops.Emission[K, A] {
	e := ops.Emission[K, A]{
		Emit: s.n.emit, Forward: out.read(s.b), Raw: s.n.rawValueOut != "",
		NeedKey: s.n.outKey, NeedValue: s.n.outValue, Places: s.n.places,
	}
	if out.asked(s.b) {
		e.Changes = out.changes(s.b)
	} else {
		e.Next = out.next(s.b)
	}
	return e
}
