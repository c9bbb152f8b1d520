package kolk_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestREADME holds the examples in README.md to the files that they are cut from.
func TestREADME(t *testing.T) {
	readme := read(t, "README.md")
	source := map[string]string{"go": unindent(read(t, "examples/flights/job.go")), "yaml": read(t, "examples/flights/topology.yaml")}
	n := map[string]int{}
	for _, block := range regexp.MustCompile("(?s)```(go|yaml)\n(.*?)```").FindAllStringSubmatch(readme, -1) {
		language, text := block[1], block[2]
		if strings.Contains(text, "processor.New") {
			continue // how to run a plan: in every example's main.go, with error handling
		}
		n[language]++
		// Each part between blank lines stands in the file.
		for part := range strings.SplitSeq(text, "\n\n") {
			if !strings.Contains(source[language], unindent(strings.TrimSpace(part))) {
				t.Errorf("README.md shows what is not in the %s file:\n%s", language, part)
			}
		}
	}
	if n["go"] < 2 || n["yaml"] < 1 {
		t.Errorf("README.md has %d blocks of Go and %d of YAML", n["go"], n["yaml"])
	}
	for _, link := range regexp.MustCompile(`\]\(([a-zA-Z][^):#]*)\)`).FindAllStringSubmatch(readme, -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("README.md links to %s: %v", link[1], err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// unindent removes the indentation: what stands in a function is shown outside of it.
func unindent(text string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(text, "")
}
