package topoyaml

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expression compiles an expression of the file. After a mistake it returns a program of unknown type that is never run.
func (b *builder) expression(n *yaml.Node, sc scope) *program {
	p, mistake := b.exprs.compile(n.Value, sc, b.where(at(n)))
	if mistake != nil {
		b.r.fail(b.r.within(n, mistake.offset), "%s", mistake.message)
		return &program{kind: constantProgram, typ: typAny}
	}
	return p
}

// condition compiles an expression that should be true or false.
func (b *builder) condition(n *yaml.Node, sc scope, what string) *program {
	p := b.expression(n, sc)
	switch p.typ.kind {
	case boolKind, anyKind:
	default:
		b.r.fail(at(n), "%s needs a condition, which is true or false; this is of type %s", what, p.typ)
	}
	return p
}

// template compiles an expression, a mapping of templates (an object with its fields in that order) or a list of templates.
func (b *builder) template(n *yaml.Node, sc scope) *program {
	p := &program{where: b.where(at(n))}
	switch n.Kind {
	case yaml.MappingNode:
		p.kind, p.typ = objectProgram, &typ{kind: objectKind}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, value := n.Content[i], n.Content[i+1]
			if name.Kind != yaml.ScalarNode {
				b.r.fail(at(name), "a field's name is a text, not %s", nodeKind(name))
				continue
			}
			if _, twice := p.typ.field(name.Value); twice {
				b.r.fail(at(name), "the field %q is there twice", name.Value)
				continue
			}
			p.add(name.Value, b.template(value, sc))
		}
		return p
	case yaml.SequenceNode:
		p.kind = listProgram
		elem := typNull
		for _, c := range n.Content {
			part := b.template(c, sc)
			p.add("", part)
			elem = common(elem, part.typ)
		}
		if elem == typNull {
			elem = typAny
		}
		p.typ = &typ{kind: listKind, elem: elem}
		return p
	}
	if n.ShortTag() == "!!null" {
		p.kind, p.typ = constantProgram, typNull
		return p
	}
	return b.expression(n, sc)
}

// schema reads names and types.
func (b *builder) schema(n *yaml.Node) *typ {
	switch n.Kind {
	case yaml.MappingNode:
		t := &typ{kind: objectKind}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, value := n.Content[i], n.Content[i+1]
			if name.Kind != yaml.ScalarNode {
				b.r.fail(at(name), "a field's name is a text, not %s", nodeKind(name))
				continue
			}
			if _, twice := t.field(name.Value); twice {
				b.r.fail(at(name), "the field %q is there twice", name.Value)
				continue
			}
			t.fields = append(t.fields, typeField{name.Value, b.schema(value)})
		}
		return t
	case yaml.SequenceNode:
		if len(n.Content) == 1 {
			return &typ{kind: listKind, elem: b.schema(n.Content[0])}
		}
		b.r.fail(at(n), "the type of a list is written [type], with the type of its elements")
		return typAny
	}
	t, ok := scalarTypes[n.Value]
	if !ok {
		b.r.fail(at(n), "unknown type %q; the types are %s, [type] for lists, and mappings for objects", n.Value, strings.Join(scalarTypeNames, ", "))
		return typAny
	}
	return t
}

// column reads a call of an aggregate function, such as sum(value.minutes).
func (b *builder) column(e *entry, sc scope) (column, bool) {
	c := column{name: e.name}
	n := e.node
	text := n.Value
	known := make([]string, len(aggregateFunctions))
	for i, f := range aggregateFunctions {
		known[i] = f.name
	}
	open := strings.IndexByte(text, '(')
	closing := strings.LastIndexByte(text, ')')
	if open < 0 || closing < open || strings.TrimSpace(text[closing+1:]) != "" {
		b.r.fail(at(n), "%s should be a call of an aggregate function (%s) such as sum(value.%s)", e.name, strings.Join(known, ", "), e.name)
		return c, false
	}
	name, inner := strings.TrimSpace(text[:open]), text[open+1:closing]
	switch name {
	case "count":
		c.fn = countIf
		if strings.TrimSpace(inner) == "" {
			c.fn = countAll
			return c, true
		}
	case "sum":
		c.fn = sumOf
	case "min":
		c.fn = minOf
	case "max":
		c.fn = maxOf
	case "avg":
		c.fn = avgOf
	case "first":
		c.fn = firstOf
	case "last":
		c.fn = lastOf
	default:
		b.r.fail(at(n), "unknown aggregate function %q%s", name, didYouMean(name, known))
		return c, false
	}
	p, mistake := b.exprs.compile(inner, sc, b.where(at(n)))
	offset := len([]rune(text[:open+1]))
	if mistake != nil {
		if strings.Contains(inner, ")") && strings.Contains(mistake.message, `unexpected ")"`) {
			mistake.message = "a field is one call of an aggregate function; compute with several fields in a step after it"
		}
		b.r.fail(b.r.within(n, offset+mistake.offset), "%s", mistake.message)
		return c, false
	}
	c.arg = p
	if needs := c.needs(p.typ); needs != "" {
		b.r.fail(b.r.within(n, offset), "%s needs %s; %s is of type %s", name, needs, strings.TrimSpace(inner), p.typ)
		return c, false
	}
	return c, true
}

// needs says what the function takes if it does not take that type.
func (c *column) needs(t *typ) string {
	if t.kind == anyKind {
		return ""
	}
	switch c.fn {
	case countIf:
		if t.kind != boolKind {
			return "a condition"
		}
	case sumOf, avgOf:
		if !t.number() {
			return "a number"
		}
	case minOf, maxOf:
		if !t.number() && t.kind != stringKind {
			return "a number or a string"
		}
	}
	return ""
}

func (b *builder) where(p position) string {
	return fmt.Sprintf("%s:%d:%d", b.r.file, p.line, p.column)
}
