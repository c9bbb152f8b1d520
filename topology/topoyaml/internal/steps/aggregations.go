package steps

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// aggregationSteps are the steps from a group to the results of an aggregation.
func aggregationSteps() []step {
	return []step{groupStep(), windowStep(), count(), reduce(), aggregateStep(), emit(), result()}
}

func groupStep() step {
	block := &yamlfile.Block{
		Name: "group", Doc: "Groups records for an aggregation. The text `by-key` groups them by the key they have.", Short: "name", Texts: []string{"by-key"},
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the repartition topic"},
			{Name: "by", Shape: yamlfile.Expression(), Required: true, Doc: "the new key; to group by the key that records have, write `group: by-key`"},
			newKeySerde(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "group", Shape: yamlfile.One(block), Doc: "groups records for an aggregation"},
		advice: []string{
			"GroupByKey needs", "group: by-key needs",
			"use GroupBy, or put Repartition in between", "use group with by, or put repartition in between",
		},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			m := e.Mapping
			if m.Get("by") == nil {
				f.dead = f.dead || e.Node.Kind != yaml.ScalarNode // otherwise it is by-key
				f.at = made(b.call(f, e.Pos), func() group { return group{in.GroupByKey()} })
				return
			}
			p, serde, ok := b.newKey(m, "by", f.scope())
			f.dead = f.dead || !ok
			f.at = made(b.call(f, m.At("name")), func() group { return b.groupBy(in, m.Text("name"), p, serde) })
			f.setKey(p.Type, serde)
		}),
	}
}

func (b *builder) groupBy(s stream, name string, p *expression.Program, serde string) group {
	if !p.Roots.WholeRecord() {
		return group{s.TryGroupBy(name, func(_ context.Context, v value.Value) (value.Value, error) {
			return p.Key(&expression.Inputs{Value: v})
		}, topology.KeySerde(value.SerdeOf(serde)))}
	}
	return group{b.t.ForFiles(door.Key{}).GroupByRecords(s.Stream, name, func(_ context.Context, r *record) (value.Value, error) {
		in := inputsOf(r)
		return p.Key(&in)
	}, topology.KeySerde(value.SerdeOf(serde)))}
}

// windowKinds are the fields of which a window has one.
var windowKinds = []string{"tumbling", "hopping", "cumulating", "days", "weeks", "months", "sessions", "sliding"}

