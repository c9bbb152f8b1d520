package yamlfile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// What a shape takes in a file, its schema takes in an editor, and what it refuses, the schema
// refuses, as another implementation of schemas reads it.
func TestShapes(t *testing.T) {
	part := &Block{Name: "part", Doc: "A part.", Short: "a", Fields: []Field{
		{Name: "a", Shape: Text(), Required: true, Doc: "a"}, {Name: "n", Shape: Number(), Doc: "n"},
	}}
	other := &Block{Name: "other", Doc: "Another part.", One: []string{"a", "b"}, Fields: []Field{
		{Name: "a", Shape: Flag(), Doc: "a"}, {Name: "b", Shape: Flag(), Doc: "b"}, {Name: "c", Shape: Flag(), Doc: "c"},
	}}
	for _, test := range []struct {
		name      string
		shape     Shape
		good, bad []string
	}{
		{"text", Text(), []string{`x`, `"1"`, `${X}`}, []string{`[x]`, `{x: y}`, `~`}},
		{"call", Call(), []string{`sum(value.n)`}, []string{`[x]`, `{x: y}`, `~`}},
		{"texts", Texts(), []string{`x`, `[x]`, `[x, y]`}, []string{`[]`, `{x: y}`, `[[x]]`, `~`}},
		{"expression", Expression(), []string{`value.n > 1`, `1`, `1.5`, `true`}, []string{`[x]`, `{x: y}`, `~`}},
		{"template", Template(), []string{`x`, `{a: x, b: [y, {c: 1}]}`, `[~]`, `{a: ~}`}, nil},
		{"flag", Flag(), []string{`true`, `false`, `${FLAG}`, `"${FLAG}"`}, []string{`yes`, `"true"`, `1`, `[true]`, `~`}},
		{"number", Number(), []string{`1`, `2147483647`, `${N}`, `"${N}"`}, []string{`0`, `-1`, `1.5`, `many`, `[1]`, `~`}},
		{"duration", Duration(), []string{`10s`, `1d12h`, `0`, `${D}`}, []string{`1`, `soon`, `1x`, `[1s]`, `~`}},
		{"serde", Serde(), []string{`json`, `int64`, `${S}`}, []string{`jason`, `1`, `[json]`, `~`}},
		{"enum", Enum("one", "two"), []string{`one`, `two`, `${E}`}, []string{`three`, `1`, `[one]`, `~`}},
		{"data", Data(), []string{`x`, `1`, `-1.5e3`, `~`, `[1, {a: b}]`, `"2020-01-01"`, `{}`}, nil},
		{"time", Time(), []string{`1000`, `90s`, `1d12h`, `"2020-01-01T00:00:00Z"`, `-1`}, []string{`1.5`, `[1]`, `~`, `true`}},
		{"index", Index(), []string{`0`, `3`, `${N}`}, []string{`-1`, `1.5`, `x`, `~`}},
		{"texts by name", TextsByName(), []string{`{}`, `{a: x, b: 1, c: ~}`}, []string{`x`, `[x]`, `{a: [x]}`, `~`}},
		{"counts by name", CountsByName(), []string{`{}`, `{a: 0, b: 1}`}, []string{`x`, `[1]`, `{a: -1}`, `{a: x}`, `{a: 1.5}`, `~`}},
		{"types", Types(), []string{`{a: int, b: [string], c: {d: float}}`}, nil},
		{"block", One(part), []string{`x`, `{a: x}`, `{a: x, n: 2}`}, []string{`{n: 2}`, `{a: x, b: y}`, `[x]`, `~`}},
		{"alternatives", One(other), []string{`{a: true}`, `{b: true, c: false}`}, []string{`{c: true}`, `{a: true, b: true}`, `x`}},
		{"blocks", Several(part), []string{`[]`, `[x, {a: x}]`}, []string{`x`, `{a: x}`, `[{n: 2}]`, `~`}},
		{"named blocks", ByName(part), []string{`{}`, `{k: x, l: {a: y}}`}, []string{`x`, `[x]`, `{k: {n: 2}}`, `~`}},
	} {
		file := &Block{Name: "file", Doc: "A file.", Fields: []Field{{Name: "f", Shape: test.shape, Doc: "f"}}}
		schema := compiled(t, file)
		check := func(text string, good bool) {
			t.Helper()
			text = "f: " + text
			r := NewReader("x.yaml", func(name string) (string, bool) {
				v, ok := map[string]string{"X": "x", "FLAG": "true", "N": "3", "D": "1h", "S": "json", "E": "two"}[name]
				return v, ok
			})
			root := r.Parse([]byte(text))
			if root == nil {
				t.Fatalf("%s: %v", text, r.Mistakes)
			}
			if r.Read(root, file); (len(r.Mistakes) == 0) != good {
				t.Errorf("%s: %s: mistakes %v", test.name, text, r.Mistakes)
			}
			var v any
			if err := yaml.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); (err == nil) != good {
				t.Errorf("%s: %s: the schema says %v", test.name, text, err)
			}
		}
		for _, text := range test.good {
			check(text, true)
		}
		for _, text := range test.bad {
			check(text, false)
		}
		if tables := Tables(file); !strings.Contains(tables, "| `f` | "+test.shape.words+" | f |") {
			t.Errorf("%s: the tables are\n%s", test.name, tables)
		}
	}
}

// compiled is the schema of files of a block.
func compiled(t *testing.T, file *Block) *jsonschema.Schema {
	t.Helper()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema("test", file)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("x.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("x.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
