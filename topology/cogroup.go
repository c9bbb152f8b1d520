package topology

import (
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/sessions"
)

// CoGrouped are grouped streams of one type of key, and of values of several, that are aggregated
// together into an accumulator of A. It is made by [Grouped.CoGroup], and [CoGrouped.With] adds
// others to it. It is a value: methods return changed copies.
//
//	total := orders.GroupByKey().CoGroup(topology.Fold(Account.Order)).
//		With(payments.GroupByKey().CoGroup(topology.Fold(Account.Payment))).
//		Aggregate("accounts")
//
// All streams have to be co-partitioned: equal keys in equal partitions of as many, and keys that
// one serde writes. Records of one key come in the order in which its streams are read, as behind
// [Stream.Merge]: while old data is read that of time, live as they come. So the result is a
// function of the input if the functions give the same in any order of the streams.
type CoGrouped[K, A any] struct {
	t     *Topology
	key   *serdeRef[K]
	parts []coPart[K, A]
	init  func() A
	merge func(site) sessions.Merge[A]
	told  bool // some function makes the start itself
}

// coPart is one of the streams.
type coPart[K, A any] struct {
	nulls bool // it can add records without value
	add   func(store string, i int, init func() A, shared *sharedClock) Stream[K, ops.Part[A]]
}

// sharedClock is the clock that an aggregation of several streams goes by, in each graph. With
// [KafkaStreamsTime] each stream has its own, which it lends.
type sharedClock struct{ of perGraph[*operator.Clock] }

func (c *sharedClock) get(at site) *operator.Clock {
	if !at.b.plan.config.clocks {
		return nil
	}
	clock, ok := c.of.get(at.b)
	if !ok {
		clock = new(operator.Clock)
		*clock = operator.Clock(NoTime)
		c.of.set(at.b, clock)
	}
	return clock
}

// CoGroup begins an aggregation of several grouped streams: a says how values of this one are
// added. See [CoGrouped].
func (g Grouped[K, V]) CoGroup[A any](a Aggregator[V, A]) CoGrouped[K, A] {
	return coGroup(g.s, a, func(a Aggregator[V, A]) aggregation[K, V, A] { return ofValues(g.s, "", a, nil) })
}

// CoGroupRecords is [Grouped.CoGroup] of whole records. With [KafkaStreamsTime] it sees those
// without value too, if all streams of the co-group are of whole records.
func (g Grouped[K, V]) CoGroupRecords[A any](a Aggregator[*Record[K, V], A]) CoGrouped[K, A] {
	return coGroup(g.s, a, func(a Aggregator[*Record[K, V], A]) aggregation[K, V, A] { return ofRecords("", a, nil) })
}

// coGroup returns one stream of a co-group.
func coGroup[K, V, In, A any](s Stream[K, V], a Aggregator[In, A], of func(Aggregator[In, A]) aggregation[K, V, A]) CoGrouped[K, A] {
	t := s.node().t
	at := t.caller()
	for _, text := range a.mistakes() {
		mistakef(t, at, "", "%s", text)
	}
	one := of(a)
	part := coPart[K, A]{nulls: one.nulls}
	part.add = func(store string, i int, init func() A, shared *sharedClock) Stream[K, ops.Part[A]] {
		n := t.add("co-group", "", at, s.n)
		n.reads = reads{key: one.usesKey, value: one.usesValue, wantValue: one.wantValue}
		from := a
		from.init = init
		g := of(from)
		return withValues(s, n, func(at site, next ops.Receiver[K, ops.Part[A]]) (ops.Receiver[K, V], error) {
			var own *operator.Clock
			clock := shared.get(at)
			if clock != nil {
				own = (*operator.Clock)(at.b.task.Clock(store + "/" + strconv.Itoa(i)))
			}
			return ops.NewCoGroup(g.step(at), own, clock, next), nil
		})
	}
	return CoGrouped[K, A]{t: t, key: s.key, parts: []coPart[K, A]{part}, init: a.init, merge: one.merge, told: a.form == optFold}
}

