package testfile

import (
	"cmp"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Open reads the topology that a file of tests is of: its path is what the file says, from the
// directory of the file of tests. lookup finds what the file says of the topology's variables, and
// only that.
type Open func(path string, lookup func(name string) (value string, ok bool)) (*topoyaml.File, error)

// Suffixes are what names of files of tests end in.
func Suffixes() []string { return []string{".test.yaml", ".test.yml"} }

// TopologyOf returns the path of the topology that a file of tests is of if it does not say
// another; ok is false if the path ends in none of [Suffixes].
func TopologyOf(path string) (topology string, ok bool) {
	for _, suffix := range Suffixes() {
		if base, found := strings.CutSuffix(path, suffix); found {
			return base + filepath.Ext(suffix), true
		}
	}
	return "", false
}

// Load reads a file of tests: data is its content, and path its path, which messages call it by.
// open reads the topology; its error is returned as it is.
//
// All mistakes are returned at once: an error that joins one *[topoyaml.Error] for each, in the
// order of their lines.
func Load(path string, data []byte, open Open) (*File, error) {
	r := yamlfile.NewReader(path, nil)
	r.Literal = true
	r.Empty = "a file of tests begins with tests:"
	root := r.Parse(data)
	var m *yamlfile.Mapping
	if root != nil {
		m = r.Read(root, grammar())
	}
	if m == nil || m.Get("tests") == nil {
		return nil, joined(path, r.Mistakes)
	}
	of, known := TopologyOf(path)
	if e := m.Get("topology"); e != nil {
		of, known = filepath.Join(filepath.Dir(path), e.Node.Value), true
	}
	if !known {
		r.Fail(m.Pos, "the topology is missing: name its file, topology: FILE, or give this file the topology's name with .test.yaml")
		return nil, joined(path, r.Mistakes)
	}
	variables := map[string]string{}
	if e := m.Get("variables"); e != nil {
		for name, n := range pairs(e.Node) {
			variables[name.Value] = n.Value
		}
	}
	file, err := open(of, func(name string) (string, bool) {
		v, ok := variables[name]
		return v, ok
	})
	if err != nil {
		return nil, err
	}
	l := &loader{r: r, file: file, plan: file.Plan().ForRuntime(flow.Key{}), nodes: nodesOf(file)}
	f := &File{path: path, topology: file}
	for _, m := range m.Get("tests").Mappings {
		f.tests = append(f.tests, l.test(m))
	}
	if len(f.tests) == 0 && len(r.Mistakes) == 0 {
		r.Fail(m.At("tests"), "tests is empty, so nothing is tested")
	}
	seen := map[string]int{}
	for _, t := range f.tests {
		if line, ok := seen[t.Name]; ok && t.Name != "" {
			r.Fail(yamlfile.Position(t.Position), "the test %q is there already, in line %d; give it a name of its own", t.Name, line)
			continue
		}
		seen[t.Name] = t.Line
	}
	if len(r.Mistakes) > 0 {
		return nil, joined(path, r.Mistakes)
	}
	return f, nil
}

// joined is an error of mistakes, in the order of their places.
func joined(path string, mistakes []yamlfile.Mistake) error {
	slices.SortStableFunc(mistakes, func(a, b yamlfile.Mistake) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	var errs []error
	for _, m := range slices.Compact(mistakes) {
		errs = append(errs, &topoyaml.Error{File: path, Line: m.Pos.Line, Column: m.Pos.Column, Message: m.Message})
	}
	return errors.Join(errs...)
}

// pairs are the names and values of a mapping.
func pairs(n *yaml.Node) func(yield func(name, value *yaml.Node) bool) {
	return func(yield func(name, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// loader makes tests of the blocks of a file.
type loader struct {
	r    *yamlfile.Reader
	file *topoyaml.File
	plan *flow.Plan
	// nodes are the names of the topology's nodes.
	nodes []string
	last  int64 // the time of the last record that is sent, in the test at hand
}

// nodesOf are the names of a topology's nodes, in order.
func nodesOf(file *topoyaml.File) (nodes []string) {
	for _, sub := range file.Plan().Describe().SubTopologies {
		for _, n := range sub.Nodes {
			nodes = append(nodes, n.Name)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

func (l *loader) test(m *yamlfile.Mapping) *Test {
	t := &Test{Name: m.Text("name"), Position: position(m.Pos), Partitions: 1, Skip: m.Text("on-error") == skipPolicy, Clock: topology.NoTime}
	l.last = 0
	if n, err := strconv.ParseInt(m.Text("partitions"), 10, 32); err == nil {
		t.Partitions = int32(n)
	}
	switch m.Text("commit") {
	case eachStep:
		t.CommitEach = EachStep
	case byHand:
		t.CommitEach = ByHand
	}
	if at := timeOf(m, "clock"); at != nil {
		t.Clock = *at
	}
	e := m.Get("steps")
	if e == nil {
		return t
	}
	compares := false
	for _, m := range e.Mappings {
		s := l.step(m, t)
		t.Steps = append(t.Steps, s)
		compares = compares || s.Fails != "" || slices.Contains([]string{"output", "store", "dropped"}, s.Verb)
	}
	if !compares && len(l.r.Mistakes) == 0 {
		l.r.Fail(m.Pos, "the test compares nothing, so it cannot fail; end it with a step output, store or dropped")
	}
	return t
}

// more says which fields say more of which verbs.
func more(field string) []string {
	switch field {
	case "records":
		return []string{"input", "output"}
	case "entries":
		return []string{"store"}
	case "reasons":
		return []string{"dropped"}
	case "order":
		return []string{"output"}
	case "fails":
		return []string{"input", "advance", "commit", "restart", "end-of-input"}
	}
	return nil
}

// anyOf is "a", "a or b", "a, b or c".
func anyOf(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func (l *loader) step(m *yamlfile.Mapping, t *Test) *Step {
	s := &Step{Position: position(m.Pos), Fails: m.Text("fails")}
	for _, verb := range verbs() {
		if e := m.Get(verb); e != nil {
			s.Verb, s.Position = verb, position(e.Pos)
			break
		}
	}
	if s.Verb == "" {
		return s // which has been said
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		if of := more(e.Name); of != nil && !slices.Contains(of, s.Verb) {
			l.r.Fail(e.Pos, "%s belongs to a step with %s, not %s; remove it", e.Name, anyOf(of), s.Verb)
		}
	}
	// need returns a field that the verb cannot do without.
	need := func(field string) *yamlfile.Entry {
		e := m.Get(field)
		if e == nil && !m.Has(field) {
			none := "[]"
			if field == "reasons" {
				none = "{}"
			}
			l.r.Fail(m.Pos, "%s needs %s; if there are none, write %s: %s", s.Verb, field, field, none)
		}
		return e
	}
	verb := m.Get(s.Verb)
	switch s.Verb {
	case "input":
		s.Input = &Input{Topic: verb.Node.Value}
		of, ok := l.topic(verb)
		if e := need("records"); e != nil && ok {
			for _, m := range e.Mappings {
				s.Input.Records = append(s.Input.Records, l.sent(m, verb.Node.Value, of, t))
			}
			if len(e.Mappings) == 0 && len(e.Node.Content) == 0 {
				l.r.Fail(yamlfile.At(e.Node), "records is empty, so nothing is sent; remove the step")
			}
		}
	case "output":
		s.Output = &Output{Topic: verb.Node.Value, at: s.Position, order: cmp.Or(m.Text("order"), exactly)}
		of, ok := l.topic(verb)
		s.Output.serdes = of
		if e := need("records"); e != nil && ok {
			for _, m := range e.Mappings {
				x := l.expectation(m, of, t)
				s.Output.records = append(s.Output.records, x)
				if s.Output.order == byKey && m.Get("key") == nil {
					l.r.Fail(m.Pos, "order: by-key compares the records of each key, and this one has no key; write it, or key: null for a record without one")
				}
			}
		}
	case "store":
		s.Store = &Store{Name: verb.Node.Value, at: s.Position}
		of, windowed, ok := l.store(verb)
		s.Store.serdes = of
		if e := need("entries"); e != nil && ok {
			for _, m := range e.Mappings {
				for _, field := range []string{"window", "window-end"} {
					if w := m.Get(field); w != nil && !windowed {
						l.r.Fail(w.Pos, "the store %q has no windows; remove the field", verb.Node.Value)
					}
				}
				s.Store.entries = append(s.Store.entries, l.expectation(m, of, t))
			}
		}
	case "dropped":
		s.Dropped = l.dropped(verb, s.Position, need("reasons"))
	case "advance":
		if verb.Mapping == nil {
			break
		}
		s.AdvanceTime = timeOf(verb.Mapping, "time")
		if d, err := functions.ParseDuration(verb.Mapping.Text("clock")); err == nil {
			s.AdvanceClock = d.Milliseconds()
		}
	case "crash":
		s.Crash, s.LosingState = true, verb.Node.Value == losingState
	case "commit", "restart", "end-of-input":
		if !m.Flag(s.Verb) {
			l.r.Fail(yamlfile.At(verb.Node), "%s: false does nothing; remove the step", s.Verb)
		}
		s.Commit, s.Restart, s.EndOfInput = s.Verb == "commit", s.Verb == "restart", s.Verb == "end-of-input"
	}
	return s
}

// timeOf returns a field that is a time, or nil.
func timeOf(m *yamlfile.Mapping, name string) *int64 {
	if m.Get(name) == nil {
		return nil
	}
	at, err := text.ParseTime(m.Text(name))
	if err != nil {
		return nil
	}
	return &at
}

// topic returns the serdes of a topic.
func (l *loader) topic(e *yamlfile.Entry) (flow.Texts, bool) {
	of, ok := l.plan.TopicTexts(e.Node.Value)
	if !ok {
		l.r.Fail(yamlfile.At(e.Node), "the topology has no topic %q%s", e.Node.Value, suggest.For(e.Node.Value, slices.Sorted(maps.Keys(l.plan.Topics))))
	}
	return of, ok
}

// store returns the serdes of a store or a global table.
func (l *loader) store(e *yamlfile.Entry) (of flow.Texts, windowed, ok bool) {
	name := e.Node.Value
	var names []string
	for _, sub := range l.plan.SubTopologies {
		for _, s := range sub.Stores {
			if !s.Kind.Entries() {
				if s.Name == name {
					l.r.Fail(yamlfile.At(e.Node), "the store %q is of the kind %s, whose entries are no keys and values; compare what comes of it with output", name, s.Kind)
					return of, false, false
				}
				continue
			}
			if of, ok := l.plan.Stores[s.Name]; ok {
				names = append(names, s.Name)
				if s.Name == name {
					return of, s.Kind.Windowed(), true
				}
			}
		}
	}
	for _, g := range l.plan.Globals {
		names = append(names, g.Name)
		if g.Name == name {
			return l.plan.Topics[g.Topic], false, true
		}
	}
	slices.Sort(names)
	l.r.Fail(yamlfile.At(e.Node), "the topology has no store %q%s", name, suggest.For(name, names))
	return of, false, false
}

// dropped reads how many records a node drops.
func (l *loader) dropped(verb *yamlfile.Entry, p Position, reasons *yamlfile.Entry) *Dropped {
	d := &Dropped{Node: verb.Node.Value, at: p}
	if !slices.Contains(l.nodes, d.Node) {
		l.r.Fail(yamlfile.At(verb.Node), "the topology has no node %q%s", d.Node, suggest.For(d.Node, l.nodes))
	}
	if reasons == nil {
		return d
	}
	for name, n := range pairs(reasons.Node) {
		count, _ := strconv.ParseInt(n.Value, 10, 64)
		d.reasons = append(d.reasons, reason{name.Value, count, at(name)})
	}
	return d
}
