package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kolkstream/kolk/processor/processortest/yamltest"
	"github.com/kolkstream/kolk/topology/topoyaml"
	"github.com/kolkstream/kolk/topology/topoyaml/testfile"
)

func (a *app) testCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test [FILE|DIRECTORY]...",
		Short: "Run the tests beside topologies",
		Long: `Run the tests beside topologies: files that end in .test.yaml, of which orders.test.yaml has the tests
of orders.yaml. A directory stands for all such files below it, a topology for the one beside it;
without arguments it is the current directory. Nothing is connected to: topics are in memory.`,
	}
	pattern := cmd.Flags().String("run", "", "only tests whose names fit this regular expression")
	output := cmd.Flags().StringP("output", "o", "text", "form: text, json (one object a line for each test)")
	verbose := cmd.Flags().BoolP("verbose", "v", false, "name the tests that pass, too")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		only, err := regexp.Compile(*pattern)
		if err != nil {
			return usage(fmt.Errorf("--run: %w", err))
		}
		if *output != "text" && *output != "json" {
			return usage(fmt.Errorf("output: %q is none of text, json", *output))
		}
		if len(args) == 0 {
			args = []string{"."}
		}
		paths, err := testFiles(args)
		if err != nil {
			return usage(err)
		}
		w := bufio.NewWriter(a.stdout)
		t := &tester{print: printTests(w, *verbose), stderr: a.stderr, only: only}
		if *output == "json" {
			t.print = printJSON(w)
		}
		err = t.run(paths)
		return errors.Join(err, w.Flush())
	}
	return cmd
}

// testPath is a file of tests; given says that it was named, and not found in a directory.
type testPath struct {
	name  string
	given bool
}

// testFiles are the files of tests that arguments stand for, each once, in order.
func testFiles(args []string) ([]testPath, error) {
	var paths []testPath
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s does not exist", arg)
		case err != nil:
			return nil, err
		case info.IsDir():
			found, err := below(arg)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				return nil, fmt.Errorf("there are no tests below %s: their names end in %s", arg, strings.Join(testfile.Suffixes(), " or "))
			}
			for _, name := range found {
				paths = append(paths, testPath{name: name})
			}
		default:
			name, err := testsOf(arg)
			if err != nil {
				return nil, err
			}
			paths = append(paths, testPath{name, true})
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(paths, func(p testPath) bool {
		again := seen[filepath.Clean(p.name)]
		seen[filepath.Clean(p.name)] = true
		return again
	}), nil
}

// below are the files of tests below a directory.
func below(dir string) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case !d.IsDir() && isTests(path):
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

func isTests(path string) bool {
	_, ok := testfile.TopologyOf(path)
	return ok
}

// testsOf returns the file of tests that a file stands for: itself, or the one beside it.
func testsOf(path string) (string, error) {
	if isTests(path) {
		return path, nil
	}
	base := strings.TrimSuffix(path, filepath.Ext(path))
	for _, suffix := range testfile.Suffixes() {
		if _, err := os.Stat(base + suffix); err == nil {
			return base + suffix, nil
		}
	}
	return "", fmt.Errorf("%s has no tests beside it: %s does not exist", path, base+testfile.Suffixes()[0])
}

// tester runs files of tests.
type tester struct {
	print  testPrinter
	stderr io.Writer
	only   *regexp.Regexp
}

// testPrinter prints what becomes of tests.
type testPrinter struct {
	test func(*yamltest.Result) error
	file func(path string, passed, failed int) error
	end  func(passed, failed int) error
}

