package topology

import (
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// NewGraph returns new instances of the operators of a sub-topology for a task. It may read and write the task's stores: what expired is
// deleted. It calls the suppliers of processors, which schedule their punctuations.
func (p *Plan) NewGraph(sub *SubTopology, task Task) (*Graph, error) {
	if sub.index >= len(p.subs) || p.subs[sub.index] != sub {
		return nil, fmt.Errorf("topology: sub-topology %s is not of this plan", sub.Name)
	}
	b := &builder{plan: p, task: task, in: make(map[int]any), branches: new(ops.Branches), lines: make(map[int]*behind), caches: make(map[*storeDecl]any), sources: make(map[string][]Source)}
	for _, n := range slices.Backward(p.nodes) {
		if n.sub != sub.index {
			continue
		}
		if err := n.build(b, n); err != nil {
			return nil, err
		}
		if b.err != nil {
			return nil, b.err
		}
	}
	g := &Graph{Sources: make(map[string]Source), Timed: b.timed, Flushers: b.flushers}
	slices.Reverse(g.Timed)
	slices.Reverse(g.Flushers)
	for topic, sources := range b.sources {
		slices.Reverse(sources)
		if len(sources) == 1 {
			g.Sources[topic] = sources[0]
		} else {
			g.Sources[topic] = ops.Inputs(sources)
		}
	}
	return g, nil
}

// builder makes the operators of one task, from the last node to the first: each finds those behind it made.
type builder struct {
	plan     *Plan
	task     Task
	in       map[int]any // ops.Receiver[K, V] of a node's input, by node
	branches *ops.Branches
	lines    map[int]*behind // what lies behind an InOrder, by its node
	caches   map[*storeDecl]any
	sources  map[string][]Source
	timed    []Timed
	flushers []Flusher
	err      error
}

// behind is the task behind an InOrder, and what acts by time there.
type behind struct {
	task  ops.Line
	timed []Timed
}

// line returns what lies behind the InOrder before p; nil if there is none.
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

// taskOf returns the task as the operator of p sees it.
func (b *builder) taskOf(p *planNode) Task {
	if l := b.line(p.line); l != nil {
		return l.task
	}
	return b.task
}

// node returns what the operator of p knows of itself.
func (b *builder) node(p *planNode) ops.Node { return ops.Node{Name: p.name, Task: b.taskOf(p)} }

// addTimed adds the operator of p, which acts by time.
func (b *builder) addTimed(p *planNode, op Timed) {
	if l := b.line(p.line); l != nil {
		l.timed = append(l.timed, op)
		return
	}
	b.timed = append(b.timed, op)
}

// set sets the operator that receives the input of p.
func (b *builder) set(p *planNode, receiver any) { b.in[p.id] = receiver }

// source adds a source of a topic.
func (b *builder) source(topic string, s Source) { b.sources[topic] = append(b.sources[topic], s) }

// input returns the receiver of a node's input: here, once per task, its type is asserted.
func input[K, V any](b *builder, id int) ops.Receiver[K, V] {
	r, ok := b.in[id].(ops.Receiver[K, V])
	if !ok {
		b.err = fmt.Errorf("topology: node %s has an input of another type", b.plan.nodes[id].name)
		return ops.NewFan[K, V](nil)
	}
	return r
}

// next returns the receiver of the output of p: its children in the order of their declaration.
func next[K, V any](b *builder, p *planNode) ops.Receiver[K, V] {
	to := make([]ops.Receiver[K, V], len(p.children))
	for i, c := range p.children {
		to[i] = input[K, V](b, c)
	}
	return ops.NewFan(to)
}

// cacheOf returns the cache of a store, the same for all operators of the task.
func cacheOf[A any](b *builder, d *storeDecl, value *serdeRef[A]) (*ops.Cache[A], error) {
	if c, ok := b.caches[d].(*ops.Cache[A]); ok {
		return c, nil
	}
	s, err := value.resolve()
	if err != nil {
		return nil, err
	}
	c := ops.NewCache(b.task, d.name, s)
	b.caches[d] = c
	return c, nil
}

// emission returns how an operator with a store forwards what is in it.
func emission[K, A any](b *builder, p *planNode) ops.Emission[K, A] {
	return ops.Emission[K, A]{
		Emit: p.emit, Forward: len(p.children) != 0, Raw: p.rawValueOut != "",
		NeedKey: p.outKey, NeedValue: p.outValue, Places: p.places, Next: next[K, A](b, p),
	}
}
