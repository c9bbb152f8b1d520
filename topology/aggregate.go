package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// The aggregations of a grouped stream. Each has a store of the name that its author gives, with a changelog. The result's timestamp is
// the larger of the stored one's and the record's. Records without key or value are dropped and counted.
//
// The accumulator belongs to the aggregate: its function may change it in place and return it, but not keep it elsewhere. A function that
// is given a value may keep it, or parts of it, in the accumulator as long as it changes neither.

// Count counts the records of each key.
func (g Grouped[K, V]) Count(store string) Table[K, int64] {
	return aggregate(g.s, aggregation[K, V, int64]{
		kind: "count", store: store,
		step: func(*builder, *planNode) (ops.Step[K, V, int64], error) { return ops.CountStep[K, V](), nil },
	})
}

// Reduce combines the values of each key: the first one is the start. Where the order of values matters, as in
// "the last one", it is that in which they come: that of a source partition, or behind [Stream.InOrder] that of time.
func (g Grouped[K, V]) Reduce(store string, f func(V, V) V, opts ...ValueOption[V]) Table[K, V] {
	return aggregate(g.s, reduction(g.s, store, f, opts))
}

// Aggregate adds the values of each key to an accumulator, which starts as the zero value of A.
func (g Grouped[K, V]) Aggregate[A any](store string, add func(A, V) A, opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateStep[K](add), nil },
	})
}

// AggregateFrom is [Grouped.Aggregate] with a start of its own: init makes a new one for each key.
func (g Grouped[K, V]) AggregateFrom[A any](store string, init func() A, add func(A, V) A, opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add, init}, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateFromStep[K](init, add), nil },
	})
}

// AggregateRecords is [Grouped.Aggregate] with a function that sees whole records. It must not keep them, but may keep their values.
func (g Grouped[K, V]) AggregateRecords[A any](store string, add func(A, *Record[K, V]) A, opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesKey: true, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateRecordsStep(add), nil },
	})
}

// AggregateOpt is [Grouped.Aggregate] with a function that knows whether there is a value, and can delete it by returning none.
func (g Grouped[K, V]) AggregateOpt[A any](store string, add func(Opt[A], V) Opt[A], opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesValue: true, opts: opts,
		step: func(*builder, *planNode) (ops.Step[K, V, A], error) { return ops.AggregateOptStep[K](add), nil },
	})
}

// TryAggregate is [Grouped.Aggregate] with a function that can fail: its errors go to the error policy. When it fails it must have left
// the accumulator as it was.
func (g Grouped[K, V]) TryAggregate[A any](store string, add func(context.Context, A, V) (A, error), opts ...ValueOption[A]) Table[K, A] {
	return aggregate(g.s, aggregation[K, V, A]{
		kind: "aggregate", store: store, funcs: []any{add}, usesValue: true, opts: opts,
		step: func(b *builder, _ *planNode) (ops.Step[K, V, A], error) {
			return ops.TryAggregateStep[K](b.task, add), nil
		},
	})
}

// aggregation is what the aggregations differ in.
type aggregation[K, V, A any] struct {
	kind, store        string
	funcs              []any // must not be nil: the first of an adder, the second of a start
	usesKey, usesValue bool
	wantValue          anySerde
	value              *serdeRef[A] // nil: by type
	opts               []ValueOption[A]
	step               func(*builder, *planNode) (ops.Step[K, V, A], error)
}

// reduction is the aggregation of Reduce.
func reduction[K, V any](s Stream[K, V], store string, f func(V, V) V, opts []ValueOption[V]) aggregation[K, V, V] {
	a := aggregation[K, V, V]{kind: "reduce", store: store, funcs: []any{f}, value: s.value, opts: opts}
	if ops.Mutable[V]() {
		// It makes its own copies, from bytes where there are some.
		a.wantValue = s.value
	} else {
		a.usesValue = true
	}
	from := s.value
	a.step = func(_ *builder, p *planNode) (ops.Step[K, V, V], error) {
		v, err := from.resolve()
		if err != nil {
			return nil, err
		}
		return ops.ReduceStep[K](f, v, p.rawValue == v.Name()), nil
	}
	return a
}

// addAggregation adds the node and store of an aggregation, windowed or not.
func addAggregation[K, V, A any](s Stream[K, V], a *aggregation[K, V, A], kind StoreKind) *node {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("store", a.store, at)
	n := t.add(a.kind, a.store, at, from)
	for i, f := range a.funcs {
		t.needFunc(n, [...]string{"the function", "the function of the start"}[i], f)
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
	n.emit = new(ops.Emit)
	n.usesKey, n.usesValue = a.usesKey, a.usesValue
	n.wantKey, n.wantValue = s.key, a.wantValue
	n.joins = true
	n.passKey = true
	// Updates bring along the bytes that the flush writes; what is forwarded at once is encoded only if it has to be copied anyway.
	mutable := ops.Mutable[A]()
	n.value = output{serde: a.value, live: func(p *planNode) bool {
		return p.emit == ops.EmitUpdates || p.emit == ops.EmitEach && mutable
	}}
	return n
}

// aggregate adds an unwindowed aggregation.
func aggregate[K, V, A any](s Stream[K, V], a aggregation[K, V, A]) Table[K, A] {
	n := addAggregation(s, &a, KeyValueStore)
	n.key = output{serde: s.key}
	store := n.stores[0]
	n.build = func(b *builder, p *planNode) error {
		k, err := s.key.resolve()
		if err != nil {
			return err
		}
		step, err := a.step(b, p)
		if err != nil {
			return err
		}
		cache, err := cacheOf(b, store, a.value)
		if err != nil {
			return err
		}
		op := ops.NewAggregate(b.node(p), k, p.rawKey == k.Name(), cache, step, emission[K, A](b, p))
		b.set(p, op)
		b.flushers = append(b.flushers, op)
		return nil
	}
	return Table[K, A]{n: n, key: s.key, value: a.value, store: store, owned: true}
}
