package topoyaml

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/topology"
)

// steps builds a chain of steps. The flow is changed in place.
func (b *builder) steps(f *flow, steps []*mapping) {
	for i, step := range steps {
		if len(step.entries) == 0 {
			f.dead = true // the mistake has been reported
			continue
		}
		e := &step.entries[0]
		b.step(f, e)
		if (e.name == "to" || e.name == "split" || e.name == "discard") && i < len(steps)-1 {
			b.r.fail(steps[i+1].pos, "nothing can follow %s; start another stream from the same place, or move the step before it", e.name)
			return
		}
	}
}

func (b *builder) step(f *flow, e *entry) {
	switch e.name {
	case "filter":
		b.toStream(f, e.pos, e.name)
		p := b.condition(e.node, f.scope(), "filter")
		b.build(f, at(e.node), func() { b.filter(f, p) })
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

func (b *builder) mapValues(f *flow, e *entry) {
	if f.stage == countStage {
		// The numbers of a count are the only values that are typed in Go: no step of its own to make them values.
		p := b.template(e.node, recordScope(f.key, typInt))
		if !p.roots.has(rootKey) && !p.roots.has(rootTime) {
			f.stage = streamStage
			b.build(f, e.pos, func() {
				f.stream = f.counts.ToStream().TryMapValues(func(_ context.Context, n int64) (Value, error) {
					return p.eval(&inputs{value: n})
				}).WithValueSerde(jsonSerde{})
			})
			f.setValue(p.typ)
			return
		}
	}
	b.toStream(f, e.pos, e.name)
	p := b.template(e.node, f.scope())
	b.build(f, e.pos, func() { f.stream = b.mapped(f, p).WithValueSerde(jsonSerde{}) })
	f.setValue(p.typ)
}

func (b *builder) flatMapValues(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	p := b.template(e.node, valueScope(f.value))
	elem := typAny
	switch p.typ.kind {
	case listKind:
		elem = p.typ.elem
	case anyKind, nullKind:
	default:
		b.r.fail(at(e.node), "flat-map-values needs a list; this is of type %s", p.typ)
	}
	b.build(f, e.pos, func() { f.stream = b.flatMapped(f, p).WithValueSerde(jsonSerde{}) })
	f.setValue(elem)
}

// elements is the list that a flat-map yields: none for null.
func (p *program) elements(in *inputs) ([]Value, error) {
	v, err := p.eval(in)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []Value:
		return v, nil
	}
	return nil, p.fail(fmt.Errorf("a list is needed, this is of type %s", kindOf(v)))
}

// newKey compiles the expression of a new key and finds its serde.
func (b *builder) newKey(m *mapping, field string, sc scope) (p *program, serdeName string, ok bool) {
	e := m.get(field)
	if e == nil {
		return &program{kind: constantProgram, typ: typAny}, "string", false
	}
	p = b.expression(e.node, sc)
	switch p.typ.kind {
	case objectKind, listKind:
		b.r.fail(at(e.node), "a key is a text or a number; this is of type %s; combine fields with string() and +", p.typ)
		return p, "string", false
	}
	serdeName = keyFormat(p.typ)
	if s := m.get("serde"); s != nil {
		serdeName = s.node.Value
		b.fits(at(s.node), "the key", p.typ, serdeName)
	}
	return p, serdeName, true
}

// keyType is the type that a key has behind its serde.
func keyType(t *typ, serdeName string) *typ {
	if f, ok := formatOf(serdeName); ok && f.typ.kind != anyKind {
		return f.typ
	}
	return t
}

// key evaluates a program for a key. Null is no key here.
func (p *program) key(in *inputs) (Value, error) {
	v, err := p.eval(in)
	if err == nil && v == nil {
		err = p.fail(fmt.Errorf("the key is null; filter such records out before, or give a default with ??"))
	}
	return v, err
}

func (b *builder) selectKey(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	p, serdeName, ok := b.newKey(e.mapping, "key", f.scope())
	f.dead = f.dead || !ok
	b.build(f, e.pos, func() { f.stream = b.rekeyed(f, p).WithKeySerde(serdeOf(serdeName)) })
	f.key, f.keyFormat = keyType(p.typ, serdeName), serdeName
}

func (b *builder) mapRecords(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	sc := f.scope()
	p, serdeName, ok := b.newKey(e.mapping, "key", sc)
	f.dead = f.dead || !ok
	value := e.mapping.get("value")
	if value == nil {
		f.dead = true
		return
	}
	v := b.template(value.node, sc)
	b.build(f, e.pos, func() {
		f.stream = b.mappedRecords(f, p, v).WithKeySerde(serdeOf(serdeName)).WithValueSerde(jsonSerde{})
	})
	f.key, f.keyFormat = keyType(p.typ, serdeName), serdeName
	f.setValue(v.typ)
}

func (b *builder) process(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	name := e.node.Value
	fn, ok := b.registry.find(name)
	if !ok && slices.Contains(b.checked, name) {
		fn, ok = registered{mapper: func(context.Context, Value) (Value, error) {
			return nil, fmt.Errorf("topoyaml: the function %q is not in this program, which can only check the file", name)
		}}, true
	}
	if !ok {
		near := didYouMean(name, append(b.registry.names(), b.checked...))
		if near == "" {
			near = "; a Go program registers it in the Registry of topoyaml.Options, and kolk validate --functions takes its name"
		}
		b.r.fail(at(e.node), "there is no Go function %q%s", e.node.Value, near)
		f.dead = true
		return
	}
	if fn.filter != nil {
		b.build(f, e.pos, func() { f.stream = f.stream.TryFilter(fn.filter) })
		return
	}
	b.build(f, e.pos, func() { f.stream = f.stream.TryMapValues(fn.mapper).WithValueSerde(jsonSerde{}) })
	f.setValue(typAny)
}

func (b *builder) repartition(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	var opts []topology.RepartitionOption
	if n, err := strconv.ParseInt(e.mapping.text("partitions"), 10, 32); err == nil {
		opts = append(opts, topology.Partitions(int32(n)))
	}
	b.build(f, e.mapping.at("name"), func() { f.stream = f.stream.Repartition(e.mapping.text("name"), opts...) })
}

func (b *builder) inOrder(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	delay, _ := parseDuration(e.mapping.text("delay"))
	b.build(f, e.mapping.at("name"), func() { f.stream = f.stream.InOrder(e.mapping.text("name"), delay) })
}

func (b *builder) to(f *flow, e *entry) {
	m := e.mapping
	switch f.stage {
	case countStage:
		if v := m.text("value"); v == "" || v == "int64" {
			b.build(f, m.at("topic"), func() { b.withKey(f, m, f.counts.ToStream()).To(m.text("topic")) })
			b.sink(m.at("topic"), m.text("topic"), b.keySerde(f, m), "int64", typInt)
			return
		}
	}
	b.toStream(f, e.pos, e.name)
	value := f.valueFormat
	if v := m.get("value"); v != nil {
		value = v.node.Value
		b.fits(at(v.node), "the value", f.value, value)
	}
	b.build(f, m.at("topic"), func() {
		s := b.withKey(f, m, f.stream)
		if value != f.valueFormat {
			s = s.WithValueSerde(serdeOf(value))
		}
		s.To(m.text("topic"))
	})
	b.sink(m.at("topic"), m.text("topic"), b.keySerde(f, m), value, f.value)
}

// keySerde is the serde of the keys of a to step.
func (b *builder) keySerde(f *flow, m *mapping) string {
	if k := m.text("key"); k != "" {
		return k
	}
	return f.keyFormat
}

func (b *builder) withKey[V any](f *flow, m *mapping, s topology.Stream[Value, V]) topology.Stream[Value, V] {
	if k := m.get("key"); k != nil {
		b.fits(at(k.node), "the key", f.key, k.node.Value)
		if k.node.Value != f.keyFormat {
			return s.WithKeySerde(serdeOf(k.node.Value))
		}
	}
	return s
}
