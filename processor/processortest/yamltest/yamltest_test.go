package yamltest

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Everything that a step can do, done.
func TestPasses(t *testing.T) {
	registry := topoyaml.NewRegistry()
	err := topoyaml.RegisterFilter(registry, "even", func(_ context.Context, n int64) (bool, error) { return n%2 == 0, nil })
	if err != nil {
		t.Fatal(err)
	}
	Run(t, "testdata/pass/*.test.yaml", topoyaml.Options{Registry: registry})
}

// What is said of tests that fail: the place in the file, what is expected and what came.
func TestFails(t *testing.T) {
	paths, err := filepath.Glob("testdata/fail/*.test.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range paths {
		file, err := Load(path, topoyaml.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, test := range file.Tests() {
			r := RunTest(file, test)
			if r.Passed() {
				t.Errorf("%s: %s has passed", path, test.Name)
			}
			b.WriteString(test.Name + "\n" + r.String() + "\n")
		}
		golden := strings.TrimSuffix(path, ".yaml") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("got\n%s\nwant (%s)\n%s", b.String(), golden, want)
		}
	}
}

// parent is a test that keeps what it is told. It runs no tests below it.
type parent struct{ lines []string }

func (p *parent) Helper() {}

func (p *parent) Fatalf(format string, args ...any) { p.Errorf(format, args...) }

func (p *parent) Errorf(format string, _ ...any) { p.lines = append(p.lines, format) }

func (p *parent) Run(name string, test func(*parent)) bool {
	p.lines = append(p.lines, name)
	return true
}

func TestRunWithoutFiles(t *testing.T) {
	p := &parent{}
	Run(p, "testdata/*.none", topoyaml.Options{})
	Run(p, "[", topoyaml.Options{})
	if len(p.lines) < 2 || !strings.Contains(p.lines[0], "no file fits") {
		t.Errorf("%q", p.lines)
	}
	if _, err := Load("testdata/none.test.yaml", topoyaml.Options{}); err == nil {
		t.Error("a file that is not there")
	}
	path := filepath.Join(t.TempDir(), "x.test.yaml")
	if err := os.WriteFile(path, []byte("tests: [{name: x, steps: []}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, topoyaml.Options{}); err == nil || !strings.Contains(err.Error(), "the topology that it tests") {
		t.Errorf("error %v", err)
	}
}

// A variable is what the file says, then what the options look up, then one of the environment.
func TestVariables(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"t.yaml":      "name: t\nsources: {in: {stream: in}}\nstreams: [{from: in, steps: [{to: '${KOLK_A}-${KOLK_B}-${KOLK_C}'}]}]\n",
		"t.test.yaml": "variables: {KOLK_A: a}\ntests: [{name: x, steps: [{output: a-b-c, records: []}]}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KOLK_A", "x")
	t.Setenv("KOLK_B", "b")
	t.Setenv("KOLK_C", "c")
	path := filepath.Join(dir, "t.test.yaml")
	if _, err := Load(path, topoyaml.Options{}); err != nil {
		t.Error(err)
	}
	t.Setenv("KOLK_B", "x")
	lookup := func(name string) (string, bool) { return strings.ToLower(name[5:]), true }
	if _, err := Load(path, topoyaml.Options{Lookup: lookup}); err != nil {
		t.Error(err)
	}
}
