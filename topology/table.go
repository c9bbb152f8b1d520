package topology

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/versions"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Table is the latest value of each key: a topic read as one, or an aggregation. It is made by
// [Topology.Table], [Stream.ToTable] and the aggregations of [Grouped]; a copy of the handle is the
// same table.
type Table[K, V any] struct {
	n     *node
	out   *port[K, V] // of n
	key   *serdeRef[K]
	value *serdeRef[V]
	rows  rows[V]
}

// rows is where the rows of a table are looked up.
type rows[V any] struct {
	stores []*storeDecl // that they lie in, or are made from
	lookup func(b *builder) operator.Lookup[V]
	// asOf is lookup as of a time: nil, or returning nil, for tables without a history.
	asOf func(b *builder) (operator.Versions[V], error)
}

// tableStore is the store of a table: all operators of a task have one cache of it.
type tableStore[V any] struct {
	d      *storeDecl
	value  *serdeRef[V]
	owned  bool // by an aggregate, which may change values in place
	caches perGraph[*cache.Cache[V]]
	// n is the node whose table may have a history; nil if it cannot.
	n         *node
	histories perGraph[*versions.Store[V]]
}

// cache returns the cache of the store.
func (s *tableStore[V]) cache(b *builder) *cache.Cache[V] {
	c, ok := s.caches.get(b)
	if !ok {
		c = cache.NewCache(b.task, s.d.name, s.value.get())
		s.caches.set(b, c)
	}
	return c
}

// rows returns the rows that lie in the store.
func (s *tableStore[V]) rows() rows[V] {
	r := rows[V]{stores: []*storeDecl{s.d}, lookup: func(b *builder) operator.Lookup[V] { return cache.Stored(s.cache(b), s.owned) }}
	if s.n != nil {
		r.asOf = s.asOf
	}
	return r
}

// node returns the node, which a zero handle gets by it.
func (t *Table[K, V]) node() *node {
	if t.n == nil {
		s := lostStream[K, V]()
		t.n, t.out, t.key, t.value = s.n, s.out, s.key, s.value
	}
	return t.n
}

// ToTable makes a table of the stream: the latest value of each key; a tombstone deletes. Records
// without key are dropped and counted.
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
	d := t.addStore(&storeDecl{name: name, at: at, kind: flow.KeyValueStore, role: "table", timestamps: true, key: s.key, value: s.value})
	n.stores = []*storeDecl{d}
	n.partitioned = true
	n.emits, n.result = new(emitDecl), true
	n.reads.wantKey, n.reads.wantValue = s.key, s.value
	n.key, n.value = output{serde: s.key, passed: true}, output{serde: s.value, passed: true}
	n.history = new(historyDecl)
	rows := &tableStore[V]{d: d, value: s.value, n: n}
	out := linkTable(n, func(at site, e ops.Emission[K, V]) (ops.Receiver[K, V], error) {
		k, keyRaw := keySerde(at, s.key)
		_, valueRaw := valueSerde(at, s.value)
		if n.history.kept() {
			v, err := rows.versions(at.b)
			if err != nil {
				return nil, err
			}
			return versions.NewTable(at.node(), k, keyRaw, valueRaw, v, e), nil
		}
		op := ops.NewTable(at.node(), k, keyRaw, valueRaw, rows.cache(at.b), e)
		at.flushes(op)
		return op, nil
	}, s.out)
	return Table[K, V]{n: n, out: out, key: s.key, value: s.value, rows: rows.rows()}
}

// Updates says that the table forwards the latest value of each key at every commit, in the order
// of last update, with that record's headers. It is the default.
func (t Table[K, V]) Updates() Table[K, V] {
	t.node().setEmit(ops.EmitUpdates)
	return t
}

// EachUpdate says that the table forwards every update at once. Which updates there are depends on
// the order of records: behind a repartition topic they are a function of the input if
// [Stream.InOrder] comes before.
func (t Table[K, V]) EachUpdate() Table[K, V] {
	t.node().setEmit(ops.EmitEach)
	return t
}

// WithValueSerde returns the same table, whose values are written with s from here on: where its
// rows go through a topic, in [Table.GroupBy] and behind [Table.ToStream], and in the stores of
// joins and filters that keep the type. Its own store, if it has one, stays as it is.
func (t Table[K, V]) WithValueSerde(value serde.Serde[V]) Table[K, V] {
	t.value = givenValues(t.node(), value)
	return t
}

// givenValues is a serde that WithValueSerde of a table has been given.
func givenValues[V any](n *node, value serde.Serde[V]) *serdeRef[V] {
	if isNil(value) {
		mistakef(n.t, n.t.caller(), "", "the serde given to WithValueSerde is nil: give one")
	}
	return given(n.t, value, false)
}

