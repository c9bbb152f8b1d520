package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// Join joins each record with the table's present value of its key, or, if the table has a
// [Table.History], with the one that it had at the record's time: an [Inner] join drops and
// counts records without match and those without key, a [Left] join keeps both. Only records of the
// stream make output, with their timestamp and headers. Records without value are dropped and
// counted.
//
// Both sides have to be co-partitioned: equal keys in equal partitions of as many. The name is the
// node's, in statistics and messages.
func (s Stream[K, V]) Join[V2, R any](name string, with Table[K, V2], j Joiner[V, V2, R], opts ...JoinOption) Stream[K, R] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("join", name, at)
	n := t.add(j.nodeKind("join"), name, at, from)
	j.check(n, false)
	c := n.joinOptions(opts)
	if t.own(at, name, "the table to join with", with.n) {
		t.needPartitioned(at, name, "a join", from)
		n.partitioned = true
		n.stores = with.rows.stores
		n.looks = lookup{table: with.n, key: with.key}
		n.reads.value, n.reads.wantKey = true, s.key
		if c.graced {
			n.wait(c.grace, s.key, s.value)
		}
	}
	return withValues(s, n, func(at site, next ops.Receiver[K, R]) (ops.Receiver[K, V], error) {
		k, raw := keySerde(at, s.key)
		if with.rows.asOf != nil {
			if past, err := with.rows.asOf(at.b); past != nil || err != nil {
				return joinedAsOf(at, s, past, j, next), err
			}
		}
		return ops.NewJoinTable(at.node(), k, raw, with.rows.lookup(at.b), j.kind == leftJoin, j.join, next), nil
	})
}

// JoinGlobal joins each record with the global table's value of the key that key computes. An
// [Inner] join drops and counts records without match, a [Left] join keeps them. Records without
// value are dropped and counted; those without key are not.
func (s Stream[K, V]) JoinGlobal[GK, GV, R any](name string, with GlobalTable[GK, GV], key func(V) GK, j Joiner[V, GV, R]) Stream[K, R] {
	if key == nil {
		return joinGlobal(s, name, with, nil, j)
	}
	return joinGlobal(s, name, with, func(_ context.Context, v V) (GK, error) { return key(v), nil }, j)
}

// joinGlobal adds a join with a global table.
func joinGlobal[K, V, GK, GV, R any](s Stream[K, V], name string, with GlobalTable[GK, GV], key func(context.Context, V) (GK, error), j Joiner[V, GV, R]) Stream[K, R] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("join", name, at)
	n := t.add(j.nodeKind("join-global"), name, at, from)
	n.need("the function of the key", key == nil)
	j.check(n, false)
	n.reads.value = true
	if t.owns(at, name, "the global table to join with", "Topology.GlobalTable", with.of()) {
		n.looks.global = []*globalDecl{with.d}
	}
	return withValues(s, n, func(at site, next ops.Receiver[K, R]) (ops.Receiver[K, V], error) {
		view := ops.NewGlobalView(at.b.task, with.d.name, with.key.get(), with.value.get())
		return &ops.JoinGlobal[K, V, GK, GV, R]{
			Node: at.node(), View: view, Key: key, Left: j.kind == leftJoin, Join: j.join, Next: next,
			Missed: at.b.task.Tally(at.n.name, record.Unmatched),
		}, nil
	})
}
