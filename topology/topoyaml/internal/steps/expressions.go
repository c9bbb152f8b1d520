package steps

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/yamlfile"
)

// expression compiles an expression of the file. After a mistake it returns a program of unknown
// type that is never run.
func (b *builder) expression(n *yaml.Node, sc expression.Scope) *expression.Program {
	p, mistakes := b.exprs.Compile(n.Value, sc, b.r.Where(yamlfile.At(n)))
	for _, m := range mistakes {
		b.r.Fail(b.r.Within(n, m.Offset), "%s", m.Message)
	}
	if len(mistakes) > 0 {
		return expression.Unknown()
	}
	return p
}

// condition compiles an expression that should be true or false.
func (b *builder) condition(n *yaml.Node, sc expression.Scope, what string) *expression.Program {
	p := b.expression(n, sc)
	switch p.Type.Kind {
	case value.BoolKind, value.AnyKind:
	default:
		b.r.Fail(yamlfile.At(n), "%s needs a condition, which is true or false; this is of type %s", what, p.Type)
	}
	return p
}

// template compiles an expression, a mapping of templates (an object with its fields in that order)
// or a list of templates.
func (b *builder) template(n *yaml.Node, sc expression.Scope) *expression.Program {
	switch n.Kind {
	case yaml.MappingNode:
		p := expression.Object()
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, of := n.Content[i], n.Content[i+1]
			if name.Kind != yaml.ScalarNode {
				b.r.Fail(yamlfile.At(name), "a field's name is a text, not %s", yamlfile.NodeKind(name))
				continue
			}
			if _, twice := p.Type.Field(name.Value); twice {
				b.r.Fail(yamlfile.At(name), "the field %q is there twice", name.Value)
				continue
			}
			p.Add(name.Value, b.template(of, sc))
		}
		return p
	case yaml.SequenceNode:
		parts := make([]*expression.Program, len(n.Content))
		for i, c := range n.Content {
			parts[i] = b.template(c, sc)
		}
		return expression.List(parts...)
	}
	if n.ShortTag() == "!!null" {
		return expression.Null()
	}
	return b.expression(n, sc)
}

// schema reads names and types.
func (b *builder) schema(n *yaml.Node) *value.Type {
	switch n.Kind {
	case yaml.MappingNode:
		t := &value.Type{Kind: value.ObjectKind}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, of := n.Content[i], n.Content[i+1]
			if name.Kind != yaml.ScalarNode {
				b.r.Fail(yamlfile.At(name), "a field's name is a text, not %s", yamlfile.NodeKind(name))
				continue
			}
			if _, twice := t.Field(name.Value); twice {
				b.r.Fail(yamlfile.At(name), "the field %q is there twice", name.Value)
				continue
			}
			t.Fields = append(t.Fields, value.TypeField{Name: name.Value, Type: b.schema(of)})
		}
		return t
	case yaml.SequenceNode:
		if len(n.Content) == 1 {
			return &value.Type{Kind: value.ListKind, Elem: b.schema(n.Content[0])}
		}
		b.r.Fail(yamlfile.At(n), "the type of a list is written [type], with the type of its elements")
		return value.AnyType
	}
	t, ok := value.TypeNamed(n.Value)
	if !ok {
		b.r.Fail(yamlfile.At(n), "unknown type %q; the types are %s, [type] for lists, and mappings for objects", n.Value, strings.Join(value.TypeNames(), ", "))
		return value.AnyType
	}
	return t
}

// newKey compiles the expression of a new key and finds its serde.
func (b *builder) newKey(m *yamlfile.Mapping, field string, sc expression.Scope) (p *expression.Program, serdeName string, ok bool) {
	e := m.Get(field)
	if e == nil {
		return expression.Unknown(), "string", false
	}
	p = b.expression(e.Node, sc)
	switch p.Type.Kind {
	case value.ObjectKind, value.ListKind:
		b.r.Fail(yamlfile.At(e.Node), "a key is a text or a number; this is of type %s; combine fields with string() and +", p.Type)
		return p, "string", false
	}
	serdeName = value.KeyFormat(p.Type)
	if s := m.Get("serde"); s != nil {
		serdeName = s.Node.Value
		b.fits(yamlfile.At(s.Node), "the key", p.Type, serdeName)
	}
	return p, serdeName, true
}

// fits checks that a value of that type can be written by a serde.
func (b *builder) fits(p yamlfile.Position, what string, t *value.Type, serde string) {
	if f, ok := value.FormatOf(serde); ok && !f.Takes(t) {
		b.r.Fail(p, "%s is of type %s and its serde is %q; convert it, or choose another serde", what, t, serde)
	}
}
