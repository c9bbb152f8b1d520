package kolk_test

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackageDocumentation checks the packages that users begin with: their documentation has fifty
// lines and more, and a whole program that compiles.
func TestPackageDocumentation(t *testing.T) {
	for _, dir := range []string{"topology", "processor", "processor/processortest", "processor/processortest/script", "state", "serde"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			text := packageDoc(t, dir)
			if n := strings.Count(text, "\n"); n < 50 {
				t.Errorf("%d lines of documentation, want 50 and more", n)
			}
			program := wholeProgram(text)
			if program == "" {
				t.Fatal("no whole program in the documentation")
			}
			name := "main.go"
			if strings.Contains(program, "\t\"testing\"\n") {
				name = "main_test.go"
			}
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
				t.Errorf("the program does not compile: %v\n%s\n%s", err, out, program)
			}
		})
	}
}

// packageDoc returns the documentation of the package in a directory.
func packageDoc(t *testing.T, dir string) string {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(set, files, dir)
	if err != nil {
		t.Fatal(err)
	}
	return pkg.Doc
}

// wholeProgram returns the first program in a documentation: the indented lines from "package" on.
// A test is one too.
func wholeProgram(text string) string {
	var program bytes.Buffer
	for line := range strings.Lines(text) {
		code, indented := strings.CutPrefix(line, "\t")
		switch {
		case program.Len() == 0 && !(indented && strings.HasPrefix(code, "package ")):
		case indented:
			program.WriteString(code)
		case strings.TrimSpace(line) == "":
			program.WriteString("\n")
		default:
			return program.String()
		}
	}
	return program.String()
}
