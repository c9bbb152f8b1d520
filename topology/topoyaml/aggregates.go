package topoyaml

import (
	"context"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
)

func (b *builder) group(f *flow, e *entry) {
	b.toStream(f, e.pos, e.name)
	m := e.mapping
	f.stage = groupStage
	by := m.get("by")
	if by == nil {
		f.dead = f.dead || e.node.Kind != yaml.ScalarNode // otherwise it is by-key
		b.build(f, e.pos, func() { f.grouped = f.stream.GroupByKey() })
		return
	}
	p, serdeName, ok := b.newKey(m, "by", f.scope())
	f.dead = f.dead || !ok
	b.build(f, m.at("name"), func() { f.grouped = b.groupedBy(f, m.text("name"), p, serdeOf(serdeName)) })
	f.key, f.keyFormat = keyType(p.typ, serdeName), serdeName
}

func (b *builder) window(f *flow, e *entry) {
	if !b.needs(f, e.pos, f.stage == groupStage, "window", "a group") {
		return
	}
	m := e.mapping
	var w topology.Windows
	switch {
	case m.get("tumbling") != nil:
		size, _ := parseDuration(m.text("tumbling"))
		if every := m.get("every"); every != nil {
			b.r.fail(every.pos, "every goes with hopping; tumbling windows follow each other")
		}
		w = topology.Tumbling(size)
	case m.get("hopping") != nil:
		size, _ := parseDuration(m.text("hopping"))
		every := m.get("every")
		if every == nil {
			b.r.fail(m.pos, "hopping windows need the field every: the distance of their starts")
			f.dead = true
			return
		}
		advance, _ := parseDuration(every.node.Value)
		w = topology.Hopping(size, advance)
	default:
		f.dead = true
	}
	if m.get("grace") != nil {
		grace, _ := parseDuration(m.text("grace"))
		w = w.Grace(grace)
	}
	b.build(f, m.pos, func() { f.windowed = f.grouped.Window(w) })
	f.stage = windowStage
}

// aggregates checks that a step has a group before it.
func (b *builder) aggregates(f *flow, e *entry) bool {
	return b.needs(f, e.pos, f.stage == groupStage || f.stage == windowStage, e.name, "a group")
}

func (b *builder) count(f *flow, e *entry) {
	if !b.aggregates(f, e) {
		return
	}
	store, windowed := e.mapping.text("store"), f.stage == windowStage
	b.build(f, e.mapping.at("store"), func() {
		if windowed {
			f.windowCount = f.windowed.Count(store)
		} else {
			f.counts = f.grouped.Count(store)
		}
	})
	f.stage = countStage
	if windowed {
		f.stage = windowCountStage
	}
	f.value, f.valueFormat = typInt, "int64"
}

func (b *builder) reduce(f *flow, e *entry) {
	if !b.aggregates(f, e) {
		return
	}
	value := e.mapping.get("value")
	if value == nil {
		f.dead = true
		return
	}
	p := b.template(value.node, joinScope(f.value, f.value))
	switch {
	case p.typ.kind == anyKind || f.value.kind == anyKind || sameType(p.typ, f.value) || p.typ.number() && f.value.number():
	default:
		b.r.fail(at(value.node), "the result of reduce is the next left, so it must be of the type of the values: %s, not %s; aggregate yields other types", f.value, p.typ)
		f.dead = true
	}
	store := e.mapping.text("store")
	windowed := f.stage == windowStage
	b.build(f, e.mapping.at("store"), func() {
		if windowed {
			f.windowTable = b.reducedWindows(f, store, p)
		} else {
			f.table = b.reduced(f, store, p)
		}
	})
	f.tabled(windowed, common(f.value, p.typ))
}

// tabled notes that an aggregation has come out.
func (f *flow) tabled(windowed bool, t *typ) {
	f.stage = tableStage
	if windowed {
		f.stage = windowTableStage
	}
	f.setValue(t)
}

