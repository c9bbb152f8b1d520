package async

import (
	"context"
	"fmt"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

type (
	Record[K, V any]   = record.Record[K, V]
	Receiver[K, V any] = operator.Receiver[K, V]
)

// Func is a function of a record that may block. The record belongs to the call.
type Func[K, V, V2 any] = func(context.Context, *Record[K, V]) (V2, error)

// Results are the results of an operator in one task: calls, and who waits for them.
type Results[K, V, V2 any] struct {
	calls *calls[Record[K, V], V2]
	f     Func[K, V, V2]
}

// NewResults returns the results of calls of f. ctx ends when the task does. left counts those that
// are left behind.
func NewResults[K, V, V2 any](ctx context.Context, l Limits, left *Left, f Func[K, V, V2]) *Results[K, V, V2] {
	return &Results[K, V, V2]{f: f, calls: newCalls(ctx, l, left, func(ctx context.Context, r Record[K, V]) (V2, error) { return f(ctx, &r) })}
}

// Begin is the operator of the graph ahead: it begins calls. Tombstones need none.
type Begin[K, V, V2 any] struct{ Results *Results[K, V, V2] }

// Receive implements Receiver.
func (b *Begin[K, V, V2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		return nil
	}
	in := *r
	in.Place = nil // of the operators of that graph
	b.Results.calls.add(r.Origin.Topic, r.Origin.Offset, in)
	return nil
}

// Map gives each record the value that its call has returned. Tombstones pass.
type Map[K, V, V2 any] struct {
	operator.Node
	Results *Results[K, V, V2]
	Next    Receiver[K, V2]
	out     Record[K, V2]
}

// Receive implements Receiver.
func (m *Map[K, V, V2]) Receive(r *Record[K, V]) error {
	out := &m.out
	operator.InheritKey(out, r)
	out.NoValue = r.NoValue
	if r.NoValue {
		var none V2
		out.Value = none
		return m.Next.Receive(out)
	}
	v, err := m.value(r)
	if n := m.Results.calls.left.n.Load(); n > mostLeft {
		return fmt.Errorf("%s: %d calls of its function have not returned since their contexts ended, and %d are the most: have the function heed its context", m.Name, n, mostLeft)
	}
	if err != nil {
		return m.Fail(r.Origin, err)
	}
	out.Value = v
	return m.Next.Receive(out)
}

// value returns the result of the record's call. Where none was made ahead, or for a record that
// was another one then, it is made now: what a function says of a record may depend on what it was
// asked before.
func (m *Map[K, V, V2]) value(r *Record[K, V]) (V2, error) {
	c := m.Results.calls
	k := c.take(r.Origin.Topic, r.Origin.Offset)
	if k == nil || k.in.Timestamp != r.Timestamp || k.in.Ref != r.Ref {
		ctx, cancel := context.WithTimeout(c.ctx, c.limits.Timeout)
		defer cancel()
		return m.Results.f(ctx, r)
	}
	if k.panics != nil {
		panic(k.panics)
	}
	return k.out, k.err
}
