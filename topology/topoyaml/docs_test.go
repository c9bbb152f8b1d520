package topoyaml

import (
	"encoding/json/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/steps"
)

const (
	docs  = "../../docs/yaml.md"
	begin = "<!-- reference: begin (written by go test ./topology/topoyaml -update) -->\n"
	end   = "<!-- reference: end -->\n"
)

// The tables of docs/yaml.md are those that files are read by.
func TestReference(t *testing.T) {
	text := string(read(t, docs))
	before, rest, ok1 := strings.Cut(text, begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no %s...%s", docs, begin, end)
	}
	now := "\n" + steps.Reference() + "\n"
	if *update {
		if err := os.WriteFile(docs, []byte(before+begin+now+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != now {
		t.Errorf("the reference in %s is not up to date; run go test ./topology/topoyaml -update", docs)
	}
}

// Every example in docs/yaml.md that is a whole file loads.
func TestExamplesOfDocs(t *testing.T) {
	examples := regexp.MustCompile("(?s)```yaml\n(name: .*?)```").FindAllStringSubmatch(string(read(t, docs)), -1)
	if len(examples) < 2 {
		t.Fatalf("%d examples found", len(examples))
	}
	for _, e := range examples {
		if _, err := Load("docs.yaml", []byte(e[1]), Options{}); err != nil {
			t.Errorf("%v\n%s", err, e[1])
		}
	}
}

// Every reference of the schema leads somewhere, and every field of the tables is in it.
func TestSchema(t *testing.T) {
	text := Schema()
	var schema struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, ref := range regexp.MustCompile(`"#/\$defs/([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		if schema.Defs[ref[1]] == nil {
			t.Errorf("the schema refers to %q, which it does not define", ref[1])
		}
	}
	for _, b := range steps.Blocks() {
		for _, f := range b.Fields {
			if !strings.Contains(string(text), `"`+f.Name+`": {`) {
				t.Errorf("the schema does not know %s.%s", b.Name, f.Name)
			}
		}
	}
	golden(t, "testdata/schema.json", string(text))
}

// Every step stands in a file that loads: in the test data, the examples, the cases or the queries.
func TestEveryStepIsUsed(t *testing.T) {
	var text strings.Builder
	for _, path := range goodFiles(t) {
		text.Write(read(t, path))
	}
	for _, b := range steps.Blocks() {
		if b.Name != "step" {
			continue
		}
		for _, f := range b.Fields {
			if !regexp.MustCompile(`(?m)(?:- *|\[)\{?` + f.Name + `:`).MatchString(text.String()) {
				t.Errorf("no file has the step %s", f.Name)
			}
		}
		return
	}
	t.Error("there are no steps")
}
