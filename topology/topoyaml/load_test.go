package topoyaml

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
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
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s)\n%s", got, path, want)
	}
}

func corpus(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/"+dir, err)
	}
	return files
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every mistake of a file is reported at once, each with its line and column.
func TestBadFiles(t *testing.T) {
	for _, path := range corpus(t, "bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := Load(filepath.Base(path), read(t, path), Options{})
			if err == nil || file != nil {
				t.Fatal("no error")
			}
			all := err.(interface{ Unwrap() []error }).Unwrap()
			for _, err := range all {
				e, ok := errors.AsType[*Error](err)
				if !ok {
					t.Errorf("%v is no *Error", err)
				} else if e.Line < 1 || e.Column < 1 || e.File != filepath.Base(path) {
					t.Errorf("%v: no place", err)
				}
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

// Good files load, and what they describe stays the same.
func TestGoodFiles(t *testing.T) {
	for _, path := range corpus(t, "ok") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := Load(filepath.Base(path), read(t, path), Options{})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", file.Plan().Describe().String())
		})
	}
}

func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"ok", "bad"} {
		for _, path := range corpus(f, dir) {
			f.Add(string(read(f, path)))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Load("fuzz.yaml", []byte(text), Options{Lookup: func(name string) (string, bool) { return name, len(name)%2 == 0 }})
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v, error %v", file, err)
		}
	})
}

// A file with lines and words removed, repeated, exchanged or taken from other files is loaded or
// refused, never worse.
func TestMutatedFiles(t *testing.T) {
	r := seeds.Rand(t)
	var texts []string
	words := []string{"", "\"", "[", "{}", "~", "&a", "*a", "- ", "\t", "é", "(", "value", "key: value", "|", "${X}", "1", "null", "<<: *a", "#"}
	for _, dir := range []string{"ok", "bad"} {
		for _, path := range corpus(t, dir) {
			text := string(read(t, path))
			texts = append(texts, text)
			words = append(words, strings.Fields(text)...)
		}
	}
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		lines := strings.Split(texts[r.IntN(len(texts))], "\n")
		for range 1 + r.IntN(4) {
			i := r.IntN(len(lines))
			switch r.IntN(5) {
			case 0:
				lines = slices.Delete(lines, i, i+1)
			case 1:
				lines = slices.Insert(lines, i, lines[r.IntN(len(lines))])
			case 2:
				j := r.IntN(len(lines))
				lines[i], lines[j] = lines[j], lines[i]
			default:
				parts := strings.Split(lines[i], " ")
				parts[r.IntN(len(parts))] = words[r.IntN(len(words))]
				lines[i] = strings.Join(parts, " ")
			}
			if len(lines) == 0 {
				lines = []string{""}
			}
		}
		text := strings.Join(lines, "\n")
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("panic: %v\n%s\n%s", p, text, debug.Stack())
				}
			}()
			file, err := Load("mutated.yaml", []byte(text), Options{})
			if (file == nil) == (err == nil) {
				t.Fatalf("file %v, error %v\n%s", file, err, text)
			}
		}()
	}
}

// Where braces make quotes necessary, a variable is still a flag or a number if its value is one.
func TestVariablesInQuotes(t *testing.T) {
	const text = `{name: a, sources: {in: {stream: in, timeless: "${FLAG:false}"}},
  streams: [{from: in, steps: [{repartition: {name: r, partitions: "${PARTITIONS:3}"}}, {discard: "${FLAG:true}"}]}]}`
	for _, test := range []struct{ flag, wrong string }{
		{"", ""},
		{"true", ""},
		{"yes", `1:48: timeless should be true or false, not "yes"`},
	} {
		lookup := func(name string) (string, bool) { return test.flag, name == "FLAG" && test.flag != "" }
		_, err := Load("q.yaml", []byte(text), Options{Lookup: lookup})
		if test.wrong == "" && err != nil || test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
			t.Errorf("FLAG=%s: %v, want %q", test.flag, err, test.wrong)
		}
	}
	plain := strings.Replace(text, "${FLAG:false}", "false", 1)
	if _, err := Load("q.yaml", []byte(plain), Options{}); err == nil || !strings.Contains(err.Error(), `not "false"`) {
		t.Errorf("a text is taken for a flag: %v", err)
	}
}
