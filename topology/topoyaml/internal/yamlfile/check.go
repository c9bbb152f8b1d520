package yamlfile

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Read reads a block. A mistake in one field leaves the others standing.
func (r *Reader) Read(n *yaml.Node, b *Block) *Mapping {
	m := &Mapping{Pos: At(n), block: b}
	if n.Kind == yaml.ScalarNode && b.Short != "" && n.ShortTag() != "!!null" {
		if b.Texts != nil && !slices.Contains(b.Texts, n.Value) {
			r.Fail(At(n), "%s: this should be %s, or a mapping with fields of %s, not %q", b.Name, List(b.Texts, "or"), List(b.names(), "and"), n.Value)
			return nil
		}
		e := Entry{Name: b.Short, Pos: At(n), Node: n}
		if r.field(&e, b.Field(b.Short)) {
			m.Entries = append(m.Entries, e)
		}
		return m
	}
	if n.Kind != yaml.MappingNode {
		r.Fail(At(n), "%s: this should be a mapping with fields of %s, not %s", b.Name, List(b.names(), "and"), NodeKind(n))
		return nil
	}
	seen := map[string]Position{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			r.Fail(At(name), "a field's name is a text, not %s", NodeKind(name))
			continue
		}
		if first, ok := seen[name.Value]; ok {
			r.Fail(At(name), "the field %q is there twice, first in line %d; remove one", name.Value, first.Line)
			continue
		}
		seen[name.Value] = At(name)
		def := b.Field(name.Value)
		if def == nil {
			r.Fail(At(name), "unknown field %q in a %s%s", name.Value, b.Name, suggest.For(name.Value, b.names()))
			continue
		}
		e := Entry{Name: name.Value, Pos: At(name), Node: value}
		if r.field(&e, def) {
			m.Entries = append(m.Entries, e)
		}
	}
	for _, f := range b.Fields {
		if _, ok := seen[f.Name]; f.Required && !ok {
			r.Fail(m.Pos, "%s: the field %q is missing: %s", b.Name, f.Name, f.Doc)
		}
	}
	r.one(m, seen)
	return m
}

// one checks that exactly one of the block's alternatives is there.
func (r *Reader) one(m *Mapping, seen map[string]Position) {
	if len(m.block.One) == 0 {
		return
	}
	var found []string
	for _, name := range m.block.One {
		if _, ok := seen[name]; ok {
			found = append(found, name)
		}
	}
	switch {
	case len(found) == 0 && len(seen) > 0 && m.block.Name == "step":
		// The unknown field has been reported.
	case len(found) == 0:
		r.Fail(m.Pos, "%s: one of the fields %s is needed", m.block.Name, List(m.block.One, "or"))
	case len(found) > 1 && m.block.Name == "step":
		r.Fail(seen[found[1]], "%s are steps of their own: begin each with -", List(found, "and"))
	case len(found) > 1:
		r.Fail(seen[found[1]], "%s: only one of the fields %s is possible; remove the others", m.block.Name, List(found, "and"))
	}
}

// field checks the value of a field; false means that it is of no use.
func (r *Reader) field(e *Entry, def *Field) bool {
	n := e.Node
	if r.broken[n] {
		return false
	}
	scalar := n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null"
	wrong := func(what string) bool {
		r.Fail(At(n), "%s should be %s, not %s", e.Name, what, NodeKind(n))
		return false
	}
	switch def.Shape {
	case ShapeText, ShapeColumn:
		if !scalar {
			return wrong("a text")
		}
		if strings.TrimSpace(n.Value) == "" {
			return wrong("a text that is not empty")
		}
	case ShapeExpression:
		if !scalar {
			return wrong("an expression")
		}
	case ShapeTemplate:
		if n.Kind == yaml.ScalarNode && !scalar {
			return wrong("an expression or a mapping of expressions")
		}
	case ShapeTexts:
		if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
			for _, c := range n.Content {
				if c.Kind != yaml.ScalarNode || c.Value == "" {
					r.Fail(At(c), "%s should be a text or a list of texts; this is %s", e.Name, NodeKind(c))
					return false
				}
			}
		} else if !scalar || n.Value == "" {
			return wrong("a text or a list of texts")
		}
	case ShapeFlag:
		if n.ShortTag() != "!!bool" {
			return wrong("true or false")
		}
	case ShapeNumber:
		if i, err := strconv.ParseInt(n.Value, 10, 32); !scalar || err != nil || i < 1 {
			return wrong("a whole number from 1")
		}
	case ShapeDuration:
		if !scalar {
			return wrong("a duration such as 10s, 90m or 1d")
		}
		if _, err := functions.ParseDuration(n.Value); err != nil {
			r.Fail(At(n), "%s: %v", e.Name, err)
			return false
		}
	case ShapeSerde:
		if _, ok := value.FormatOf(n.Value); !scalar || !ok {
			r.Fail(At(n), "unknown serde %q%s", n.Value, suggest.For(n.Value, value.FormatNames))
			return false
		}
	case ShapeEnum:
		for _, v := range def.Enum {
			if scalar && n.Value == v {
				return true
			}
		}
		r.Fail(At(n), "%s should be one of %s%s", e.Name, List(def.Enum, "or"), suggest.For(n.Value, def.Enum))
		return false
	case ShapeSchema:
		if n.Kind != yaml.MappingNode {
			return wrong("a mapping from fields to types")
		}
	case ShapeBlock:
		e.Mapping = r.Read(n, def.Block)
		return e.Mapping != nil
	case ShapeBlocks:
		if n.Kind != yaml.SequenceNode {
			return wrong("a list")
		}
		for _, c := range n.Content {
			if m := r.Read(c, def.Block); m != nil {
				e.Mappings = append(e.Mappings, m)
			}
		}
	case ShapeNamed:
		return r.named(e, def)
	}
	return true
}

// named reads a mapping from names to blocks.
func (r *Reader) named(e *Entry, def *Field) bool {
	n := e.Node
	if n.Kind != yaml.MappingNode {
		r.Fail(At(n), "%s should be a mapping from names to %ss, not %s", e.Name, def.Block.Name, NodeKind(n))
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.Value == "" {
			r.Fail(At(name), "a name is a text, not %s", NodeKind(name))
			continue
		}
		m := r.Read(value, def.Block)
		if m == nil {
			r.Unknown[name.Value] = true
			continue
		}
		e.Mappings = append(e.Mappings, m)
		e.Names = append(e.Names, Entry{Name: name.Value, Pos: At(name), Node: name})
	}
	return true
}

func NodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return strconv.Quote(n.Value)
}

// List is "a", "a" or "b", "a", "b" or "c", with that word.
func List(names []string, word string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + word + " " + quoted[len(quoted)-1]
}
