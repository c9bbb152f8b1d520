package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Join joins each record with the table's present value of its key: an [Inner] join drops and
// counts records without match and those without key, a [Left] join keeps both. Only records of the
// stream make output, with their timestamp and headers. Records without value are dropped and
// counted.
//
// Both sides have to be co-partitioned: equal keys in equal partitions of as many. The name is the
// node's, in statistics and messages.
func (s Stream[K, V]) Join[V2, R any](name string, with Table[K, V2], j Joiner[V, V2, R]) Stream[K, R] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("join", name, at)
	n := t.add(j.nodeKind("join"), name, at, from)
	j.check(n)
	out := withValues[K, R](s, n)
	if !t.own(at, name, "the table to join with", with.n) {
		return out
	}
	t.needPartitioned(at, name, "a join", from)
	n.usesValue = true
	n.wantKey = s.key
	n.stores = []*storeDecl{with.store}
	n.table = with.n
	n.joins = true
	n.build = func(b *builder, p *planNode) error {
		k, err := s.key.resolve()
		if err != nil {
			return err
		}
		cache, err := cacheOf(b, with.store, with.value)
		if err != nil {
			return err
		}
		b.set(p, ops.NewJoinTable(b.node(p), k, p.rawKey == k.Name(), cache, with.owned, j.kind == leftJoin, j.join, next[K, R](b, p)))
		return nil
	}
	return out
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
	t.needFunc(n, "the function of the key", key)
	j.check(n)
	n.usesValue = true
	out := withValues[K, R](s, n)
	switch {
	case with.d == nil:
		mistakef(t, at, name, "the global table to join with is the zero value: use what Topology.GlobalTable has returned")
		return out
	case with.d.t != t:
		mistakef(t, at, name, "the global table to join with belongs to another topology, %q: declare it in this one", with.d.t.name)
		return out
	}
	n.global = with.d
	n.build = func(b *builder, p *planNode) error {
		k, err := with.key.resolve()
		if err != nil {
			return err
		}
		v, err := with.value.resolve()
		if err != nil {
			return err
		}
		b.set(p, &ops.JoinGlobal[K, V, GK, GV, R]{
			Node: b.node(p), View: ops.NewGlobalView(b.task, with.d.name, k, v), Key: key,
			Left: j.kind == leftJoin, Join: j.join, Next: next[K, R](b, p), Missed: b.task.Tally(p.name, ops.Unmatched),
		})
		return nil
	}
	return out
}
