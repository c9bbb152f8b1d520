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

// Shape is what a field may hold. It is all that is known of it: what is taken, what an editor is
// told, and what the documentation says.
type Shape struct {
	words  string // in the tables of the documentation
	schema func() *value.Object
	// check reads the field and reports whether it is of use; if it is not, the reader knows why.
	check func(r *Reader, e *Entry) bool
	of    *Block // of One, Several and ByName
}

// wrong reports that a field holds something else than it should.
func (r *Reader) wrong(e *Entry, should string) bool {
	r.Fail(At(e.Node), "%s should be %s, not %s", e.Name, should, NodeKind(e.Node))
	return false
}

// scalar reports whether a node is a text, a number or a flag.
func scalar(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" }

// Text is a text that is not empty.
func Text() Shape {
	check := func(r *Reader, e *Entry) bool {
		switch {
		case !scalar(e.Node):
			return r.wrong(e, "a text")
		case strings.TrimSpace(e.Node.Value) == "":
			return r.wrong(e, "a text that is not empty")
		}
		return true
	}
	return Shape{"text", func() *value.Object { return typed("string") }, check, nil}
}

// Call is a call of an aggregate function.
func Call() Shape {
	s := Text()
	s.words = "aggregate function"
	return s
}

// Texts is a text, or a list of them.
func Texts() Shape {
	check := func(r *Reader, e *Entry) bool {
		n := e.Node
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			return scalar(n) && n.Value != "" || r.wrong(e, "a text or a list of texts")
		}
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode || c.Value == "" {
				r.Fail(At(c), "%s should be a text or a list of texts; this is %s", e.Name, NodeKind(c))
				return false
			}
		}
		return true
	}
	schema := func() *value.Object {
		list := value.NewObject(value.Named("type", "array"), value.Named("items", typed("string")), value.Named("minItems", int64(1)))
		return value.NewObject(value.Named("anyOf", []value.Value{typed("string"), list}))
	}
	return Shape{"text or list of texts", schema, check, nil}
}

// Expression is an expression.
func Expression() Shape {
	check := func(r *Reader, e *Entry) bool { return scalar(e.Node) || r.wrong(e, "an expression") }
	schema := func() *value.Object {
		return value.NewObject(value.Named("type", []value.Value{"string", "number", "boolean"}))
	}
	return Shape{"expression", schema, check, nil}
}

// Template is an expression, or an object or a list of templates.
func Template() Shape {
	check := func(r *Reader, e *Entry) bool {
		if e.Node.Kind == yaml.ScalarNode && !scalar(e.Node) {
			return r.wrong(e, "an expression or a mapping of expressions")
		}
		return true
	}
	return Shape{"template", func() *value.Object { return ref("template") }, check, nil}
}

// Flag is true or false.
func Flag() Shape {
	check := func(r *Reader, e *Entry) bool {
		n := *e.Node
		if r.replaced[e.Node] {
			n.Tag, n.Style = "", 0 // in braces a variable needs quotes, which its value has not
		}
		return n.ShortTag() == "!!bool" || r.wrong(e, "true or false")
	}
	schema := func() *value.Object { return orVariable(value.Named("type", "boolean")) }
	return Shape{"true or false", schema, check, nil}
}

// Number is a whole number from 1.
func Number() Shape {
	check := func(r *Reader, e *Entry) bool {
		i, err := strconv.ParseInt(e.Node.Value, 10, 32)
		return scalar(e.Node) && err == nil && i >= 1 || r.wrong(e, "a whole number from 1")
	}
	schema := func() *value.Object {
		return orVariable(value.Named("type", "integer"), value.Named("minimum", int64(1)))
	}
	return Shape{"whole number", schema, check, nil}
}

// Fraction is a number from 0 to 1.
func Fraction() Shape {
	check := func(r *Reader, e *Entry) bool {
		f, err := strconv.ParseFloat(e.Node.Value, 64)
		return scalar(e.Node) && err == nil && f >= 0 && f <= 1 || r.wrong(e, "a number from 0 to 1")
	}
	schema := func() *value.Object {
		return orVariable(value.Named("type", "number"), value.Named("minimum", int64(0)), value.Named("maximum", int64(1)))
	}
	return Shape{"number from 0 to 1", schema, check, nil}
}

