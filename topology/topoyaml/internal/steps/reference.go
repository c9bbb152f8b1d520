package steps

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/aggregate"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// Reference is the part of docs/yaml.md that follows from the tables: every block with its fields, the functions and the serdes.
func Reference() string {
	var s strings.Builder
	for _, b := range NewGrammar().Blocks {
		fmt.Fprintf(&s, "### %s\n\n%s", b.Name, b.Doc)
		if b.Short != "" && b.Texts == nil {
			fmt.Fprintf(&s, " A text alone stands for `%s`.", b.Short)
		}
		s.WriteString("\n\n| field | holds | meaning |\n|---|---|---|\n")
		for _, f := range b.Fields {
			name := "`" + f.Name + "`"
			if f.Required {
				name += " (required)"
			}
			fmt.Fprintf(&s, "| %s | %s | %s |\n", name, holds(&f), escape(f.Doc))
		}
		if b.Rest != nil {
			fmt.Fprintf(&s, "| any other name | %s | %s |\n", holds(b.Rest), escape(b.Rest.Doc))
		}
		s.WriteByte('\n')
	}
	s.WriteString("### Aggregate functions\n\n")
	for _, f := range aggregate.Functions {
		fmt.Fprintf(&s, "- %s\n", f.Doc)
	}
	s.WriteString("\n### Functions of kolk\n\n")
	for _, f := range expression.OwnFunctions {
		fmt.Fprintf(&s, "- %s\n", f.Doc)
	}
	s.WriteString("\n### Serdes\n\n")
	for _, name := range value.FormatNames {
		f, _ := value.FormatOf(name)
		fmt.Fprintf(&s, "- `%s`: expressions see %s\n", name, seen(f.Type))
	}
	return s.String()
}

func seen(t *value.Type) string {
	if t.Kind == value.AnyKind {
		return "what the JSON holds"
	}
	return "type " + t.String()
}

func holds(f *yamlfile.Field) string {
	switch f.Shape {
	case yamlfile.ShapeTexts:
		return "text or list of texts"
	case yamlfile.ShapeExpression:
		return "expression"
	case yamlfile.ShapeTemplate:
		return "template"
	case yamlfile.ShapeColumn:
		return "aggregate function"
	case yamlfile.ShapeFlag:
		return "true or false"
	case yamlfile.ShapeNumber:
		return "whole number"
	case yamlfile.ShapeDuration:
		return "duration"
	case yamlfile.ShapeSerde:
		return "serde"
	case yamlfile.ShapeEnum:
		return "`" + strings.Join(f.Enum, "`, `") + "`"
	case yamlfile.ShapeSchema:
		return "names and types"
	case yamlfile.ShapeBlock:
		return "[" + f.Block.Name + "](#" + f.Block.Name + ")"
	case yamlfile.ShapeBlocks:
		return "list of [" + f.Block.Name + "](#" + f.Block.Name + ")"
	case yamlfile.ShapeNamed:
		return "name: [" + f.Block.Name + "](#" + f.Block.Name + ")"
	}
	return "text"
}

func escape(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
