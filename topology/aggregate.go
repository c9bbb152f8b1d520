package topology

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/sessions"
)

// The aggregations of a grouped stream. Each has a store of the name that its author gives, with a
// changelog. The result's timestamp is the larger of the stored one's and the record's. Records
// without key or value are dropped and counted.

// Count counts the records of each key.
func (g Grouped[K, V]) Count(store string) Table[K, int64] {
	return aggregate(g.s, ofCount[K, V](store))
}

// Reduce combines the values of each key: the first one is the start. Where the order of values
// matters, as in "the last one", it is that in which they come: that of a source partition, or
// behind [Stream.InOrder] that of time.
//
// The combined value belongs to the aggregate: f may change its first argument in place and return
// it, but keep neither elsewhere.
func (g Grouped[K, V]) Reduce(store string, f func(V, V) V, opts ...ValueOption[V]) Table[K, V] {
	return aggregate(g.s, reduction(g.s, store, f, opts))
}

// Aggregate adds the values of each key to an accumulator, which starts as the zero value of A. It
// is [Grouped.AggregateWith] of [Fold].
func (g Grouped[K, V]) Aggregate[A any](store string, add func(A, V) A, opts ...ValueOption[A]) Table[K, A] {
	return g.AggregateWith(store, Fold(add), opts...)
}

// AggregateWith folds the values of each key into an accumulator.
func (g Grouped[K, V]) AggregateWith[A any](store string, a Aggregator[V, A], opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, ofValues(g.s, store, a, opts))
}

// AggregateRecords is [Grouped.AggregateWith] of whole records.
func (g Grouped[K, V]) AggregateRecords[A any](store string, a Aggregator[*Record[K, V], A], opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, ofRecords(store, a, opts))
}

// aggregation is what the aggregations differ in.
type aggregation[K, V, A any] struct {
	kind, store        string
	wrong              []string // mistakes of what was given
	usesKey, usesValue bool
	nulls              bool // it can add records without value
	wantValue          anySerde
	value              *serdeRef[A] // nil: by type
	opts               []ValueOption[A]
	step               func(site) ops.Step[K, V, A]
	merge              func(site) sessions.Merge[A] // nil: accumulators cannot be merged
	start              func() A                     // nil: an accumulator begins with a record
	shared             *sharedClock                 // of a co-group
}

// reduction is the aggregation of Reduce.
func reduction[K, V any](s Stream[K, V], store string, f func(V, V) V, opts []ValueOption[V]) aggregation[K, V, V] {
	a := aggregation[K, V, V]{kind: "reduce", store: store, wrong: missing(f == nil), value: s.value, opts: opts}
	if operator.Mutable[V]() {
		// It makes its own copies, from bytes where there are some.
		a.wantValue = s.value
	} else {
		a.usesValue = true
	}
	a.step = func(at site) ops.Step[K, V, V] {
		v, raw := copying(at, s.value)
		return ops.ReduceStep[K](f, v, raw)
	}
	a.merge = merging(f)
	return a
}

// merging is the function of accumulators that come together.
func merging[A any](f func(A, A) A) func(site) sessions.Merge[A] {
	if f == nil {
		return nil
	}
	return func(site) sessions.Merge[A] { return func(a, b A) (A, error) { return f(a, b), nil } }
}

// copying returns the serde that a reduction copies values with, and whether their bytes are
// written by it; nothing for values of which every assignment is a copy.
func copying[V any](at site, of *serdeRef[V]) (v serde.Serde[V], raw bool) {
	if !operator.Mutable[V]() {
		return nil, false
	}
	return valueSerde(at, of)
}

// missing says that an aggregation has no function.
func missing(isNil bool) []string {
	if isNil {
		return []string{"the function is nil: give a function"}
	}
	return nil
}

// addAggregation adds the node and store of an aggregation, windowed or not.
func addAggregation[K, V, A any](s Stream[K, V], a *aggregation[K, V, A], kind flow.StoreKind) *node {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("store", a.store, at)
	n := t.add(a.kind, a.store, at, from)
	for _, text := range a.wrong {
		mistakef(t, at, n.name, "%s", text)
	}
	if a.value == nil {
		a.value = &serdeRef[A]{t: t}
	}
	for _, o := range a.opts {
		if o == nil {
			mistakef(t, at, n.name, "an option is nil: leave it out")
			continue
		}
		var c valueConfig[A]
		o(&c)
		if isNil(c.serde) {
			mistakef(t, at, n.name, "the serde given to ValueSerde is nil: give one")
		}
		a.value = given(t, c.serde, false)
	}
	d := &storeDecl{name: a.store, at: at, kind: kind, role: a.kind, timestamps: true, key: s.key, value: a.value}
	n.stores = []*storeDecl{t.addStore(d)}
	n.partitioned = true
	n.emits, n.result = new(emitDecl), true
	n.reads = reads{key: a.usesKey, value: a.usesValue, wantKey: s.key, wantValue: a.wantValue}
	// Updates bring along the bytes that the flush writes; what is forwarded at once is encoded
	// only if it has to be copied anyway.
	mutable := operator.Mutable[A]()
	n.value = output{serde: a.value, live: func(p *planNode) bool {
		return p.emit == ops.EmitUpdates || p.emit == ops.EmitEach && mutable
	}}
	return n
}

// aggregate adds an unwindowed aggregation.
func aggregate[K, V, A any](s Stream[K, V], a aggregation[K, V, A]) Table[K, A] {
	n := addAggregation(s, &a, flow.KeyValueStore)
	n.key = output{serde: s.key, passed: true}
	rows := &tableStore[A]{d: n.stores[0], value: a.value, owned: true}
	out := linkTable(n, func(at site, e ops.Emission[K, A]) (ops.Receiver[K, V], error) {
		k, raw := keySerde(at, s.key)
		op := ops.NewAggregate(at.node(), k, raw, rows.cache(at.b), a.step(at), e)
		at.flushes(op)
		return op, nil
	}, s.out)
	return Table[K, A]{n: n, out: out, key: s.key, value: a.value, rows: rows.rows()}
}
