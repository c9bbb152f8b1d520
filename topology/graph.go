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
	b := &builder{plan: p, task: task, in: make(map[int]any), caches: make(map[*storeDecl]any), sources: make(map[string][]Source)}
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
	caches   map[*storeDecl]any
	sources  map[string][]Source
	timed    []Timed
	flushers []Flusher
	err      error
}

// node returns what the operator of p knows of itself.
func (b *builder) node(p *planNode) ops.Node { return ops.Node{Name: p.name, Task: b.task} }

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
		NeedKey: p.outKey, NeedValue: p.outValue, Next: next[K, A](b, p),
	}
}
