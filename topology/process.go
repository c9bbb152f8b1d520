package topology

import (
	"context"
	"fmt"
	"time"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Resource is what a processor can be given, of any types: a store ([StoreRef], [WindowStoreRef],
// [SessionStoreRef], [VersionedStoreRef]), a further output ([OutputRef]), a global table to read
// ([GlobalTable]).
type Resource interface {
	// grant adds the resource to the node of a processor. ok is false after a mistake.
	grant(n *node) (ok bool)
	// open gives it to an instance of the processor.
	open(at site, to *ops.Instance) error
}

// Processor handles records one by one, with state of its own.
//
// A task makes its instance when it starts and a new one after every transaction that failed: what
// its fields hold between records is gone then, and what must last belongs in a store.
type Processor[K, V any] interface {
	// Process handles one record. It must not keep r. An error goes to the error policy.
	Process(r *Record[K, V]) error
}

// Context is what a processor sees of its task: where it sends records of K and V, time and
// schedules. It belongs to one instance, and to the goroutine of its task. It is implemented by
// kolk alone, and may get more methods.
type Context[K, V any] interface {
	// Forward sends a record on. In Process it inherits Ref and Origin of the record at hand; in a
	// punctuation its own timestamp is its Ref, so that one with a timestamp before the
	// punctuation's time may be late further on. What the record holds must not be changed
	// afterwards. If those behind fail the task stops when Process returns. A timestamp out of
	// range is an error of the record at hand, for the error policy; if that skips, the record is
	// not sent.
	Forward(r Record[K, V])

	// Schedule has fn called whenever interval has passed on that clock: at its multiples, once,
	// with the last one due in milliseconds, if several are. It is called in the supplier, or
	// later. name is unique in the processor: schedules survive restarts under it. The interval is
	// a millisecond at least. An error of fn goes to the error policy. With [KafkaStreamsTime] it
	// is first called with the first record, and is given the present time of its clock.
	Schedule(name string, clock Clock, interval time.Duration, fn func(at int64) error) error

	// Unschedule ends the schedule of that name for good: neither a restart nor a call of Schedule
	// with the same interval begins it anew.
	Unschedule(name string)

	// Time returns the task's stream time (the watermark) in milliseconds, before the record at
	// hand: no record that is not late comes from before it. It is [NoTime] at first. With
	// [KafkaStreamsTime] it is the largest timestamp that the task has taken, that of the record at
	// hand included.
	Time() int64

	// Now returns the wall clock. Results that depend on it differ when the input is read again.
	Now() time.Time

	// Drop counts the record at hand, or what the punctuation at hand dropped, as dropped by this
	// processor for that reason.
	Drop(reason Reason)

	// Stop stops the task with err, whatever the error policy: for what is no fault of a record.
	Stop(err error)

	// Context returns a context that ends when the transaction of the present record can no longer
	// commit.
	Context() context.Context
}

// Opener is the [Context] of a processor, of any types, as the Open methods of [Resource]s take it.
type Opener interface{ Stop(err error) }

// opened returns what a processor was given of a declaration, as a T. Where it was not given the
// task fails, with the error that is returned.
func opened[T any](c Opener, of any, what, name string) (as T, err error) {
	if from, ok := c.(interface{ Given(of any) any }); ok {
		if as, ok := from.Given(of).(T); ok {
			return as, nil
		}
	}
	err = fmt.Errorf("%s %s was not given to this processor: add it to the arguments of Process", what, name)
	if c != nil {
		c.Stop(err)
	}
	return as, err
}

// Process has a processor handle each record. The supplier is called for each instance that a task
// makes; the context it gets is the instance's for good. The processor sees every record,
// tombstones and missing keys included, and may use the stores, outputs and global tables that are
// given, and no others. Its output counts as having other keys than the input. A processor with
// stores is a mistake where the key was changed before, for its state would be torn over the
// partitions: [Stream.Repartition] is needed there, or [Stream.MarkPartitioned].
//
// A store may be given to several processors, which run in one task then; so none of them can come
// behind a repartition topic that another one writes.
//
// Records of one source partition come in its order. Behind a repartition topic those of several
// partitions come together as they are read, in old data to within max-ahead of each other: a
// processor whose results depend on their order is a function of the input only behind
// [Stream.InOrder].
func (s Stream[K, V]) Process[K2, V2 any](name string, supplier func(Context[K2, V2]) Processor[K, V], resources ...Resource) Stream[K2, V2] {
	return process(s, name, supplier == nil, supplier, resources)
}

// ProcessFunc is [Stream.Process] with a function that keeps its state in stores alone, and has no
// schedules.
func (s Stream[K, V]) ProcessFunc[K2, V2 any](name string, f func(Context[K2, V2], *Record[K, V]) error, resources ...Resource) Stream[K2, V2] {
	return process(s, name, f == nil, func(c Context[K2, V2]) Processor[K, V] {
		return ops.ProcessorFunc[K, V](func(r *Record[K, V]) error { return f(c, r) })
	}, resources)
}

// process adds a processor.
func process[K, V, K2, V2 any](s Stream[K, V], name string, missing bool, supplier func(Context[K2, V2]) Processor[K, V], resources []Resource) Stream[K2, V2] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("processor", name, at)
	n := t.add("process", name, at, from)
	n.reads.key, n.reads.value = true, true
	n.timed = true
	n.perhaps = true
	n.partitioned = from.rekeyed == nil
	if missing {
		mistakef(t, at, name, "the processor is nil: give a function")
	}
	var given []Resource
	for _, r := range resources {
		if isNil(r) {
			mistakef(t, at, name, "a resource is nil: use what a method of the topology has returned")
		} else if r.grant(n) {
			given = append(given, r)
		}
	}
	n.result = len(n.stores) > 0
	switch by := from.rekeyed; {
	case by == nil || by.perhaps || len(n.stores) == 0:
	case by.chosen:
		t.needPartitioned(at, name, "a processor with a store", from)
	default:
		mistakef(t, at, name, "a processor with a store needs equal keys in one partition, and the key was changed by %s at %s: put Repartition in between, or call MarkPartitioned behind that if they are", by.name, by.at)
	}
	return withBoth(s, n, func(at site, next ops.Receiver[K2, V2]) (ops.Receiver[K, V], error) {
		i := ops.NewInstance(at.node(), at.taken(), at.n.places)
		for _, r := range given {
			if err := r.open(at, i); err != nil {
				return nil, err
			}
		}
		made := supplier(ops.NewContext(i, next))
		if isNil(made) {
			return nil, fmt.Errorf("topology: %s: the supplier of processor %s returned nil", n.at, n.name)
		}
		if err := i.Err(); err != nil {
			return nil, fmt.Errorf("topology: %s: %w", n.at, err)
		}
		return ops.NewProcess(i, made), nil
	})
}
