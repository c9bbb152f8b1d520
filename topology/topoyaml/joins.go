package topoyaml

import (
	"context"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
)

func (b *builder) join(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	m := e.mapping
	switch {
	case m.get("global") != nil:
		b.joinGlobal(f, m)
	case m.get("table") != nil:
		b.joinTable(f, m)
	default:
		f.dead = true
	}
}

// joined compiles the value of a join.
func (b *builder) joined(f *flow, m *mapping, right *typ) *program {
	e := m.get("value")
	if e == nil {
		f.dead = true
		return &program{kind: constantProgram, typ: typAny}
	}
	return b.template(e.node, joinScope(f.value, right))
}

func (b *builder) joinGlobal(f *flow, m *mapping) {
	n := m.get("global").node
	s := b.joinSource(n)
	right, keyName := typAny, ""
	switch {
	case s == nil:
		f.dead = true
	case s.kind != GlobalSource:
		b.r.fail(at(n), "%q is a %s, not a global table; write %s: %s, or declare the source as global", n.Value, s.kind, s.kind, n.Value)
		f.dead = true
	default:
		b.open(s)
		f.dead = f.dead || s.dead
		right, keyName = s.schema, s.keyName
	}
	p := b.joined(f, m, right)
	on := m.get("on")
	if on == nil {
		b.r.fail(m.pos, "a join with a global table needs the field on: the key to look up")
		f.dead = true
		f.setValue(p.typ)
		return
	}
	key := b.expression(on.node, valueScope(f.value))
	if keyName != "" {
		b.fits(at(on.node), "the key to look up", key.typ, keyName)
	}
	name := m.text("name")
	b.build(f, m.at("name"), func() {
		find := func(_ context.Context, v Value) (Value, error) { return key.key(&inputs{value: v}) }
		var out topology.Stream[Value, Value]
		if m.flag("left") {
			out = f.stream.TryLeftJoinGlobal(name, s.global, find, func(_ context.Context, l Value, r topology.Opt[Value]) (Value, error) {
				return p.eval(&inputs{left: l, right: r.Value})
			})
		} else {
			out = f.stream.TryJoinGlobal(name, s.global, find, func(_ context.Context, l, r Value) (Value, error) {
				return p.eval(&inputs{left: l, right: r})
			})
		}
		f.stream = out.WithValueSerde(jsonSerde{})
	})
	f.setValue(p.typ)
}

// joinSource finds the source that a join names.
func (b *builder) joinSource(n *yaml.Node) *Source {
	b.read[n.Value] = true
	if b.r.unknown[n.Value] {
		return nil // what is wrong with it has been said
	}
	d, ok := b.names[n.Value]
	switch {
	case !ok:
		var sources []string
		for _, s := range b.sources {
			if s.kind == GlobalSource {
				sources = append(sources, s.name)
			}
		}
		b.r.fail(at(n), "there is no global table %q%s", n.Value, didYouMean(n.Value, sources))
		return nil
	case d.source == nil:
		b.r.fail(at(n), "%q is a stream, not a global table; write table: %s if it ends in one", n.Value, n.Value)
		return nil
	}
	return d.source
}

func (b *builder) joinTable(f *flow, m *mapping) {
	n := m.get("table").node
	if on := m.get("on"); on != nil {
		b.r.fail(on.pos, "a table is joined by the record's key; give the records that key with select-key and repartition before, or use a global table")
		f.dead = true
	}
	if d, ok := b.names[n.Value]; ok && d.source != nil && d.source.kind == GlobalSource {
		b.r.fail(at(n), "%q is a global table; write global: %s, and on: the key to look up", n.Value, n.Value)
		f.dead = true
		b.joined(f, m, d.source.schema)
		f.setValue(typAny)
		return
	}
	right := b.named(n)
	if !right.dead && right.stage != tableStage && right.stage != countStage {
		b.r.fail(at(n), "%q is no table; declare a source with table: TOPIC, or a stream that ends in count, reduce or aggregate", n.Value)
		right = deadFlow()
	}
	if !right.dead && right.keyFormat != f.keyFormat {
		b.r.fail(at(n), "the keys of the stream are of the serde %s and those of %q of %s; they must be the same", f.keyFormat, n.Value, right.keyFormat)
		f.dead = true
	}
	f.dead = f.dead || right.dead
	p := b.joined(f, m, right.value)
	b.build(f, m.at("name"), func() {
		name, left := m.text("name"), m.flag("left")
		var out topology.Stream[Value, Value]
		if right.stage == countStage {
			out = joinWith(f.stream, name, right.counts, left, p)
		} else {
			out = joinWith(f.stream, name, right.table, left, p)
		}
		f.stream = out.WithValueSerde(jsonSerde{})
	})
	f.setValue(p.typ)
}

func joinWith[V any](s topology.Stream[Value, Value], name string, t topology.Table[Value, V], left bool, p *program) topology.Stream[Value, Value] {
	if !left {
		return s.TryJoin(name, t, func(_ context.Context, l Value, r V) (Value, error) {
			return p.eval(&inputs{left: l, right: r})
		})
	}
	return s.TryLeftJoin(name, t, func(_ context.Context, l Value, r topology.Opt[V]) (Value, error) {
		in := inputs{left: l}
		if r.OK {
			in.right = r.Value
		}
		return p.eval(&in)
	})
}
