package topoyaml

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
)

// Options are what a file may need from the program that loads it. The zero value is good.
type Options struct {
	// Lookup finds the variables of ${NAME}, as os.LookupEnv does. nil: none is set.
	Lookup func(name string) (value string, ok bool)
	// Registry holds the Go functions that steps name; nil: none.
	Registry *Registry
	// Functions are names of Go functions that the program that will run the file registers. A file with them can
	// be checked by one that does not have them; its plan is not to be run.
	Functions []string
}

// File is a loaded file. It is immutable, and safe for concurrent use.
type File struct {
	plan    *topology.Plan
	sources []*Source
	sinks   []*Sink
}

// Plan is the plan that the file says.
func (f *File) Plan() *topology.Plan { return f.plan }

// Sources are the file's sources, in its order.
func (f *File) Sources() []*Source { return slices.Clone(f.sources) }

// Sinks are the topics that the file writes, in its order, each once.
func (f *File) Sinks() []*Sink { return slices.Clone(f.sinks) }

// Load reads a topology from a YAML file: data is its content, and path is what messages call it.
//
// All mistakes are returned at once: an error that joins one *[Error] for each, in the order of their lines.
func Load(path string, data []byte, opts Options) (*File, error) {
	b := newBuilder(path, opts)
	f := b.load(data)
	if len(b.r.mistakes) > 0 {
		return nil, joined(b.r.mistakes)
	}
	return f, nil
}

// joined sorts mistakes by place and leaves out repetitions.
func joined(mistakes []error) error {
	slices.SortStableFunc(mistakes, func(a, b error) int {
		x, xok := errors.AsType[*Error](a)
		y, yok := errors.AsType[*Error](b)
		if !xok || !yok {
			return 0
		}
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	mistakes = slices.CompactFunc(mistakes, func(a, b error) bool { return a.Error() == b.Error() })
	return errors.Join(mistakes...)
}

// builder turns a file into calls of the DSL.
type builder struct {
	r        *reader
	exprs    *exprCompiler
	registry *Registry
	checked  []string // functions that are only known by name
	t        *topology.Topology

	sources []*Source
	sinks   []*Sink
	names   map[string]*definition
	read    map[string]bool // the names that streams and joins refer to
	order   []string        // names in the order of the file
	path    []*definition
}

func newBuilder(file string, opts Options) *builder {
	lookup := opts.Lookup
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	return &builder{
		r:        &reader{file: file, lookup: lookup, replaced: map[*yaml.Node]bool{}, broken: map[*yaml.Node]bool{}, unknown: map[string]bool{}},
		exprs:    &exprCompiler{lib: functions.NewLibrary()},
		registry: opts.Registry,
		names:    map[string]*definition{},
		read:     map[string]bool{},
		checked:  opts.Functions,
	}
}

func (b *builder) load(data []byte) *File {
	root := b.r.parse(data)
	if root == nil {
		return nil
	}
	m := b.r.mapping(root, newGrammar().file)
	if m == nil {
		return nil
	}
	b.t = topology.New(cmp.Or(m.text("name"), "unnamed")) // that it is missing has been said
	if e := m.get("sources"); e != nil {
		for i, def := range e.mappings {
			name := e.names[i]
			s := b.source(name.name, name.pos, def)
			b.sources = append(b.sources, s)
			b.define(name.name, &definition{pos: name.pos, source: s})
		}
	}
	var streams []*definition
	if e := m.get("streams"); e != nil {
		for _, def := range e.mappings {
			d := &definition{pos: def.pos, stream: def}
			if n := def.get("name"); n != nil {
				d.pos = at(n.node)
				b.define(n.node.Value, d)
			}
			b.branches(d, def)
			streams = append(streams, d)
		}
		if len(e.mappings) == 0 && len(b.r.mistakes) == 0 {
			b.r.fail(at(e.node), "streams is empty, so the topology does nothing")
		}
	}
	for _, d := range streams {
		b.flow(d)
	}
	if len(b.r.mistakes) == 0 { // after a mistake, something may be missing that would have read the records
		b.unread(streams)
	}
	// What the DSL finds is reported too. With mistakes before, some of the topology is missing, and so nothing is said of it as a
	// whole.
	found := len(b.r.mistakes)
	plan, err := b.t.Build()
	if err != nil {
		b.mistakes(err, m.at("name"), found == 0)
	}
	if len(b.r.mistakes) > 0 {
		return nil
	}
	return &File{plan: plan, sources: b.sources, sinks: b.sinks}
}

// mistakes takes over what Build has found. What has no place in the file gets the fallback, if it is wanted.
func (b *builder) mistakes(err error, fallback position, whole bool) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range all.Unwrap() {
			b.mistakes(err, fallback, whole)
		}
		return
	}
	m, ok := errors.AsType[*topology.Mistake](err)
	if !ok {
		if whole {
			b.r.fail(fallback, "%v", err)
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
			p, placed = position{line, column}, true
		}
	}
	if !placed && !whole && !strings.HasPrefix(m.Text, "the topology's name") {
		return
	}
	if m.Node != "" {
		text = m.Node + ": " + text
	}
	b.r.fail(p, "%s", inYAML.Replace(text))
}

// inYAML says what the DSL's advice means in a file.
var inYAML = strings.NewReplacer(
	"GroupByKey needs", "group: by-key needs",
	"use GroupBy, or put Repartition in between", "use group with by, or put repartition in between",
	"with WithKeySerde and Repartition", "with select-key and repartition",
	"say EachUpdate, or Final for windows", "say emit: each-update, or emit: final for windows",
	"put InOrder behind it instead", "put in-order behind it instead",
	"Put InOrder behind both instead", "Put in-order behind both instead",
	"leave Timeless out", "leave timeless out",
	"InOrder", "in-order",
)

// definition is what a name stands for: a source, a stream or a branch of one.
type definition struct {
	pos    position
	source *Source
	stream *mapping
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
		b.r.fail(d.pos, "the name %q is taken in line %d; sources, streams and branches need different names", name, first.pos.line)
		return
	}
	b.names[name] = d
	b.order = append(b.order, name)
}

// branches defines the branches of a stream's splits, also those within branches.
func (b *builder) branches(parent *definition, def *mapping) {
	e := def.get("steps")
	if e == nil {
		return
	}
	for _, step := range e.mappings {
		split := step.get("split")
		if split == nil || split.mapping == nil {
			continue
		}
		list := split.mapping.get("branches")
		if list == nil {
			continue
		}
		for _, branch := range list.mappings {
			if n := branch.get("name"); n != nil {
				b.define(n.node.Value, &definition{pos: at(n.node), stream: branch, parent: parent})
			}
			b.branches(parent, branch)
		}
	}
}
