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

// Instance is an instance of a processor, whatever its types: what it works on, and what it has
// been given. It belongs to the goroutine of its task.
type Instance struct {
	node    Node
	clock   *operator.Clock // its time, with Kafka Streams' rules; else nil
	given   []Opened
	ref     int64
	origin  Origin
	place   *place.Place
	places  bool        // somebody wants to know them
	own     place.Place // of what a punctuation forwards
	byTime  bool
	byWall  bool  // of the wall clock
	pending error // of a receiver or store: stops the task whatever the processor returns
}

// Opened is something that a processor has been given: a store, an output, a global table.
type Opened struct {
	Of any // what it was declared as: a pointer
	As any // what Open asserts; records do not pass through it
}

// NewInstance returns an instance of a processor. places says that an InOrder further on wants to
// know where records stand.
func NewInstance(n Node, clock *operator.Clock, places bool) *Instance {
	return &Instance{node: n, clock: clock, places: places}
}

// Give lets the processor have something.
func (i *Instance) Give(what Opened) { i.given = append(i.given, what) }

// Given returns what the processor was given of a declaration, nil if nothing was.
func (i *Instance) Given(of any) any {
	for k := range i.given {
		if i.given[k].Of == of {
			return i.given[k].As
		}
	}
	return nil
}

// Stop keeps err as an error that stops the task, whatever the error policy: for what is no fault
// of a record.
func (i *Instance) Stop(err error) {
	if i.pending == nil {
		i.pending = fmt.Errorf("processor %s: %w", i.node.Name, err)
	}
}

// Err returns the error that stops the task, if there is one.
func (i *Instance) Err() error { return i.pending }

// Ref returns the Ref of the record at hand, or the time of the punctuation at hand, which is 0 or
// later. The wall clock says nothing of event time: its punctuations have the time of the last
// commit.
func (i *Instance) Ref() int64 {
	if i.byWall {
		return max(0, i.node.Task.Settled())
	}
	return max(0, i.ref)
}

// done returns what Receive or Punctuate is to return when the processor returned err.
func (i *Instance) done(err error) error {
	if i.pending != nil {
		return i.pending
	}
	if err != nil {
		return i.node.Fail(i.origin, err)
	}
	return nil
}

// Forwarder is an output of a processor.
type Forwarder[K, V any] struct {
	of   *Instance
	next Receiver[K, V]
	out  Record[K, V]
}

// NewForwarder returns an output that sends to next.
func NewForwarder[K, V any](of *Instance, next Receiver[K, V]) *Forwarder[K, V] {
	return &Forwarder[K, V]{of: of, next: next}
}

// Forward sends a record on. In Process it inherits Ref and origin of the record at hand; in a
// punctuation its own timestamp is its Ref, so that one with a timestamp before the punctuation's
// time may be late further on. What the record holds must not be changed afterwards. If those
// behind fail the task stops when Process returns. A timestamp out of range is an error of the
// record at hand, for the error policy; if that skips, the record is not sent.
func (f *Forwarder[K, V]) Forward(r Record[K, V]) {
	i := f.of
	if i.pending != nil {
		return
	}
	f.out = r
	tidy(&f.out)
	f.out.Ref, f.out.Origin, f.out.Place = i.ref, i.origin, i.place
	if i.byTime {
		f.out.Ref = r.Timestamp
	}
	if err := operator.CheckTime(r.Timestamp); err != nil {
		i.pending = i.node.Fail(i.origin, err)
		return
	}
	i.pending = f.next.Receive(&f.out)
}

// Context is what a processor sees of its task: where it sends records of K and V, what it was
// given, time and schedules. It belongs to one instance, and to the goroutine of its task.
type Context[K, V any] struct {
	*Instance
	*Forwarder[K, V]
}

// NewContext returns the context of an instance that sends to next.
func NewContext[K, V any](i *Instance, next Receiver[K, V]) *Context[K, V] {
	return &Context[K, V]{Instance: i, Forwarder: NewForwarder(i, next)}
}

// Context ends when the transaction of the present record can no longer commit.
func (i *Instance) Context() context.Context { return i.node.Task.Context() }

// Time is the task's stream time in milliseconds: no record that is not late comes from before it.
// [NoTime] at first. With Kafka Streams' rules it is the largest timestamp that the task has taken.
func (i *Instance) Time() int64 {
	if i.clock != nil {
		return i.clock.Time()
	}
	return i.node.Task.Time()
}

// Now is the wall clock. Results that depend on it are not the same when the input is read again.
func (i *Instance) Now() time.Time { return i.node.Task.Now() }

// Drop counts the record at hand, or what the punctuation at hand dropped, as dropped by this
// processor for that reason.
func (i *Instance) Drop(reason Reason) { i.node.Drop(reason, i.origin) }

// Schedule has fn called whenever interval has passed on that clock, with the time that was due, in
// milliseconds. It is called in the supplier, or later. name is unique in the processor: schedules
// survive restarts under it. An error of fn goes to the error policy.
func (i *Instance) Schedule(name string, clock record.Clock, interval time.Duration, fn func(at int64) error) error {
	switch {
	case name == "" || fn == nil:
		return errors.New("a schedule needs a name and a function")
	case interval < time.Millisecond:
		return fmt.Errorf("schedule %s: the interval %s is less than a millisecond", name, interval)
	}
	full := i.node.Name + "/" + name
	i.node.Task.Schedule(i.node.Place, full, clock, interval, &punctuation{of: i, name: full, wall: clock == record.WallClock, fn: fn})
	return nil
}

// Unschedule ends the schedule of that name for good.
func (i *Instance) Unschedule(name string) { i.node.Task.Unschedule(i.node.Name + "/" + name) }

// punctuation calls a processor's function by time.
type punctuation struct {
	of   *Instance
	name string
	wall bool
	fn   func(at int64) error
}

// Punctuate implements Punctuator.
func (p *punctuation) Punctuate(at int64) error {
	i := p.of
	i.ref, i.origin, i.place, i.byTime, i.byWall = at, Origin{}, nil, true, p.wall
	if i.places {
		i.own.OfPunctuation(p.name, at, i.node.Task.Partition())
		i.place = &i.own
	}
	return i.done(p.fn(at))
}

// Process runs a processor.
type Process[K, V any] struct {
	of *Instance
	p  Processor[K, V]
}

// NewProcess returns the operator of a processor made for an instance.
func NewProcess[K, V any](of *Instance, p Processor[K, V]) *Process[K, V] {
	return &Process[K, V]{of: of, p: p}
}

// Receive implements Receiver.
func (p *Process[K, V]) Receive(r *Record[K, V]) error {
	p.of.ref, p.of.origin, p.of.place, p.of.byTime, p.of.byWall = r.Ref, r.Origin, r.Place, false, false
	return p.of.done(p.p.Process(r))
}
