// Package yamltest runs tests that are written in YAML beside a topology in YAML. The command kolk
// test runs them, too; a program whose Go functions the topology's process steps call runs them in
// its own tests:
//
//	func TestTopology(t *testing.T) {
//		registry := topoyaml.NewRegistry()
//		if err := topoyaml.RegisterFilter(registry, "valid-card", validCard); err != nil {
//			t.Fatal(err)
//		}
//		yamltest.Run(t, "*.test.yaml", topoyaml.Options{Registry: registry})
//	}
//
// docs/testing.md is the reference of the files.
package yamltest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
	"github.com/kolkstream/kolk/topology/topoyaml/testfile"
)

// Parent is a test that has tests below it: *testing.T.
type Parent[T any] interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Run(name string, test func(T)) bool
}

// Run runs the files whose paths fit a pattern of [filepath.Match], each test as one of its own. A
// pattern that fits no file is an error of the test. Variables of the topology are what the file
// says, else what opts looks up, else environment variables.
func Run[T Parent[T]](t T, pattern string, opts topoyaml.Options) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatalf("yamltest: %v", err)
	}
	if len(paths) == 0 {
		t.Fatalf("yamltest: no file fits %q", pattern)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t T) {
			file, err := Load(path, opts)
			if err != nil {
				t.Fatalf("\n%v", err)
			}
			for _, test := range file.Tests() {
				t.Run(test.Name, func(t T) {
					if r := RunTest(file, test); !r.Passed() {
						t.Errorf("\n%s", r)
					}
				})
			}
		})
	}
}

// Load reads a file of tests, and the topology that it is of. The errors of both are those of
// [testfile.Load] and [topoyaml.Load].
func Load(path string, opts topoyaml.Options) (*testfile.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return testfile.Load(path, data, func(of string, lookup func(string) (string, bool)) (*topoyaml.File, error) {
		data, err := os.ReadFile(of)
		if err != nil {
			return nil, fmt.Errorf("%s: the topology that it tests: %w", path, err)
		}
		opts := opts
		before := opts.Lookup
		if before == nil {
			before = os.LookupEnv
		}
		opts.Lookup = func(name string) (string, bool) {
			if v, ok := lookup(name); ok {
				return v, true
			}
			return before(name)
		}
		return topoyaml.Load(of, data, opts)
	})
}

// Result is what became of a test.
type Result struct {
	File string
	Test *testfile.Test
	// Failures are what was not as expected, in the order of the steps.
	Failures []testfile.Failure
	// Dropped are the records that came to nothing, by node and reason, if the test has failed.
	Dropped []Dropped
}

// Dropped is how many records a node has dropped for a reason.
type Dropped struct {
	Node   string
	Reason topology.Reason
	Count  int64
	// First is the error of the first one, if the node failed on it.
	First string
}

// Passed reports whether everything was as expected.
func (r *Result) Passed() bool { return len(r.Failures) == 0 }

// String returns the failures as text: each begins with file:line:column.
func (r *Result) String() string {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", r.File, f.Line, f.Column, f.Message)
		for _, part := range []struct{ name, text string }{{"expected", f.Expected}, {"got", f.Got}, {"of", f.Record}} {
			if part.text != "" {
				fmt.Fprintf(&b, "    %-8s %s\n", part.name, strings.ReplaceAll(part.text, "\n", "\n             "))
			}
		}
	}
	for _, d := range r.Dropped {
		fmt.Fprintf(&b, "    dropped: %d at %s: %s\n", d.Count, d.Node, d.Reason)
		if d.First != "" {
			fmt.Fprintf(&b, "             the first: %s\n", strings.ReplaceAll(d.First, "\n", "\n             "))
		}
	}
	return b.String()
}

// RunTest runs a test of a file.
func RunTest(file *testfile.File, test *testfile.Test) *Result {
	plan := file.Topology().Plan()
	r := &runner{
		result: Result{File: file.Path(), Test: test}, plan: plan.ForRuntime(flow.Key{}), test: test,
		outputs: map[string]*output{}, first: map[string]string{},
	}
	done := make(chan struct{})
	go func() { // Fatalf ends the goroutine
		defer close(done)
		defer r.end()
		opts := processortest.Options{DefaultPartitions: test.Partitions, CommitEvery: 1, Logger: slog.New(&firsts{first: r.first})}
		if test.CommitEach != testfile.EachRecord {
			opts.CommitEvery = -1
		}
		if test.Skip {
			opts.OnError = processortest.Skip
		}
		if test.Clock != topology.NoTime {
			opts.Now = time.UnixMilli(test.Clock).UTC()
		}
		r.d = processortest.New(r, plan, opts)
		for _, s := range test.Steps {
			r.at = s.Position
			if !r.step(s) {
				return
			}
		}
		for _, topic := range r.order {
			o := r.outputs[topic]
			r.fail(o.last.Rest(o.next())...)
		}
	}()
	<-done
	return &r.result
}

// output is a topic that steps compare.
type output struct {
	out  *processortest.Output[json.RawMessage, json.RawMessage]
	last *testfile.Output
}

