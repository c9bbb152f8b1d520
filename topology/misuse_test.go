package topology_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// misuse is a program with a mistake. It is given a topology, named test, and a stream of texts of
// the topic in.
type misuse struct {
	name    string
	program func(tp *topology.Topology, s stream)
}

// TestMisuse builds programs with mistakes, and compares all that Build says with
// testdata/misuse.txt: for each program the message, in which line 3 is the third one of the
// program.
func TestMisuse(t *testing.T) {
	var got strings.Builder
	names := make(map[string]bool)
	for _, family := range []struct {
		title string
		of    []misuse
	}{
		{"Topics and serdes", misusedTopics()},
		{"Names", misusedNames()},
		{"Handles", misusedHandles()},
		{"Records", misusedRecords()},
		{"Partitions", misusedPartitions()},
		{"Aggregations", misusedAggregations()},
		{"Windows", misusedWindows()},
		{"Tables", misusedTables()},
		{"Joins", misusedJoins()},
		{"Processors", misusedProcessors()},
		{"What nobody reads", misusedEnds()},
	} {
		fmt.Fprintf(&got, "# %s\n", family.title)
		for _, m := range family.of {
			if names[m.name] {
				t.Errorf("two programs are called %q", m.name)
			}
			names[m.name] = true
			fmt.Fprintf(&got, "\n%s\n", m.name)
			for _, line := range m.mistakes(t) {
				fmt.Fprintf(&got, "  %s\n", line)
			}
		}
		got.WriteString("\n")
	}
	const file = "testdata/misuse.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("not what %s says; if that is intended, run with -update (-want +got):\n%s", file, diff)
	}
}

var (
	position = regexp.MustCompile(`/\S*?([^/\s:]+\.go):(\d+)`)
	long     = regexp.MustCompile(`x{20,}`)
)

// mistakes are the messages of Build, with lines that are counted from the program's first one.
func (m misuse) mistakes(t *testing.T) (lines []string) {
	var opts []topology.Option
	if strings.HasSuffix(m.name, "Kafka Streams' time") {
		opts = append(opts, topology.KafkaStreamsTime)
	}
	tp := topology.New("test", opts...)
	m.program(tp, tp.Stream("in", serde.String(), serde.String()))
	_, err := tp.Build()
	if err == nil {
		t.Errorf("%s: no error", m.name)
		return nil
	}
	pc := runtime.FuncForPC(reflect.ValueOf(m.program).Pointer())
	file, first := pc.FileLine(pc.Entry())
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		mistake, ok := errors.AsType[*topology.Mistake](err)
		if !ok {
			t.Errorf("%s: %v is no mistake", m.name, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), mistake.Pos+": ") {
			t.Errorf("%s: %v does not begin with its position %s", m.name, err, mistake.Pos)
		}
		lines = append(lines, long.ReplaceAllString(position.ReplaceAllStringFunc(err.Error(), func(at string) string {
			p := position.FindStringSubmatch(at)
			line, _ := strconv.Atoi(p[2])
			switch {
			case p[1] != filepath.Base(file):
				return p[1] // where the stream of texts is made
			case line <= first:
				return p[1] + ":" + p[2]
			}
			return "line " + strconv.Itoa(line-first)
		}), "x..."))
	}
	return lines
}

// Every mistake that the package can say is that of a program: for each text of a mistake in its
// source there is a message in testdata/misuse.txt.
func TestMisuseIsComplete(t *testing.T) {
	messages, err := os.ReadFile("testdata/misuse.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	verb := regexp.MustCompile(`%(\\\[\d+\\\])?[a-z]`)
	found := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !says[name(call.Fun)] {
				return true
			}
			for _, arg := range call.Args {
				ast.Inspect(arg, func(n ast.Node) bool {
					lit, ok := n.(*ast.BasicLit)
					if !ok || lit.Kind != token.STRING {
						return true
					}
					text, err := strconv.Unquote(lit.Value)
					if err != nil || !strings.Contains(text, " ") || !strings.Contains(text, ":") && strings.Count(text, " ") < 3 {
						return true // no sentence
					}
					found++
					re := regexp.MustCompile(verb.ReplaceAllString(regexp.QuoteMeta(text), ".*"))
					if !re.Match(messages) {
						t.Errorf("%s: no program in misuse_*_test.go makes this mistake: %s", fset.Position(lit.Pos()), text)
					}
					return true
				})
			}
			return true
		})
	}
	if found < 100 {
		t.Errorf("%d texts of mistakes found", found)
	}
}

// says are the functions whose arguments are texts of mistakes.
var says = map[string]bool{"mistakef": true, "report": true, "wrong": true, "is": true, "unread": true}

// name is what a function is called by.
func name(fun ast.Expr) string {
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}
