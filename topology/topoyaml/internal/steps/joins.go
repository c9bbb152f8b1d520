package steps

import (
	"context"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

func (b *builder) join(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	m := e.Mapping
	switch {
	case m.Get("global") != nil:
		b.joinGlobal(f, m)
	case m.Get("table") != nil:
		b.joinTable(f, m)
	default:
		f.dead = true
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

func (b *builder) joinGlobal(f *flow, m *yamlfile.Mapping) {
	n := m.Get("global").Node
	s := b.joinSource(n)
	right, keyName := value.AnyType, ""
	switch {
	case s == nil:
		f.dead = true
	case s.Kind != globalSource:
		b.r.Fail(yamlfile.At(n), "%q is a %s, not a global table; write %s: %s, or declare the source as global", n.Value, s.Kind, s.Kind, n.Value)
		f.dead = true
	default:
		b.open(s)
		f.dead = f.dead || s.dead
		right, keyName = s.Schema, s.KeyName
	}
	p := b.joined(f, m, right)
	on := m.Get("on")
	if on == nil {
		b.r.Fail(m.Pos, "a join with a global table needs the field on: the key to look up")
		f.dead = true
		f.setValue(p.Type)
		return
	}
	key := b.expression(on.Node, expression.ValueScope(f.value))
	if keyName != "" {
		b.fits(yamlfile.At(on.Node), "the key to look up", key.Type, keyName)
	}
	name := m.Text("name")
	b.build(f, m.At("name"), func() {
		find := func(_ context.Context, v value.Value) (value.Value, error) {
			return key.Key(&expression.Inputs{Value: v})
		}
		joiner := joinerOf[value.Value](m.Flag("left"), p)
		out := b.t.ForFiles(door.Key{}).JoinGlobal(f.stream, name, s.global, find, joiner)
		f.stream = out.WithValueSerde(value.JSONSerde{})
	})
	f.setValue(p.Type)
}

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
			if s.Kind == globalSource {
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

func (b *builder) joinTable(f *flow, m *yamlfile.Mapping) {
	n := m.Get("table").Node
	if on := m.Get("on"); on != nil {
		b.r.Fail(on.Pos, "a table is joined by the record's key; give the records that key with select-key and repartition before, or use a global table")
		f.dead = true
	}
	if d, ok := b.names[n.Value]; ok && d.source != nil && d.source.Kind == globalSource {
		b.r.Fail(yamlfile.At(n), "%q is a global table; write global: %s, and on: the key to look up", n.Value, n.Value)
		f.dead = true
		b.joined(f, m, d.source.Schema)
		f.setValue(value.AnyType)
		return
	}
	right := b.named(n)
	if !right.dead && right.stage != tableStage && right.stage != countStage {
		b.r.Fail(yamlfile.At(n), "%q is no table; declare a source with table: TOPIC, or a stream that ends in count, reduce or aggregate", n.Value)
		right = deadFlow()
	}
	if !right.dead && right.keyFormat != f.keyFormat {
		b.r.Fail(yamlfile.At(n), "the keys of the stream are of the serde %s and those of %q of %s; they must be the same", f.keyFormat, n.Value, right.keyFormat)
		f.dead = true
	}
	f.dead = f.dead || right.dead
	p := b.joined(f, m, right.value)
	b.build(f, m.At("name"), func() {
		name, left := m.Text("name"), m.Flag("left")
		var out topology.Stream[value.Value, value.Value]
		if right.stage == countStage {
			out = f.stream.Join(name, right.counts, joinerOf[int64](left, p))
		} else {
			out = f.stream.Join(name, right.table, joinerOf[value.Value](left, p))
		}
		f.stream = out.WithValueSerde(value.JSONSerde{})
	})
	f.setValue(p.Type)
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
