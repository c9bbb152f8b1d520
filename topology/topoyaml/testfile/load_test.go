package testfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(read(t, path)); got != want {
		t.Errorf("got\n%s\nwant (%s)\n%s", got, path, want)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func corpus(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/"+dir, err)
	}
	return files
}

// open reads topologies as a program does.
func open(path string, lookup func(string) (string, bool)) (*topoyaml.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return topoyaml.Load(path, data, topoyaml.Options{Lookup: lookup})
}

// Every mistake is reported at once, each with its line and column.
func TestBadFiles(t *testing.T) {
	for _, path := range corpus(t, "bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := Load(path, read(t, path), open)
			if err == nil || file != nil {
				t.Fatal("no error")
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", err.Error()+"\n")
			all, ok := err.(interface{ Unwrap() []error })
			if !ok {
				return // of the topology
			}
			for _, err := range all.Unwrap() {
				if e, ok := errors.AsType[*topoyaml.Error](err); !ok || e.Line < 1 || e.Column < 1 || e.File != path {
					t.Errorf("%v: no place", err)
				}
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	for _, path := range corpus(t, "ok") {
		file, err := Load(path, read(t, path), open)
		if err != nil || len(file.Tests()) == 0 {
			t.Errorf("%v", err)
		}
	}
}

// What is sent is what the file says, by the serdes of the topology.
func TestSent(t *testing.T) {
	const path = "testdata/ok/forms.test.yaml"
	file, err := Load(path, read(t, path), open)
	if err != nil {
		t.Fatal(err)
	}
	test := file.Tests()[0]
	if test.Name != "every form" || test.Partitions != 3 || test.CommitEach != EachStep || !test.Skip || test.Clock != 1893456000000 {
		t.Errorf("%+v", test)
	}
	var got []string
	for _, s := range test.Steps[0].Input.Records {
		b, err := json.Marshal([]any{string(s.Key), s.Key == nil, string(s.Value), s.Value == nil, s.Timestamp, s.Headers, s.Partition})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	want := []string{ // the first key is what the source's key-from says
		`["ann",false,"{\"user\":\"ann\",\"amount\":9007199254740993,\"note\":\"${A}\"}",false,1000,null,-1]`,
		`["a",false,"",true,129600000,[{"Key":"a","Value":"Yg=="},{"Key":"n","Value":null}],2]`,
		`["",true,"{\"user\":\"ann\",\"amount\":1.5}",false,129600000,null,-1]`,
		`["a",false,"no json",false,1580463000000,null,-1]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestTopologyOf(t *testing.T) {
	for path, want := range map[string]string{"a/orders.test.yaml": "a/orders.yaml", "orders.test.yml": "orders.yml", "orders.yaml": "", "test.yaml": ""} {
		if got, ok := TopologyOf(path); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", path, got, ok, want)
		}
	}
}

// What Load takes, the schema takes, as another implementation of schemas reads it; and it refuses
// mistakes of form.
func TestSchema(t *testing.T) {
	golden(t, "testdata/schema.json", string(Schema()))
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
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
	good := corpus(t, "ok")
	examples, err := filepath.Glob("../../../examples/*/*.test.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatal("no examples", err)
	}
	for _, path := range append(good, examples...) {
		if err := schema.Validate(decode(t, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, name := range []string{"all", "forms", "no-tests"} {
		if err := schema.Validate(decode(t, "testdata/bad/"+name+".test.yaml")); err == nil {
			t.Errorf("the schema takes %s", name)
		}
	}
}

// decode reads YAML as an editor does, to which times are texts.
func decode(t *testing.T, path string) any {
	var doc yaml.Node
	if err := yaml.Unmarshal(read(t, path), &doc); err != nil {
		t.Fatal(err)
	}
	var plain func(n *yaml.Node) any
	plain = func(n *yaml.Node) (v any) {
		switch {
		case n.Kind == yaml.MappingNode:
			m := map[string]any{}
			for name, of := range pairs(n) {
				m[name.Value] = plain(of)
			}
			return m
		case n.Kind == yaml.SequenceNode:
			list := []any{}
			for _, c := range n.Content {
				list = append(list, plain(c))
			}
			return list
		case n.ShortTag() == "!!timestamp":
			return n.Value
		}
		if err := n.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	return plain(doc.Content[0])
}

// The tables of docs/testing.md are those that files are read by, and its example loads.
func TestDocs(t *testing.T) {
	const (
		path  = "../../../docs/testing.md"
		begin = "<!-- reference: begin (written by go test ./topology/topoyaml/testfile -update) -->\n"
		end   = "<!-- reference: end -->\n"
	)
	text := string(read(t, path))
	before, rest, ok1 := strings.Cut(text, begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no %s...%s", path, begin, end)
	}
	now := "\n" + Reference()
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+now+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if old != now {
		t.Errorf("the reference in %s is not up to date; run go test ./topology/topoyaml/testfile -update", path)
	}
	_, example, _ := strings.Cut(before, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	if _, err := Load("../../../examples/earthquakes/topology.test.yaml", []byte(example), open); err != nil || example == "" {
		t.Errorf("the example: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"ok", "bad"} {
		for _, path := range corpus(f, dir) {
			f.Add(strings.ReplaceAll(string(read(f, path)), "../orders.yaml", "orders.yaml"))
		}
	}
	topology, err := open("testdata/orders.yaml", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Load("fuzz.test.yaml", []byte(text), func(string, func(string) (string, bool)) (*topoyaml.File, error) { return topology, nil })
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v, error %v", file, err)
		}
	})
}

// A file with lines and words removed, repeated or exchanged is loaded or refused, never worse.
func TestMutatedFiles(t *testing.T) {
	r := seeds.Rand(t)
	topology, err := open("testdata/orders.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	words := []string{"", "\"", "[", "{}", "~", "&a", "*a", "- ", "\t", "é", "key: value", "|", "1", "null", "<<: *a", "#"}
	for _, dir := range []string{"ok", "bad"} {
		for _, path := range corpus(t, dir) {
			text := string(read(t, path))
			texts = append(texts, text)
			words = append(words, strings.Fields(text)...)
		}
	}
	for range 1000 {
		lines := strings.Split(texts[r.IntN(len(texts))], "\n")
		for range 1 + r.IntN(4) {
			i := r.IntN(len(lines))
			switch r.IntN(4) {
			case 0:
				lines = append(slices.Delete(lines, i, i+1), "")
			case 1:
				lines = slices.Insert(lines, i, lines[r.IntN(len(lines))])
			default:
				parts := strings.Split(lines[i], " ")
				parts[r.IntN(len(parts))] = words[r.IntN(len(words))]
				lines[i] = strings.Join(parts, " ")
			}
		}
		text := strings.Join(lines, "\n")
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("panic: %v\n%s\n%s", p, text, debug.Stack())
				}
			}()
			file, err := Load("m.test.yaml", []byte(text), func(string, func(string) (string, bool)) (*topoyaml.File, error) { return topology, nil })
			if (file == nil) == (err == nil) {
				t.Fatalf("file %v, error %v\n%s", file, err, text)
			}
		}()
	}
}
