package steps

import (
	"context"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// point is what a chain of steps has come to: one of the DSL's handles. The interfaces behind it
// say what steps can do with it; a step asks for the one that it needs.
type point interface {
	// before says what is missing where a step takes records and these are not there yet.
	before() string
}

type (
	// flowing is a point that is a stream of records, or can be read as one.
	flowing interface {
		point
		records(valueSerde string) stream
	}
	// aggregated is a point whose records meet by key.
	aggregated interface {
		point
		count(c call, store string) point
		reduce(c call, store string, p *expression.Program) point
		aggregate(c call, store string, a *aggregate.Aggregation) point
	}
	// emitting is the result of an aggregation.
	emitting interface {
		point
		// emit says when results are shown; ok is false if they cannot be shown so.
		emit(c call, mode string) (p point, ok bool)
	}
	// joinable is a table in which records are looked up.
	joinable interface {
		point
		join(s stream, name string, left bool, p *expression.Program, opts ...topology.JoinOption) stream
	}
	// windowed is the result of an aggregation of windows.
	windowed interface {
		point
		results(t *topology.Topology, key, value *expression.Program) stream
	}
)

// call makes calls of the DSL for a step.
type call struct {
	t       *topology.Topology
	at      string // the step's place in the file
	nothing bool   // something before the step is missing
}

// run makes calls, whose mistakes the DSL reports with the place of the step.
func (c call) run(dsl func()) {
	if c.nothing {
		return
	}
	c.t.ForFiles(door.Key{}).At(c.at)
	defer c.t.ForFiles(door.Key{}).At("")
	dsl()
}

// made is what calls of the DSL return, or an empty P if there are none.
func made[P any](c call, dsl func() P) (p P) {
	c.run(func() { p = dsl() })
	return p
}

// The points. Values are typed in Go behind count alone, where V is int64.
type (
	stream struct {
		topology.Stream[value.Value, value.Value]
	}
	group struct {
		topology.Grouped[value.Value, value.Value]
	}
	windows struct {
		topology.WindowedGroup[value.Value, value.Value]
	}
	table[V any]       struct{ topology.Table[value.Value, V] }
	windowTable[V any] struct {
		topology.WindowedTable[value.Value, V]
	}
)

func (stream) before() string   { return "" }
func (table[V]) before() string { return "" }
func (group) before() string    { return "a group; count, reduce or aggregate comes first" }
func (windows) before() string  { return "a group; count, reduce or aggregate comes first" }
func (windowTable[V]) before() string {
	return "the aggregate of a window directly; a step result, with the key and the value of the records, comes first"
}

func (s stream) records(string) stream { return s }

func (t table[V]) records(valueSerde string) stream {
	var s topology.Stream[value.Value, value.Value]
	switch t := any(t).(type) {
	case table[value.Value]:
		s = t.ToStream()
	case table[int64]:
		s = t.ToStream().MapValues(func(n int64) value.Value { return n })
	}
	return stream{s.WithValueSerde(value.SerdeOf(valueSerde))}
}

func (g group) count(c call, store string) point {
	return made(c, func() table[int64] { return table[int64]{g.Count(store)} })
}

func (w windows) count(c call, store string) point {
	return made(c, func() windowTable[int64] { return windowTable[int64]{w.Count(store)} })
}

func (g group) reduce(c call, store string, p *expression.Program) point {
	return made(c, func() table[value.Value] {
		reduced := c.t.ForFiles(door.Key{}).Reduce(g.Grouped, store, reduction(p), jsonValues())
		return table[value.Value]{reduced}
	})
}

func (w windows) reduce(c call, store string, p *expression.Program) point {
	return made(c, func() windowTable[value.Value] {
		reduced := c.t.ForFiles(door.Key{}).ReduceWindows(w.WindowedGroup, store, reduction(p), jsonValues())
		return windowTable[value.Value]{reduced}
	})
}

func (g group) aggregate(c call, store string, a *aggregate.Aggregation) point {
	return made(c, func() table[value.Value] {
		if a.Roots().WholeRecord() {
			return table[value.Value]{g.AggregateRecords(store, topology.TryFold(byRecord(a)), topology.ValueSerde[value.Value](a))}
		}
		return table[value.Value]{g.AggregateWith(store, topology.TryFold(byValue(a)), topology.ValueSerde[value.Value](a))}
	})
}

func (w windows) aggregate(c call, store string, a *aggregate.Aggregation) point {
	files, serde := c.t.ForFiles(door.Key{}), topology.ValueSerde[value.Value](a)
	merge := func(_ context.Context, x, y value.Value) (value.Value, error) { return a.Merge(x, y) }
	return made(c, func() windowTable[value.Value] {
		if a.Roots().WholeRecord() {
			return windowTable[value.Value]{w.AggregateRecords(store, files.Merge(topology.TryFold(byRecord(a)), merge), serde)}
		}
		return windowTable[value.Value]{w.AggregateWith(store, files.Merge(topology.TryFold(byValue(a)), merge), serde)}
	})
}

func (t table[V]) emit(c call, mode string) (point, bool) {
	switch mode {
	case "updates":
		return made(c, func() table[V] { return table[V]{t.Updates()} }), true
	case "each-update":
		return made(c, func() table[V] { return table[V]{t.EachUpdate()} }), true
	}
	return t, false
}

func (t windowTable[V]) emit(c call, mode string) (point, bool) {
	return made(c, func() windowTable[V] {
		switch mode {
		case "each-update":
			return windowTable[V]{t.EachUpdate()}
		case "final":
			return windowTable[V]{t.Final()}
		}
		return windowTable[V]{t.Updates()}
	}), true
}

func (t table[V]) join(s stream, name string, left bool, p *expression.Program, opts ...topology.JoinOption) stream {
	return stream{s.Join(name, t.Table, joinerOf[V](left, p), opts...)}
}

func (w windowTable[V]) results(t *topology.Topology, key, of *expression.Program) stream {
	return stream{t.ForFiles(door.Key{}).StreamWindows(w.WindowedTable, func(_ context.Context, w topology.Window, k value.Value, v V) (value.Value, value.Value, error) {
		in := expression.Inputs{Key: k, Value: v, Start: w.Start, End: w.End}
		newKey, err := key.Key(&in)
		if err != nil {
			return nil, nil, err
		}
		newValue, err := of.Eval(&in)
		return newKey, newValue, err
	})}
}

// jsonValues says that the values of a store are JSON.
func jsonValues() topology.ValueOption[value.Value] {
	return topology.ValueSerde[value.Value](value.JSONSerde{})
}

// joinerOf evaluates p for what a join brings together. What is missing on the right is null.
func joinerOf[V any](left bool, p *expression.Program) topology.Joiner[value.Value, V, value.Value] {
	if !left {
		return topology.TryInner(func(_ context.Context, l value.Value, r V) (value.Value, error) {
			return p.Eval(&expression.Inputs{Left: l, Right: r})
		})
	}
	return topology.TryLeft(func(_ context.Context, l value.Value, r topology.Opt[V]) (value.Value, error) {
		in := expression.Inputs{Left: l}
		if r.OK {
			in.Right = r.Value
		}
		return p.Eval(&in)
	})
}

// reduction, byValue and byRecord are expressions as the functions that the DSL takes.
func reduction(p *expression.Program) func(context.Context, value.Value, value.Value) (value.Value, error) {
	return func(_ context.Context, left, right value.Value) (value.Value, error) {
		return p.Eval(&expression.Inputs{Left: left, Right: right})
	}
}

func byValue(a *aggregate.Aggregation) func(context.Context, value.Value, value.Value) (value.Value, error) {
	return func(_ context.Context, before, v value.Value) (value.Value, error) {
		return a.Next(before, &expression.Inputs{Value: v})
	}
}

func byRecord(a *aggregate.Aggregation) func(context.Context, value.Value, *record) (value.Value, error) {
	return func(_ context.Context, before value.Value, r *record) (value.Value, error) {
		in := inputsOf(r)
		return a.Next(before, &in)
	}
}
