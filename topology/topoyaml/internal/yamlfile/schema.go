package yamlfile

import (
	"encoding/json/jsontext"
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Schema is the JSON Schema (draft 2020-12) of files of that block. Expressions are strings to it.
func Schema(title string, file *Block) []byte {
	root := schemaOf(file)
	head := value.NewObject(append([]value.Field{
		value.Named("$schema", "https://json-schema.org/draft/2020-12/schema"),
		value.Named("title", title),
	}, root.Fields()...)...)
	defs := []value.Field{
		value.Named("template", value.NewObject(
			value.Named("description", "an expression, or an object or a list of templates"),
			value.Named("anyOf", []value.Value{
				typed("string"), typed("number"), typed("boolean"), typed("null"),
				value.NewObject(value.Named("type", "object"), value.Named("additionalProperties", ref("template"))),
				value.NewObject(value.Named("type", "array"), value.Named("items", ref("template"))),
			}),
		)),
		value.Named("type", value.NewObject(
			value.Named("description", "a type: "+strings.Join(value.TypeNames(), ", ")+", a list of one type, or an object of types"),
			value.Named("anyOf", []value.Value{
				value.NewObject(value.Named("enum", values(value.TypeNames()))),
				ref("variable"),
				value.NewObject(value.Named("type", "object"), value.Named("additionalProperties", ref("type"))),
				value.NewObject(value.Named("type", "array"), value.Named("items", ref("type")), value.Named("minItems", int64(1)), value.Named("maxItems", int64(1))),
			}),
		)),
		value.Named("serde", orVariable(value.Named("enum", values(value.FormatNames())))),
		value.Named("variable", value.NewObject(
			value.Named("description", "a text with a ${NAME} or ${NAME:default}, which an environment variable replaces"),
			value.Named("type", "string"), value.Named("pattern", `\$\{`),
		)),
	}
	for _, b := range Blocks(file)[1:] {
		defs = append(defs, value.Named(b.Name, schemaOf(b)))
	}
	head = value.NewObject(append(head.Fields(), value.Named("$defs", value.NewObject(defs...)))...)
	text, err := value.AppendJSON(nil, head)
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
func schemaOf(b *Block) *value.Object {
	props := make([]value.Field, len(b.Fields))
	var required []string
	for i, f := range b.Fields {
		props[i] = value.Named(f.Name, describe(f.Shape.schema(), f.Doc))
		if f.Required {
			required = append(required, f.Name)
		}
	}
	fields := []value.Field{value.Named("type", "object"), value.Named("properties", value.NewObject(props...))}
	if b.Rest == nil {
		fields = append(fields, value.Named("additionalProperties", false))
	} else {
		fields = append(fields, value.Named("additionalProperties", describe(b.Rest.Shape.schema(), b.Rest.Doc)))
	}
	if len(required) > 0 {
		fields = append(fields, value.Named("required", values(required)))
	}
	if len(b.One) > 0 {
		var one []value.Value
		for _, name := range b.One {
			one = append(one, value.NewObject(value.Named("required", []value.Value{name})))
		}
		fields = append(fields, value.Named("oneOf", one))
	}
	if b.Short == "" {
		return value.NewObject(append([]value.Field{value.Named("description", b.Doc)}, fields...)...)
	}
	short := b.field(b.Short).Shape.schema()
	if b.Texts != nil {
		short = orVariable(value.Named("enum", values(b.Texts)))
	}
	return value.NewObject(value.Named("description", b.Doc), value.Named("anyOf", []value.Value{short, value.NewObject(fields...)}))
}

// orVariable is a schema for what is not any text, before variables are replaced: an editor sees
// them as they are written.
func orVariable(fields ...value.Field) *value.Object {
	return value.NewObject(value.Named("anyOf", []value.Value{value.NewObject(fields...), ref("variable")}))
}

func typed(name string) *value.Object { return value.NewObject(value.Named("type", name)) }

func ref(name string) *value.Object { return value.NewObject(value.Named("$ref", "#/$defs/"+name)) }

func values(texts []string) []value.Value {
	list := make([]value.Value, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

func describe(o *value.Object, doc string) *value.Object {
	return value.NewObject(append([]value.Field{value.Named("description", doc)}, o.Fields()...)...)
}
