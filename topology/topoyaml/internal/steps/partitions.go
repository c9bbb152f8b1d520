package steps

import (
	"context"
	"fmt"
	"math"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// partitionField is the field of a step that writes a topic.
func partitionField() yamlfile.Field {
	return yamlfile.Field{Name: "partition", Shape: yamlfile.Expression(), Doc: "the partition of a record, from 0 on; one that the topic has not is an error of the record; default: by the key, as Kafka's producers do"}
}

// partition compiles the expression of the partition; nil if there is none.
func (b *builder) partition(f *flow, m *yamlfile.Mapping) *expression.Program {
	e := m.Get("partition")
	if e == nil {
		return nil
	}
	p := b.expression(e.Node, f.scope())
	switch p.Type.Kind {
	case value.IntKind, value.AnyKind:
	default:
		b.r.Fail(yamlfile.At(e.Node), "a partition is a whole number; this is of type %s", p.Type)
	}
	return p
}

// choosing returns the stream with its partitions chosen by an expression, if there is one.
func choosing[V any](b *builder, s topology.Stream[value.Value, V], p *expression.Program) topology.Stream[value.Value, V] {
	if p == nil {
		return s
	}
	return b.t.ForFiles(door.Key{}).WithPartitioner(s, func(_ context.Context, r *topology.Record[value.Value, V], _ int32) (int32, error) {
		v, err := p.Eval(&expression.Inputs{Key: r.Key, Value: r.Value, Time: r.Timestamp, Headers: r.Headers})
		if err != nil {
			return 0, err
		}
		n, ok := v.(int64)
		if !ok || n < 0 || n > math.MaxInt32 {
			return 0, p.Fail(fmt.Errorf("a partition is a whole number from 0 on, this is %v", v))
		}
		return int32(n), nil
	})
}
