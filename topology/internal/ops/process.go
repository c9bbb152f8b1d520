package ops

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Processor handles records one by one, with state of its own. A task makes its instance when it
// starts and a new one after every transaction that failed: what its fields hold between records is
// gone then. What must last belongs into a store.
type Processor[K, V any] interface {
	// Process handles one record. It must not keep r. An error goes to the error policy.
	Process(r *Record[K, V]) error
}

// ProcessorFunc is a function as Processor.
type ProcessorFunc[K, V any] func(r *Record[K, V]) error

// Process implements Processor.
func (f ProcessorFunc[K, V]) Process(r *Record[K, V]) error { return f(r) }

// Context is what a processor sees of its task: where it sends records of K and V, its stores, time
// and schedules. It belongs to one instance, and to the goroutine of its task.
type Context[K, V any] struct {
	node    Node
	next    Receiver[K, V]
	stores  []Opened
	out     Record[K, V]
	ref     int64
	origin  Origin
	place   *place.Place
	places  bool        // somebody wants to know them
	own     place.Place // of what a punctuation forwards
	byTime  bool
	pending error // of a receiver or store: stops the task whatever the processor returns
}

// Opened is a store that a processor has been given.
type Opened struct {
	Name  string
	Store AnyStore
}

// AnyStore is a [Store] of any types.
type AnyStore interface{ anyStore() }

func (*Store[K, V]) anyStore() {}

// NewContext returns the context of a processor that sends to next. places says that an InOrder
// further on wants to know where records stand.
func NewContext[K, V any](n Node, next Receiver[K, V], stores []Opened, places bool) *Context[K, V] {
	return &Context[K, V]{node: n, next: next, stores: stores, places: places}
}

// Forward sends a record on. In Process it inherits Ref and origin of the record at hand; in a
// punctuation its own timestamp is its Ref, so that one with a timestamp before the punctuation's
// time may be late further on. What the record holds must not be changed afterwards. If those
// behind fail the task stops when Process returns. A timestamp out of range is an error of the
// record at hand, for the error policy; if that skips, the record is not sent.
func (c *Context[K, V]) Forward(r Record[K, V]) {
	if c.pending != nil {
		return
	}
	c.out = r
	tidy(&c.out)
	c.out.Ref, c.out.Origin, c.out.Place = c.ref, c.origin, c.place
	if c.byTime {
		c.out.Ref = r.Timestamp
	}
	if err := operator.CheckTime(r.Timestamp); err != nil {
		c.pending = c.node.Fail(c.origin, err)
		return
	}
	c.pending = c.next.Receive(&c.out)
}

// Context ends when the transaction of the present record can no longer commit.
func (c *Context[K, V]) Context() context.Context { return c.node.Task.Context() }

// Time is the task's stream time in milliseconds: no record that is not late comes from before it.
// [NoTime] at first.
func (c *Context[K, V]) Time() int64 { return c.node.Task.Time() }

// Now is the wall clock. Results that depend on it are not the same when the input is read again.
func (c *Context[K, V]) Now() time.Time { return c.node.Task.Now() }

// Drop counts the record at hand, or what the punctuation at hand dropped, as dropped by this
// processor for that reason.
func (c *Context[K, V]) Drop(reason Reason) { c.node.Drop(reason, c.origin) }

// Schedule has fn called whenever interval has passed on that clock, with the time that was due, in
// milliseconds. It is called in the supplier, or later. name is unique in the processor: schedules
// survive restarts under it. An error of fn goes to the error policy.
func (c *Context[K, V]) Schedule(name string, clock record.Clock, interval time.Duration, fn func(at int64) error) error {
	switch {
	case name == "" || fn == nil:
		return errors.New("a schedule needs a name and a function")
	case interval < time.Millisecond:
		return fmt.Errorf("schedule %s: the interval %s is less than a millisecond", name, interval)
	}
	c.node.Task.Schedule(c.node.Name+"/"+name, clock, interval, &punctuation[K, V]{c: c, name: c.node.Name + "/" + name, fn: fn})
	return nil
}

// OpenStore is for StoreRef.Open: the store that was given to the processor under that name, nil if
// none was.
func (c *Context[K, V]) OpenStore(name string) AnyStore {
	for i := range c.stores {
		if c.stores[i].Name == name {
			return c.stores[i].Store
		}
	}
	return nil
}

// Stop keeps err as an error that stops the task, whatever the error policy: for what is no fault
// of a record.
func (c *Context[K, V]) Stop(err error) {
	if c.pending == nil {
		c.pending = fmt.Errorf("processor %s: %w", c.node.Name, err)
	}
}

// Err returns the error that stops the task, if there is one.
func (c *Context[K, V]) Err() error { return c.pending }

// done returns what Receive or Punctuate is to return when the processor returned err.
func (c *Context[K, V]) done(err error) error {
	if c.pending != nil {
		return c.pending
	}
	if err != nil {
		return c.node.Fail(c.origin, err)
	}
	return nil
}

// punctuation calls a processor's function by time.
type punctuation[K, V any] struct {
	c    *Context[K, V]
	name string
	fn   func(at int64) error
}

// Punctuate implements Punctuator.
func (p *punctuation[K, V]) Punctuate(at int64) error {
	c := p.c
	c.ref, c.origin, c.place, c.byTime = at, Origin{}, nil, true
	if c.places {
		c.own.OfPunctuation(p.name, at, c.node.Task.Partition())
		c.place = &c.own
	}
	return c.done(p.fn(at))
}

// Process runs a processor.
type Process[K, V, K2, V2 any] struct {
	c *Context[K2, V2]
	p Processor[K, V]
}

// NewProcess returns the operator of a processor made for c.
func NewProcess[K, V, K2, V2 any](c *Context[K2, V2], p Processor[K, V]) *Process[K, V, K2, V2] {
	return &Process[K, V, K2, V2]{c: c, p: p}
}

// Receive implements Receiver.
func (p *Process[K, V, K2, V2]) Receive(r *Record[K, V]) error {
	p.c.ref, p.c.origin, p.c.place, p.c.byTime = r.Ref, r.Origin, r.Place, false
	return p.c.done(p.p.Process(r))
}
