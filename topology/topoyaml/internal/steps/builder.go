package steps

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Given is what a file may need from the program that loads it.
type Given struct {
	// Lookup finds the variables of ${NAME}, as os.LookupEnv does. nil: none is set.
	Lookup func(name string) (value string, ok bool)
	// Functions are the Go functions that process steps name.
	Functions map[string]Function
	// Checked are names of functions that the program that will run the file has: a file with them
	// is checked only.
	Checked []string
}

// Function is a function in Go: a filter or a mapper of values.
type Function struct {
	Filter func(context.Context, value.Value) (bool, error)
	Mapper func(context.Context, value.Value) (value.Value, error)
}

// File is what a file says.
type File struct {
	Plan    *topology.Plan
	Sources []*Source // in the order of the file
	Sinks   []*Sink   // each once, in the order of the file
}

// Read reads a topology. data is the content of the file, path is what messages call it. With
// mistakes there is no topology.
func Read(path string, data []byte, g Given) (*File, []yamlfile.Mistake) {
	b := newBuilder(path, g)
	f := b.load(data)
	return f, b.r.Mistakes
}

// builder turns a file into calls of the DSL.
type builder struct {
	r       *yamlfile.Reader
	exprs   *expression.Compiler
	grammar *grammar
	given   Given
	t       *topology.Topology

	sources []*Source
	sinks   []*Sink
	names   map[string]*definition
	read    map[string]bool // the names that streams and joins refer to
	order   []string        // names in the order of the file
	path    []*definition
}

func newBuilder(path string, g Given) *builder {
	return &builder{
		r:       yamlfile.NewReader(path, g.Lookup),
		exprs:   expression.NewCompiler(),
		grammar: newGrammar(),
		given:   g,
		names:   map[string]*definition{},
		read:    map[string]bool{},
	}
}

func (b *builder) load(data []byte) *File {
	root := b.r.Parse(data)
	if root == nil {
		return nil
	}
	m := b.r.Read(root, b.grammar.file)
	if m == nil {
		return nil
	}
	var opts []topology.Option
	if m.Text("time") == "kafka-streams" {
		opts = append(opts, topology.KafkaStreamsTime)
	}
	// That the name is missing has been said.
	b.t = topology.New(cmp.Or(m.Text("name"), "unnamed"), opts...)
	if e := m.Get("sources"); e != nil {
		for i, def := range e.Mappings {
			name := e.Names[i]
			s := b.source(name.Name, name.Pos, def)
			b.sources = append(b.sources, s)
			b.define(name.Name, &definition{pos: name.Pos, source: s})
		}
	}
	var streams []*definition
	if e := m.Get("streams"); e != nil {
		for _, def := range e.Mappings {
			d := &definition{pos: def.Pos, stream: def}
			if n := def.Get("name"); n != nil {
				d.pos = yamlfile.At(n.Node)
				b.define(n.Node.Value, d)
			}
			b.branches(d, def)
			streams = append(streams, d)
		}
		if len(e.Mappings) == 0 && len(b.r.Mistakes) == 0 {
			b.r.Fail(yamlfile.At(e.Node), "streams is empty, so the topology does nothing")
		}
	}
	for _, d := range streams {
		b.flow(d)
	}
	if len(b.r.Mistakes) == 0 {
		// after a mistake, something may be missing that would have read the records
		b.unread(streams)
	}
	// What the DSL finds is reported too. With mistakes before, some of the topology is missing,
	// and so nothing is said of it as a whole.
	found := len(b.r.Mistakes)
	plan, err := b.t.Build()
	if err != nil {
		b.mistakes(err, m.At("name"), found == 0)
	}
	if len(b.r.Mistakes) > 0 {
		return nil
	}
	return &File{Plan: plan, Sources: b.sources, Sinks: b.sinks}
}

// mistakes takes over what Build has found. What has no place in the file gets the fallback, if it
// is wanted.
func (b *builder) mistakes(err error, fallback yamlfile.Position, whole bool) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range all.Unwrap() {
			b.mistakes(err, fallback, whole)
		}
		return
	}
	m, ok := errors.AsType[*topology.Mistake](err)
	if !ok {
		if whole {
			b.r.Fail(fallback, "%v", err)
		}
		return
	}
	if m.Unread && !whole {
		return
	}
	p, text, placed := fallback, m.Text, false
	if parts := strings.Split(m.Pos, ":"); len(parts) >= 3 {
		line, err1 := strconv.Atoi(parts[len(parts)-2])
		column, err2 := strconv.Atoi(parts[len(parts)-1])
		if err1 == nil && err2 == nil {
			p, placed = yamlfile.Position{Line: line, Column: column}, true
		}
	}
	if !placed && !whole && !strings.HasPrefix(m.Text, "the topology's name") {
		return
	}
	if m.Node != "" {
		text = m.Node + ": " + text
	}
	b.r.Fail(p, "%s", b.grammar.advice.Replace(text))
}

// definition is what a name stands for: a source, a stream or a branch of one.
type definition struct {
	pos    yamlfile.Position
	source *Source
	stream *yamlfile.Mapping
	parent *definition // of a branch: the stream that splits
	flowed *flow
	state  buildState
}

type buildState uint8

const (
	untouched buildState = iota
	building
	finished
)

// define gives a name a meaning. Sources, streams and branches share their names.
func (b *builder) define(name string, d *definition) {
	if first, ok := b.names[name]; ok {
		b.r.Fail(d.pos, "the name %q is taken in line %d; sources, streams and branches need different names", name, first.pos.Line)
		return
	}
	b.names[name] = d
	b.order = append(b.order, name)
}

// branches defines the branches of a stream's steps, also those within branches.
func (b *builder) branches(parent *definition, def *yamlfile.Mapping) {
	e := def.Get("steps")
	if e == nil {
		return
	}
	for _, step := range e.Mappings {
		for i := range step.Entries {
			for _, branch := range b.grammar.within(&step.Entries[i]) {
				if n := branch.Get("name"); n != nil {
					b.define(n.Node.Value, &definition{pos: yamlfile.At(n.Node), stream: branch, parent: parent})
				}
				b.branches(parent, branch)
			}
		}
	}
}
