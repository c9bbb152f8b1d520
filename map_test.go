package kolk_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMap: what the map in docs/ARCHITECTURE.md leads to under "Where to look" is there. Packages
// are named by their paths, methods as Type.Method.
func TestMap(t *testing.T) {
	text, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Where to look\n")
	if !found {
		t.Fatal("docs/ARCHITECTURE.md does not say where to look")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var code strings.Builder
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		code.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(section, -1) {
		name := m[1]
		if typ, method, ok := strings.Cut(name, "."); ok {
			named++
			decl := regexp.MustCompile(`(?m)^func \(\w+ \*?` + typ + `(\[[^\]]*\])?\) ` + method + `\b`)
			if !decl.MatchString(code.String()) {
				t.Errorf("no type %s has a method %s", typ, method)
			}
		} else if strings.Contains(name, "/") {
			named++
			if _, err := os.Stat(name); err != nil {
				t.Error(err)
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d places are named: is the section written differently?", named)
	}
}
