package steps

import (
	"context"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// joinSteps are the steps that bring records together.
func joinSteps() []step { return []step{join(), joinWithin(), joinForeign()} }

func join() step {
	block := &yamlfile.Block{
		Name: "join", Doc: "Looks records up in a table (by their key) or in a global table (by `on`).", One: []string{"table", "global"},
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the step"},
			{Name: "table", Shape: yamlfile.Text(), Doc: "a table source, or a named stream that ends in a table"},
			{Name: "global", Shape: yamlfile.Text(), Doc: "a global source"},
			{Name: "on", Shape: yamlfile.Expression(), Doc: "the key to look up; with `global` only"},
			{Name: "value", Shape: yamlfile.Template(), Required: true, Doc: "the new value, of `left` (the record's) and `right` (the table's)"},
			{Name: "grace", Shape: yamlfile.Duration(), Doc: "how long records wait until the table is sure to know what a row was at their time, and how much out of order they may be; with a `table` that has a `history`"},
			{Name: "left", Shape: yamlfile.Flag(), Doc: "true: records that find nothing go on, with null as `right`; otherwise they are dropped"},
		},
	}
	return step{
		Field:  yamlfile.Field{Name: "join", Shape: yamlfile.One(block), Doc: "looks records up in a table"},
		advice: []string{"with WithKeySerde and Repartition", "with select-key and repartition"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			switch m := e.Mapping; {
			case m.Get("global") != nil:
				b.joinGlobal(f, in, m)
			case m.Get("table") != nil:
				b.joinTable(f, in, m)
			default:
				f.dead = true
			}
		}),
	}
}

// joined compiles the value of a join.
func (b *builder) joined(f *flow, m *yamlfile.Mapping, right *value.Type) *expression.Program {
	e := m.Get("value")
	if e == nil {
		f.dead = true
		return expression.Unknown()
	}
	return b.template(e.Node, expression.JoinScope(f.value, right))
}

func (b *builder) joinGlobal(f *flow, in stream, m *yamlfile.Mapping) {
	n := m.Get("global").Node
	s := b.joinSource(n)
	right, keySerde := value.AnyType, ""
	switch {
	case s == nil:
		f.dead = true
	case s.Kind != GlobalSource:
		b.r.Fail(yamlfile.At(n), "%q is a %s, not a global table; write %s: %s, or declare the source as global", n.Value, s.Kind, s.Kind, n.Value)
		f.dead = true
	default:
		b.open(s)
		f.dead = f.dead || s.dead
		right, keySerde = s.Schema, s.Key.Name()
	}
	p := b.joined(f, m, right)
	if e := m.Get("grace"); e != nil {
		b.r.Fail(e.Pos, "a global table has no history, so nothing waits for it; remove the field")
	}
	on := m.Get("on")
	if on == nil {
		b.r.Fail(m.Pos, "a join with a global table needs the field on: the key to look up")
		f.dead = true
		f.setValue(p.Type)
		return
	}
	key := b.expression(on.Node, expression.ValueScope(f.value))
	if keySerde != "" {
		b.fits(yamlfile.At(on.Node), "the key to look up", key.Type, keySerde)
	}
	f.at = made(b.call(f, m.At("name")), func() stream {
		return b.global(in, m.Text("name"), s.global, key, joinerOf[value.Value](m.Flag("left"), p))
	})
	f.setValue(p.Type)
}

func (b *builder) global(s stream, name string, t topology.GlobalTable[value.Value, value.Value], key *expression.Program, joiner joiner) stream {
	find := func(_ context.Context, v value.Value) (value.Value, error) {
		return key.Key(&expression.Inputs{Value: v})
	}
	return stream{b.t.ForFiles(door.Key{}).JoinGlobal(s.Stream, name, t, find, joiner).WithValueSerde(value.JSONSerde{})}
}

// joiner is what becomes of a record and what it finds.
type joiner = topology.Joiner[value.Value, value.Value, value.Value]

// joinSource finds the source that a join names.
func (b *builder) joinSource(n *yaml.Node) *Source {
	b.read[n.Value] = true
	if b.r.Unknown[n.Value] {
		return nil // what is wrong with it has been said
	}
	d, ok := b.names[n.Value]
	switch {
	case !ok:
		var sources []string
		for _, s := range b.sources {
			if s.Kind == GlobalSource {
				sources = append(sources, s.Name)
			}
		}
		b.r.Fail(yamlfile.At(n), "there is no global table %q%s", n.Value, suggest.For(n.Value, sources))
		return nil
	case d.source == nil:
		b.r.Fail(yamlfile.At(n), "%q is a stream, not a global table; write table: %s if it ends in one", n.Value, n.Value)
		return nil
	}
	return d.source
}

func (b *builder) joinTable(f *flow, in stream, m *yamlfile.Mapping) {
	n := m.Get("table").Node
	if on := m.Get("on"); on != nil {
		b.r.Fail(on.Pos, "a table is joined by the record's key; give the records that key with select-key and repartition before, use a global table, or, behind a table, the step join-foreign")
		f.dead = true
	}
	if d, ok := b.names[n.Value]; ok && d.source != nil && d.source.Kind == GlobalSource {
		b.r.Fail(yamlfile.At(n), "%q is a global table; write global: %s, and on: the key to look up", n.Value, n.Value)
		f.dead = true
		b.joined(f, m, d.source.Schema)
		f.setValue(value.AnyType)
		return
	}
	right := b.named(n)
	t, ok := right.at.(joinable)
	if !right.dead && !ok {
		b.r.Fail(yamlfile.At(n), "%q is no table; declare a source with table: TOPIC, or a stream that ends in count, reduce or aggregate", n.Value)
		right = deadFlow()
	}
	if !right.dead && right.keySerde != f.keySerde {
		b.r.Fail(yamlfile.At(n), "the keys of the stream are of the serde %s and those of %q of %s; they must be the same", f.keySerde, n.Value, right.keySerde)
		f.dead = true
	}
	f.dead = f.dead || right.dead
	p := b.joined(f, m, right.value)
	var opts []topology.JoinOption
	if e := m.Get("grace"); e != nil {
		grace, _ := functions.ParseDuration(e.Node.Value)
		opts = append(opts, topology.JoinGrace(grace))
	}
	f.at = made(b.call(f, m.At("name")), func() stream {
		return stream{t.join(in, m.Text("name"), m.Flag("left"), p, opts...).WithValueSerde(value.JSONSerde{})}
	})
	f.setValue(p.Type)
}
