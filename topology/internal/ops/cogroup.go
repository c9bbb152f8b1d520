package ops

import "github.com/kolkstream/kolk/topology/internal/operator"

// Part is a record of one of several streams that are aggregated together: it can be added to an
// accumulator. It is good until the record has been received.
type Part[A any] interface {
	// AddTo is a [Step] with the record.
	AddTo(before A, has bool) (after A, keep bool, err error)
}

// CoGroup hands on records of one of several streams as parts of an aggregation. It is the part
// itself: the record at hand is what its step adds.
type CoGroup[K, V, A any] struct {
	step Step[K, V, A]
	next Receiver[K, Part[A]]
	// own is the clock of this stream, shared the one that the aggregation goes by: nil without
	// clocks.
	own, shared *operator.Clock
	at          *Record[K, V]
	out         Record[K, Part[A]]
}

// NewCoGroup returns an operator before the aggregation next. own and shared are nil without
// clocks.
func NewCoGroup[K, V, A any](step Step[K, V, A], own, shared *operator.Clock, next Receiver[K, Part[A]]) *CoGroup[K, V, A] {
	c := &CoGroup[K, V, A]{step: step, next: next, own: own, shared: shared}
	c.out.Value = c
	return c
}

// Receive implements Receiver.
func (c *CoGroup[K, V, A]) Receive(r *Record[K, V]) error {
	operator.InheritKey(&c.out, r)
	c.out.NoValue = r.NoValue
	c.at = r
	if c.own == nil {
		return c.next.Receive(&c.out)
	}
	*c.shared = *c.own
	err := c.next.Receive(&c.out)
	*c.own = *c.shared
	return err
}

// AddTo implements Part.
func (c *CoGroup[K, V, A]) AddTo(before A, has bool) (after A, keep bool, err error) {
	return c.step(before, has, c.at)
}

// PartStep is the step of an aggregation of parts.
func PartStep[K, A any]() Step[K, Part[A], A] {
	return func(before A, has bool, r *Record[K, Part[A]]) (A, bool, error) {
		return r.Value.AddTo(before, has)
	}
}
