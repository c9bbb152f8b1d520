package steps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// steps builds a chain of steps. The flow is changed in place.
func (b *builder) steps(f *flow, steps []*yamlfile.Mapping) {
	for i, step := range steps {
		if len(step.Entries) == 0 {
			f.dead = true // the mistake has been reported
			continue
		}
		e := &step.Entries[0]
		b.step(f, e)
		if (e.Name == "to" || e.Name == "split" || e.Name == "discard") && i < len(steps)-1 {
			b.r.Fail(steps[i+1].Pos, "nothing can follow %s; start another stream from the same place, or move the step before it", e.Name)
			return
		}
	}
}

func (b *builder) step(f *flow, e *yamlfile.Entry) {
	switch e.Name {
	case "filter":
		b.toStream(f, e.Pos, e.Name)
		p := b.condition(e.Node, f.scope(), "filter")
		b.build(f, yamlfile.At(e.Node), func() { b.filter(f, p) })
	case "map-values":
		b.mapValues(f, e)
	case "flat-map-values":
		b.flatMapValues(f, e)
	case "select-key":
		b.selectKey(f, e)
	case "map":
		b.mapRecords(f, e)
	case "process":
		b.process(f, e)
	case "repartition":
		b.repartition(f, e)
	case "in-order":
		b.inOrder(f, e)
	case "join":
		b.join(f, e)
	case "group":
		b.group(f, e)
	case "window":
		b.window(f, e)
	case "count":
		b.count(f, e)
	case "reduce":
		b.reduce(f, e)
	case "aggregate":
		b.aggregate(f, e)
	case "emit":
		b.emit(f, e)
	case "result":
		b.result(f, e)
	case "split":
		b.split(f, e)
	case "to":
		b.to(f, e)
	case "discard":
		b.discard(f, e)
	}
}

func (b *builder) mapValues(f *flow, e *yamlfile.Entry) {
	if f.stage == countStage {
		// The numbers of a count are the only values that are typed in Go: no step of its own to make them values.
		p := b.template(e.Node, expression.RecordScope(f.key, value.IntType))
		if !p.Roots.Has(expression.RootKey) && !p.Roots.Has(expression.RootTime) {
			f.stage = streamStage
			b.build(f, e.Pos, func() {
				f.stream = f.counts.ToStream().TryMapValues(func(_ context.Context, n int64) (value.Value, error) {
					return p.Eval(&expression.Inputs{Value: n})
				}).WithValueSerde(value.JSONSerde{})
			})
			f.setValue(p.Type)
			return
		}
	}
	b.toStream(f, e.Pos, e.Name)
	p := b.template(e.Node, f.scope())
	b.build(f, e.Pos, func() { f.stream = b.mapped(f, p).WithValueSerde(value.JSONSerde{}) })
	f.setValue(p.Type)
}

func (b *builder) flatMapValues(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	p := b.template(e.Node, expression.ValueScope(f.value))
	elem := value.AnyType
	switch p.Type.Kind {
	case value.ListKind:
		elem = p.Type.Elem
	case value.AnyKind, value.NullKind:
	default:
		b.r.Fail(yamlfile.At(e.Node), "flat-map-values needs a list; this is of type %s", p.Type)
	}
	b.build(f, e.Pos, func() { f.stream = b.flatMapped(f, p).WithValueSerde(value.JSONSerde{}) })
	f.setValue(elem)
}

// newKey compiles the expression of a new key and finds its serde.
func (b *builder) newKey(m *yamlfile.Mapping, field string, sc expression.Scope) (p *expression.Program, serdeName string, ok bool) {
	e := m.Get(field)
	if e == nil {
		return expression.Unknown(), "string", false
	}
	p = b.expression(e.Node, sc)
	switch p.Type.Kind {
	case value.ObjectKind, value.ListKind:
		b.r.Fail(yamlfile.At(e.Node), "a key is a text or a number; this is of type %s; combine fields with string() and +", p.Type)
		return p, "string", false
	}
	serdeName = value.KeyFormat(p.Type)
	if s := m.Get("serde"); s != nil {
		serdeName = s.Node.Value
		b.fits(yamlfile.At(s.Node), "the key", p.Type, serdeName)
	}
	return p, serdeName, true
}

// keyType is the type that a key has behind its serde.
func keyType(t *value.Type, serdeName string) *value.Type {
	if f, ok := value.FormatOf(serdeName); ok && f.Type.Kind != value.AnyKind {
		return f.Type
	}
	return t
}

