package steps

import (
	"context"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

func deduplicate() step {
	block := &yamlfile.Block{
		Name: "deduplicate", Doc: "Drops records whose key and id have come before, within a time.",
		Fields: []yamlfile.Field{
			storeName(),
			{Name: "within", Shape: yamlfile.Duration(), Required: true, Doc: "for how long, in event time, an id is remembered from the record that passed"},
			{Name: "id", Shape: yamlfile.Expression(), Doc: "the id, a text or a number; records without value pass then; default: the key alone"},
			{Name: "serde", Shape: yamlfile.Serde(), Doc: "serde of the ids in the store; default: by the expression's type, string if that is not known"},
		},
	}
	return step{
		Field: yamlfile.Field{Name: "deduplicate", Shape: yamlfile.One(block), Doc: "drops records that have come before"},
		advice: []string{
			"use GroupBy, or put Repartition in between", "put repartition in between",
			"leave Timeless out, or keep the ids in a store of a processor", "leave timeless out",
		},
		build: ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) {
			m := e.Mapping
			store, within := m.Text("store"), duration(m, "within")
			if m.Get("id") == nil {
				f.at = made(b.call(f, m.At("store")), func() stream {
					return stream{in.DeduplicateRecords(store, func(*record) string { return "" }, within)}
				})
				return
			}
			p, serde, ok := b.newKey(m, "id", f.scope())
			f.dead = f.dead || !ok
			f.at = made(b.call(f, m.At("store")), func() stream { return b.deduplicate(in, m, p, serde) })
		}),
	}
}

func (b *builder) deduplicate(s stream, m *yamlfile.Mapping, p *expression.Program, serde string) stream {
	store, within, ids := m.Text("store"), duration(m, "within"), topology.KeySerde(value.SerdeOf(serde))
	return stream{b.t.ForFiles(door.Key{}).Deduplicate(s.Stream, store, func(_ context.Context, r *record) (value.Value, error) {
		in := inputsOf(r)
		return p.Key(&in)
	}, within, ids)}
}
