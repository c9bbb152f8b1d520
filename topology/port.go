package topology

import (
	"slices"
	"sync"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// port is the output of a node as the language declares it: records of K and V. What reads it is
// known only while a graph is made. Then the nodes behind hand in their receivers, the last one
// first, and the node itself, which is made after them, takes them.
//
// The output of a table can be read in two ways: its updates, and its changes, which have the old
// values too. Who wants changes says so by what it hands in. Then they are made for all, and those
// who want updates get them from there; nobody pays for them otherwise.
type port[K, V any] struct {
	readers perGraph[[]reader[K, V]]
}

// reader is who reads a port: one of the two.
type reader[K, V any] struct {
	updates ops.Receiver[K, V]
	changes ops.Receiver[K, operator.Change[V]]
}

// hand adds the receiver of a node that reads the port.
func (p *port[K, V]) hand(b *builder, r ops.Receiver[K, V]) { p.add(b, reader[K, V]{updates: r}) }

// handChanges adds the receiver of a node that reads the changes of a table.
func (p *port[K, V]) handChanges(b *builder, r ops.Receiver[K, operator.Change[V]]) {
	p.add(b, reader[K, V]{changes: r})
}

func (p *port[K, V]) add(b *builder, r reader[K, V]) {
	all, _ := p.readers.get(b)
	p.readers.set(b, append(all, r))
}

// read reports whether somebody reads the port.
func (p *port[K, V]) read(b *builder) bool {
	all, _ := p.readers.get(b)
	return len(all) != 0
}

// asked reports whether somebody reads changes.
func (p *port[K, V]) asked(b *builder) bool {
	all, _ := p.readers.get(b)
	return slices.ContainsFunc(all, func(r reader[K, V]) bool { return r.changes != nil })
}

// next returns all readers of the port, of which none asks for changes, as one receiver: in the
// order of their declaration.
func (p *port[K, V]) next(b *builder) ops.Receiver[K, V] {
	all, _ := p.readers.get(b)
	var to []ops.Receiver[K, V]
	for _, r := range slices.Backward(all) {
		to = append(to, r.updates)
	}
	return operator.NewFan(to)
}

// changes is next for changes.
func (p *port[K, V]) changes(b *builder) ops.Receiver[K, operator.Change[V]] {
	all, _ := p.readers.get(b)
	var to []ops.Receiver[K, operator.Change[V]]
	for _, r := range slices.Backward(all) {
		if r.changes == nil {
			r.changes = operator.Plain(r.updates)
		}
		to = append(to, r.changes)
	}
	return operator.NewFan(to)
}

// constructor makes what a node is in a graph: the receiver of its input, from that of its output.
type constructor[K, V, K2, V2 any] func(at site, next ops.Receiver[K2, V2]) (ops.Receiver[K, V], error)

// link has n built by o, between the ports that it reads and its own, which it returns. A port that
// is given several times counts once. All nodes but sources are built by it.
func link[K, V, K2, V2 any](n *node, o constructor[K, V, K2, V2], from ...*port[K, V]) *port[K2, V2] {
	out := new(port[K2, V2])
	n.build = func(at site) error {
		r, err := o(at, out.next(at.b))
		if err != nil {
			return err
		}
		for i, p := range from {
			if !slices.Contains(from[:i], p) {
				p.hand(at.b, r)
			}
		}
		return nil
	}
	return out
}

// linkTable is link for the nodes of tables with a store, which know how they forward.
func linkTable[K, V, K2, V2 any](n *node, o func(site, ops.Emission[K2, V2]) (ops.Receiver[K, V], error), from *port[K, V]) *port[K2, V2] {
	out := new(port[K2, V2])
	n.build = func(at site) error {
		r, err := o(at, emission(at, out))
		if err == nil {
			from.hand(at.b, r)
		}
		return err
	}
	return out
}

// perGraph is a T for each of the graphs that are being made. A plan's tasks make theirs at the
// same time, and the language has declared the value's place once for all of them.
type perGraph[T any] struct {
	mu sync.Mutex
	of map[*builder]T
}

func (v *perGraph[T]) get(b *builder) (T, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.of[b]
	return t, ok
}

// set sets the value of b, until b is done.
func (v *perGraph[T]) set(b *builder, t T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.of[b]; !ok {
		if v.of == nil {
			v.of = make(map[*builder]T)
		}
		b.held = append(b.held, v)
	}
	v.of[b] = t
}

func (v *perGraph[T]) forget(b *builder) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.of, b)
}
