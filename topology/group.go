package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Grouped is a stream whose records with the same key are in one partition, ready to be aggregated.
// It is made by [Stream.GroupByKey] and [Stream.GroupBy].
type Grouped[K, V any] struct {
	s Stream[K, V]
}

// GroupByKey groups by the key that the records have. It is a mistake where the key was changed
// before: then equal keys lie in different partitions, and [Stream.GroupBy] or [Stream.Repartition]
// is needed.
func (s Stream[K, V]) GroupByKey() Grouped[K, V] {
	n := s.node()
	n.t.needPartitioned(n.t.caller(), "", "GroupByKey", n)
	return Grouped[K, V]{s: s}
}

// needPartitioned checks that the records behind n lie in the partition of their key.
func (t *Topology) needPartitioned(at, name, what string, n *node) {
	switch by := n.rekeyed; {
	case by == nil:
	case by.chosen:
		mistakef(t, at, name, "%s needs equal keys in one partition, and the partitions behind %s at %s are chosen by a function: call MarkPartitioned behind that if it chooses by the key alone, and, for a join, as the other side has it", what, by.name, by.at)
	default:
		mistakef(t, at, name, "%s needs equal keys in one partition, and the key was changed by %s at %s: use GroupBy, or put Repartition in between", what, by.name, by.at)
	}
}

// GroupBy groups by the key that f computes from each value: the records go through a repartition
// topic, which is named by name. Records without a value are dropped and counted; those without a
// key are not, for the new one is made of the value. Whatever f returns is a key: a nil slice is an
// empty one. Records that have none to be grouped by are left out with [Stream.Filter] before.
func (s Stream[K, V]) GroupBy[K2 any](name string, f func(V) K2, opts ...KeyOption[K2]) Grouped[K2, V] {
	n := s.groupBy(name, f == nil)
	return grouped(s, n, opts, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.SelectKey[K, V, K2]{Node: at.node(), Key: f, Next: next}, nil
	})
}

// TryGroupBy is [Stream.GroupBy] with a function that can fail: its errors go to the error policy.
func (s Stream[K, V]) TryGroupBy[K2 any](name string, f func(context.Context, V) (K2, error), opts ...KeyOption[K2]) Grouped[K2, V] {
	n := s.groupBy(name, f == nil)
	return grouped(s, n, opts, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.TrySelectKey[K, V, K2]{Node: at.node(), Key: ops.OfValue[K](f), Next: next}, nil
	})
}

// GroupByRecords groups by the key that f computes from each record; see [Stream.GroupBy].
func (s Stream[K, V]) GroupByRecords[K2 any](name string, f func(*Record[K, V]) K2, opts ...KeyOption[K2]) Grouped[K2, V] {
	n := s.groupBy(name, f == nil)
	n.reads.key = true
	return grouped(s, n, opts, func(at site, next ops.Receiver[K2, V]) (ops.Receiver[K, V], error) {
		return &ops.SelectKeyRecords[K, V, K2]{Node: at.node(), Key: f, Next: next}, nil
	})
}

// groupBy adds the node that computes keys.
func (s *Stream[K, V]) groupBy(name string, missing bool) *node {
	n := s.node()
	at := n.t.caller()
	n.t.claim("group-by", name, at)
	by := n.t.add("group-by", name, at, n)
	by.reads.value = true
	by.need("the function of the key", missing)
	return by
}

// grouped adds the repartition topic behind the node that computes keys.
func grouped[K, V, K2 any](s Stream[K, V], n *node, opts []KeyOption[K2], o constructor[K, V, K2, V]) Grouped[K2, V] {
	by := withKeys(s, n, o)
	by.key = newKeys(n, by.key, opts)
	return Grouped[K2, V]{s: repartition(by, "repartition", n.name, n.at, nil)}
}

// newKeys returns the serde of the keys that n makes: the one that an option gives, else that of
// their type.
func newKeys[K any](n *node, byType *serdeRef[K], opts []KeyOption[K]) *serdeRef[K] {
	var c keyConfig[K]
	for _, opt := range opts {
		if opt == nil {
			mistakef(n.t, n.at, n.name, "an option is nil: leave it out")
			continue
		}
		opt(&c)
		if isNil(c.serde) {
			mistakef(n.t, n.at, n.name, "the serde given to KeySerde is nil: give one")
		}
	}
	if c.serde == nil {
		return byType
	}
	return given(n.t, c.serde, true)
}
