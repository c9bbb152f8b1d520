package topoyaml

import (
	"cmp"
	"errors"
	"slices"

	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/steps"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Options are what a file may need from the program that loads it. The zero value is good.
type Options struct {
	// Lookup finds the variables of ${NAME}, as os.LookupEnv does. nil: none is set.
	Lookup func(name string) (value string, ok bool)
	// Registry holds the Go functions that steps name; nil: none.
	Registry *Registry
	// Functions are names of Go functions that the program that will run the file registers. A file
	// with them can be checked by one that does not have them; its plan is not to be run.
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
// All mistakes are returned at once: an error that joins one *[Error] for each, in the order of
// their lines.
func Load(path string, data []byte, opts Options) (*File, error) {
	var functions map[string]steps.Function
	if opts.Registry != nil {
		functions = opts.Registry.functions
	}
	of, mistakes := steps.Read(path, data, steps.Given{Lookup: opts.Lookup, Functions: functions, Checked: opts.Functions})
	if len(mistakes) > 0 {
		return nil, joined(path, mistakes)
	}
	f := &File{plan: of.Plan}
	for _, s := range of.Sources {
		f.sources = append(f.sources, &Source{s})
	}
	for _, s := range of.Sinks {
		f.sinks = append(f.sinks, &Sink{s})
	}
	return f, nil
}

// joined is an error of mistakes, sorted by place and without repetitions.
func joined(path string, mistakes []yamlfile.Mistake) error {
	slices.SortStableFunc(mistakes, func(a, b yamlfile.Mistake) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	var errs []error
	for _, m := range slices.Compact(mistakes) {
		errs = append(errs, &Error{File: path, Line: m.Pos.Line, Column: m.Pos.Column, Message: m.Message, Missing: m.Missing})
	}
	return errors.Join(errs...)
}
