package steps

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// The DSL has two forms of most operators: of values alone, and of whole records. An expression
// that uses neither key nor time takes the first, which lets the plan leave keys undecoded.

// record is what steps of whole records are handed.
type record = topology.Record[value.Value, value.Value]

// inputsOf are the variables for a record.
func inputsOf(r *record) expression.Inputs {
	return expression.Inputs{Key: r.Key, Value: r.Value, Time: r.Timestamp, Headers: r.Headers}
}

// recordSteps are the steps that take one record at a time.
func recordSteps() []step {
	return []step{filter(), mapValues(), flatMapValues(), selectKey(), mapRecords(), setHeaders(), process()}
}

func filter() step {
	return step{
		Field: yamlfile.Field{Name: "filter", Shape: yamlfile.Expression(), Doc: "keeps the records for which the condition is true"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			p := b.condition(e.Node, f.scope(), "filter")
			f.at = made(b.call(f, yamlfile.At(e.Node)), func() stream { return b.filter(in, p) })
		}),
	}
}

func (b *builder) filter(s stream, p *expression.Program) stream {
	if !p.Roots.WholeRecord() {
		return stream{s.TryFilter(func(_ context.Context, v value.Value) (bool, error) {
			return p.Test(&expression.Inputs{Value: v})
		})}
	}
	return stream{b.t.ForFiles(door.Key{}).FilterRecords(s.Stream, func(_ context.Context, r *record) (bool, error) {
		if r.NoValue {
			return true, nil // as a filter of values: tombstones are passed on
		}
		in := inputsOf(r)
		return p.Test(&in)
	})}
}

func mapValues() step {
	return step{
		Field: yamlfile.Field{Name: "map-values", Shape: yamlfile.Template(), Doc: "gives records a new value"},
		build: anywhere(func(b *builder, f *flow, e *yamlfile.Entry) {
			if counts, ok := f.at.(table[int64]); ok {
				// The numbers of a count are the only values that are typed in Go: no step of its
				// own to make them values.
				p := b.template(e.Node, expression.RecordScope(f.key, value.IntType))
				if !p.Roots.WholeRecord() {
					f.at = made(b.call(f, e.Pos), func() stream { return ofCounts(counts, p) })
					f.setValue(p.Type)
					return
				}
			}
			in := b.records(f, e.Pos, e.Name)
			p := b.template(e.Node, f.scope())
			f.at = made(b.call(f, e.Pos), func() stream { return b.mapValues(in, p) })
			f.setValue(p.Type)
		}),
	}
}

func ofCounts(t table[int64], p *expression.Program) stream {
	return stream{t.ToStream().TryMapValues(func(_ context.Context, n int64) (value.Value, error) {
		return p.Eval(&expression.Inputs{Value: n})
	}).WithValueSerde(value.JSONSerde{})}
}

func (b *builder) mapValues(s stream, p *expression.Program) stream {
	if !p.Roots.WholeRecord() {
		return stream{s.TryMapValues(func(_ context.Context, v value.Value) (value.Value, error) {
			return p.Eval(&expression.Inputs{Value: v})
		}).WithValueSerde(value.JSONSerde{})}
	}
	return stream{b.t.ForFiles(door.Key{}).MapValuesRecords(s.Stream, func(_ context.Context, r *record) (value.Value, error) {
		in := inputsOf(r)
		return p.Eval(&in)
	}).WithValueSerde(value.JSONSerde{})}
}

func flatMapValues() step {
	return step{
		Field: yamlfile.Field{Name: "flat-map-values", Shape: yamlfile.Template(), Doc: "makes a record of each element of a list"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			p := b.template(e.Node, expression.ValueScope(f.value))
			elem := value.AnyType
			switch p.Type.Kind {
			case value.ListKind:
				elem = p.Type.Elem
			case value.AnyKind, value.NullKind:
			default:
				b.r.Fail(yamlfile.At(e.Node), "flat-map-values needs a list; this is of type %s", p.Type)
			}
			f.at = made(b.call(f, e.Pos), func() stream {
				return stream{in.TryFlatMapValues(func(_ context.Context, v value.Value) ([]value.Value, error) {
					return p.Elements(&expression.Inputs{Value: v})
				}).WithValueSerde(value.JSONSerde{})}
			})
			f.setValue(elem)
		}),
	}
}

// newKeySerde is the field of a step that gives records a new key.
func newKeySerde() yamlfile.Field {
	return yamlfile.Field{Name: "serde", Shape: yamlfile.Serde(), Doc: "serde of the new key; default: by the expression's type, string if that is not known"}
}

func selectKey() step {
	block := &yamlfile.Block{
		Name: "select-key", Doc: "Gives records a new key.", Short: "key",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.Expression(), Required: true, Doc: "the new key"},
			newKeySerde(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "select-key", Shape: yamlfile.One(block), Doc: "gives records a new key"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			p, serde, ok := b.newKey(e.Mapping, "key", f.scope())
			f.dead = f.dead || !ok
			f.at = made(b.call(f, e.Pos), func() stream { return b.selectKey(in, p, serde) })
			f.setKey(p.Type, serde)
		}),
	}
}

