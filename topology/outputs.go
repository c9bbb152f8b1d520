package topology

import (
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// OutputRef is a further output of a processor, beside the stream that [Stream.Process] returns. It
// is made by [Topology.Output], given to Process, and opened in there; [OutputRef.Stream] is what
// is sent to it.
type OutputRef[K, V any] struct {
	d  *outputDecl
	to *perGraph[ops.Receiver[K, V]]
	s  *Stream[K, V]
}

// outputDecl is a further output of a processor.
type outputDecl struct {
	t        *Topology
	name, at string
	given    bool
}

// Output is an open output of a processor; [OutputRef.Open] returns it. It belongs to the goroutine
// of its task. It is implemented by kolk alone.
type Output[K, V any] interface {
	// Forward sends a record on, as that of [Context] does.
	Forward(r Record[K, V])
}

// Output declares a further output of a processor, with records of types of their own. The name is
// the node's.
func (t *Topology) Output[K, V any](name string) OutputRef[K, V] {
	t = t.made()
	at := t.caller()
	t.claim("output", name, at)
	d := &outputDecl{t: t, name: name, at: at}
	t.outputs = append(t.outputs, d)
	return OutputRef[K, V]{d: d, to: new(perGraph[ops.Receiver[K, V]]), s: new(Stream[K, V])}
}

// Stream returns the records that are sent to the output, once it has been given to a processor.
// They count as having other keys than the processor's input, as those of its first output do.
func (o OutputRef[K, V]) Stream() Stream[K, V] {
	if o.d == nil {
		return lostStream[K, V]()
	}
	if !o.d.given {
		at := o.d.t.caller()
		mistakef(o.d.t, at, o.d.name, "this output was not given to a processor yet: call Process first")
		o.add(o.d.t.add("output", o.d.name, at))
	}
	return *o.s
}

// add makes n the node of the output.
func (o OutputRef[K, V]) add(n *node) {
	n.key, n.value, n.rekeyed, n.perhaps = output{}, output{}, n, true
	n.beside = true
	out := link(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		o.to.set(at.b, next)
		return next, nil
	})
	*o.s = Stream[K, V]{n: n, out: out, key: &serdeRef[K]{t: n.t, key: true}, value: &serdeRef[V]{t: n.t}}
}

// Open returns the output in a processor that it was given to; see [StoreRef.Open].
func (o OutputRef[K, V]) Open(c Opener) Output[K, V] {
	name := "?"
	if o.d != nil {
		name = o.d.name
	}
	f, err := opened[*ops.Forwarder[K, V]](c, o.d, "output", name)
	if err != nil {
		return noOutput[K, V]{}
	}
	return f
}

// noOutput is the output of a task that fails.
type noOutput[K, V any] struct{}

func (noOutput[K, V]) Forward(Record[K, V]) {}

func (o OutputRef[K, V]) grant(n *node) bool {
	if o.d == nil {
		return n.t.owns(n.at, n.name, "an output", "Topology.Output", nil)
	}
	switch {
	case !n.t.owns(n.at, n.name, "output "+o.d.name, "", o.d.t):
		return false
	case o.d.given:
		mistakef(n.t, n.at, n.name, "output %s was given to a processor before: declare one for each", o.d.name)
		return false
	}
	o.d.given = true
	o.add(n.t.add("output", o.d.name, o.d.at, n))
	return true
}

func (o OutputRef[K, V]) open(at site, to *ops.Instance) error {
	next, _ := o.to.get(at.b)
	to.Give(ops.Opened{Of: o.d, As: ops.NewForwarder(to, next)})
	return nil
}

// GlobalReader is a global table open in a processor; [GlobalTable.Open] returns it. It shows what
// the process has read so far. It belongs to the goroutine of its task, and is implemented by kolk
// alone.
type GlobalReader[K, V any] interface {
	// Get returns the value of a key. ok is false if there is none. Others may be handed the same
	// value: it must not be changed.
	Get(key K) (v V, ok bool, err error)
}

// Open returns the table in a processor that it was given to; see [StoreRef.Open].
func (g GlobalTable[K, V]) Open(c Opener) GlobalReader[K, V] {
	name := "?"
	if g.d != nil {
		name = g.d.name
	}
	r, err := opened[*ops.GlobalReader[K, V]](c, g.d, "global table", name)
	if err != nil {
		return ops.BrokenReader[K, V](err)
	}
	return r
}

func (g GlobalTable[K, V]) grant(n *node) bool {
	what := "a global table"
	if g.d != nil {
		what = "global table " + g.d.name
	}
	if !n.t.owns(n.at, n.name, what, "Topology.GlobalTable", g.of()) {
		return false
	}
	n.looks.global = append(n.looks.global, g.d)
	return true
}

func (g GlobalTable[K, V]) open(at site, to *ops.Instance) error {
	view := ops.NewGlobalView(at.b.task, g.d.name, g.key.get(), g.value.get())
	to.Give(ops.Opened{Of: g.d, As: ops.NewGlobalReader(view, to.Stop)})
	return nil
}
