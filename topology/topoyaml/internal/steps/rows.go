package steps

import (
	"context"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// rowSteps are the steps that make tables of the rows of tables. Others read a table as the stream
// of its changes.
func rowSteps() []step { return []step{filterRows(), mapRows(), joinTables(), groupRows(), suppress()} }

type (
	// viewed is a table of whose rows other tables are made, one by one.
	viewed interface {
		point
		scope(f *flow) expression.Scope
		filter(c call, p *expression.Program) point
		mapped(c call, p *expression.Program) point
		grouped(c call, name string, p *expression.Program, key topology.KeyOption[value.Value]) rowGroup
		suppress(c call, store string, s topology.Suppression) point
	}
	// rowed is one that can be joined.
	rowed interface {
		viewed
		rows(c call) table[value.Value]
	}
)

// rowGroup are rows that are grouped by another key.
type rowGroup struct {
	topology.GroupedTable[value.Value, value.Value]
}

func (rowGroup) before() string { return "a group; count or reduce comes first" }

func (g rowGroup) count(c call, store string) point {
	return made(c, func() table[int64] { return table[int64]{g.Count(store)} })
}

func (g rowGroup) aggregate(c call, store string, a *aggregate.Aggregation) point {
	return made(c, func() table[value.Value] {
		fold := topology.TryFold(byValue(a)).TrySubtract(func(_ context.Context, before, v value.Value) (topology.Opt[value.Value], error) {
			after, err := a.Subtract(before, &expression.Inputs{Value: v})
			return topology.Some(after), err
		})
		return table[value.Value]{g.AggregateWith(store, fold, topology.ValueSerde[value.Value](a))}
	})
}

// reduce is not called: its step sees to it.
func (rowGroup) reduce(call, string, *expression.Program) point { return table[value.Value]{} }

// rows is the table; of a count, with values that are not typed in Go.
func (t table[V]) rows(c call) table[value.Value] {
	switch t := any(t).(type) {
	case table[value.Value]:
		return t
	case table[int64]:
		return made(c, func() table[value.Value] {
			return table[value.Value]{t.MapValues(func(n int64) value.Value { return n }).WithValueSerde(value.SerdeOf("int64"))}
		})
	}
	return table[value.Value]{}
}

func (t table[V]) scope(f *flow) expression.Scope { return expression.RowScope(f.key, f.value) }

func (t table[V]) filter(c call, p *expression.Program) point {
	return made(c, func() table[value.Value] {
		return table[value.Value]{t.rows(c).TryFilterRows(func(_ context.Context, k, v value.Value) (bool, error) {
			return p.Test(&expression.Inputs{Key: k, Value: v})
		})}
	})
}

func (t table[V]) mapped(c call, p *expression.Program) point {
	return made(c, func() table[value.Value] {
		return table[value.Value]{t.rows(c).TryMapRows(func(_ context.Context, k, v value.Value) (topology.Opt[value.Value], error) {
			to, err := p.Eval(&expression.Inputs{Key: k, Value: v})
			return topology.Some(to), err
		}).WithValueSerde(value.JSONSerde{})}
	})
}

func (t table[V]) grouped(c call, name string, p *expression.Program, key topology.KeyOption[value.Value]) rowGroup {
	return made(c, func() rowGroup {
		return rowGroup{t.rows(c).TryGroupByRows(name, func(_ context.Context, k, v value.Value) (topology.Opt[value.Value], error) {
			to, err := p.Key(&expression.Inputs{Key: k, Value: v})
			return topology.Some(to), err
		}, key)}
	})
}

// rows is the table; of a count, with values that are not typed in Go.
func (w windowTable[V]) rows() windowTable[value.Value] {
	switch t := any(w).(type) {
	case windowTable[value.Value]:
		return t
	case windowTable[int64]:
		return windowTable[value.Value]{t.MapValues(func(n int64) value.Value { return n }).WithValueSerde(value.SerdeOf("int64"))}
	}
	return windowTable[value.Value]{}
}

func (w windowTable[V]) scope(f *flow) expression.Scope {
	return expression.WindowScope(f.key, f.value)
}

func (w windowTable[V]) filter(c call, p *expression.Program) point {
	return made(c, func() windowTable[value.Value] {
		return windowTable[value.Value]{w.rows().TryFilterRows(func(_ context.Context, at topology.Window, k, v value.Value) (bool, error) {
			return p.Test(&expression.Inputs{Key: k, Value: v, Start: at.Start, End: at.End})
		})}
	})
}

func (w windowTable[V]) mapped(c call, p *expression.Program) point {
	return made(c, func() windowTable[value.Value] {
		return windowTable[value.Value]{w.rows().TryMapRows(func(_ context.Context, at topology.Window, k, v value.Value) (topology.Opt[value.Value], error) {
			to, err := p.Eval(&expression.Inputs{Key: k, Value: v, Start: at.Start, End: at.End})
			return topology.Some(to), err
		}).WithValueSerde(value.JSONSerde{})}
	})
}

func (w windowTable[V]) grouped(c call, name string, p *expression.Program, key topology.KeyOption[value.Value]) rowGroup {
	return made(c, func() rowGroup {
		return rowGroup{w.rows().TryGroupByRows(name, func(_ context.Context, at topology.Window, k, v value.Value) (topology.Opt[value.Value], error) {
			to, err := p.Key(&expression.Inputs{Key: k, Value: v, Start: at.Start, End: at.End})
			return topology.Some(to), err
		}, key)}
	})
}

// ofRows lets a step stand behind a table.
func ofRows[P viewed](what string, build func(*builder, *flow, P, *yamlfile.Entry)) func(*builder, *flow, *yamlfile.Entry) {
	return func(b *builder, f *flow, e *yamlfile.Entry) {
		instead, _ := viewed(table[value.Value]{}).(P)
		behind(what, instead, build)(b, f, e)
	}
}

func filterRows() step {
	return step{
		Field: yamlfile.Field{Name: "filter-rows", Shape: yamlfile.Expression(), Doc: "the table of the rows for which the condition is true; others are deleted"},
		build: ofRows("a table", func(b *builder, f *flow, in viewed, e *yamlfile.Entry) {
			p := b.condition(e.Node, in.scope(f), "filter-rows")
			f.at = in.filter(b.call(f, yamlfile.At(e.Node)), p)
		}),
	}
}

func mapRows() step {
	return step{
		Field: yamlfile.Field{Name: "map-rows", Shape: yamlfile.Template(), Doc: "the table with new values"},
		build: ofRows("a table", func(b *builder, f *flow, in viewed, e *yamlfile.Entry) {
			p := b.template(e.Node, in.scope(f))
			f.at = in.mapped(b.call(f, e.Pos), p)
			f.setValue(p.Type)
		}),
	}
}

func joinTables() step {
	block := &yamlfile.Block{
		Name: "join-table", Doc: "Makes a table of what two tables have for a key.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the step"},
			{Name: "with", Shape: yamlfile.Text(), Required: true, Doc: "a table source, or a named stream that ends in a table"},
			{Name: "value", Shape: yamlfile.Template(), Required: true, Doc: "the row's value, of `left` (this table's) and `right` (the other's); null is what is missing"},
			{Name: "keep", Shape: yamlfile.Enum("both", "left", "all"), Doc: "the keys that the table has: those that are in both (default), all of this one, or all of either"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "join-table", Shape: yamlfile.One(block), Doc: "makes a table of two"},
		build: ofRows("a table without windows", func(b *builder, f *flow, in rowed, e *yamlfile.Entry) {
			m := e.Mapping
			with := m.Get("with")
			if with == nil {
				f.dead = true
				return
			}
			right := b.named(with.Node)
			other, ok := right.at.(rowed)
			switch {
			case right.dead:
				right = deadFlow()
			case !ok:
				b.r.Fail(yamlfile.At(with.Node), "%q is no table; declare a source with table: TOPIC, or a stream that ends in count, reduce or aggregate", with.Node.Value)
				right = deadFlow()
			case right.keySerde != f.keySerde:
				b.r.Fail(yamlfile.At(with.Node), "the keys before are of the serde %s and those of %q of %s; they must be the same", f.keySerde, with.Node.Value, right.keySerde)
				f.dead = true
			}
			f.dead = f.dead || right.dead
			p := b.joined(f, m, right.value)
			c := b.call(f, m.At("name"))
			f.at = made(c, func() table[value.Value] {
				joined := in.rows(c).Join(m.Text("name"), other.rows(c).Table, tableJoiner(m.Text("keep"), p))
				return table[value.Value]{joined.WithValueSerde(value.JSONSerde{})}
			})
			f.setValue(p.Type)
		}),
	}
}