// topology returns the topology that the streams are of, or what stands for it.
func (c CoGrouped[K, A]) topology() *Topology {
	if c.t == nil {
		return lost("a method of the topology")
	}
	return c.t
}

// With returns the co-group with the streams of others. A start that one of them has
// ([Aggregator.From]), and a [Aggregator.Merge], count for all: those of the first one that has
// them.
func (c CoGrouped[K, A]) With(others ...CoGrouped[K, A]) CoGrouped[K, A] {
	c.t = c.topology()
	at := c.t.caller()
	c.parts = slices.Clip(c.parts)
	for _, o := range others {
		if !c.t.owns(at, "", "a group to aggregate with", "Grouped.CoGroup", o.t) {
			continue
		}
		c.parts = append(c.parts, o.parts...)
		c.told = c.told || o.told
		if c.init == nil {
			c.init = o.init
		}
		if c.merge == nil {
			c.merge = o.merge
		}
	}
	return c
}

// Aggregate aggregates the records of each key, of all streams, in a store with a changelog. The
// result's timestamp is the largest of those of the records. Records without key or value are
// dropped and counted.
func (c CoGrouped[K, A]) Aggregate(store string, opts ...ValueOption[A]) Table[K, A] {
	s, a := c.together(store, opts)
	return aggregate(s, a)
}

// Window has the aggregation made for each window of event time. Sessions need a function that
// makes one accumulator of two: [Aggregator.Merge].
func (c CoGrouped[K, A]) Window(w Windows) WindowedCoGroup[K, A] {
	c.t = c.topology()
	at := c.t.caller()
	w.check(func(format string, args ...any) { mistakef(c.t, at, "", format, args...) })
	return WindowedCoGroup[K, A]{c: c, w: w}
}

// WindowedCoGroup is a [CoGrouped] that is aggregated for each window. It is made by
// [CoGrouped.Window].
type WindowedCoGroup[K, A any] struct {
	c CoGrouped[K, A]
	w Windows
}

// Aggregate aggregates the records of each key and window, of all streams; see
// [CoGrouped.Aggregate]. With [KafkaStreamsTime] each stream has a time of its own, by which its
// records are late.
func (g WindowedCoGroup[K, A]) Aggregate(store string, opts ...ValueOption[A]) WindowedTable[K, A] {
	s, a := g.c.together(store, opts)
	return windowed(WindowedGroup[K, ops.Part[A]]{s: s, w: g.w}, a)
}

// together returns the streams as one, and what aggregates it.
func (c CoGrouped[K, A]) together(store string, opts []ValueOption[A]) (Stream[K, ops.Part[A]], aggregation[K, ops.Part[A], A]) {
	a := aggregation[K, ops.Part[A], A]{
		kind: "co-group", store: store, nulls: true, opts: opts, merge: c.merge, shared: new(sharedClock),
		step: func(site) ops.Step[K, ops.Part[A], A] { return ops.PartStep[K, A]() },
	}
	if a.start = c.init; c.init == nil && !c.told {
		a.start = func() (none A) { return none }
	}
	if len(c.parts) == 0 {
		return lostAt[K, ops.Part[A]](c.topology()), a
	}
	all := make([]Stream[K, ops.Part[A]], len(c.parts))
	for i, p := range c.parts {
		a.nulls = a.nulls && p.nulls
		all[i] = p.add(store, i, c.init, a.shared)
	}
	return all[0].Merge(all[1:]...), a
}

// clocks are what the aggregation goes by with Kafka Streams' time, else none.
func (a *aggregation[K, V, A]) clocks(at site) operator.Clocks {
	if a.shared == nil {
		return operator.Clocks{Seen: at.clock()}
	}
	return operator.Clocks{Seen: a.shared.get(at), Put: at.clock("put")}
}
