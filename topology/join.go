package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Join joins each record with the table's present value of its key. Only records of the stream make output, with their timestamp and
// headers. Both sides have to be co-partitioned: equal keys in equal partitions of as many. Records without match, key or value are
// dropped and counted.
func (s Stream[K, V]) Join[V2, R any](name string, with Table[K, V2], f func(V, V2) R) Stream[K, R] {
	return joinTable(s, "join", name, with, f, func(_ context.Context, v V, o Opt[V2]) (R, error) { return f(v, o.Value), nil })
}

// LeftJoin is [Stream.Join] that keeps records without match, and those without key.
func (s Stream[K, V]) LeftJoin[V2, R any](name string, with Table[K, V2], f func(V, Opt[V2]) R) Stream[K, R] {
	return joinTable(s, "left-join", name, with, f, func(_ context.Context, v V, o Opt[V2]) (R, error) { return f(v, o), nil })
}

// TryJoin is [Stream.Join] with a function that can fail: its errors go to the error policy.
func (s Stream[K, V]) TryJoin[V2, R any](name string, with Table[K, V2], f func(context.Context, V, V2) (R, error)) Stream[K, R] {
	return joinTable(s, "join", name, with, f, func(ctx context.Context, v V, o Opt[V2]) (R, error) { return f(ctx, v, o.Value) })
}

// TryLeftJoin is [Stream.LeftJoin] with a function that can fail: its errors go to the error policy.
func (s Stream[K, V]) TryLeftJoin[V2, R any](name string, with Table[K, V2], f func(context.Context, V, Opt[V2]) (R, error)) Stream[K, R] {
	return joinTable(s, "left-join", name, with, f, f)
}

// joinTable adds a stream-table join.
func joinTable[K, V, V2, R any](s Stream[K, V], kind, name string, with Table[K, V2], f any, join ops.Joiner[V, V2, R]) Stream[K, R] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("join", name, at)
	n := t.add(kind, name, at, from)
	t.needFunc(n, "the joiner", f)
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
		b.set(p, ops.NewJoinTable(b.node(p), k, p.rawKey == k.Name(), cache, with.owned, kind == "left-join", join, next[K, R](b, p)))
		return nil
	}
	return out
}

// JoinGlobal joins each record with the global table's value of the key that key computes. Records without match or value are
// dropped and counted.
func (s Stream[K, V]) JoinGlobal[GK, GV, R any](name string, with GlobalTable[GK, GV], key func(V) GK, f func(V, GV) R) Stream[K, R] {
	return joinGlobal(s, "join-global", name, with, key, f,
		func(_ context.Context, v V) (GK, error) { return key(v), nil },
		func(_ context.Context, v V, o Opt[GV]) (R, error) { return f(v, o.Value), nil })
}

// LeftJoinGlobal is [Stream.JoinGlobal] that keeps records without match.
func (s Stream[K, V]) LeftJoinGlobal[GK, GV, R any](name string, with GlobalTable[GK, GV], key func(V) GK, f func(V, Opt[GV]) R) Stream[K, R] {
	return joinGlobal(s, "left-join-global", name, with, key, f,
		func(_ context.Context, v V) (GK, error) { return key(v), nil },
		func(_ context.Context, v V, o Opt[GV]) (R, error) { return f(v, o), nil })
}

// TryJoinGlobal is [Stream.JoinGlobal] with functions that can fail: their errors go to the error policy.
func (s Stream[K, V]) TryJoinGlobal[GK, GV, R any](name string, with GlobalTable[GK, GV], key func(context.Context, V) (GK, error), f func(context.Context, V, GV) (R, error)) Stream[K, R] {
	return joinGlobal(s, "join-global", name, with, key, f, key,
		func(ctx context.Context, v V, o Opt[GV]) (R, error) { return f(ctx, v, o.Value) })
}

// TryLeftJoinGlobal is [Stream.LeftJoinGlobal] with functions that can fail: their errors go to the error policy.
func (s Stream[K, V]) TryLeftJoinGlobal[GK, GV, R any](name string, with GlobalTable[GK, GV], key func(context.Context, V) (GK, error), f func(context.Context, V, Opt[GV]) (R, error)) Stream[K, R] {
	return joinGlobal(s, "left-join-global", name, with, key, f, key, f)
}

// joinGlobal adds a join with a global table. keyFunc and f are what the author gave, key and join what they come to.
func joinGlobal[K, V, GK, GV, R any](s Stream[K, V], kind, name string, with GlobalTable[GK, GV], keyFunc, f any, key func(context.Context, V) (GK, error), join ops.Joiner[V, GV, R]) Stream[K, R] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("join", name, at)
	n := t.add(kind, name, at, from)
	t.needFunc(n, "the function of the key", keyFunc)
	t.needFunc(n, "the joiner", f)
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
			Left: kind == "left-join-global", Join: join, Next: next[K, R](b, p), Missed: b.task.Tally(p.name, ops.Unmatched),
		})
		return nil
	}
	return out
}
