package steps

import (
	"context"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// referring is a table whose rows refer to those of another one. with is a table too.
type referring interface {
	point
	joinForeign(c call, name string, with point, on *expression.Program, left bool, p *expression.Program) table[value.Value]
}

func joinForeign() step {
	block := &yamlfile.Block{
		Name: "join-foreign", Doc: "Joins a table with another one by a key that lies in its rows. It stands behind a table, and makes one with the same keys.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the step, of the store of the result, and the beginning of those of its topics"},
			{Name: "table", Shape: yamlfile.Text(), Required: true, Doc: "a table source, or a named stream that ends in a table"},
			{Name: "on", Shape: yamlfile.Expression(), Required: true, Doc: "the key to look up, of `value` and `key`; a row for which it is null finds nothing"},
			{Name: "value", Shape: yamlfile.Template(), Required: true, Doc: "the new value, of `left` (the row's) and `right` (the other table's)"},
			{Name: "left", Shape: yamlfile.Flag(), Doc: "true: rows that find nothing are in the result, with null as `right`; otherwise they are not"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "join-foreign", Shape: yamlfile.One(block), Doc: "joins a table with another one by a key in its rows"},
		build: behind[referring]("a table", table[value.Value]{}, func(b *builder, f *flow, in referring, e *yamlfile.Entry) {
			m := e.Mapping
			with, on := m.Get("table"), m.Get("on")
			if with == nil || on == nil {
				f.dead = true
				return
			}
			right := b.foreignTable(with)
			f.dead = f.dead || right.dead
			key := b.expression(on.Node, expression.RowScope(f.key, f.value))
			if !right.dead {
				b.fits(yamlfile.At(on.Node), "the key to look up", key.Type, right.keySerde)
			}
			p := b.joined(f, m, right.value)
			c := b.call(f, m.At("name"))
			f.at = made(c, func() table[value.Value] { return in.joinForeign(c, m.Text("name"), right.at, key, m.Flag("left"), p) })
			f.setValue(p.Type)
		}),
	}
}

// foreignTable is the table that a join-foreign names.
func (b *builder) foreignTable(e *yamlfile.Entry) *flow {
	n := e.Node
	if d, ok := b.names[n.Value]; ok && d.source != nil && d.source.Kind == GlobalSource {
		b.read[n.Value] = true
		b.r.Fail(yamlfile.At(n), "%q is a global table, whose changes make no output: declare it as a table, or join a stream with it, in a step join with global: %s", n.Value, n.Value)
		return deadFlow()
	}
	f := b.named(n)
	if _, ok := f.at.(joinable); !ok && !f.dead {
		b.r.Fail(yamlfile.At(n), "%q is no table; declare a source with table: TOPIC, or a stream that ends in count, reduce or aggregate", n.Value)
		return deadFlow()
	}
	return f
}

func (t table[V]) joinForeign(c call, name string, with point, on *expression.Program, left bool, p *expression.Program) table[value.Value] {
	switch with := with.(type) {
	case table[value.Value]:
		return foreignJoin(c, t, name, with, on, left, p)
	case table[int64]:
		return foreignJoin(c, t, name, with, on, left, p)
	}
	return table[value.Value]{}
}

func foreignJoin[V, W any](c call, t table[V], name string, with table[W], on *expression.Program, left bool, p *expression.Program) table[value.Value] {
	key := func(_ context.Context, k value.Value, v V) (topology.Opt[value.Value], error) {
		found, err := on.Eval(&expression.Inputs{Key: k, Value: v})
		if err != nil || found == nil {
			return topology.None[value.Value](), err
		}
		return topology.Some(found), nil
	}
	how := topology.TryInner(func(_ context.Context, l V, r W) (value.Value, error) {
		return p.Eval(&expression.Inputs{Left: l, Right: r})
	})
	if left {
		how = topology.TryLeft(func(_ context.Context, l V, r topology.Opt[W]) (value.Value, error) {
			in := expression.Inputs{Left: l}
			if r.OK {
				in.Right = r.Value
			}
			return p.Eval(&in)
		})
	}
	return table[value.Value]{c.t.ForFiles(door.Key{}).JoinForeign(t.Table, name, with.Table, key, how, jsonValues())}
}
