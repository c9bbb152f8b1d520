package topoyaml

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The DSL has two forms of most operators: of values alone, and of whole records. An expression that uses neither key nor time
// takes the first, which lets the plan leave keys undecoded.

// wholeRecord says that an expression needs more than the value.
func (s rootSet) wholeRecord() bool { return s.has(rootKey) || s.has(rootTime) }

// inputsOf are the variables for a record.
func inputsOf(r *topology.Record[Value, Value]) inputs {
	return inputs{key: r.Key, value: r.Value, time: r.Timestamp}
}

func (b *builder) filter(f *flow, p *program) {
	if p.roots.wholeRecord() {
		f.stream = f.stream.TryFilterRecords(func(_ context.Context, r *topology.Record[Value, Value]) (bool, error) {
			if r.NoValue {
				return true, nil // as a filter of values: tombstones are passed on
			}
			in := inputsOf(r)
			return p.test(&in)
		})
		return
	}
	f.stream = f.stream.TryFilter(func(_ context.Context, v Value) (bool, error) { return p.test(&inputs{value: v}) })
}

func (b *builder) mapped(f *flow, p *program) topology.Stream[Value, Value] {
	if p.roots.wholeRecord() {
		return f.stream.TryMapValuesRecords(func(_ context.Context, r *topology.Record[Value, Value]) (Value, error) {
			in := inputsOf(r)
			return p.eval(&in)
		})
	}
	return f.stream.TryMapValues(func(_ context.Context, v Value) (Value, error) { return p.eval(&inputs{value: v}) })
}

func (b *builder) flatMapped(f *flow, p *program) topology.Stream[Value, Value] {
	return f.stream.TryFlatMapValues(func(_ context.Context, v Value) ([]Value, error) { return p.elements(&inputs{value: v}) })
}

func (b *builder) rekeyed(f *flow, p *program) topology.Stream[Value, Value] {
	if p.roots.wholeRecord() {
		return f.stream.TrySelectKeyRecords(func(_ context.Context, r *topology.Record[Value, Value]) (Value, error) {
			in := inputsOf(r)
			return p.key(&in)
		})
	}
	return f.stream.TrySelectKey(func(_ context.Context, v Value) (Value, error) { return p.key(&inputs{value: v}) })
}

func (b *builder) mappedRecords(f *flow, key, value *program) topology.Stream[Value, Value] {
	return f.stream.TryMap(func(_ context.Context, r *topology.Record[Value, Value]) (Value, Value, error) {
		in := inputsOf(r)
		k, err := key.key(&in)
		if err != nil {
			return nil, nil, err
		}
		v, err := value.eval(&in)
		return k, v, err
	})
}

func (b *builder) groupedBy(f *flow, name string, p *program, s serde.Serde[Value]) topology.Grouped[Value, Value] {
	if p.roots.wholeRecord() {
		return f.stream.TryGroupByRecords(name, func(_ context.Context, r *topology.Record[Value, Value]) (Value, error) {
			in := inputsOf(r)
			return p.key(&in)
		}, topology.KeySerde(s))
	}
	return f.stream.TryGroupBy(name, func(_ context.Context, v Value) (Value, error) { return p.key(&inputs{value: v}) }, topology.KeySerde(s))
}

func (b *builder) branch(sp *topology.Splitter[Value, Value], name string, p *program) topology.Stream[Value, Value] {
	return sp.TryBranch(name, func(_ context.Context, v Value) (bool, error) { return p.test(&inputs{value: v}) })
}

func reduction(p *program) func(context.Context, Value, Value) (Value, error) {
	return func(_ context.Context, left, right Value) (Value, error) {
		return p.eval(&inputs{left: left, right: right})
	}
}

func (b *builder) reduced(f *flow, store string, p *program) topology.Table[Value, Value] {
	return f.grouped.TryReduce(store, reduction(p), topology.ValueSerde[Value](jsonSerde{}))
}

func (b *builder) reducedWindows(f *flow, store string, p *program) topology.WindowedTable[Value, Value] {
	return f.windowed.TryReduce(store, reduction(p), topology.ValueSerde[Value](jsonSerde{}))
}

// byValue and byRecord are the two forms of an aggregation's step.
func (a *aggregation) byValue(ctx context.Context, before, v Value) (Value, error) {
	return a.next(ctx, before, &inputs{value: v})
}

func (a *aggregation) byRecord(ctx context.Context, before Value, r *topology.Record[Value, Value]) (Value, error) {
	in := inputsOf(r)
	return a.next(ctx, before, &in)
}

func (b *builder) aggregated(f *flow, store string, a *aggregation, roots rootSet) topology.Table[Value, Value] {
	if roots.wholeRecord() {
		return f.grouped.TryAggregateRecords(store, a.byRecord, topology.ValueSerde[Value](a))
	}
	return f.grouped.TryAggregate(store, a.byValue, topology.ValueSerde[Value](a))
}

func (b *builder) aggregatedWindows(f *flow, store string, a *aggregation, roots rootSet) topology.WindowedTable[Value, Value] {
	if roots.wholeRecord() {
		return f.windowed.TryAggregateRecords(store, a.byRecord, topology.ValueSerde[Value](a))
	}
	return f.windowed.TryAggregate(store, a.byValue, topology.ValueSerde[Value](a))
}