func (o *output) next() (all []testfile.Got) {
	for _, r := range o.out.Next() {
		g := testfile.Got{Timestamp: r.Timestamp, Partition: r.Partition, Headers: r.Headers}
		if !r.NoKey {
			g.Key = r.Key
		}
		if !r.NoValue {
			g.Value = r.Value
		}
		all = append(all, g)
	}
	return all
}

// runner runs one test. It is what its driver takes for the test.
type runner struct {
	result   Result
	plan     *flow.Plan
	test     *testfile.Test
	at       testfile.Position
	d        *processortest.Driver
	outputs  map[string]*output
	order    []string // of outputs
	first    map[string]string
	cleanups []func()
}

var _ processortest.T = (*runner)(nil)

// Helper implements processortest.T.
func (r *runner) Helper() {}

// Logf implements processortest.T.
func (r *runner) Logf(string, ...any) {}

// Cleanup implements processortest.T.
func (r *runner) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Errorf implements processortest.T.
func (r *runner) Errorf(format string, args ...any) {
	r.fail(testfile.Failure{Position: r.at, Message: fmt.Sprintf(format, args...)})
}

// Fatalf implements processortest.T.
func (r *runner) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *runner) fail(failures ...testfile.Failure) {
	r.result.Failures = append(r.result.Failures, failures...)
}

// end notes what was dropped, and ends the tasks.
func (r *runner) end() {
	if r.d != nil && !r.result.Passed() {
		for _, d := range r.d.Stats().Dropped {
			of := Dropped{Node: d.Node, Reason: d.Reason, Count: d.Count}
			if d.Reason == topology.Failed || d.Reason == topology.FutureTime {
				of.First = r.first[d.Node]
			}
			r.result.Dropped = append(r.result.Dropped, of)
		}
	}
	for _, f := range r.cleanups {
		f()
	}
}

// step does a step, and reports whether the test can go on.
func (r *runner) step(s *testfile.Step) bool {
	switch {
	case s.Output != nil:
		o := r.outputs[s.Output.Topic]
		if o == nil {
			of := s.Output.Texts()
			o = &output{out: r.d.Output(s.Output.Topic, of.Key, of.Value)}
			r.outputs[s.Output.Topic] = o
			r.order = append(r.order, s.Output.Topic)
		}
		o.last = s.Output
		r.fail(s.Output.Compare(o.next())...)
		return true
	case s.Store != nil:
		of := s.Store.Texts()
		var got []testfile.Got
		for _, e := range r.d.Store(s.Store.Name, of.Key, of.Value) {
			got = append(got, testfile.Got{Key: e.Key, Value: e.Value, Timestamp: e.Timestamp, Window: e.Window, WindowEnd: e.WindowEnd, Partition: e.Partition})
		}
		r.fail(s.Store.Compare(r.plan, got)...)
		return true
	case s.Dropped != nil:
		got := map[string]int64{}
		for _, d := range r.d.Stats().Dropped {
			if d.Node == s.Dropped.Node {
				got[string(d.Reason)] = d.Count
			}
		}
		r.fail(s.Dropped.Compare(got)...)
		return true
	case s.Crash && s.LosingState:
		r.d.CrashLosingState()
		return true
	case s.Crash:
		r.d.Crash()
		return true
	}
	err := r.act(s)
	if err == nil && r.test.CommitEach == testfile.EachStep {
		err = r.d.TryCommit()
	}
	switch {
	case err == nil && s.Fails == "":
		return true
	case err == nil:
		r.fail(testfile.Failure{Position: s.Position, Message: s.Verb + " does not fail", Expected: "an error that contains: " + s.Fails})
		return true
	case s.Fails == "":
		r.fail(testfile.Failure{Position: r.at, Message: s.Verb + " fails, and the test ends here", Got: err.Error()})
		return false
	case !strings.Contains(err.Error(), s.Fails):
		r.fail(testfile.Failure{Position: s.Position, Message: s.Verb + " fails with another error", Expected: "one that contains: " + s.Fails, Got: err.Error()})
	}
	return true
}

// act does what is no comparison.
func (r *runner) act(s *testfile.Step) error {
	switch {
	case s.Input != nil:
		for _, rec := range s.Input.Records {
			r.at = rec.Position
			if rec.Partition < 0 {
				r.d.Append(s.Input.Topic, rec.Key, rec.Value, rec.Timestamp, rec.Headers...)
			} else {
				r.d.AppendTo(s.Input.Topic, rec.Partition, rec.Key, rec.Value, rec.Timestamp, rec.Headers...)
			}
			if err := r.d.TryRun(); err != nil {
				return err
			}
		}
		return nil
	case s.AdvanceTime != nil:
		return r.d.TryAdvanceTime(*s.AdvanceTime)
	case s.Commit:
		return r.d.TryCommit()
	case s.EndOfInput:
		return r.d.TryEndOfInput()
	case s.Restart:
		err := r.d.TryCommit()
		if err == nil {
			r.d.Restart()
		}
		return err
	}
	return r.d.TryAdvance(time.Duration(s.AdvanceClock) * time.Millisecond)
}