func windowStep() step {
	block := &yamlfile.Block{
		Name: "window", Doc: "Cuts time into windows, each aggregated on its own.", One: windowKinds,
		Fields: []yamlfile.Field{
			{Name: "tumbling", Shape: yamlfile.Duration(), Doc: "length of windows that follow each other"},
			{Name: "hopping", Shape: yamlfile.Duration(), Doc: "length of windows that overlap"},
			{Name: "cumulating", Shape: yamlfile.Duration(), Doc: "length of the last of windows that begin together and grow"},
			{Name: "every", Shape: yamlfile.Duration(), Doc: "the distance of the starts of hopping windows, or of the ends of cumulating ones"},
			{Name: "offset", Shape: yamlfile.Duration(), Doc: "by how much tumbling or hopping windows begin later"},
			{Name: "days", Shape: yamlfile.Text(), Doc: "a time zone, as `Europe/Berlin`: windows from midnight to midnight there"},
			{Name: "weeks", Shape: yamlfile.Text(), Doc: "a time zone: windows of a week there"},
			{Name: "first-day", Shape: yamlfile.Enum("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), Doc: "the day with which weeks begin; default monday"},
			{Name: "months", Shape: yamlfile.Text(), Doc: "a time zone: windows of a month there"},
			{Name: "sessions", Shape: yamlfile.Duration(), Doc: "the longest pause within a session, which begins and ends with a record"},
			{Name: "sliding", Shape: yamlfile.Duration(), Doc: "how far the records of a window that follows them may be apart"},
			{Name: "grace", Shape: yamlfile.Duration(), Doc: "how long after its end a window takes records that are late; default 0"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "window", Shape: yamlfile.One(block), Doc: "cuts time into windows"},
		build: behind("a group", group{}, func(b *builder, f *flow, in group, e *yamlfile.Entry) {
			w, ok := b.windows(e.Mapping)
			f.dead = f.dead || !ok
			f.at = made(b.call(f, e.Mapping.Pos), func() windows { return windows{in.Window(w)} })
		}),
	}
}

// windows reads how time is cut.
func (b *builder) windows(m *yamlfile.Mapping) (w topology.Windows, ok bool) {
	every := m.Get("every")
	if every != nil && m.Get("hopping") == nil && m.Get("cumulating") == nil {
		kind := slices.IndexFunc(windowKinds, func(kind string) bool { return m.Get(kind) != nil })
		if kind >= 0 {
			b.r.Fail(every.Pos, "hopping and cumulating windows have the field every, and these are %s: leave every out", windowKinds[kind])
		}
	}
	if first := m.Get("first-day"); first != nil && m.Get("weeks") == nil {
		b.r.Fail(first.Pos, "first-day goes with weeks")
	}
	switch {
	case m.Get("tumbling") != nil:
		w = topology.Tumbling(duration(m, "tumbling"))
	case m.Get("sessions") != nil:
		w = topology.Sessions(duration(m, "sessions"))
	case m.Get("sliding") != nil:
		w = topology.Sliding(duration(m, "sliding"))
	case m.Get("days") != nil:
		w = topology.Days(b.zone(m, "days"))
	case m.Get("weeks") != nil:
		w = topology.Weeks(b.zone(m, "weeks"), weekday(m.Text("first-day")))
	case m.Get("months") != nil:
		w = topology.Months(b.zone(m, "months"))
	case m.Get("hopping") == nil && m.Get("cumulating") == nil:
		return w, false
	case every == nil && m.Get("cumulating") != nil:
		b.r.Fail(m.Pos, "cumulating windows need the field every: the distance of their ends")
		return w, false
	case every == nil:
		b.r.Fail(m.Pos, "hopping windows need the field every: the distance of their starts")
		return w, false
	case m.Get("cumulating") != nil:
		w = topology.Cumulating(duration(m, "cumulating"), duration(m, "every"))
	default:
		w = topology.Hopping(duration(m, "hopping"), duration(m, "every"))
	}
	if m.Get("offset") != nil {
		w = w.Offset(duration(m, "offset"))
	}
	if m.Get("grace") != nil {
		w = w.Grace(duration(m, "grace"))
	}
	return w, true
}

// zone is a field with a time zone; UTC after a mistake.
func (b *builder) zone(m *yamlfile.Mapping, field string) *time.Location {
	l, err := functions.Zone(m.Text(field))
	if err != nil {
		b.r.Fail(m.At(field), "%s: %v", field, err)
		return time.UTC
	}
	return l
}

// weekday is the day of that name, of which the reader has seen that it is one; Monday without.
func weekday(name string) time.Weekday {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d
		}
	}
	return time.Monday
}

// duration is a field of which the reader has seen that it is one.
func duration(m *yamlfile.Mapping, field string) time.Duration {
	d, _ := functions.ParseDuration(m.Text(field))
	return d
}

// storeName is the field of a step that keeps state.
func storeName() yamlfile.Field {
	return yamlfile.Field{Name: "store", Shape: yamlfile.Text(), Required: true, Doc: "name of the state store"}
}

func count() step {
	block := &yamlfile.Block{
		Name: "count", Doc: "Counts the records of each key.", Short: "store",
		Fields: []yamlfile.Field{storeName()},
	}
	return step{
		Field: yamlfile.Field{Name: "count", Shape: yamlfile.One(block), Doc: "counts the records of each key"},
		build: behind[aggregated]("a group", group{}, func(b *builder, f *flow, in aggregated, e *yamlfile.Entry) {
			f.at = in.count(b.call(f, e.Mapping.At("store")), e.Mapping.Text("store"))
			f.value, f.valueSerde = value.IntType, "int64"
		}),
	}
}

func reduce() step {
	block := &yamlfile.Block{
		Name: "reduce", Doc: "Combines the values of each key, two at a time.",
		Fields: []yamlfile.Field{
			storeName(),
			{Name: "value", Shape: yamlfile.Template(), Required: true, Doc: "the new value, of `left` (so far) and `right` (the record's)"},
			{Name: "subtract", Shape: yamlfile.Template(), Doc: "behind group-rows only: the new value where a row's old value, `right`, is taken out of `left`"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "reduce", Shape: yamlfile.One(block), Doc: "combines the values of each key"},
		build: behind[aggregated]("a group", group{}, func(b *builder, f *flow, in aggregated, e *yamlfile.Entry) {
			field := e.Mapping.Get("value")
			if field == nil {
				f.dead = true
				return
			}
			p := b.template(field.Node, expression.JoinScope(f.value, f.value))
			switch {
			case p.Type.Kind == value.AnyKind, f.value.Kind == value.AnyKind, value.SameType(p.Type, f.value), p.Type.IsNumber() && f.value.IsNumber():
			default:
				b.r.Fail(yamlfile.At(field.Node), "the result of reduce is the next left, so it must be of the type of the values: %s, not %s; aggregate yields other types", f.value, p.Type)
				f.dead = true
			}
			if rows, ok := in.(rowGroup); ok {
				b.reduceRows(f, rows, e.Mapping, p)
			} else {
				if subtract := e.Mapping.Get("subtract"); subtract != nil {
					b.r.Fail(subtract.Pos, "subtract goes with the rows of a table, behind group-rows; records are not taken out again")
				}
				f.at = in.reduce(b.call(f, e.Mapping.At("store")), e.Mapping.Text("store"), p)
			}
			f.setValue(value.Common(f.value, p.Type))
		}),
	}
}

func aggregateStep() step {
	block := &yamlfile.Block{
		Name: "aggregate", Doc: "Computes an object for each key. Every other field is one of the object's: a call of an aggregate function.",
		Fields: []yamlfile.Field{storeName()},
		Rest:   &yamlfile.Field{Name: "(other)", Shape: yamlfile.Call(), Doc: "a field of the result"},
	}
	return step{
		Field: yamlfile.Field{Name: "aggregate", Shape: yamlfile.One(block), Doc: "computes an object for each key"},
		build: behind[aggregated]("a group", group{}, func(b *builder, f *flow, in aggregated, e *yamlfile.Entry) {
			sc := f.scope()
			_, rows := in.(rowGroup)
			if rows {
				sc = expression.ValueScope(f.value)
			}
			columns, ok := b.columns(e.Mapping, sc)
			if rows && ok {
				ok = b.subtractable(e.Mapping, columns)
			}
			switch {
			case !ok:
				f.dead = true
			case len(columns) == 0 && !f.dead:
				b.r.Fail(e.Mapping.Pos, "an aggregate needs a field besides store, such as n: count()")
				f.dead = true
			}
			a, t := aggregate.New(columns...), value.AnyType
			f.at = in.aggregate(b.call(f, e.Mapping.At("store")), e.Mapping.Text("store"), a)
			if !f.dead {
				t = a.Type()
			}
			f.setValue(t)
		}),
	}
}

// subtractable reports whether the columns can take a row's old value out again.
func (b *builder) subtractable(m *yamlfile.Mapping, columns []aggregate.Column) bool {
	ok := true
	for _, c := range columns {
		if !c.Subtracts() {
			at := m.Get(c.Name()).Node
			b.r.Fail(yamlfile.At(at), "the rows of a table change, and %s cannot take an old value out again: use count, sum or avg here, or reduce with subtract", c.Function())
			ok = false
		}
	}
	return ok
}

// columns reads the fields of an aggregate; ok is false after a mistake.
func (b *builder) columns(m *yamlfile.Mapping, sc expression.Scope) (columns []aggregate.Column, ok bool) {
	ok = true
	for i := range m.Entries {
		field := &m.Entries[i]
		if field.Name == "store" {
			continue
		}
		c, mistakes := aggregate.NewColumn(b.exprs, field.Name, field.Node.Value, sc, b.r.Where(yamlfile.At(field.Node)))
		for _, m := range mistakes {
			b.r.Fail(b.r.Within(field.Node, m.Offset), "%s", m.Message)
			ok = false
		}
		if len(mistakes) == 0 {
			columns = append(columns, c)
		}
	}
	return columns, ok
}

func emit() step {
	return step{
		Field: yamlfile.Field{
			Name: "emit", Shape: yamlfile.Enum("updates", "each-update", "final"),
			Doc: "when an aggregation shows results: the latest of a key at each commit (default), every one, or (windowed) only the final ones",
		},
		advice: []string{"say EachUpdate, or Final for windows", "say emit: each-update, or emit: final for windows"},
		build: behind[emitting]("count, reduce or aggregate", nil, func(b *builder, f *flow, in emitting, e *yamlfile.Entry) {
			if in == nil {
				return // after a mistake
			}
			at := yamlfile.At(e.Node)
			p, ok := in.emit(b.call(f, at), e.Node.Value)
			if !ok {
				b.r.Fail(at, "only windows have final results: they end; use updates or each-update, or a window before the aggregate")
				f.dead = true
				return
			}
			f.at = p
		}),
	}
}

func result() step {
	block := &yamlfile.Block{
		Name: "result", Doc: "Makes records of the results of windows. Expressions see `key`, `value`, `window.start` and `window.end`.",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.Expression(), Doc: "the record's key; default: the group's, in which case all windows of a key share it"},
			{Name: "value", Shape: yamlfile.Template(), Doc: "the record's value; default: the aggregate's"},
			newKeySerde(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "result", Shape: yamlfile.One(block), Doc: "makes records of the results of windows"},
		build: behind[windowed]("the aggregate of a window", windowTable[value.Value]{}, func(b *builder, f *flow, in windowed, e *yamlfile.Entry) {
			m, sc := e.Mapping, expression.WindowScope(f.key, f.value)
			key, serde := expression.Variable("key", expression.RootKey, f.key, f.key), f.keySerde
			if m.Get("key") != nil {
				var ok bool
				key, serde, ok = b.newKey(m, "key", sc)
				f.dead = f.dead || !ok
			} else if s := m.Get("serde"); s != nil {
				serde = s.Node.Value
				b.fits(yamlfile.At(s.Node), "the key", f.key, serde)
			}
			of := expression.Variable("value", expression.RootValue, value.AnyType, f.value)
			if v := m.Get("value"); v != nil {
				of = b.template(v.Node, sc)
			}
			f.at = made(b.call(f, e.Pos), func() stream {
				return stream{in.results(b.t, key, of).WithKeySerde(value.SerdeOf(serde)).WithValueSerde(value.JSONSerde{})}
			})
			f.setKey(key.Type, serde)
			f.setValue(of.Type)
		}),
	}
}
