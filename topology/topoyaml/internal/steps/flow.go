package steps

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// flow is a chain of steps so far: what it has come to, and what is known of its keys and values.
type flow struct {
	// dead: something before does not exist or cannot be built. The steps are checked, but not
	// built.
	dead bool
	at   point

	key, value           *value.Type
	keySerde, valueSerde string
}

// deadFlow stands for a flow that does not exist.
func deadFlow() *flow {
	return &flow{dead: true, at: stream{}, key: value.AnyType, value: value.AnyType, keySerde: "string", valueSerde: "json"}
}

// scope is what the expressions of most steps see.
func (f *flow) scope() expression.Scope { return expression.RecordScope(f.key, f.value) }

// setKey notes what keys are after a step that makes new ones.
func (f *flow) setKey(t *value.Type, serde string) {
	f.key, f.keySerde = t, serde
	if of, ok := value.FormatOf(serde); ok && of.Type.Kind != value.AnyKind {
		f.key = of.Type // behind the serde, it is that
	}
}

// setValue notes what values are after a step that makes new ones, which are JSON from there on.
func (f *flow) setValue(t *value.Type) { f.value, f.valueSerde = t, "json" }

// call makes the calls of the DSL for a step at that place of the file.
func (b *builder) call(f *flow, pos yamlfile.Position) call {
	return call{t: b.t, at: b.r.Where(pos), nothing: f.dead}
}