func (t *tester) run(paths []testPath) error {
	var wrong []error
	var files []*testfile.File
	for _, path := range paths {
		file, functions, err := readTests(path.name)
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case file != nil:
			files = append(files, file)
		default:
			text := fmt.Sprintf("the topology calls %s in Go, which this command does not have: run this file in a test of the program that has them, with yamltest.Run",
				strings.Join(functions, ", "))
			if path.given {
				wrong = append(wrong, fmt.Errorf("%s:1:1: %s", path.name, text))
				continue
			}
			fmt.Fprintf(t.stderr, "%s: left out: %s\n", path.name, text)
		}
	}
	if len(wrong) > 0 {
		return &exitError{exitTopology, errors.Join(wrong...)}
	}
	passed, failed := 0, 0
	for _, file := range files {
		begin, beginFailed := passed, failed
		for _, test := range file.Tests() {
			if !t.only.MatchString(test.Name) {
				continue
			}
			r := yamltest.RunTest(file, test)
			if r.Passed() {
				passed++
			} else {
				failed++
			}
			if err := t.print.test(r); err != nil {
				return err
			}
		}
		if err := t.print.file(file.Path(), passed-begin, failed-beginFailed); err != nil {
			return err
		}
	}
	if passed+failed == 0 && len(files) > 0 {
		return usage(fmt.Errorf("--run: no test has a name that fits %q", t.only))
	}
	if err := t.print.end(passed, failed); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, plural(passed+failed, "test", "tests"))
	}
	return nil
}

// readTests reads a file of tests. A topology may call Go functions, which this command does not
// have: then it says which, and there is no file, unless something else is wrong.
func readTests(path string) (file *testfile.File, functions []string, err error) {
	opts := topoyaml.Options{Lookup: os.LookupEnv}
	file, err = yamltest.Load(path, opts)
	if functions = missing(err); len(functions) == 0 {
		return file, nil, err
	}
	opts.Functions = functions
	_, err = yamltest.Load(path, opts)
	return nil, functions, err
}

// missing are the names of Go functions that a topology calls and that are not there.
func missing(err error) (names []string) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range all.Unwrap() {
			names = append(names, missing(one)...)
		}
	} else if mistake, ok := errors.AsType[*topoyaml.Error](err); ok && mistake.Missing != "" {
		names = append(names, mistake.Missing)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// printTests prints tests as text.
func printTests(w io.Writer, verbose bool) testPrinter {
	return testPrinter{
		test: func(r *yamltest.Result) (err error) {
			switch {
			case !r.Passed():
				_, err = fmt.Fprintf(w, "FAILED  %s\n%s\n", r.Test.Name, indent(r.String()))
			case verbose:
				_, err = fmt.Fprintf(w, "passed  %s\n", r.Test.Name)
			}
			return err
		},
		file: func(path string, passed, failed int) (err error) {
			switch {
			case failed > 0:
				_, err = fmt.Fprintf(w, "FAILED  %s: %d of %s failed\n", path, failed, plural(passed+failed, "test", "tests"))
			case passed > 0:
				_, err = fmt.Fprintf(w, "ok      %s: %s\n", path, plural(passed, "test", "tests"))
			}
			return err
		},
		end: func(passed, failed int) error {
			_, err := fmt.Fprintf(w, "%d passed, %d failed\n", passed, failed)
			return err
		},
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ")
}

// printJSON prints tests as JSON, one object a line.
func printJSON(w io.Writer) testPrinter {
	type failure struct {
		Line     int    `json:"line"`
		Column   int    `json:"column"`
		Message  string `json:"message"`
		Expected string `json:"expected,omitempty"`
		Got      string `json:"got,omitempty"`
		Record   string `json:"record,omitempty"`
	}
	type drop struct {
		Node   string `json:"node"`
		Reason string `json:"reason"`
		Count  int64  `json:"count"`
		First  string `json:"first,omitempty"`
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return testPrinter{
		test: func(r *yamltest.Result) error {
			line := struct {
				File     string    `json:"file"`
				Test     string    `json:"test"`
				Line     int       `json:"line"`
				Column   int       `json:"column"`
				Passed   bool      `json:"passed"`
				Failures []failure `json:"failures,omitempty"`
				Dropped  []drop    `json:"dropped,omitempty"`
			}{File: r.File, Test: r.Test.Name, Line: r.Test.Line, Column: r.Test.Column, Passed: r.Passed()}
			for _, f := range r.Failures {
				line.Failures = append(line.Failures, failure{f.Line, f.Column, f.Message, f.Expected, f.Got, f.Record})
			}
			for _, d := range r.Dropped {
				line.Dropped = append(line.Dropped, drop{d.Node, string(d.Reason), d.Count, d.First})
			}
			return e.Encode(line)
		},
		file: func(string, int, int) error { return nil },
		end:  func(int, int) error { return nil },
	}
}
