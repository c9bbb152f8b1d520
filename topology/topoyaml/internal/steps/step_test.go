package steps

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Every step is whole: it has what the documentation, the schema and the builder need of it.
func TestDefinitions(t *testing.T) {
	g := newGrammar()
	if len(g.steps) < 19 {
		t.Errorf("%d steps", len(g.steps))
	}
	list := definitions(&yamlfile.Block{Name: "step"})
	if len(list) != len(g.steps) {
		t.Errorf("of %d steps, two have the same name", len(list))
	}
	for _, s := range list {
		switch {
		case s.Name == "" || s.Doc == "" || strings.HasSuffix(s.Doc, "."):
			t.Errorf("step %q: %q is no line of a table", s.Name, s.Doc)
		case s.build == nil:
			t.Errorf("step %s is not built", s.Name)
		case len(s.advice)%2 != 0:
			t.Errorf("step %s: advice without what it means", s.Name)
		case s.chains != nil && s.last == s.aside:
			t.Errorf("step %s: what follows it, where chains begin in it?", s.Name)
		}
	}
	names := map[string]bool{}
	for _, b := range Blocks() {
		if names[b.Name] || b.Name == "" || !strings.HasSuffix(b.Doc, ".") {
			t.Errorf("block %q: its name is not its own, or %q is no sentence", b.Name, b.Doc)
		}
		names[b.Name] = true
		fields := map[string]bool{}
		for _, f := range b.Fields {
			if fields[f.Name] || f.Name == "" || f.Doc == "" {
				t.Errorf("block %s: the field %q is there twice, or has no documentation", b.Name, f.Name)
			}
			fields[f.Name] = true
		}
		for _, name := range append(b.One, b.Short) {
			if name != "" && !fields[name] {
				t.Errorf("block %s has no field %q", b.Name, name)
			}
		}
	}
}
