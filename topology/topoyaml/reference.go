package topoyaml

import (
	"fmt"
	"strings"
)

// reference is the part of docs/yaml.md that follows from the tables: every block with its fields, the functions and the serdes.
func reference() string {
	var s strings.Builder
	for _, b := range newGrammar().blocks {
		fmt.Fprintf(&s, "### %s\n\n%s", b.name, b.doc)
		if b.short != "" && b.texts == nil {
			fmt.Fprintf(&s, " A text alone stands for `%s`.", b.short)
		}
		s.WriteString("\n\n| field | holds | meaning |\n|---|---|---|\n")
		for _, f := range b.fields {
			name := "`" + f.name + "`"
			if f.required {
				name += " (required)"
			}
			fmt.Fprintf(&s, "| %s | %s | %s |\n", name, holds(&f), escape(f.doc))
		}
		if b.rest != nil {
			fmt.Fprintf(&s, "| any other name | %s | %s |\n", holds(b.rest), escape(b.rest.doc))
		}
		s.WriteByte('\n')
	}
	s.WriteString("### Aggregate functions\n\n")
	for _, f := range aggregateFunctions {
		fmt.Fprintf(&s, "- %s\n", f.doc)
	}
	s.WriteString("\n### Functions of kolk\n\n")
	for _, f := range ownFunctions {
		fmt.Fprintf(&s, "- %s\n", f.doc)
	}
	s.WriteString("\n### Serdes\n\n")
	for _, name := range formatNames {
		f, _ := formatOf(name)
		fmt.Fprintf(&s, "- `%s`: expressions see %s\n", name, seen(f.typ))
	}
	return s.String()
}

func seen(t *typ) string {
	if t.kind == anyKind {
		return "what the JSON holds"
	}
	return "type " + t.String()
}

func holds(f *fieldDef) string {
	switch f.shape {
	case shapeTexts:
		return "text or list of texts"
	case shapeExpression:
		return "expression"
	case shapeTemplate:
		return "template"
	case shapeColumn:
		return "aggregate function"
	case shapeFlag:
		return "true or false"
	case shapeNumber:
		return "whole number"
	case shapeDuration:
		return "duration"
	case shapeSerde:
		return "serde"
	case shapeEnum:
		return "`" + strings.Join(f.enum, "`, `") + "`"
	case shapeSchema:
		return "names and types"
	case shapeBlock:
		return "[" + f.block.name + "](#" + f.block.name + ")"
	case shapeBlocks:
		return "list of [" + f.block.name + "](#" + f.block.name + ")"
	case shapeNamed:
		return "name: [" + f.block.name + "](#" + f.block.name + ")"
	}
	return "text"
}

func escape(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
