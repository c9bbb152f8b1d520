package steps

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Schema is the JSON Schema of files.
func Schema() []byte { return yamlfile.Schema("kolk topology", newGrammar().file) }

// Reference is the part of docs/yaml.md that follows from the definitions: every block with its
// fields, the functions and the serdes.
func Reference() string {
	var s strings.Builder
	s.WriteString(yamlfile.Tables(newGrammar().file))
	s.WriteString("### Aggregate functions\n\n")
	for _, doc := range aggregate.Docs() {
		s.WriteString(yamlfile.Wrap("- ", doc))
	}
	s.WriteString("\n### Functions of kolk\n\n")
	for _, doc := range expression.Docs() {
		s.WriteString(yamlfile.Wrap("- ", doc))
	}
	s.WriteString("\n### Serdes\n\n")
	for _, f := range value.Formats() {
		fmt.Fprintf(&s, "- `%s`: expressions see %s\n", f.Name(), seen(f.Type))
	}
	return s.String()
}

func seen(t *value.Type) string {
	if t.Kind == value.AnyKind {
		return "what the JSON holds"
	}
	return "type " + t.String()
}

// Blocks are the blocks of a file, in the order of the reference.
func Blocks() []*yamlfile.Block { return yamlfile.Blocks(newGrammar().file) }
