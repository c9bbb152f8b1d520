package steps

import (
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// stage is what a chain of steps has come to.
type stage uint8

const (
	streamStage stage = iota
	tableStage
	countStage // a table of counts
	groupStage
	windowStage      // a group with windows
	windowTableStage // the result of aggregating windows
	windowCountStage
)

// flow is a chain of steps so far: one of the DSL's handles, and what is known of its keys and values.
//
// A dead flow comes from something that does not exist or cannot be built: its steps are checked, but not built.
type flow struct {
	dead        bool
	stage       stage
	key, value  *value.Type
	keyFormat   string
	valueFormat string

	stream      topology.Stream[value.Value, value.Value]
	table       topology.Table[value.Value, value.Value]
	counts      topology.Table[value.Value, int64]
	grouped     topology.Grouped[value.Value, value.Value]
	windowed    topology.WindowedGroup[value.Value, value.Value]
	windowTable topology.WindowedTable[value.Value, value.Value]
	windowCount topology.WindowedTable[value.Value, int64]
}

// scope is what the expressions of a step see.
func (f *flow) scope() expression.Scope { return expression.RecordScope(f.key, f.value) }

// build runs calls of the DSL for a step, unless the flow is dead.
func (b *builder) build(f *flow, p yamlfile.Position, call func()) {
	if f.dead {
		return
	}
	b.t.ForFiles(door.Key{}).At(b.where(p))
	defer b.t.ForFiles(door.Key{}).At("")
	call()
}

// toStream makes a stream of what the flow is, if that is possible without saying more.
func (b *builder) toStream(f *flow, p yamlfile.Position, step string) {
	switch f.stage {
	case streamStage:
		return
	case tableStage:
		b.build(f, p, func() { f.stream = f.table.ToStream().WithValueSerde(value.SerdeOf(f.valueFormat)) })
	case countStage:
		b.build(f, p, func() {
			f.stream = f.counts.ToStream().MapValues(func(n int64) value.Value { return n }).WithValueSerde(value.SerdeOf(f.valueFormat))
		})
	case groupStage, windowStage:
		b.r.Fail(p, "%s cannot follow a group; count, reduce or aggregate comes first", step)
		f.dead = true
	case windowTableStage, windowCountStage:
		b.r.Fail(p, "%s cannot follow the aggregate of a window directly; a step result, with the key and the value of the records, comes first", step)
		f.dead = true
	}
	f.stage = streamStage
}

// needs reports a step that comes at the wrong place.
func (b *builder) needs(f *flow, p yamlfile.Position, ok bool, step, what string) bool {
	if ok || f.dead {
		return true
	}
	b.r.Fail(p, "%s needs %s before it", step, what)
	f.dead = true
	return false
}

// withValue sets the stream after its values have changed: from here on they are JSON.
func (f *flow) withValue(s topology.Stream[value.Value, value.Value], t *value.Type) {
	f.stream = s.WithValueSerde(value.JSONSerde{})
	f.setValue(t)
}

func (f *flow) setValue(t *value.Type) { f.value, f.valueFormat = t, "json" }
