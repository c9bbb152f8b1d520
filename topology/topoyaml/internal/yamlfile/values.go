package yamlfile

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// The shapes of data: of files that have values, and not expressions.

// Data is any value: null, a flag, a number, a text, a list or an object.
func Data() Shape {
	check := func(r *Reader, e *Entry) bool {
		_, ok := r.Value(e.Node)
		return ok
	}
	schema := func() *value.Object { return value.NewObject() }
	return Shape{"any value", schema, check, nil}
}

// Time is a time: what has passed since 1970, or a date.
func Time() Shape {
	check := func(r *Reader, e *Entry) bool {
		if !scalar(e.Node) {
			return r.wrong(e, "a time such as 90s, 1000 or 2020-01-31T09:30:00Z")
		}
		if _, err := text.ParseTime(e.Node.Value); err != nil {
			r.Fail(At(e.Node), "%s: %v", e.Name, err)
			return false
		}
		return true
	}
	schema := func() *value.Object {
		return value.NewObject(value.Named("type", []value.Value{"string", "integer"}))
	}
	return Shape{"time", schema, check, nil}
}

// Index is a whole number from 0.
func Index() Shape {
	check := func(r *Reader, e *Entry) bool {
		i, err := strconv.ParseInt(e.Node.Value, 10, 32)
		return scalar(e.Node) && err == nil && i >= 0 || r.wrong(e, "a whole number from 0")
	}
	schema := func() *value.Object {
		return orVariable(value.Named("type", "integer"), value.Named("minimum", int64(0)))
	}
	return Shape{"whole number from 0", schema, check, nil}
}

// TextsByName is a mapping from names to texts.
func TextsByName() Shape {
	check := func(r *Reader, e *Entry) bool {
		if e.Node.Kind != yaml.MappingNode {
			return r.wrong(e, "a mapping from names to texts")
		}
		for i := 0; i+1 < len(e.Node.Content); i += 2 {
			if name, of := e.Node.Content[i], e.Node.Content[i+1]; name.Kind != yaml.ScalarNode || of.Kind != yaml.ScalarNode {
				r.Fail(At(of), "%s should be a mapping from names to texts; this is %s", e.Name, NodeKind(of))
				return false
			}
		}
		return true
	}
	schema := func() *value.Object {
		texts := value.NewObject(value.Named("type", []value.Value{"string", "number", "boolean", "null"}))
		return value.NewObject(value.Named("type", "object"), value.Named("additionalProperties", texts))
	}
	return Shape{"names and texts", schema, check, nil}
}

// CountsByName is a mapping from names to whole numbers from 0.
func CountsByName() Shape {
	check := func(r *Reader, e *Entry) bool {
		if e.Node.Kind != yaml.MappingNode {
			return r.wrong(e, "a mapping from names to whole numbers")
		}
		for i := 0; i+1 < len(e.Node.Content); i += 2 {
			name, of := e.Node.Content[i], e.Node.Content[i+1]
			if n, err := strconv.ParseInt(of.Value, 10, 64); name.Kind != yaml.ScalarNode || !scalar(of) || err != nil || n < 0 {
				r.Fail(At(of), "%s should be a mapping from names to whole numbers; this is %s", e.Name, NodeKind(of))
				return false
			}
		}
		return true
	}
	schema := func() *value.Object {
		count := value.NewObject(value.Named("type", "integer"), value.Named("minimum", int64(0)))
		return value.NewObject(value.Named("type", "object"), value.Named("additionalProperties", count))
	}
	return Shape{"names and whole numbers", schema, check, nil}
}

// Value returns the value that a node holds. What is none is a mistake, and ok false.
func (r *Reader) Value(n *yaml.Node) (v value.Value, ok bool) {
	if r.broken[n] {
		return nil, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.object(n)
	case yaml.SequenceNode:
		list := []value.Value{}
		for _, c := range n.Content {
			v, ok := r.Value(c)
			if !ok {
				return nil, false
			}
			list = append(list, v)
		}
		return list, true
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, true
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), true
	case "!!int", "!!float":
		v, err := value.ParseNumber(n.Value)
		if err != nil {
			r.Fail(At(n), "%s is no number of JSON; write a decimal number, or a text in quotes", n.Value)
			return nil, false
		}
		return v, true
	case "!!binary":
		r.Fail(At(n), "bytes are written as a text in base64, without !!binary")
		return nil, false
	}
	return n.Value, true
}

func (r *Reader) object(n *yaml.Node) (value.Value, bool) {
	var b value.Builder
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode {
			r.Fail(At(name), "a field's name is a text, not %s", NodeKind(name))
			return nil, false
		}
		if _, twice := b.Get(name.Value); twice {
			r.Fail(At(name), "the field %q is there twice; remove one", name.Value)
			return nil, false
		}
		v, ok := r.Value(n.Content[i+1])
		if !ok {
			return nil, false
		}
		b.Set(name.Value, v)
	}
	return b.Object(), true
}
