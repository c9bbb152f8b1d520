package topology_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Wrong types do not compile: the type checker of the Go release at hand reports an error on every
// line of testdata/types that says so, and on no other.
func TestWrongTypesDoNotCompile(t *testing.T) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "testdata/types/wrong.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[int]*regexp.Regexp)
	for _, group := range file.Comments {
		for _, c := range group.List {
			if text, ok := strings.CutPrefix(c.Text, "// ERROR "); ok {
				want[fset.Position(c.Pos()).Line] = regexp.MustCompile(text)
			}
		}
	}
	if len(want) < 40 {
		t.Fatalf("%d mistakes found in the file", len(want))
	}
	found := make(map[int]bool)
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", exports(t)),
		Error: func(err error) {
			var e types.Error
			if !errors.As(err, &e) || strings.Contains(e.Msg, "declared and not used") {
				return
			}
			line := fset.Position(e.Pos).Line
			if strings.HasPrefix(e.Msg, "\t") && found[line] {
				return // more about the error before
			}
			switch re := want[line]; {
			case re == nil:
				t.Errorf("line %d: unexpected: %s", line, e.Msg)
			case !re.MatchString(e.Msg):
				t.Errorf("line %d: got %q, want %s", line, e.Msg, re)
			}
			found[line] = true
		},
	}
	conf.Check("types", fset, []*ast.File{file}, nil) // the error is the first of those above
	for line, re := range want {
		if !found[line] {
			t.Errorf("line %d compiles: want %s", line, re)
		}
	}
}

// exports returns where the compiled packages lie that the program imports: what this test was
// built from.
func exports(t *testing.T) func(path string) (io.ReadCloser, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", "github.com/kolkstream/kolk/topology")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, errors.New("not among the dependencies: " + path)
		}
		return os.Open(files[path])
	}
}
