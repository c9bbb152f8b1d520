package topology

import (
	"math"
	"slices"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/versions"
)

// JoinOption is an option of [Stream.Join]: [JoinGrace].
type JoinOption func(*joinConfig)

type joinConfig struct {
	grace  time.Duration
	graced bool
}

// JoinGrace has a join with a table that has a [Table.History] wait until the table is sure to know
// what a row was: a record is joined when task time has passed its timestamp by more than d. So
// which version it finds is a function of the input, and does not depend on which of the two is
// read faster. Records go on in the order of event time, as behind an [Stream.InOrder] of that
// delay; what they wait in is a store like its, named like the join, on disk as far as it does not
// fit in memory, with a changelog.
//
// A record that is behind what its source partition had shown by more than d is dropped and counted
// as late, and so is an update of the table: d is how much out of order either may be. It must not
// be longer than the history.
//
// With [KafkaStreamsTime] a record waits until others of the stream are later by d, and one that is
// later than that is joined at once; an update is late by the history alone. KIP-923.
func JoinGrace(d time.Duration) JoinOption {
	return func(c *joinConfig) { c.grace, c.graced = d, true }
}

// joinOptions returns what the options of a join say.
func (n *node) joinOptions(opts []JoinOption) (c joinConfig) {
	for _, o := range opts {
		if o == nil {
			mistakef(n.t, n.at, n.name, "an option is nil: leave it out")
			continue
		}
		o(&c)
	}
	switch {
	case !c.graced:
	case c.grace < 0:
		mistakef(n.t, n.at, n.name, "the grace %s is negative: give 0 or more", c.grace)
	case c.grace > math.MaxInt64/2:
		mistakef(n.t, n.at, n.name, "the grace %s is longer than 146 years: make it shorter", c.grace)
		c.grace = 0
	case c.grace%time.Millisecond != 0:
		mistakef(n.t, n.at, n.name, "the grace %s is not a whole number of milliseconds: round it", c.grace)
	}
	return c
}

// wait makes a join one whose records wait in a store.
func (n *node) wait(grace time.Duration, key, value anySerde) {
	clocks := n.t.config.clocks
	n.grace = &grace
	n.timed, n.orders = true, !clocks
	n.holds = hold{by: grace}
	n.details.Grace = flow.Duration(grace)
	if n.details.Grace == "" {
		n.details.Grace = "0s"
	}
	d := &storeDecl{name: n.name, at: n.at, kind: flow.InOrderStore, role: "in-order", retention: grace + time.Millisecond, key: key, value: value}
	if clocks {
		d.role, d.marked = "waiting", true
	}
	n.stores = append(slices.Clone(n.stores), n.t.addStore(d))
	n.reads.wantValue, n.reads.value = value, false
	n.key = output{serde: key}
}

// waiting returns an operator that holds records back before a join.
func waiting[K, V any](at site, s Stream[K, V], join ops.Receiver[K, V]) ops.Receiver[K, V] {
	k, keyRaw := keySerde(at, s.key)
	v, valueRaw := valueSerde(at, s.value)
	if clock := at.clock(); clock != nil {
		w := versions.NewWait(at.node(), versions.WaitOptions{
			Clock: clock, Arrivals: at.clock("arrivals"), Grace: at.n.grace.Milliseconds(),
			KeyRaw: keyRaw, ValueRaw: valueRaw, NeedKey: at.n.outKey, Branches: at.b.branches,
		}, k, v, join)
		at.flushes(w)
		return w
	}
	return inOrder(at, s, *at.n.grace, at.n.outKey, true, join)
}

// inOrder returns an operator that hands records on in the order of event time.
func inOrder[K, V any](at site, s Stream[K, V], delay time.Duration, needKey, needValue bool, next ops.Receiver[K, V]) *ops.InOrder[K, V] {
	k, keyRaw := keySerde(at, s.key)
	v, valueRaw := valueSerde(at, s.value)
	l := at.b.line(at.n.id)
	timed := slices.Clone(l.timed)
	slices.Reverse(timed) // they were made from the last to the first
	op := &ops.InOrder[K, V]{
		Node: at.node(), Behind: l.task, Timed: timed, After: at.n.since.Milliseconds(), Delay: delay.Milliseconds(), Branches: at.b.branches,
		NeedKey: needKey, NeedValue: needValue, Next: next,
	}
	op.Open(k, v, keyRaw, valueRaw)
	at.flushes(op)
	return op
}

// checkGraces refuses joins that wait for a table which does not know what its rows were.
func (t *Topology) checkGraces() {
	for _, n := range t.nodes {
		if n.grace == nil || n.looks.table == nil {
			continue
		}
		switch h := n.looks.table.history; {
		case !h.kept():
			mistakef(t, n.at, n.name, "the join has a grace, and table %s has no history, so a record that has waited would not find the row of its time: say History of the table, or leave JoinGrace out", n.looks.table.name)
		case h.keeps < *n.grace:
			mistakef(t, n.at, n.name, "the grace of the join, %s, is longer than the history of table %s, %s: make one as long as the other", *n.grace, n.looks.table.name, h.keeps)
		default:
			h.late = min(h.late, *n.grace)
		}
	}
}

// joinedAsOf returns a join with a table that has a history.
func joinedAsOf[K, V, V2, R any](at site, s Stream[K, V], past operator.Versions[V2], j Joiner[V, V2, R], next ops.Receiver[K, R]) ops.Receiver[K, V] {
	k, raw := keySerde(at, s.key)
	if at.n.grace == nil {
		return ops.NewJoinAsOf(at.node(), k, raw, past, j.kind == leftJoin, j.join, next)
	}
	return waiting(at, s, ops.NewJoinAsOf(at.node(), k, true, past, j.kind == leftJoin, j.join, next))
}