// ToStream returns the table's updates as a stream; a deleted key is a tombstone.
func (t Table[K, V]) ToStream() Stream[K, V] {
	t.node()
	return Stream[K, V]{n: t.n, out: t.out, key: t.key, value: t.value}
}

// setEmit sets when a table forwards, which is said once.
func (n *node) setEmit(e ops.Emit) {
	at := n.t.caller()
	switch {
	case n.suppresses != nil:
		mistakef(n.t, at, n.name, "Suppress says when this table forwards: leave out that it forwards %s", e)
	case n.emits == nil:
		mistakef(n.t, at, n.name, "this table has no store, and forwards when what it is made of does: say there that it forwards %s", e)
	case n.emits.at == "":
		n.emits.when, n.emits.at = e, at
	case n.emits.when != e:
		mistakef(n.t, at, n.name, "it is said at %s already that this table forwards %s, and here %s: say one", n.emits.at, n.emits.when, e)
	}
}

// WindowedTable is the value of each key in each window. It is made by the aggregations of
// [WindowedGroup].
type WindowedTable[K, V any] struct {
	n     *node
	out   *port[windows.Windowed[K], V] // of n
	key   *serdeRef[K]
	value *serdeRef[V]
	w     Windows
}

// node returns the node, which a zero handle gets by it.
func (t *WindowedTable[K, V]) node() *node {
	if t.n == nil {
		s := lostStream[K, V]()
		t.n, t.out, t.key, t.value = s.n, new(port[windows.Windowed[K], V]), s.key, s.value
	}
	return t.n
}

// Updates says that the table forwards the latest value of each key and window at every commit, in
// the order of last update. It is the default.
func (t WindowedTable[K, V]) Updates() WindowedTable[K, V] {
	t.node().setEmit(ops.EmitUpdates)
	return t
}

// EachUpdate says that the table forwards every update at once; see [Table.EachUpdate].
func (t WindowedTable[K, V]) EachUpdate() WindowedTable[K, V] {
	t.node().setEmit(ops.EmitEach)
	return t
}

// Final says that the table forwards each window once: when time has passed its end and grace. The
// result's timestamp is the largest of its records'; it has no headers. Results of a window come in
// the order of the keys' bytes.
func (t WindowedTable[K, V]) Final() WindowedTable[K, V] {
	n := t.node()
	if n.kind == "co-group" && n.t.config.clocks {
		mistakef(n.t, n.t.caller(), n.name, "with Kafka Streams' time each stream of a co-group has a time of its own, so there is no moment at which a window is final: leave Final out, or use the default time")
	}
	n.setEmit(ops.EmitFinal)
	return t
}

// Stream returns the table's results as a stream, with the key that f makes of window and key.
func (t WindowedTable[K, V]) Stream[K2 any](f func(Window, K) K2) Stream[K2, V] {
	n := t.stream(f == nil)
	out := link(n, func(_ site, next ops.Receiver[K2, V]) (ops.Receiver[windows.Windowed[K], V], error) {
		return &windows.StreamWindows[K, V, K2]{Key: f, Next: next}, nil
	}, t.out)
	return Stream[K2, V]{n: n, out: out, key: derived[K2](n.t, t.key, true), value: t.value}
}

// StreamRecords returns the table's results as a stream, with the key and value that f makes of
// window, key and value. Tombstones are dropped and counted.
func (t WindowedTable[K, V]) StreamRecords[K2, V2 any](f func(Window, K, V) (K2, V2)) Stream[K2, V2] {
	return streamRecords(t, f == nil, func(flow.Task) func(Window, K, V) (K2, V2, error) {
		return func(w Window, k K, v V) (K2, V2, error) {
			k2, v2 := f(w, k, v)
			return k2, v2, nil
		}
	})
}

// streamRecords adds a stream with other values. of makes the function of a task.
func streamRecords[K, V, K2, V2 any](t WindowedTable[K, V], missing bool, of func(flow.Task) func(Window, K, V) (K2, V2, error)) Stream[K2, V2] {
	n := t.stream(missing)
	n.reads.value, n.value = true, output{}
	out := link(n, func(at site, next ops.Receiver[K2, V2]) (ops.Receiver[windows.Windowed[K], V], error) {
		return &windows.StreamWindowRecords[K, V, K2, V2]{Node: at.node(), Map: of(at.b.task), Next: next}, nil
	}, t.out)
	return Stream[K2, V2]{n: n, out: out, key: derived[K2](n.t, t.key, true), value: derived[V2](n.t, t.value, false)}
}

// stream adds the node that makes a stream of a windowed table.
func (t *WindowedTable[K, V]) stream(missing bool) *node {
	from := t.node()
	n := from.t.add("stream-windows", "", from.t.caller(), from)
	n.reads.key = true
	n.key, n.rekeyed = output{}, n
	n.need("the function", missing)
	return n
}
