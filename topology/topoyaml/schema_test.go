package topoyaml

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// seenBySchema are the files of testdata/bad that have a mistake of form, which an editor finds
// with the schema. The mistakes of the others are in names, types, expressions and the order of
// steps, or the file is no YAML.
var seenBySchema = []string{
	"deduplicate", "empty", "expressions", "follow-up", "foreign", "in-order-fields", "limits", "list", "missing", "order", "pattern", "shapes", "suppress", "two-documents", "unknown-field",
	"unknown-step",
}

// withVariables has variables and zeros wherever something else than any text is expected.
const withVariables = `
name: ${NAME}
sources:
  in:
    stream: ${IN}
    key: ${SERDE:string}
    timeless: ${FLAG:false}
    max-future: ${FUTURE:1h}
    schema: {a: "${TYPE:int}"}
streams:
  - from: in
    steps:
      - repartition: {name: r, partitions: "${PARTITIONS:3}"}
      - group: ${GROUP:by-key}
      - window: {tumbling: 1d1h1.5s, grace: 0}
      - count: counts
      - emit: ${EMIT:final}
      - result: {value: value}
      - to: out
`

// goodFiles are the files of the repository that load.
func goodFiles(t *testing.T) []string {
	t.Helper()
	good := corpus(t, "ok")
	for _, pattern := range []string{"../../examples/*/topology.yaml", "../../cases/*/topology.yaml", "../../bench/nexmark/queries/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		good = append(good, files...)
	}
	return good
}

// The schema that editors are given takes what Load takes, and refuses mistakes of form, as another
// implementation of schemas reads it.
func TestSchemaOfFiles(t *testing.T) {
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("kolk.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("kolk.json")
	if err != nil {
		t.Fatal(err)
	}
	// check returns what the schema has against a file; ok is false if the file is no YAML or of
	// several documents.
	check := func(text []byte) (against error, ok bool) {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return nil, false
		}
		return schema.Validate(v), true
	}

	for _, path := range goodFiles(t) {
		if err, ok := check(read(t, path)); err != nil || !ok {
			t.Errorf("%s: %v", path, err)
		}
	}

	if err, ok := check([]byte(withVariables)); err != nil || !ok {
		t.Errorf("variables: %v", err)
	}
	lookup := func(name string) (string, bool) { return "x", name == "NAME" || name == "IN" }
	if _, err := Load("variables.yaml", []byte(withVariables), Options{Lookup: lookup}); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"partitions: 0", "partitions: many", `partitions: "3"`} {
		text := strings.Replace(withVariables, `partitions: "${PARTITIONS:3}"`, wrong, 1)
		if err, _ := check([]byte(text)); err == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
	for _, wrong := range []string{`""`, "1", "1x", "soon"} {
		text := strings.Replace(withVariables, "grace: 0", "grace: "+wrong, 1)
		_, err := Load("variables.yaml", []byte(text), Options{Lookup: lookup})
		if against, _ := check([]byte(text)); against == nil || err == nil {
			t.Errorf("grace %s: the schema says %v, Load %v", wrong, against, err)
		}
	}

	var refused []string
	for _, path := range corpus(t, "bad") {
		err, _ := check(read(t, path))
		if err == nil {
			continue
		}
		if _, ok := errors.AsType[*jsonschema.ValidationError](err); !ok {
			t.Errorf("%s: %v", path, err)
		}
		refused = append(refused, strings.TrimSuffix(filepath.Base(path), ".yaml"))
	}
	if !slices.Equal(refused, seenBySchema) {
		t.Errorf("the schema refuses\n%q, not\n%q", refused, seenBySchema)
	}
}
