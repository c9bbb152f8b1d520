package steps

import (
	"slices"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// step is the definition of a step, and all that is known of it. The check of files, the schema,
// the suggestions and the reference in docs/yaml.md are made of its field.
type step struct {
	// Field is the step's name, what stands behind it, and a line of documentation.
	yamlfile.Field
	// build says where the step may stand and what it does there: see anywhere, ofRecords and
	// behind.
	build func(b *builder, f *flow, e *yamlfile.Entry)
	// last: nothing can follow it.
	last bool
	// advice is what advice of the DSL means in a file: its words and the file's, by turns.
	advice []string
	// chains are the chains of steps that begin in it; nil: none.
	chains func(e *yamlfile.Entry) []*yamlfile.Mapping
	// aside: they are of records that do not go on behind it. Otherwise nothing follows it.
	aside bool
}

// definitions are the steps, in the order of the documentation. within is the block of a step, for
// steps that hold others.
func definitions(within *yamlfile.Block) []step {
	return slices.Concat(recordSteps(), limitSteps(within), topicSteps(), joinSteps(), aggregationSteps(), rowSteps(), endSteps(within))
}

// anywhere lets a step stand behind everything; build sees to it.
func anywhere(build func(*builder, *flow, *yamlfile.Entry)) func(*builder, *flow, *yamlfile.Entry) {
	return build
}

// ofRecords lets a step stand where there are records. A table is read as the stream of its
// changes.
func ofRecords(build func(*builder, *flow, stream, *yamlfile.Entry)) func(*builder, *flow, *yamlfile.Entry) {
	return func(b *builder, f *flow, e *yamlfile.Entry) { build(b, f, b.records(f, e.Pos, e.Name), e) }
}

// behind lets a step stand behind a P, which messages call what. After a mistake, where there is
// none, the step is checked with instead.
func behind[P point](what string, instead P, build func(*builder, *flow, P, *yamlfile.Entry)) func(*builder, *flow, *yamlfile.Entry) {
	return func(b *builder, f *flow, e *yamlfile.Entry) {
		p, ok := f.at.(P)
		switch {
		case !ok && f.dead:
			p = instead
		case !ok:
			b.r.Fail(e.Pos, "%s needs %s before it", e.Name, what)
			f.dead = true
			return
		}
		build(b, f, p, e)
	}
}

// records makes the flow a stream, if it can be one without saying more.
func (b *builder) records(f *flow, pos yamlfile.Position, name string) stream {
	var s stream
	switch from := f.at.(type) {
	case stream:
		return from
	case flowing:
		s = made(b.call(f, pos), func() stream { return from.records(f.valueSerde) })
	default:
		b.r.Fail(pos, "%s cannot follow %s", name, from.before())
		f.dead = true
	}
	f.at = s
	return s
}

// chain builds the steps of a stream or a branch. The flow is changed in place.
func (b *builder) chain(f *flow, steps []*yamlfile.Mapping) {
	for i, m := range steps {
		if len(m.Entries) == 0 {
			f.dead = true // the mistake has been reported
			continue
		}
		e := &m.Entries[0]
		s := b.grammar.steps[e.Name]
		s.build(b, f, e)
		if s.last && i < len(steps)-1 {
			b.r.Fail(steps[i+1].Pos, "nothing can follow %s; start another stream from the same place, or move the step before it", e.Name)
			return
		}
	}
}
