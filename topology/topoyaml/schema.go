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
		named("$schema", "https://json-schema.org/draft/2020-12/schema"),
		named("title", "kolk topology"),
	}, root.Fields()...)...)
	defs := []Field{
		named("template", NewObject(
			named("description", "an expression, or an object or a list of templates"),
			named("anyOf", []Value{
				typed("string"), typed("number"), typed("boolean"), typed("null"),
				NewObject(named("type", "object"), named("additionalProperties", ref("template"))),
				NewObject(named("type", "array"), named("items", ref("template"))),
			}),
		)),
		named("type", NewObject(
			named("description", "a type: "+strings.Join(scalarTypeNames, ", ")+", a list of one type, or an object of types"),
			named("anyOf", []Value{
				NewObject(named("enum", values(scalarTypeNames))),
				ref("variable"),
				NewObject(named("type", "object"), named("additionalProperties", ref("type"))),
				NewObject(named("type", "array"), named("items", ref("type")), named("minItems", int64(1)), named("maxItems", int64(1))),
			}),
		)),
		named("serde", orVariable(named("enum", values(formatNames)))),
		named("variable", NewObject(
			named("description", "a text with a ${NAME} or ${NAME:default}, which an environment variable replaces"),
			named("type", "string"), named("pattern", `\$\{`),
		)),
	}
	for _, b := range g.blocks[1:] {
		defs = append(defs, named(b.name, schemaOf(b)))
	}
	head = NewObject(append(head.Fields(), named("$defs", NewObject(defs...)))...)
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
		props[i] = named(f.name, describe(fieldSchema(&f), f.doc))
		if f.required {
			required = append(required, f.name)
		}
	}
	fields := []Field{named("type", "object"), named("properties", NewObject(props...))}
	if b.rest == nil {
		fields = append(fields, named("additionalProperties", false))
	} else {
		fields = append(fields, named("additionalProperties", describe(fieldSchema(b.rest), b.rest.doc)))
	}
	if len(required) > 0 {
		fields = append(fields, named("required", values(required)))
	}
	if len(b.one) > 0 {
		var one []Value
		for _, name := range b.one {
			one = append(one, NewObject(named("required", []Value{name})))
		}
		fields = append(fields, named("oneOf", one))
	}
	if b.short == "" {
		return NewObject(append([]Field{named("description", b.doc)}, fields...)...)
	}
	short := fieldSchema(b.field(b.short))
	if b.texts != nil {
		short = orVariable(named("enum", values(b.texts)))
	}
	return NewObject(named("description", b.doc), named("anyOf", []Value{short, NewObject(fields...)}))
}

func fieldSchema(f *fieldDef) *Object {
	switch f.shape {
	case shapeTexts:
		return NewObject(named("anyOf", []Value{
			typed("string"),
			NewObject(named("type", "array"), named("items", typed("string")), named("minItems", int64(1))),
		}))
	case shapeExpression:
		return NewObject(named("type", []Value{"string", "number", "boolean"}))
	case shapeTemplate:
		return ref("template")
	case shapeFlag:
		return orVariable(named("type", "boolean"))
	case shapeNumber:
		return orVariable(named("type", "integer"), named("minimum", int64(1)))
	case shapeDuration:
		return NewObject(named("anyOf", []Value{
			NewObject(named("type", "string"), named("pattern", `^(0|[0-9]+d|([0-9]+d)?([0-9.]+(h|m|s|ms|us|µs|ns))+)$`)),
			NewObject(named("enum", []Value{int64(0)})),
			ref("variable"),
		}))
	case shapeSerde:
		return ref("serde")
	case shapeEnum:
		return orVariable(named("enum", values(f.enum)))
	case shapeSchema:
		return ref("type")
	case shapeBlock:
		return ref(f.block.name)
	case shapeBlocks:
		return NewObject(named("type", "array"), named("items", ref(f.block.name)))
	case shapeNamed:
		return NewObject(named("type", "object"), named("additionalProperties", ref(f.block.name)))
	}
	return typed("string")
}

// orVariable is a schema for what is not any text, before variables are replaced: an editor sees them as they are written.
func orVariable(fields ...Field) *Object {
	return NewObject(named("anyOf", []Value{NewObject(fields...), ref("variable")}))
}

func typed(name string) *Object { return NewObject(named("type", name)) }
func ref(name string) *Object   { return NewObject(named("$ref", "#/$defs/"+name)) }

func values(texts []string) []Value {
	list := make([]Value, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

func describe(o *Object, doc string) *Object {
	return NewObject(append([]Field{named("description", doc)}, o.Fields()...)...)
}
