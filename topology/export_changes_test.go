package topology

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// ChangesOf shows the changes of a table to f.
func ChangesOf[K, V any](t Table[K, V], f func(r *Record[K, operator.Change[V]])) {
	n := asking(t, "changes")
	n.build = func(at site) error {
		t.out.handChanges(at.b, changesFunc[K, V](f))
		return nil
	}
}

// asking adds a node behind a table, for tests.
func asking[K, V any](t Table[K, V], kind string) *node {
	n := t.n.t.add(kind, "", t.n.t.caller(), t.n)
	n.reads.key, n.reads.value = true, true
	n.discarded = true
	return n
}

type changesFunc[K, V any] func(r *Record[K, operator.Change[V]])

func (f changesFunc[K, V]) Receive(r *Record[K, operator.Change[V]]) error {
	f(r)
	return nil
}

// HandedOn returns the look-up of what a table has handed on last, in the graph that is made next.
func HandedOn[K, V any](t Table[K, V], f func(row func(key []byte) (v Opt[V], ts int64, err error))) {
	n := asking(t, "handed-on")
	n.build = func(at site) error {
		rows := t.rows.lookup(at.b)
		f(func(key []byte) (Opt[V], int64, error) {
			row, _, err := rows.Row(key, true, Origin{})
			return row.Opt, row.Timestamp, err
		})
		return nil
	}
}
