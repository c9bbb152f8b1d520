package steps

import (
	"context"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

func (b *builder) group(f *flow, e *yamlfile.Entry) {
	b.toStream(f, e.Pos, e.Name)
	m := e.Mapping
	f.stage = groupStage
	by := m.Get("by")
	if by == nil {
		f.dead = f.dead || e.Node.Kind != yaml.ScalarNode // otherwise it is by-key
		b.build(f, e.Pos, func() { f.grouped = f.stream.GroupByKey() })
		return
	}
	p, serdeName, ok := b.newKey(m, "by", f.scope())
	f.dead = f.dead || !ok
	b.build(f, m.At("name"), func() { f.grouped = b.groupedBy(f, m.Text("name"), p, value.SerdeOf(serdeName)) })
	f.key, f.keyFormat = keyType(p.Type, serdeName), serdeName
}

func (b *builder) window(f *flow, e *yamlfile.Entry) {
	if !b.needs(f, e.Pos, f.stage == groupStage, "window", "a group") {
		return
	}
	m := e.Mapping
	var w topology.Windows
	switch {
	case m.Get("tumbling") != nil:
		size, _ := functions.ParseDuration(m.Text("tumbling"))
		if every := m.Get("every"); every != nil {
			b.r.Fail(every.Pos, "every goes with hopping; tumbling windows follow each other")
		}
		w = topology.Tumbling(size)
	case m.Get("hopping") != nil:
		size, _ := functions.ParseDuration(m.Text("hopping"))
		every := m.Get("every")
		if every == nil {
			b.r.Fail(m.Pos, "hopping windows need the field every: the distance of their starts")
			f.dead = true
			return
		}
		advance, _ := functions.ParseDuration(every.Node.Value)
		w = topology.Hopping(size, advance)
	default:
		f.dead = true
	}
	if m.Get("grace") != nil {
		grace, _ := functions.ParseDuration(m.Text("grace"))
		w = w.Grace(grace)
	}
	b.build(f, m.Pos, func() { f.windowed = f.grouped.Window(w) })
	f.stage = windowStage
}

// aggregates checks that a step has a group before it.
func (b *builder) aggregates(f *flow, e *yamlfile.Entry) bool {
	return b.needs(f, e.Pos, f.stage == groupStage || f.stage == windowStage, e.Name, "a group")
}

func (b *builder) count(f *flow, e *yamlfile.Entry) {
	if !b.aggregates(f, e) {
		return
	}
	store, windowed := e.Mapping.Text("store"), f.stage == windowStage
	b.build(f, e.Mapping.At("store"), func() {
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
	f.value, f.valueFormat = value.IntType, "int64"
}

func (b *builder) reduce(f *flow, e *yamlfile.Entry) {
	if !b.aggregates(f, e) {
		return
	}
	field := e.Mapping.Get("value")
	if field == nil {
		f.dead = true
		return
	}
	p := b.template(field.Node, expression.JoinScope(f.value, f.value))
	switch {
	case p.Type.Kind == value.AnyKind || f.value.Kind == value.AnyKind || value.SameType(p.Type, f.value) || p.Type.IsNumber() && f.value.IsNumber():
	default:
		b.r.Fail(yamlfile.At(field.Node), "the result of reduce is the next left, so it must be of the type of the values: %s, not %s; aggregate yields other types", f.value, p.Type)
		f.dead = true
	}
	store := e.Mapping.Text("store")
	windowed := f.stage == windowStage
	b.build(f, e.Mapping.At("store"), func() {
		if windowed {
			f.windowTable = b.reducedWindows(f, store, p)
		} else {
			f.table = b.reduced(f, store, p)
		}
	})
	f.tabled(windowed, value.Common(f.value, p.Type))
}

// tabled notes that an aggregation has come out.
func (f *flow) tabled(windowed bool, t *value.Type) {
	f.stage = tableStage
	if windowed {
		f.stage = windowTableStage
	}
	f.setValue(t)
}

func (b *builder) aggregate(f *flow, e *yamlfile.Entry) {
	if !b.aggregates(f, e) {
		return
	}
	m := e.Mapping
	var columns []aggregate.Column
	for i := range m.Entries {
		field := &m.Entries[i]
		if field.Name == "store" {
			continue
		}
		c, mistake := aggregate.NewColumn(b.exprs, field.Name, field.Node.Value, f.scope(), b.where(yamlfile.At(field.Node)))
		if mistake != nil {
			b.r.Fail(b.r.Within(field.Node, mistake.Offset), "%s", mistake.Message)
			f.dead = true
			continue
		}
		columns = append(columns, c)
	}
	if len(columns) == 0 && !f.dead {
		b.r.Fail(m.Pos, "an aggregate needs a field besides store, such as n: count()")
		f.dead = true
	}
	a := aggregate.New(columns...)
	store, windowed := m.Text("store"), f.stage == windowStage
	b.build(f, m.At("store"), func() {
		if windowed {
			f.windowTable = b.aggregatedWindows(f, store, a)
		} else {
			f.table = b.aggregated(f, store, a)
		}
	})
	t := value.AnyType
	if !f.dead {
		t = a.Type()
	}
	f.tabled(windowed, t)
}

func (b *builder) emit(f *flow, e *yamlfile.Entry) {
	mode := e.Node.Value
	p := yamlfile.At(e.Node)
	switch f.stage {
	case tableStage, countStage:
		if mode == "final" {
			b.r.Fail(p, "only windows have final results: they end; use updates or each-update, or a window before the aggregate")
			f.dead = true
			return
		}
	case windowTableStage, windowCountStage:
	default:
		b.needs(f, e.Pos, false, "emit", "count, reduce or aggregate")
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

func (b *builder) result(f *flow, e *yamlfile.Entry) {
	if !b.needs(f, e.Pos, f.stage == windowTableStage || f.stage == windowCountStage, "result", "the aggregate of a window") {
		return
	}
	m := e.Mapping
	sc := expression.WindowScope(f.key, f.value)
	keyName := f.keyFormat
	key := expression.Variable("key", expression.RootKey, f.key, f.key)
	if m.Get("key") != nil {
		var ok bool
		key, keyName, ok = b.newKey(m, "key", sc)
		f.dead = f.dead || !ok
	} else if s := m.Get("serde"); s != nil {
		keyName = s.Node.Value
		b.fits(yamlfile.At(s.Node), "the key", f.key, keyName)
	}
	of := expression.Variable("value", expression.RootValue, value.AnyType, f.value)
	if v := m.Get("value"); v != nil {
		of = b.template(v.Node, sc)
	}
	b.build(f, e.Pos, func() {
		var s topology.Stream[value.Value, value.Value]
		if f.stage == windowCountStage {
			s = results(b.t, f.windowCount, key, of)
		} else {
			s = results(b.t, f.windowTable, key, of)
		}
		f.stream = s.WithKeySerde(value.SerdeOf(keyName)).WithValueSerde(value.JSONSerde{})
	})
	f.stage = streamStage
	f.key, f.keyFormat = keyType(key.Type, keyName), keyName
	f.setValue(of.Type)
}

func results[V any](t *topology.Topology, table topology.WindowedTable[value.Value, V], key, of *expression.Program) topology.Stream[value.Value, value.Value] {
	return t.ForFiles(door.Key{}).StreamWindows(table, func(_ context.Context, w topology.Window, k value.Value, v V) (value.Value, value.Value, error) {
		in := expression.Inputs{Key: k, Value: v, Start: w.Start, End: w.End}
		newKey, err := key.Key(&in)
		if err != nil {
			return nil, nil, err
		}
		newValue, err := of.Eval(&in)
		return newKey, newValue, err
	})
}