// Duration is a length of time.
func Duration() Shape {
	check := func(r *Reader, e *Entry) bool {
		if !scalar(e.Node) {
			return r.wrong(e, "a duration such as 10s, 90m or 1d")
		}
		if _, err := functions.ParseDuration(e.Node.Value); err != nil {
			r.Fail(At(e.Node), "%s: %v", e.Name, err)
			return false
		}
		return true
	}
	schema := func() *value.Object {
		const pattern = `^(0|[0-9]+d|([0-9]+d)?([0-9.]+(h|m|s|ms|us|µs|ns))+)$`
		return value.NewObject(value.Named("anyOf", []value.Value{
			value.NewObject(value.Named("type", "string"), value.Named("pattern", pattern)),
			value.NewObject(value.Named("enum", []value.Value{int64(0)})),
			ref("variable"),
		}))
	}
	return Shape{"duration", schema, check, nil}
}

// Serde is the name of a serde.
func Serde() Shape {
	check := func(r *Reader, e *Entry) bool {
		if _, ok := value.FormatOf(e.Node.Value); !scalar(e.Node) || !ok {
			r.Fail(At(e.Node), "unknown serde %q%s", e.Node.Value, suggest.For(e.Node.Value, value.FormatNames()))
			return false
		}
		return true
	}
	return Shape{"serde", func() *value.Object { return ref("serde") }, check, nil}
}

// Enum is one of these texts.
func Enum(texts ...string) Shape {
	check := func(r *Reader, e *Entry) bool {
		if scalar(e.Node) && slices.Contains(texts, e.Node.Value) {
			return true
		}
		r.Fail(At(e.Node), "%s should be one of %s%s", e.Name, list(texts, "or"), suggest.For(e.Node.Value, texts))
		return false
	}
	schema := func() *value.Object { return orVariable(value.Named("enum", values(texts))) }
	return Shape{"`" + strings.Join(texts, "`, `") + "`", schema, check, nil}
}

// Types is a mapping from fields to their types.
func Types() Shape {
	check := func(r *Reader, e *Entry) bool {
		return e.Node.Kind == yaml.MappingNode || r.wrong(e, "a mapping from fields to types")
	}
	return Shape{"names and types", func() *value.Object { return ref("type") }, check, nil}
}

// One is a block.
func One(b *Block) Shape {
	check := func(r *Reader, e *Entry) bool {
		e.Mapping = r.Read(e.Node, b)
		return e.Mapping != nil
	}
	return Shape{link(b), func() *value.Object { return ref(b.Name) }, check, b}
}

// Several is a list of blocks.
func Several(b *Block) Shape {
	check := func(r *Reader, e *Entry) bool {
		if e.Node.Kind != yaml.SequenceNode {
			return r.wrong(e, "a list")
		}
		for _, c := range e.Node.Content {
			if m := r.Read(c, b); m != nil {
				e.Mappings = append(e.Mappings, m)
			}
		}
		return true
	}
	schema := func() *value.Object {
		return value.NewObject(value.Named("type", "array"), value.Named("items", ref(b.Name)))
	}
	return Shape{"list of " + link(b), schema, check, b}
}

// ByName is a mapping from names to blocks.
func ByName(b *Block) Shape {
	schema := func() *value.Object {
		return value.NewObject(value.Named("type", "object"), value.Named("additionalProperties", ref(b.Name)))
	}
	check := func(r *Reader, e *Entry) bool {
		if e.Node.Kind != yaml.MappingNode {
			return r.wrong(e, "a mapping from names to "+b.Name+"s")
		}
		for i := 0; i+1 < len(e.Node.Content); i += 2 {
			name, of := e.Node.Content[i], e.Node.Content[i+1]
			if name.Kind != yaml.ScalarNode || name.Value == "" {
				r.Fail(At(name), "a name is a text, not %s", NodeKind(name))
				continue
			}
			m := r.Read(of, b)
			if m == nil {
				r.Unknown[name.Value] = true
				continue
			}
			e.Mappings = append(e.Mappings, m)
			e.Names = append(e.Names, Entry{Name: name.Value, Pos: At(name), Node: name})
		}
		return true
	}
	return Shape{"name: " + link(b), schema, check, b}
}

// link is a block in the documentation.
func link(b *Block) string { return "[" + b.Name + "](#" + b.Name + ")" }
