package yamlfile

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
)

// Read reads a block. A mistake in one field leaves the others standing.
func (r *Reader) Read(n *yaml.Node, b *Block) *Mapping {
	m := &Mapping{Pos: At(n), block: b}
	if n.Kind == yaml.ScalarNode && b.Short != "" && n.ShortTag() != "!!null" {
		if b.Texts != nil && !slices.Contains(b.Texts, n.Value) {
			r.Fail(At(n), "%s: this should be %s, or a mapping with fields of %s, not %q", b.Name, list(b.Texts, "or"), list(b.names(), "and"), n.Value)
			return nil
		}
		e := Entry{Name: b.Short, Pos: At(n), Node: n}
		if r.field(&e, b.field(b.Short)) {
			m.Entries = append(m.Entries, e)
		}
		return m
	}
	if n.Kind != yaml.MappingNode {
		r.Fail(At(n), "%s: this should be a mapping with fields of %s, not %s", b.Name, list(b.names(), "and"), NodeKind(n))
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
		m.names = append(m.names, name.Value)
		def := b.field(name.Value)
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
	case len(found) == 0 && len(seen) > 0 && m.block.alternatives():
		// The unknown field has been reported.
	case len(found) == 0:
		r.Fail(m.Pos, "%s: one of the fields %s is needed", m.block.Name, list(m.block.One, "or"))
	case len(found) > 1 && m.block.alternatives():
		r.Fail(seen[found[1]], "%s are %ss of their own: begin each with -", list(found, "and"), m.block.Name)
	case len(found) > 1:
		r.Fail(seen[found[1]], "%s: only one of the fields %s is possible; remove the others", m.block.Name, list(found, "and"))
	}
}

// field checks the value of a field; false means that it is of no use.
func (r *Reader) field(e *Entry, def *Field) bool {
	return !r.broken[e.Node] && def.Shape.check(r, e)
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

// list is "a", "a" or "b", "a", "b" or "c", with that word.
func list(names []string, word string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + word + " " + quoted[len(quoted)-1]
}
