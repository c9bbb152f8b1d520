package steps

import (
	"context"
	"fmt"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// endSteps are the steps that end a chain.
func endSteps(within *yamlfile.Block) []step {
	return []step{split(within), to(), toOneOf(), discard()}
}

func split(within *yamlfile.Block) step {
	branch := &yamlfile.Block{
		Name: "branch",
		Doc:  "Where the records for which a condition holds go; the first branch whose condition holds takes them.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the branch; other streams may start `from` it"},
			{Name: "when", Shape: yamlfile.Expression(), Doc: "condition; a branch without one, the last, takes the rest"},
			{Name: "steps", Shape: yamlfile.Several(within), Doc: "what happens to these records"},
		},
	}
	block := &yamlfile.Block{
		Name: "split", Doc: "Sends each record to the first branch whose condition holds. The last step of its stream.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the step"},
			{Name: "branches", Shape: yamlfile.Several(branch), Required: true, Doc: "the branches, in order"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "split", Shape: yamlfile.One(block), Doc: "sends records to branches"},
		last:  true,
		chains: func(e *yamlfile.Entry) []*yamlfile.Mapping {
			if list := e.Mapping.Get("branches"); list != nil {
				return list.Mappings
			}
			return nil
		},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			m := e.Mapping
			sp := made(b.call(f, e.Pos), func() *topology.Splitter[value.Value, value.Value] { return in.Split(m.Text("name")) })
			list := m.Get("branches")
			if list == nil {
				return
			}
			for i, branch := range list.Mappings {
				part := *f
				b.branch(&part, sp, branch, i == len(list.Mappings)-1)
			}
		}),
	}
}

// branch builds a branch of a split.
func (b *builder) branch(f *flow, sp *topology.Splitter[value.Value, value.Value], m *yamlfile.Mapping, last bool) {
	pos := m.At("name")
	when := m.Get("when")
	switch {
	case when != nil:
		p := b.condition(when.Node, expression.ValueScope(f.value), "when")
		f.at = made(b.call(f, pos), func() stream {
			return stream{b.t.ForFiles(door.Key{}).Branch(sp, m.Text("name"), func(_ context.Context, v value.Value) (bool, error) {
				return p.Test(&expression.Inputs{Value: v})
			})}
		})
	case !last:
		b.r.Fail(pos, "only the last branch goes without a condition: it takes the rest; add when, or move it to the end")
		f.dead = true
	default:
		f.at = made(b.call(f, pos), func() stream { return stream{sp.Rest()} })
	}
	start := *f
	if d, ok := b.names[m.Text("name")]; ok && d.stream == m {
		d.flowed = &start
	}
	if steps := m.Get("steps"); steps != nil {
		b.chain(f, steps.Mappings)
	}
}

