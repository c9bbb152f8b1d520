package steps

import (
	"context"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

func joinWithin() step {
	block := &yamlfile.Block{
		Name: "join-within", Doc: "Joins each record with those of another stream that have its key and are near in time.",
		Fields: []yamlfile.Field{
			{Name: "name", Shape: yamlfile.Text(), Required: true, Doc: "name of the step, with which the names of its state stores begin"},
			{Name: "stream", Shape: yamlfile.Text(), Required: true, Doc: "the other stream: a source or a named stream"},
			{Name: "within", Shape: yamlfile.Duration(), Doc: "how far apart in time records may be to be joined; 0 by default"},
			{Name: "before", Shape: yamlfile.Duration(), Doc: "how far before the record the other one may be, if that is not `within`"},
			{Name: "after", Shape: yamlfile.Duration(), Doc: "how far behind the record the other one may be, if that is not `within`"},
			{Name: "grace", Shape: yamlfile.Duration(), Doc: "how much out of order records may be and still be joined; 0 by default"},
			{Name: "value", Shape: yamlfile.Template(), Required: true, Doc: "the new value, of `left` (the record's) and `right` (the other stream's)"},
			{Name: "left", Shape: yamlfile.Flag(), Doc: "true: records that are joined with nothing make a result too, with null as `right`"},
			{Name: "outer", Shape: yamlfile.Flag(), Doc: "true: so do those of the other stream, with null as `left`"},
		},
	}
	return step{
		Field:  yamlfile.Field{Name: "join-within", Shape: yamlfile.One(block), Doc: "joins with another stream, by key and time"},
		advice: []string{"with WithKeySerde and Repartition", "with select-key and repartition"},
		build:  ofRecords(func(b *builder, f *flow, in stream, e *yamlfile.Entry) { b.joinWithin(f, in, e.Mapping) }),
	}
}

func (b *builder) joinWithin(f *flow, in stream, m *yamlfile.Mapping) {
	other := m.Get("stream")
	if other == nil {
		f.dead = true
		return
	}
	right := b.named(other.Node)
	with, ok := right.at.(stream)
	if !right.dead && !ok {
		b.r.Fail(yamlfile.At(other.Node), "%q is no stream; write join with table: %s to look its rows up", other.Node.Value, other.Node.Value)
		right = deadFlow()
	}
	if !right.dead && right.keySerde != f.keySerde {
		b.r.Fail(yamlfile.At(other.Node), "the keys of the stream are of the serde %s and those of %q of %s; they must be the same", f.keySerde, other.Node.Value, right.keySerde)
		f.dead = true
	}
	f.dead = f.dead || right.dead
	p := b.joined(f, m, right.value)
	bounds := topology.Within(duration(m, "within")).Grace(duration(m, "grace"))
	if m.Get("before") != nil {
		bounds = bounds.Before(duration(m, "before"))
	}
	if m.Get("after") != nil {
		bounds = bounds.After(duration(m, "after"))
	}
	joiner := joinerOf[value.Value](m.Flag("left"), p)
	if m.Flag("outer") {
		joiner = topology.TryOuter(func(_ context.Context, l, r topology.Opt[value.Value]) (value.Value, error) {
			// What is missing is null.
			return p.Eval(&expression.Inputs{Left: l.Value, Right: r.Value})
		})
	}
	f.at = made(b.call(f, m.At("name")), func() stream {
		return stream{in.JoinWithin(m.Text("name"), with.Stream, bounds, joiner).WithValueSerde(value.JSONSerde{})}
	})
	f.setValue(p.Type)
}