func (b *builder) selectKey(s stream, p *expression.Program, serde string) stream {
	if !p.Roots.WholeRecord() {
		return stream{s.TrySelectKey(func(_ context.Context, v value.Value) (value.Value, error) {
			return p.Key(&expression.Inputs{Value: v})
		}).WithKeySerde(value.SerdeOf(serde))}
	}
	return stream{b.t.ForFiles(door.Key{}).SelectKeyRecords(s.Stream, func(_ context.Context, r *record) (value.Value, error) {
		in := inputsOf(r)
		return p.Key(&in)
	}).WithKeySerde(value.SerdeOf(serde))}
}

func mapRecords() step {
	block := &yamlfile.Block{
		Name: "map", Doc: "Gives records a new key and a new value.",
		Fields: []yamlfile.Field{
			{Name: "key", Shape: yamlfile.Expression(), Required: true, Doc: "the new key"},
			{Name: "value", Shape: yamlfile.Template(), Required: true, Doc: "the new value"},
			newKeySerde(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "map", Shape: yamlfile.One(block), Doc: "gives records a new key and value"},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			sc := f.scope()
			key, serde, ok := b.newKey(e.Mapping, "key", sc)
			f.dead = f.dead || !ok
			field := e.Mapping.Get("value")
			if field == nil {
				f.dead = true
				return
			}
			v := b.template(field.Node, sc)
			f.at = made(b.call(f, e.Pos), func() stream { return b.mapRecords(in, key, v, serde) })
			f.setKey(key.Type, serde)
			f.setValue(v.Type)
		}),
	}
}

func (b *builder) mapRecords(s stream, key, of *expression.Program, serde string) stream {
	return stream{b.t.ForFiles(door.Key{}).Map(s.Stream, func(_ context.Context, r *record) (value.Value, value.Value, error) {
		in := inputsOf(r)
		k, err := key.Key(&in)
		if err != nil {
			return nil, nil, err
		}
		v, err := of.Eval(&in)
		return k, v, err
	}).WithKeySerde(value.SerdeOf(serde)).WithValueSerde(value.JSONSerde{})}
}

func process() step {
	block := &yamlfile.Block{
		Name: "process", Doc: "Calls a function that is registered in Go: a filter or a mapper. With `concurrency` or `timeout` it is a mapper that may block: its calls run ahead of the records, and the results come in their order.",
		Short: "function",
		Fields: []yamlfile.Field{
			{Name: "function", Shape: yamlfile.Text(), Required: true, Doc: "name of the function"},
			{Name: "concurrency", Shape: yamlfile.Number(), Doc: "how many calls run at once, in each task; default 64, if there is a `timeout`"},
			{Name: "timeout", Shape: yamlfile.Duration(), Doc: "how long a call may take; default 10s, if there is a `concurrency`"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "process", Shape: yamlfile.One(block), Doc: "calls a function registered in Go: a filter or a mapper"},
		advice: []string{
			"put Repartition in between, or", "put repartition in between, or",
			"put Repartition before this", "put repartition before this",
		},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			name := e.Mapping.Get("function")
			if name == nil {
				f.dead = true
				return
			}
			fn, ok := b.function(name)
			concurrency, timeout := e.Mapping.Get("concurrency"), e.Mapping.Get("timeout")
			blocks := concurrency != nil || timeout != nil
			switch {
			case !ok:
				f.dead = true
			case fn.Filter != nil && blocks:
				b.r.Fail(e.Mapping.Pos, "concurrency and timeout go with mappers, and %q is a filter: have it be a mapper that adds what a filter step behind it asks for", name.Node.Value)
				f.dead = true
			case fn.Filter != nil:
				f.at = made(b.call(f, e.Pos), func() stream { return stream{in.TryFilter(fn.Filter)} })
			case blocks:
				n, _ := strconv.Atoi(e.Mapping.Text("concurrency"))
				calls := topology.Calls{Concurrency: n, Timeout: duration(e.Mapping, "timeout")}
				f.at = made(b.call(f, e.Pos), func() stream {
					return stream{in.MapValuesAsync(calls, fn.Mapper).WithValueSerde(value.JSONSerde{})}
				})
				f.setValue(value.AnyType)
			default:
				f.at = made(b.call(f, e.Pos), func() stream {
					return stream{in.TryMapValues(fn.Mapper).WithValueSerde(value.JSONSerde{})}
				})
				f.setValue(value.AnyType)
			}
		}),
	}
}

// function finds the Go function that a step names.
func (b *builder) function(e *yamlfile.Entry) (Function, bool) {
	name := e.Node.Value
	if fn, ok := b.given.Functions[name]; ok {
		return fn, true
	}
	if slices.Contains(b.given.Checked, name) {
		return Function{Mapper: func(context.Context, value.Value) (value.Value, error) {
			return nil, fmt.Errorf("topoyaml: the function %q is not in this program, which can only check the file", name)
		}}, true
	}
	known := append(slices.Sorted(maps.Keys(b.given.Functions)), b.given.Checked...)
	near := suggest.For(name, known)
	if near == "" {
		near = "; a Go program registers it in the Registry of topoyaml.Options, and kolk validate --functions takes its name"
	}
	b.r.Fail(yamlfile.At(e.Node), "there is no Go function %q%s", name, near)
	b.r.Mistakes[len(b.r.Mistakes)-1].Missing = name
	return Function{}, false
}
