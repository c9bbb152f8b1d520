package steps

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// The DSL has two forms of most operators: of values alone, and of whole records. An expression that uses neither key nor time
// takes the first, which lets the plan leave keys undecoded.

// inputsOf are the variables for a record.
func inputsOf(r *topology.Record[value.Value, value.Value]) expression.Inputs {
	return expression.Inputs{Key: r.Key, Value: r.Value, Time: r.Timestamp}
}

func (b *builder) filter(f *flow, p *expression.Program) {
	if p.Roots.WholeRecord() {
		f.stream = b.t.ForFiles(door.Key{}).FilterRecords(f.stream, func(_ context.Context, r *topology.Record[value.Value, value.Value]) (bool, error) {
			if r.NoValue {
				return true, nil // as a filter of values: tombstones are passed on
			}
			in := inputsOf(r)
			return p.Test(&in)
		})
		return
	}
	f.stream = f.stream.TryFilter(func(_ context.Context, v value.Value) (bool, error) { return p.Test(&expression.Inputs{Value: v}) })
}

func (b *builder) mapped(f *flow, p *expression.Program) topology.Stream[value.Value, value.Value] {
	if p.Roots.WholeRecord() {
		return b.t.ForFiles(door.Key{}).MapValuesRecords(f.stream, func(_ context.Context, r *topology.Record[value.Value, value.Value]) (value.Value, error) {
			in := inputsOf(r)
			return p.Eval(&in)
		})
	}
	return f.stream.TryMapValues(func(_ context.Context, v value.Value) (value.Value, error) {
		return p.Eval(&expression.Inputs{Value: v})
	})
}

func (b *builder) flatMapped(f *flow, p *expression.Program) topology.Stream[value.Value, value.Value] {
	return f.stream.TryFlatMapValues(func(_ context.Context, v value.Value) ([]value.Value, error) {
		return p.Elements(&expression.Inputs{Value: v})
	})
}

func (b *builder) rekeyed(f *flow, p *expression.Program) topology.Stream[value.Value, value.Value] {
	if p.Roots.WholeRecord() {
		return b.t.ForFiles(door.Key{}).SelectKeyRecords(f.stream, func(_ context.Context, r *topology.Record[value.Value, value.Value]) (value.Value, error) {
			in := inputsOf(r)
			return p.Key(&in)
		})
	}
	return f.stream.TrySelectKey(func(_ context.Context, v value.Value) (value.Value, error) {
		return p.Key(&expression.Inputs{Value: v})
	})
}

func (b *builder) mappedRecords(f *flow, key, of *expression.Program) topology.Stream[value.Value, value.Value] {
	return b.t.ForFiles(door.Key{}).Map(f.stream, func(_ context.Context, r *topology.Record[value.Value, value.Value]) (value.Value, value.Value, error) {
		in := inputsOf(r)
		k, err := key.Key(&in)
		if err != nil {
			return nil, nil, err
		}
		v, err := of.Eval(&in)
		return k, v, err
	})
}

func (b *builder) groupedBy(f *flow, name string, p *expression.Program, s serde.Serde[value.Value]) topology.Grouped[value.Value, value.Value] {
	if p.Roots.WholeRecord() {
		return b.t.ForFiles(door.Key{}).GroupByRecords(f.stream, name, func(_ context.Context, r *topology.Record[value.Value, value.Value]) (value.Value, error) {
			in := inputsOf(r)
			return p.Key(&in)
		}, topology.KeySerde(s))
	}
	return f.stream.TryGroupBy(name, func(_ context.Context, v value.Value) (value.Value, error) {
		return p.Key(&expression.Inputs{Value: v})
	}, topology.KeySerde(s))
}

func (b *builder) branch(sp *topology.Splitter[value.Value, value.Value], name string, p *expression.Program) topology.Stream[value.Value, value.Value] {
	return b.t.ForFiles(door.Key{}).Branch(sp, name, func(_ context.Context, v value.Value) (bool, error) { return p.Test(&expression.Inputs{Value: v}) })
}

func reduction(p *expression.Program) func(context.Context, value.Value, value.Value) (value.Value, error) {
	return func(_ context.Context, left, right value.Value) (value.Value, error) {
		return p.Eval(&expression.Inputs{Left: left, Right: right})
	}
}

func (b *builder) reduced(f *flow, store string, p *expression.Program) topology.Table[value.Value, value.Value] {
	return b.t.ForFiles(door.Key{}).Reduce(f.grouped, store, reduction(p), topology.ValueSerde[value.Value](value.JSONSerde{}))
}

func (b *builder) reducedWindows(f *flow, store string, p *expression.Program) topology.WindowedTable[value.Value, value.Value] {
	return b.t.ForFiles(door.Key{}).ReduceWindows(f.windowed, store, reduction(p), topology.ValueSerde[value.Value](value.JSONSerde{}))
}

// byValue and byRecord are the two forms of an aggregation's step.
func byValue(a *aggregate.Aggregation) func(context.Context, value.Value, value.Value) (value.Value, error) {
	return func(_ context.Context, before, v value.Value) (value.Value, error) {
		return a.Next(before, &expression.Inputs{Value: v})
	}
}

func byRecord(a *aggregate.Aggregation) func(context.Context, value.Value, *topology.Record[value.Value, value.Value]) (value.Value, error) {
	return func(_ context.Context, before value.Value, r *topology.Record[value.Value, value.Value]) (value.Value, error) {
		in := inputsOf(r)
		return a.Next(before, &in)
	}
}

func (b *builder) aggregated(f *flow, store string, a *aggregate.Aggregation) topology.Table[value.Value, value.Value] {
	if a.Roots().WholeRecord() {
		return f.grouped.AggregateRecords(store, topology.TryFold(byRecord(a)), topology.ValueSerde[value.Value](a))
	}
	return f.grouped.AggregateWith(store, topology.TryFold(byValue(a)), topology.ValueSerde[value.Value](a))
}

func (b *builder) aggregatedWindows(f *flow, store string, a *aggregate.Aggregation) topology.WindowedTable[value.Value, value.Value] {
	if a.Roots().WholeRecord() {
		return f.windowed.AggregateRecords(store, topology.TryFold(byRecord(a)), topology.ValueSerde[value.Value](a))
	}
	return f.windowed.AggregateWith(store, topology.TryFold(byValue(a)), topology.ValueSerde[value.Value](a))
}