func (b *builder) selectKey(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	p, serdeName, ok := b.newKey(e.Mapping, "key", f.scope())
	f.dead = f.dead || !ok
	b.build(f, e.Pos, func() { f.stream = b.rekeyed(f, p).WithKeySerde(value.SerdeOf(serdeName)) })
	f.key, f.keyFormat = keyType(p.Type, serdeName), serdeName
}

func (b *builder) mapRecords(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	sc := f.scope()
	p, serdeName, ok := b.newKey(e.Mapping, "key", sc)
	f.dead = f.dead || !ok
	field := e.Mapping.Get("value")
	if field == nil {
		f.dead = true
		return
	}
	v := b.template(field.Node, sc)
	b.build(f, e.Pos, func() {
		f.stream = b.mappedRecords(f, p, v).WithKeySerde(value.SerdeOf(serdeName)).WithValueSerde(value.JSONSerde{})
	})
	f.key, f.keyFormat = keyType(p.Type, serdeName), serdeName
	f.setValue(v.Type)
}

func (b *builder) process(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	name := e.Node.Value
	fn, ok := b.given.Functions[name]
	if !ok && slices.Contains(b.given.Checked, name) {
		fn, ok = Function{Mapper: func(context.Context, value.Value) (value.Value, error) {
			return nil, fmt.Errorf("topoyaml: the function %q is not in this program, which can only check the file", name)
		}}, true
	}
	if !ok {
		near := suggest.For(name, append(slices.Sorted(maps.Keys(b.given.Functions)), b.given.Checked...))
		if near == "" {
			near = "; a Go program registers it in the Registry of topoyaml.Options, and kolk validate --functions takes its name"
		}
		b.r.Fail(yamlfile.At(e.Node), "there is no Go function %q%s", e.Node.Value, near)
		f.dead = true
		return
	}
	if fn.Filter != nil {
		b.build(f, e.Pos, func() { f.stream = f.stream.TryFilter(fn.Filter) })
		return
	}
	b.build(f, e.Pos, func() { f.stream = f.stream.TryMapValues(fn.Mapper).WithValueSerde(value.JSONSerde{}) })
	f.setValue(value.AnyType)
}

func (b *builder) repartition(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	var opts []topology.RepartitionOption
	if n, err := strconv.ParseInt(e.Mapping.Text("partitions"), 10, 32); err == nil {
		opts = append(opts, topology.Partitions(int32(n)))
	}
	b.build(f, e.Mapping.At("name"), func() { f.stream = f.stream.Repartition(e.Mapping.Text("name"), opts...) })
}

func (b *builder) inOrder(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	delay, _ := functions.ParseDuration(e.Mapping.Text("delay"))
	b.build(f, e.Mapping.At("name"), func() { f.stream = f.stream.InOrder(e.Mapping.Text("name"), delay) })
}

func (b *builder) to(f *flow, e *yamlfile.Entry) {
	m := e.Mapping
	switch f.stage {
	case countStage:
		if v := m.Text("value"); v == "" || v == "int64" {
			b.build(f, m.At("topic"), func() { b.withKey(f, m, f.counts.ToStream()).To(m.Text("topic")) })
			b.writes(m.At("topic"), m.Text("topic"), b.keySerde(f, m), "int64", value.IntType)
			return
		}
	}
	b.toStream(f, e.Pos, e.Name)
	serde := f.valueFormat
	if v := m.Get("value"); v != nil {
		serde = v.Node.Value
		b.fits(yamlfile.At(v.Node), "the value", f.value, serde)
	}
	b.build(f, m.At("topic"), func() {
		s := b.withKey(f, m, f.stream)
		if serde != f.valueFormat {
			s = s.WithValueSerde(value.SerdeOf(serde))
		}
		s.To(m.Text("topic"))
	})
	b.writes(m.At("topic"), m.Text("topic"), b.keySerde(f, m), serde, f.value)
}

// keySerde is the serde of the keys of a to step.
func (b *builder) keySerde(f *flow, m *yamlfile.Mapping) string {
	if k := m.Text("key"); k != "" {
		return k
	}
	return f.keyFormat
}

func (b *builder) withKey[V any](f *flow, m *yamlfile.Mapping, s topology.Stream[value.Value, V]) topology.Stream[value.Value, V] {
	if k := m.Get("key"); k != nil {
		b.fits(yamlfile.At(k.Node), "the key", f.key, k.Node.Value)
		if k.Node.Value != f.keyFormat {
			return s.WithKeySerde(value.SerdeOf(k.Node.Value))
		}
	}
	return s
}
