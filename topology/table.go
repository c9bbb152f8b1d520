package topology

import (
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Table is the latest value of each key: a topic read as one, or an aggregation. It is made by [Topology.Table], [Stream.ToTable] and the
// aggregations of [Grouped]; a copy of the handle is the same table.
type Table[K, V any] struct {
	n     *node
	key   *serdeRef[K]
	value *serdeRef[V]
	store *storeDecl
	owned bool // by an aggregate, which may change values in place
}

func (t Table[K, V]) node() *node {
	if t.n == nil {
		panic("topology: a method of the zero Table was called: tables come from Topology.Table and from aggregations")
	}
	return t.n
}

// ToTable makes a table of the stream: the latest value of each key; a tombstone deletes. Records without key are dropped and counted.
func (s Stream[K, V]) ToTable(store string) Table[K, V] {
	n := s.node()
	at := n.t.caller()
	n.t.needPartitioned(at, store, "ToTable", n)
	return table(s, "to-table", store, at)
}

// table adds a table node.
func table[K, V any](s Stream[K, V], kind, name, at string) Table[K, V] {
	t := s.n.t
	t.claim("store", name, at)
	n := t.add(kind, name, at, s.n)
	d := t.addStore(&storeDecl{name: name, at: at, kind: KeyValueStore, role: "table", timestamps: true, key: s.key, value: s.value})
	n.stores = []*storeDecl{d}
	n.emit = new(ops.Emit)
	n.wantKey, n.wantValue = s.key, s.value
	n.key, n.value = output{serde: s.key}, output{serde: s.value}
	n.passKey, n.passValue = true, true
	n.joins = true
	n.build = func(b *builder, p *planNode) error {
		k, err := s.key.resolve()
		if err != nil {
			return err
		}
		v, err := s.value.resolve()
		if err != nil {
			return err
		}
		cache, err := cacheOf(b, d, s.value)
		if err != nil {
			return err
		}
		op := ops.NewTable(b.node(p), k, p.rawKey == k.Name(), p.rawValue == v.Name(), cache, emission[K, V](b, p))
		b.set(p, op)
		b.flushers = append(b.flushers, op)
		return nil
	}
	return Table[K, V]{n: n, key: s.key, value: s.value, store: d}
}

// Updates says that the table forwards the latest value of each key at every commit, in the order of last update, with that record's
// headers. It is the default.
func (t Table[K, V]) Updates() Table[K, V] {
	t.node().setEmit(ops.EmitUpdates)
	return t
}

// EachUpdate says that the table forwards every update at once. Which updates there are depends on the order of
// records: behind a repartition topic they are a function of the input if [Stream.InOrder] comes before.
func (t Table[K, V]) EachUpdate() Table[K, V] {
	t.node().setEmit(ops.EmitEach)
	return t
}

// ToStream returns the table's updates as a stream; a deleted key is a tombstone.
func (t Table[K, V]) ToStream() Stream[K, V] {
	return Stream[K, V]{n: t.node(), key: t.key, value: t.value}
}

// setEmit sets when a table forwards, which is said once.
func (n *node) setEmit(e ops.Emit) {
	at := n.t.caller()
	switch {
	case n.emitAt == "":
		*n.emit, n.emitAt = e, at
	case *n.emit != e:
		mistakef(n.t, at, n.name, "it is said at %s already that this table forwards %s, and here %s: say one", n.emitAt, *n.emit, e)
	}
}

// WindowedTable is the value of each key in each window. It is made by the aggregations of [WindowedGroup].
type WindowedTable[K, V any] struct {
	n     *node
	key   *serdeRef[K]
	value *serdeRef[V]
}

func (t WindowedTable[K, V]) node() *node {
	if t.n == nil {
		panic("topology: a method of the zero WindowedTable was called: windowed tables come from aggregations")
	}
	return t.n
}

// Updates says that the table forwards the latest value of each key and window at every commit, in the order of last update. It is the
// default.
func (t WindowedTable[K, V]) Updates() WindowedTable[K, V] {
	t.node().setEmit(ops.EmitUpdates)
	return t
}

// EachUpdate says that the table forwards every update at once; see [Table.EachUpdate].
func (t WindowedTable[K, V]) EachUpdate() WindowedTable[K, V] {
	t.node().setEmit(ops.EmitEach)
	return t
}

// Final says that the table forwards each window once: when time has passed its end and grace. The result's timestamp is the largest of
// its records'; it has no headers. Results of a window come in the order of the keys' bytes.
func (t WindowedTable[K, V]) Final() WindowedTable[K, V] {
	t.node().setEmit(ops.EmitFinal)
	return t
}

// Stream returns the table's results as a stream, with the key that f makes of window and key.
func (t WindowedTable[K, V]) Stream[K2 any](f func(Window, K) K2) Stream[K2, V] {
	n := t.stream(f)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.StreamWindows[K, V, K2]{Key: f, Next: next[K2, V](b, p)})
		return nil
	}
	return Stream[K2, V]{n: n, key: derived[K2](n.t, t.key, true), value: t.value}
}

// StreamRecords returns the table's results as a stream, with the key and value that f makes of window, key and value. Tombstones are
// dropped and counted.
func (t WindowedTable[K, V]) StreamRecords[K2, V2 any](f func(Window, K, V) (K2, V2)) Stream[K2, V2] {
	n := t.stream(f)
	n.usesValue, n.value = true, output{}
	n.build = func(b *builder, p *planNode) error {
		b.set(p, &ops.StreamWindowRecords[K, V, K2, V2]{
			Node: b.node(p), Next: next[K2, V2](b, p),
			Map: func(w Window, k K, v V) (K2, V2, error) {
				k2, v2 := f(w, k, v)
				return k2, v2, nil
			},
		})
		return nil
	}
	return Stream[K2, V2]{n: n, key: derived[K2](n.t, t.key, true), value: derived[V2](n.t, t.value, false)}
}

// stream adds the node that makes a stream of a windowed table.
func (t WindowedTable[K, V]) stream(f any) *node {
	from := t.node()
	n := from.t.add("stream-windows", "", from.t.caller(), from)
	n.usesKey = true
	n.key, n.rekeyed = output{}, n
	from.t.needFunc(n, "the function", f)
	return n
}
