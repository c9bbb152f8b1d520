package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// failing are tests of words.yaml of which the second one fails.
const failing = `
topology: words.yaml
tests:
  - name: passes
    steps:
      - output: counted
        records: []
  - name: fails
    steps:
      - input: words
        records:
          - value: {word: a, at: 1}
      - output: counted
        records:
          - {key: a, value: 2}
`

// project is a directory with tests below it.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"words.yaml":            string(content(t, path(t, "words.yaml"))),
		"words.test.yaml":       string(content(t, path(t, "words.test.yaml"))),
		"failing.test.yml":      failing,
		".hidden/bad.test.yaml": "-",
		"sub/go.yaml":           "name: g\nsources: {in: {stream: in}}\nstreams: [{from: in, steps: [{process: f}, {to: out}]}]\n",
		"sub/go.test.yaml":      "tests: [{name: x, steps: [{output: out, records: []}]}]\n",
		"lonely.yaml":           "",
		"empty/x":               "",
		"bad/bad.test.yaml":     "topology: ../words.yaml\ntests:\n  - name: x\n    stepz: []\n  - steps: [{output: cuonted, records: []}]\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTest(t *testing.T) {
	t.Parallel()
	dir := project(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	words, fails := in("words.test.yaml"), in("failing.test.yml")
	ok := "ok      " + words + ": 2 tests\n"
	for _, c := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string // stderr: a part
	}{
		{"a topology", []string{in("words.yaml")}, 0, ok + "2 passed, 0 failed\n", ""},
		{"once", []string{words, in("words.yaml")}, 0, ok + "2 passed, 0 failed\n", ""},
		{"verbose", []string{words, "-v", "--run", "counted$"}, 0,
			"passed  words are counted\nok      " + words + ": 1 test\n1 passed, 0 failed\n", ""},
		{"a failure", []string{fails}, 1, "FAILED  fails\n" +
			"  " + fails + ":15:29: output counted, record 1 of 1: value\n" +
			"      expected 2\n" +
			"      got      1\n" +
			"      of       {key: \"a\", value: 1, time: 1ms}\n" +
			"FAILED  " + fails + ": 1 of 2 tests failed\n1 passed, 1 failed\n", "kolk: 1 of 2 tests failed\n"},
		{"a directory without its bad one", []string{in("sub"), words}, 0, ok + "2 passed, 0 failed\n",
			in("sub/go.test.yaml") + ": left out: the topology calls f in Go"},
		{"functions in Go", []string{in("sub/go.test.yaml")}, 3, "", in("sub/go.test.yaml") + ":1:1: the topology calls f in Go, which this command does not have: run this file in a test of the program that has them, with yamltest.Run\n"},
		{"mistakes", []string{in("bad"), words}, 3, "", in("bad/bad.test.yaml") + `:4:5: unknown field "stepz" in a test; did you mean "steps"?`},
		{"all mistakes", []string{dir}, 3, "", in("bad/bad.test.yaml") + `:5:22: the topology has no topic "cuonted"; did you mean "counted"?`},
		{"no tests beside", []string{in("lonely.yaml")}, 2, "", "lonely.yaml has no tests beside it: " + in("lonely.test.yaml") + " does not exist"},
		{"no tests below", []string{in("empty")}, 2, "", "there are no tests below " + in("empty") + ": their names end in .test.yaml or .test.yml"},
		{"no tests here", nil, 2, "", "there are no tests below ."},
		{"nothing there", []string{in("none")}, 2, "", "none does not exist"},
		{"no expression", []string{words, "--run", "("}, 2, "", "--run: error parsing regexp"},
		{"none chosen", []string{words, "--run", "^x$"}, 2, "", `--run: no test has a name that fits "^x$"`},
		{"another form", []string{words, "-o", "xml"}, 2, "", `output: "xml" is none of text, json`},
	} {
		code, stdout, stderr := run(t, append([]string{"test"}, c.args...)...)
		if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
			t.Errorf("%s: exit code %d, want %d\n%s\nwant\n%s\n%s\nwant %s", c.name, code, c.code, stdout, c.stdout, stderr, c.stderr)
		}
	}
}

func TestTestJSON(t *testing.T) {
	t.Parallel()
	dir := project(t)
	code, stdout, stderr := run(t, "test", filepath.Join(dir, "failing.test.yml"), "-o", "json")
	if code != 1 || stderr != "kolk: 1 of 2 tests failed\n" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	type result struct {
		File, Test   string
		Line, Column int
		Passed       bool
		Failures     []struct {
			Line, Column           int
			Message, Expected, Got string
		}
	}
	var all []result
	for line := range strings.Lines(stdout) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) != 2 || !all[0].Passed || all[0].Test != "passes" || all[0].Line != 4 || all[1].Passed || len(all[1].Failures) != 1 {
		t.Fatalf("%s", stdout)
	}
	if f := all[1].Failures[0]; f.Line != 15 || f.Column != 29 || f.Expected != "2" || f.Got != "1" {
		t.Errorf("%+v", f)
	}
}

// Every topology of the examples has tests beside it, and they pass; those that the command cannot
// run it names.
func TestExamplesHaveTests(t *testing.T) {
	t.Parallel()
	topologies, err := filepath.Glob("../../examples/*/*.yaml")
	if err != nil || len(topologies) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range topologies {
		if strings.HasSuffix(file, ".test.yaml") {
			continue
		}
		file, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := run(t, "test", file)
		if code != 0 && !(code == 3 && strings.Contains(stderr, "with yamltest.Run")) {
			t.Errorf("%s: exit code %d\n%s%s", file, code, stdout, stderr)
		}
	}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"schema"}, {"schema", "test"}} {
		code, stdout, stderr := run(t, args...)
		var schema struct{ Title string }
		if err := json.Unmarshal([]byte(stdout), &schema); err != nil || code != 0 || stderr != "" || !strings.HasPrefix(schema.Title, "kolk t") {
			t.Errorf("%v: exit code %d, %v, %q, %q", args, code, err, schema.Title, stderr)
		}
	}
}