func to() step {
	block := &yamlfile.Block{
		Name: "to", Doc: "Writes records to a topic. The last step of its stream.", Short: "topic",
		Fields: []yamlfile.Field{
			{Name: "topic", Shape: yamlfile.Text(), Required: true, Doc: "the topic"},
			{Name: "key", Shape: yamlfile.Serde(), Doc: "serde of the keys; default: as they have"},
			{Name: "value", Shape: yamlfile.Serde(), Doc: "serde of the values; default: as they have, json after any change"},
			partitionField(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "to", Shape: yamlfile.One(block), Doc: "writes records to a topic"},
		last:  true,
		build: anywhere(func(b *builder, f *flow, e *yamlfile.Entry) {
			m := e.Mapping
			at, topic, wanted := m.At("topic"), m.Text("topic"), m.Text("value")
			if counts, ok := f.at.(table[int64]); ok && (wanted == "" || wanted == "int64") {
				p := b.partition(f, m)
				b.call(f, at).run(func() { choosing(b, withKey(b, f, m, counts.ToStream()), p).To(topic) })
				b.writes(at, topic, keySerde(f, m), "int64", value.IntType)
				return
			}
			in := b.records(f, e.Pos, e.Name)
			serde, p := b.valueSerde(f, m), b.partition(f, m)
			b.call(f, at).run(func() { choosing(b, written(b, f, m, in, serde), p).To(topic) })
			b.writes(at, topic, keySerde(f, m), serde, f.value)
		}),
	}
}

func toOneOf() step {
	block := &yamlfile.Block{
		Name: "to-one-of", Doc: "Writes each record to one of several topics. The last step of its stream.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the step"},
			{Name: "topics", Shape: yamlfile.Texts(), Required: true, Doc: "the topics"},
			{Name: "topic", Shape: yamlfile.Expression(), Required: true, Doc: "which of them; another one is an error of the record"},
			{Name: "key", Shape: yamlfile.Serde(), Doc: "serde of the keys; default: as they have"},
			{Name: "value", Shape: yamlfile.Serde(), Doc: "serde of the values; default: as they have, json after any change"},
			partitionField(),
		},
	}
	return step{
		Field: yamlfile.Field{Name: "to-one-of", Shape: yamlfile.One(block), Doc: "writes each record to one of several topics"},
		last:  true,
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			m := e.Mapping
			which, topics := m.Get("topic"), m.Texts("topics")
			if which == nil {
				f.dead = true
				return
			}
			choose := b.expression(which.Node, f.scope())
			switch choose.Type.Kind {
			case value.StringKind, value.AnyKind:
			default:
				b.r.Fail(yamlfile.At(which.Node), "the name of a topic is a text; this is of type %s", choose.Type)
			}
			serde, p := b.valueSerde(f, m), b.partition(f, m)
			b.call(f, m.At("name")).run(func() {
				s := choosing(b, written(b, f, m, in, serde), p)
				b.t.ForFiles(door.Key{}).ToOneOf(s, m.Text("name"), topics, func(_ context.Context, r *record) (string, error) {
					in := inputsOf(r)
					v, err := choose.Eval(&in)
					if err != nil {
						return "", err
					}
					topic, ok := v.(string)
					if !ok {
						return "", choose.Fail(fmt.Errorf("the name of a topic is a text, this is of type %s", value.Kind(v)))
					}
					return topic, nil
				})
			})
			for _, topic := range topics {
				b.writes(m.At("topics"), topic, keySerde(f, m), serde, f.value)
			}
		}),
	}
}

// valueSerde is the serde of the values of a step that writes.
func (b *builder) valueSerde(f *flow, m *yamlfile.Mapping) string {
	wanted := m.Text("value")
	if wanted == "" {
		return f.valueSerde
	}
	b.fits(m.At("value"), "the value", f.value, wanted)
	return wanted
}

// written is the stream as it is written, with the serdes that a step says.
func written(b *builder, f *flow, m *yamlfile.Mapping, in stream, serde string) topology.Stream[value.Value, value.Value] {
	s := withKey(b, f, m, in.Stream)
	if serde != f.valueSerde {
		s = s.WithValueSerde(value.SerdeOf(serde))
	}
	return s
}

// keySerde is the serde of the keys of a to step.
func keySerde(f *flow, m *yamlfile.Mapping) string {
	if k := m.Text("key"); k != "" {
		return k
	}
	return f.keySerde
}

func withKey[V any](b *builder, f *flow, m *yamlfile.Mapping, s topology.Stream[value.Value, V]) topology.Stream[value.Value, V] {
	if k := m.Get("key"); k != nil {
		b.fits(yamlfile.At(k.Node), "the key", f.key, k.Node.Value)
		if k.Node.Value != f.keySerde {
			return s.WithKeySerde(value.SerdeOf(k.Node.Value))
		}
	}
	return s
}

func discard() step {
	return step{
		Field: yamlfile.Field{Name: "discard", Shape: yamlfile.Flag(), Doc: "true: it is meant that the stream ends here, and nothing reads its records"},
		last:  true,
		build: anywhere(func(b *builder, f *flow, e *yamlfile.Entry) {
			if e.Node.Value != "true" {
				b.r.Fail(yamlfile.At(e.Node), "discard is true, or is left out")
				return
			}
			if _, ok := f.at.(emitting); ok {
				return // a table, whose state is kept
			}
			s := b.records(f, e.Pos, e.Name)
			b.call(f, e.Pos).run(func() { s.Discard() })
		}),
	}
}
