package topology

import (
	"context"
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/foreign"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// JoinForeign returns the table of what the rows of t have found in with, by the key that key
// computes from each value: many rows of t may find one row of with. It has the keys of t. An
// [Inner] join has the rows that find something, a [Left] join all of them; it cannot be [Outer]. A
// result's timestamp is the larger one of its two rows' timestamps. A change of either side, and of
// the foreign key, changes the results; while the answer of the other side is on its way, the
// result is what it was, and never one of a row of t that is no more.
//
// The tables may have any numbers of partitions. What goes between them goes through three internal
// topics, name-subscribe, name-left and name-answer; the result lies in the store name, and is
// forwarded as [Table.Updates] or [Table.EachUpdate] say. Where records come from with to t, in
// whatever way, as where both are one table, with is copied, through the topic name-right.
//
// key must give the same for the same value, always: it is asked again about the value before. A
// row whose key cannot be computed or written, where the error policy skips that, is not in the
// join; neither is a result that cannot be made. Functions see no tombstones.
func (t Table[K, V]) JoinForeign[K2, V2, O any](name string, with Table[K2, V2], key func(V) K2, j Joiner[V, V2, O], opts ...ValueOption[O]) Table[K, O] {
	return joinForeign(t, name, with, foreignKey[K, V, K2]{isNil: key == nil, of: func(_ context.Context, _ K, v V) (Opt[K2], error) {
		return Some(key(v)), nil
	}}, j, opts)
}

// JoinForeignRows is [Table.JoinForeign] with a function that sees the key too, and may return
// none: then the row finds nothing.
func (t Table[K, V]) JoinForeignRows[K2, V2, O any](name string, with Table[K2, V2], key func(K, V) Opt[K2], j Joiner[V, V2, O], opts ...ValueOption[O]) Table[K, O] {
	return joinForeign(t, name, with, foreignKey[K, V, K2]{isNil: key == nil, usesKey: true, of: func(_ context.Context, k K, v V) (Opt[K2], error) {
		return key(k, v), nil
	}}, j, opts)
}

// foreignKey is where the foreign key of a row comes from.
type foreignKey[K, V, K2 any] struct {
	of      foreign.KeyFunc[K, V, K2]
	usesKey bool
	isNil   bool
}

// foreignJoin is what the places of a join have in common.
type foreignJoin[K, V, K2, V2, O any] struct {
	t        *Topology
	name, at string
	left     Table[K, V]
	right    Table[K2, V2]
	key      foreignKey[K, V, K2]
	joiner   Joiner[V, V2, O]
}

// joinForeign adds the join: see package foreign. None of its places reads what comes from a later
// one, so it is no loop of sub-topologies.
func joinForeign[K, V, K2, V2, O any](left Table[K, V], name string, right Table[K2, V2], key foreignKey[K, V, K2], joiner Joiner[V, V2, O], opts []ValueOption[O]) Table[K, O] {
	t := left.node().t
	j := &foreignJoin[K, V, K2, V2, O]{t: t, name: name, at: t.caller(), left: left, right: right, key: key, joiner: joiner}
	out := Stream[K, O]{key: left.key, value: derived[O](t, left.value, false)}
	for _, opt := range opts {
		if opt == nil {
			mistakef(t, j.at, name, "an option is nil: leave it out")
			continue
		}
		var c valueConfig[O]
		if opt(&c); isNil(c.serde) {
			mistakef(t, j.at, name, "the serde given to ValueSerde is nil: give one")
		}
		out.value = given(t, c.serde, false)
	}
	if !t.own(j.at, name, "the table to join with", right.n) {
		out.n, out.out = left.n, new(port[K, O])
		return table(out, "to-table", name, j.at)
	}
	if t.leadsTo(right.n, left.n) {
		j.right = j.copied()
	}
	subscribe, rows := j.changes()
	answers := j.subscriptions(subscribe)
	out.n, out.out = j.results(rows, answers)
	return table(out, "to-table", name, j.at)
}

// copied returns a copy of the right table, behind a topic of its own.
func (j *foreignJoin[K, V, K2, V2, O]) copied() Table[K2, V2] {
	s := repartition(j.right.ToStream(), "repartition", j.name+"-right", j.at, nil)
	c := table(s, "to-table", j.name+"-right", j.at)
	for n := j.right.n; ; n = n.parents[0] { // it forwards when the table does
		if n.emits != nil {
			c.n.emits = n.emits
			return c
		}
		if len(n.parents) == 0 {
			return c
		}
	}
}

// changes adds the place of the left table, and the two topics that lead away from it.
func (j *foreignJoin[K, V, K2, V2, O]) changes() (Stream[K2, foreign.Subscription], Stream[K, foreign.Left]) {
	t := j.t
	n := t.add("foreign-key", j.name, j.at, j.left.n)
	n.need("the function of the foreign key", j.key.isNil)
	j.joiner.checkForeign(n)
	n.reads = reads{key: j.key.usesKey, value: true, wantKey: j.left.key, wantValue: j.left.value}
	n.value = output{}
	sequence := j.store("changes", "foreign-changes", given(t, serde.Bytes(), true), given(t, serde.Int64(), false))
	n.stores = []*storeDecl{sequence}
	steps := new(port[K, foreign.Step])
	n.build = func(at site) error {
		k, keyRaw := keySerde(at, j.left.key)
		v, valueRaw := valueSerde(at, j.left.value)
		op := foreign.NewChanges(at.node(), sequence.name, k, keyRaw, v, valueRaw, j.right.key.get(), j.key.of, j.joiner.kind == leftJoin, steps.next(at.b))
		at.flushes(op)
		j.left.out.handChanges(at.b, op)
		return nil
	}
	s := t.add("foreign-subscribe", j.name, j.at, n)
	s.key, s.value, s.rekeyed = output{serde: j.right.key}, output{}, s
	subscribe := link(s, func(_ site, next ops.Receiver[K2, foreign.Subscription]) (ops.Receiver[K, foreign.Step], error) {
		return &foreign.Subscribe[K, K2]{Next: next}, nil
	}, steps)
	l := t.add("foreign-left", j.name, j.at, n)
	l.value = output{}
	rows := link(l, func(_ site, next ops.Receiver[K, foreign.Left]) (ops.Receiver[K, foreign.Step], error) {
		return &foreign.Tell[K]{Next: next}, nil
	}, steps)
	return through(j, "subscribe", Stream[K2, foreign.Subscription]{n: s, out: subscribe, key: j.right.key, value: given(t, foreign.SubscriptionSerde(), false)}),
		through(j, "left", Stream[K, foreign.Left]{n: l, out: rows, key: j.left.key, value: given(t, foreign.LeftSerde(), false)})
}

// subscriptions adds the place of the right table, and the topic of its answers.
func (j *foreignJoin[K, V, K2, V2, O]) subscriptions(subscribe Stream[K2, foreign.Subscription]) Stream[K, foreign.Answer] {
	t := j.t
	n := t.add("foreign-subscriptions", j.name, j.at, subscribe.n, j.right.n)
	n.reads = reads{value: true, wantKey: j.right.key, wantValue: j.right.value}
	n.key, n.value, n.rekeyed = output{serde: j.left.key}, output{}, n
	subscriptions := j.store("subscriptions", "foreign-subscriptions", given(t, serde.Bytes(), true), given(t, serde.Int64(), false))
	n.partitioned = true
	n.stores = append(slices.Clone(j.right.rows.stores), subscriptions)
	n.looks = lookup{table: j.right.n, key: j.right.key}
	out := new(port[K, foreign.Answer])
	n.build = func(at site) error {
		k, keyRaw := keySerde(at, j.right.key)
		v := j.right.value.get()
		valueRaw := at.b.plan.nodes[j.right.n.id].rawValueOut == v.Name()
		op := foreign.NewSubscriptions(at.node(), subscriptions.name, k, keyRaw, v, valueRaw, j.right.rows.lookup(at.b), out.next(at.b))
		j.right.out.handChanges(at.b, op.Rights())
		subscribe.out.hand(at.b, op)
		return nil
	}
	return through(j, "answer", Stream[K, foreign.Answer]{n: n, out: out, key: j.left.key, value: given(t, foreign.AnswerSerde(), false)})
}

// results adds the place of the result.
func (j *foreignJoin[K, V, K2, V2, O]) results(rows Stream[K, foreign.Left], answers Stream[K, foreign.Answer]) (*node, *port[K, O]) {
	t := j.t
	n := t.add(j.joiner.nodeKind("join-foreign"), j.name, j.at, rows.n, answers.n)
	n.reads = reads{value: true, wantKey: j.left.key}
	n.value = output{}
	left := j.store("left", "foreign-left", j.left.key, given(t, serde.Bytes(), false))
	n.partitioned = true
	n.stores = []*storeDecl{left}
	n.races = true
	times := foreign.Times(foreign.OfRows{})
	if t.config.clocks {
		times = foreign.OfUpdates{}
	}
	out := new(port[K, O])
	n.build = func(at site) error {
		k, keyRaw := keySerde(at, j.left.key)
		op := foreign.NewJoin(at.node(), left.name, k, keyRaw, j.left.value.get(), j.right.value.get(), j.joiner.kind == leftJoin, j.joiner.join, times, out.next(at.b))
		answers.out.hand(at.b, op.Answers())
		rows.out.hand(at.b, op)
		return nil
	}
	return n, out
}

// store declares a store of the join.
func (j *foreignJoin[K, V, K2, V2, O]) store(suffix, role string, key, value anySerde) *storeDecl {
	name := j.name + "-" + suffix
	j.t.claim("store", name, j.at)
	return j.t.addStore(&storeDecl{name: name, at: j.at, kind: flow.KeyValueStore, role: role, key: key, value: value})
}

// through leads a stream of the join through a topic.
func through[K, V, K2, V2, O, K3, V3 any](j *foreignJoin[K, V, K2, V2, O], suffix string, s Stream[K3, V3]) Stream[K3, V3] {
	return repartition(s, "repartition", j.name+"-"+suffix, j.at, nil)
}

// leadsTo reports whether what comes from the sub-topology of a gets to that of b, or they are one,
// as far as is declared.
func (t *Topology) leadsTo(a, b *node) bool {
	reached := make([]bool, len(t.nodes))
	queue := []*node{a}
	for len(queue) > 0 {
		n := queue[0]
		if n == b {
			return true
		}
		queue = queue[1:]
		for _, m := range t.nodes {
			if !reached[m.id] && (together(n, m) || n.writer != nil && n.writer.feeds(m.reader)) {
				reached[m.id] = true
				queue = append(queue, m)
			}
		}
	}
	return false
}

// together reports whether two nodes are in one sub-topology, for a reason of their own.
func together(n, m *node) bool {
	return slices.Contains(n.parents, m) || slices.Contains(m.parents, n) ||
		slices.ContainsFunc(n.stores, func(d *storeDecl) bool { return slices.Contains(m.stores, d) }) ||
		slices.ContainsFunc(n.topics(), func(topic string) bool { return slices.Contains(m.topics(), topic) })
}