func (b *builder) aggregate(f *flow, e *entry) {
	if !b.aggregates(f, e) {
		return
	}
	m := e.mapping
	a := &aggregation{}
	roots := rootSet(0)
	for i := range m.entries {
		field := &m.entries[i]
		if field.name == "store" {
			continue
		}
		c, ok := b.column(field, f.scope())
		if !ok {
			f.dead = true
			continue
		}
		if c.arg != nil {
			roots |= c.arg.roots
		}
		a.columns = append(a.columns, c)
	}
	if len(a.columns) == 0 && !f.dead {
		b.r.fail(m.pos, "an aggregate needs a field besides store, such as n: count()")
		f.dead = true
	}
	store, windowed := m.text("store"), f.stage == windowStage
	b.build(f, m.at("store"), func() {
		if windowed {
			f.windowTable = b.aggregatedWindows(f, store, a, roots)
		} else {
			f.table = b.aggregated(f, store, a, roots)
		}
	})
	t := typAny
	if !f.dead {
		t = a.typ()
	}
	f.tabled(windowed, t)
}

// state is an aggregation's state before a record: a new one for the first.
func (a *aggregation) state(before Value) (*accumulator, error) {
	switch acc := before.(type) {
	case nil:
		return a.start(), nil
	case *accumulator:
		return acc, nil
	}
	return nil, fmt.Errorf("topoyaml: the state of an aggregation is a %s", kindOf(before))
}

func (a *aggregation) next(_ context.Context, before Value, in *inputs) (Value, error) {
	acc, err := a.state(before)
	if err != nil {
		return before, err
	}
	if err := a.add(acc, in); err != nil {
		return before, err
	}
	return acc, nil
}

func (b *builder) emit(f *flow, e *entry) {
	mode := e.node.Value
	p := at(e.node)
	switch f.stage {
	case tableStage, countStage:
		if mode == "final" {
			b.r.fail(p, "only windows have final results: they end; use updates or each-update, or a window before the aggregate")
			f.dead = true
			return
		}
	case windowTableStage, windowCountStage:
	default:
		b.needs(f, e.pos, false, "emit", "count, reduce or aggregate")
		return
	}
	b.build(f, p, func() {
		switch f.stage {
		case tableStage:
			f.table = emitting(mode, f.table.Updates, f.table.EachUpdate)
		case countStage:
			f.counts = emitting(mode, f.counts.Updates, f.counts.EachUpdate)
		case windowTableStage:
			f.windowTable = emitting(mode, f.windowTable.Updates, f.windowTable.EachUpdate, f.windowTable.Final)
		case windowCountStage:
			f.windowCount = emitting(mode, f.windowCount.Updates, f.windowCount.EachUpdate, f.windowCount.Final)
		}
	})
}

// emitting calls the method of the mode: updates, each-update, final.
func emitting[T any](mode string, modes ...func() T) T {
	switch mode {
	case "each-update":
		return modes[1]()
	case "final":
		return modes[2]()
	}
	return modes[0]()
}

func (b *builder) result(f *flow, e *entry) {
	if !b.needs(f, e.pos, f.stage == windowTableStage || f.stage == windowCountStage, "result", "the aggregate of a window") {
		return
	}
	m := e.mapping
	sc := windowScope(f.key, f.value)
	keyName := f.keyFormat
	key := &program{kind: pathProgram, path: &load{name: "key", root: rootKey, want: f.key}, typ: f.key}
	if m.get("key") != nil {
		var ok bool
		key, keyName, ok = b.newKey(m, "key", sc)
		f.dead = f.dead || !ok
	} else if s := m.get("serde"); s != nil {
		keyName = s.node.Value
		b.fits(at(s.node), "the key", f.key, keyName)
	}
	value := &program{kind: pathProgram, path: &load{name: "value", root: rootValue, want: typAny}, typ: f.value}
	if v := m.get("value"); v != nil {
		value = b.template(v.node, sc)
	}
	b.build(f, e.pos, func() {
		var s topology.Stream[Value, Value]
		if f.stage == windowCountStage {
			s = results(f.windowCount, key, value)
		} else {
			s = results(f.windowTable, key, value)
		}
		f.stream = s.WithKeySerde(serdeOf(keyName)).WithValueSerde(jsonSerde{})
	})
	f.stage = streamStage
	f.key, f.keyFormat = keyType(key.typ, keyName), keyName
	f.setValue(value.typ)
}

func results[V any](t topology.WindowedTable[Value, V], key, value *program) topology.Stream[Value, Value] {
	return t.TryStreamRecords(func(_ context.Context, w topology.Window, k Value, v V) (Value, Value, error) {
		in := inputs{key: k, value: v, start: w.Start, end: w.End}
		newKey, err := key.key(&in)
		if err != nil {
			return nil, nil, err
		}
		newValue, err := value.eval(&in)
		return newKey, newValue, err
	})
}