// tableJoiner evaluates p for what a join of tables brings together. What is missing is null.
func tableJoiner(keep string, p *expression.Program) joiner {
	switch keep {
	case "left":
		return joinerOf[value.Value](true, p)
	case "all":
		return topology.TryOuter(func(_ context.Context, l, r topology.Opt[value.Value]) (value.Value, error) {
			var in expression.Inputs
			if l.OK {
				in.Left = l.Value
			}
			if r.OK {
				in.Right = r.Value
			}
			return p.Eval(&in)
		})
	}
	return joinerOf[value.Value](false, p)
}

func groupRows() step {
	block := &yamlfile.Block{
		Name: "group-rows", Doc: "Groups the rows of a table by another key, for count, reduce with subtract, or aggregate with count, sum and avg. A row that changes is taken out of its group, and put into the new one.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the repartition topic"},
			{Name: "by", Shape: yamlfile.Expression(), Required: true, Doc: "the key of the group"},
			newKeySerde(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "group-rows", Shape: yamlfile.One(block), Doc: "groups the rows of a table by another key"},
		build: ofRows("a table", func(b *builder, f *flow, in viewed, e *yamlfile.Entry) {
			m := e.Mapping
			p, serde, ok := b.newKey(m, "by", in.scope(f))
			f.dead = f.dead || !ok
			f.at = in.grouped(b.call(f, m.At("name")), m.Text("name"), p, topology.KeySerde(value.SerdeOf(serde)))
			f.setKey(p.Type, serde)
		}),
	}
}

// reduceRows builds a reduce of grouped rows.
func (b *builder) reduceRows(f *flow, in rowGroup, m *yamlfile.Mapping, add *expression.Program) {
	f.at = table[value.Value]{}
	field := m.Get("subtract")
	if field == nil {
		b.r.Fail(m.Pos, "behind group-rows, reduce needs the field subtract: how a row's old value is taken out again")
		f.dead = true
		return
	}
	subtract := b.template(field.Node, expression.JoinScope(f.value, f.value))
	c := b.call(f, m.At("store"))
	f.at = made(c, func() table[value.Value] {
		return table[value.Value]{c.t.ForFiles(door.Key{}).ReduceRows(in.GroupedTable, m.Text("store"), reduction(add), reduction(subtract), jsonValues())}
	})
}
