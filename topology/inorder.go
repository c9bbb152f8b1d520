package topology

import (
	"cmp"
	"math"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// InOrder returns the stream in the order of event time: of timestamp, source topic, partition and
// offset, and, of what was made from one message, as it was made. What lies behind it (processors,
// reduce, each update, writing) is a function of the input wherever the stream is, behind
// repartition topics too, where records of several partitions come together as they are read. Its
// time is that of the records: [Context.Time] and stream-time schedules behind it go by what has
// been handed on.
//
// delay is how much out of order the records of a source partition may be. A record is handed on,
// at a commit, when task time is later than its timestamp by more than delay; so the last ones of a
// stream that stands still wait for the next, except in a bounded run. A record that is behind what
// its source partition had shown by more than delay is dropped and counted as late, whatever else
// has been read. (One that comes from an input which had been idle, and is too early for what was
// handed on meanwhile, is counted as time-passed.) With 0, partitions that are each in order give
// all their records.
//
// Records that are held back are in a store of that name, on disk as far as they do not fit in
// memory, with a changelog. Final results of windows with the same timestamp are in the order of
// store, window and key. The order can be had of every stream but those whose records depend on
// when something was committed (updates of tables), or that carry no time.
func (s Stream[K, V]) InOrder(name string, delay time.Duration) Stream[K, V] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("store", name, at)
	switch {
	case delay < 0:
		mistakef(t, at, name, "the delay %s is negative: give 0 or more", delay)
	case delay > math.MaxInt64-time.Millisecond:
		mistakef(t, at, name, "the delay %s is longer than what a time.Duration holds, less a millisecond: make it smaller", delay)
		delay = 0
	case delay%time.Millisecond != 0:
		mistakef(t, at, name, "the delay %s is not a whole number of milliseconds: round it", delay)
	}
	n := t.add("in-order", name, at, from)
	n.orders, n.timed = true, true
	n.holds = hold{by: delay}
	n.details.Delay = cmp.Or(flow.Duration(delay), delay.String())
	n.stores = []*storeDecl{t.addStore(&storeDecl{
		name: name, at: at, kind: flow.InOrderStore, role: "in-order", retention: delay + time.Millisecond, key: s.key, value: s.value,
	})}
	n.reads.wantKey, n.reads.wantValue = s.key, s.value
	n.key, n.value = output{serde: s.key}, output{serde: s.value}
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		return inOrder(at, s, delay, at.n.outKey, at.n.outValue, next), nil
	})
}
