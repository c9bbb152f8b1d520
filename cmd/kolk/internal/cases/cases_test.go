package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a directory; a name that ends in .sh is executable.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fake stands for the command: it prints a file, a word to standard error, and ends as it is told.
const fake = "#!/bin/sh\n[ \"$4\" = hang ] && exec sleep 60\ncat \"$1\"\necho \"$2\" >&2\nexit \"$3\"\n"

func TestRunAll(t *testing.T) {
	bin := filepath.Join(tree(t, map[string]string{"kolk": fake}), "kolk")
	ours := tree(t, map[string]string{
		"01-same/case.yaml":      "steps:\n  - {run: kolk in word 0, output: ['{\"k\":\"a\"}', '{\"k\":\"b\",\"v\":1.0}'], error: [wor]}\n",
		"01-same/in":             "{\"k\": \"b\", \"v\": 1.0, \"t\": 5}\n{\"k\":\"a\",\"v\":2}\n",
		"02-number/case.yaml":    "steps:\n  - {run: kolk in x 0, output: ['{\"v\":1}']}\n",
		"02-number/in":           "{\"v\":1.0}\n",
		"03-more/case.yaml":      "steps:\n  - {run: kolk in x 0, output: []}\n",
		"03-more/in":             "text\n",
		"04-exit/case.yaml":      "steps:\n  - {run: kolk in x 3, exit: 1, error: [y]}\n",
		"04-exit/in":             "",
		"05-kafka/case.yaml":     "elsewhere: TestX\n",
		"06-spelling/case.yaml":  "steps:\n  - {rnu: kolk}\n",
		"07-interrupt/case.yaml": "steps:\n  - {run: kolk in x 0 hang, for: 50ms, exit: -1, output: []}\n",
	})
	var b strings.Builder
	ok, err := runAll(bin, ours, ours, &b)
	if ok || err != nil {
		t.Error(ok, err)
	}
	if diff := cmp.Diff([]string{
		"passed 01-same", "FAILED 02-number", `- {"v":1}`, `+ {"v":1.0}`, "FAILED 03-more", "+ text",
		"FAILED 04-exit", "exit code 3, want 1", "not on standard error: y", "kafka  05-kafka", "FAILED 06-spelling", "passed 07-interrupt", "2 passed, 4 failed",
	}, told(b.String())); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, b.String())
	}

	theirs := tree(t, map[string]string{
		// another input, the same expectation
		"02-number/in":         "{\"v\":1}\n",
		"91-readme/README.md":  "Run: `kolk in\nx 4`, and look.\n",     // run, and shown
		"91-readme/in":         "line\n",                               //
		"92-broker/README.md":  "Run: `kolk run x --brokers BROKER`\n", //
		"93-trace/README.md":   "`kolk in x 2`\n",
		"93-trace/in":          "",
		"94-nothing/other.txt": "",
	})
	b.Reset()
	if ok, err := runAll(bin, ours, theirs, &b); ok || err != nil {
		t.Error(ok, err)
	}
	if diff := cmp.Diff([]string{"passed 02-number", "unsaid 91-readme", "exit code 4", "kafka  92-broker", "unsaid 93-trace", "exit code 2", "FAILED 94-nothing", "1 passed, 1 failed"},
		told(b.String())); diff != "" {
		t.Errorf("another directory (-want +got):\n%s\n%s", diff, b.String())
	}
}

// told are the lines that say something of the verdict, without times.
func told(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		head, _, _ := strings.Cut(line, " (")
		for _, begin := range []string{"passed", "FAILED", "kafka", "unsaid", "- ", "+ ", "exit code", "not on"} {
			if strings.HasPrefix(head, begin) {
				all = append(all, head)
			}
		}
		if strings.HasSuffix(line, " failed") {
			all = append(all, line)
		}
	}
	return all
}

func TestStackTraceFails(t *testing.T) {
	s := step{Exit: anyExit}
	if wrong := s.check(result{exit: 2, stderr: "panic: x\n\ngoroutine 1 [running]:\n"}); !strings.HasPrefix(wrong, "a stack trace") {
		t.Error(wrong)
	}
}

// Every case of the repository can be read, and says what it is about.
func TestCasesAreWhole(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..", "cases")
	names, err := directories(root)
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if _, err := readCase(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
		if text, err := os.ReadFile(filepath.Join(root, name, "README.md")); err != nil || len(text) == 0 {
			t.Errorf("%s: no README.md: %v", name, err)
		}
	}
}
