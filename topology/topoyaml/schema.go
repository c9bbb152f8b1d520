package topoyaml

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of the files that [Load] reads, for editors. Expressions are strings to it.
func Schema() []byte {
	g := newGrammar()
	root := schemaOf(g.file)
	head := NewObject(append([]Field{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "kolk topology"},
	}, root.fields...)...)
	defs := []Field{
		{"template", NewObject(
			Field{"description", "an expression, or an object or a list of templates"},
			Field{"anyOf", []Value{
				typed("string"), typed("number"), typed("boolean"), typed("null"),
				NewObject(Field{"type", "object"}, Field{"additionalProperties", ref("template")}),
				NewObject(Field{"type", "array"}, Field{"items", ref("template")}),
			}},
		)},
		{"type", NewObject(
			Field{"description", "a type: " + strings.Join(scalarTypeNames, ", ") + ", a list of one type, or an object of types"},
			Field{"anyOf", []Value{
				NewObject(Field{"enum", values(scalarTypeNames)}),
				NewObject(Field{"type", "object"}, Field{"additionalProperties", ref("type")}),
				NewObject(Field{"type", "array"}, Field{"items", ref("type")}, Field{"minItems", int64(1)}, Field{"maxItems", int64(1)}),
			}},
		)},
		{"serde", NewObject(Field{"enum", values(formatNames)})},
	}
	for _, b := range g.blocks[1:] {
		defs = append(defs, Field{b.name, schemaOf(b)})
	}
	head.fields = append(head.fields, Field{"$defs", NewObject(defs...)})
	text, err := appendJSON(nil, head)
	if err != nil {
		panic(fmt.Sprintf("topoyaml: the schema: %v", err)) // it is made of constants
	}
	v := jsontext.Value(text)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		panic(fmt.Sprintf("topoyaml: the schema: %v", err))
	}
	return append(v, '\n')
}

// schemaOf is the schema of a block: an object, or, for a block with a short form, also a text.
func schemaOf(b *block) *Object {
	props := make([]Field, len(b.fields))
	var required []string
	for i, f := range b.fields {
		props[i] = Field{f.name, describe(fieldSchema(&f), f.doc)}
		if f.required {
			required = append(required, f.name)
		}
	}
	fields := []Field{{"type", "object"}, {"properties", NewObject(props...)}}
	if b.rest == nil {
		fields = append(fields, Field{"additionalProperties", false})
	} else {
		fields = append(fields, Field{"additionalProperties", describe(fieldSchema(b.rest), b.rest.doc)})
	}
	if len(required) > 0 {
		fields = append(fields, Field{"required", values(required)})
	}
	if len(b.one) > 0 {
		var one []Value
		for _, name := range b.one {
			one = append(one, NewObject(Field{"required", []Value{name}}))
		}
		fields = append(fields, Field{"oneOf", one})
	}
	if b.short == "" {
		return NewObject(append([]Field{{"description", b.doc}}, fields...)...)
	}
	short := fieldSchema(b.field(b.short))
	if b.texts != nil {
		short = NewObject(Field{"enum", values(b.texts)})
	}
	return NewObject(Field{"description", b.doc}, Field{"anyOf", []Value{short, NewObject(fields...)}})
}

func fieldSchema(f *fieldDef) *Object {
	switch f.shape {
	case shapeTexts:
		return NewObject(Field{"anyOf", []Value{
			typed("string"),
			NewObject(Field{"type", "array"}, Field{"items", typed("string")}, Field{"minItems", int64(1)}),
		}})
	case shapeExpression:
		return NewObject(Field{"type", []Value{"string", "number", "boolean"}})
	case shapeTemplate:
		return ref("template")
	case shapeFlag:
		return typed("boolean")
	case shapeNumber:
		return NewObject(Field{"type", "integer"}, Field{"minimum", int64(1)})
	case shapeDuration:
		return NewObject(Field{"type", "string"}, Field{"pattern", `^([0-9]+d)?([0-9.]+(h|m|s|ms|us|ns))*$`})
	case shapeSerde:
		return ref("serde")
	case shapeEnum:
		return NewObject(Field{"enum", values(f.enum)})
	case shapeSchema:
		return ref("type")
	case shapeBlock:
		return ref(f.block.name)
	case shapeBlocks:
		return NewObject(Field{"type", "array"}, Field{"items", ref(f.block.name)})
	case shapeNamed:
		return NewObject(Field{"type", "object"}, Field{"additionalProperties", ref(f.block.name)})
	}
	return typed("string")
}

func typed(name string) *Object { return NewObject(Field{"type", name}) }
func ref(name string) *Object   { return NewObject(Field{"$ref", "#/$defs/" + name}) }

func values(texts []string) []Value {
	list := make([]Value, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

func describe(o *Object, doc string) *Object {
	return NewObject(append([]Field{{"description", doc}}, o.fields...)...)
}
