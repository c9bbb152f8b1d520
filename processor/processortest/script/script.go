package script

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/text"
	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/topology"
)

// Run runs the scripts whose paths fit a pattern of [filepath.Match], each as a test of its own
// with its own tasks, which begin with opts. A pattern that fits no file is an error of the test.
func Run(t *testing.T, plan *topology.Plan, pattern string, opts processortest.Options) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatalf("script: %v", err)
	}
	if len(paths) == 0 {
		t.Fatalf("script: no file fits %q", pattern)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			r := newRunner(t, plan, opts)
			datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string { return r.run(t, td) })
		})
	}
}

// runner runs one script.
type runner struct {
	t       test
	plan    *topology.Plan
	made    *flow.Plan
	opts    processortest.Options
	d       *processortest.Driver
	outputs map[string]*processortest.Output[json.RawMessage, json.RawMessage]
	last    int64 // the time of the last record
}

// test is the test of the command that runs: of the script, or of a subtest in it.
type test struct {
	processortest.T
	script testing.TB
}

// Cleanup runs f at the end of the script.
func (t *test) Cleanup(f func()) { t.script.Cleanup(f) }

func newRunner(t testing.TB, plan *topology.Plan, opts processortest.Options) *runner {
	r := &runner{plan: plan, made: plan.ForRuntime(flow.Key{}), opts: opts, t: test{t, t}}
	r.begin(opts)
	return r
}

// begin starts tasks.
func (r *runner) begin(opts processortest.Options) {
	r.d = processortest.New(&r.t, r.plan, opts)
	r.outputs = map[string]*processortest.Output[json.RawMessage, json.RawMessage]{}
	r.last = 0
}

// mistake is a command that cannot be run.
type mistake struct{ text string }

func wrong(format string, args ...any) mistake { return mistake{fmt.Sprintf(format, args...)} }

// run runs a command and returns what it prints.
func (r *runner) run(t testing.TB, td *datadriven.TestData) (printed string) {
	r.t.T = t
	defer func() {
		switch m := recover().(type) {
		case nil:
		case mistake:
			t.Fatalf("%s: %s: %s", td.Pos, td.Cmd, m.text)
		default:
			panic(m)
		}
	}()
	all := commands()
	c, ok := all[td.Cmd]
	if !ok {
		panic(wrong("there is no such command; there are %s", strings.Join(slices.Sorted(maps.Keys(all)), ", ")))
	}
	if td.Input != "" && !c.records {
		panic(wrong("it takes no lines"))
	}
	words := make([]string, len(td.CmdArgs))
	for i, a := range td.CmdArgs {
		words[i] = a.String()
	}
	if len(words) < c.least || c.most >= 0 && len(words) > c.most {
		panic(wrong("it is written %q", td.Cmd+" "+c.usage))
	}
	out, err := c.do(r, words, td.Input)
	if err != nil {
		out += "error: " + err.Error() + "\n"
	}
	return out
}

// options changes options as words say.
func options(o processortest.Options, words []string) processortest.Options {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		n, err := strconv.ParseInt(value, 10, 31)
		switch {
		case name == "partitions" && err == nil && n > 0:
			o.DefaultPartitions, o.Partitions = int32(n), nil
		case name == "commit-every" && err == nil && n != 0:
			o.CommitEvery = int(n)
		case w == "on-error=skip":
			o.OnError = processortest.Skip
		case w == "on-error=fail":
			o.OnError = processortest.Fail
		default:
			panic(wrong("%q is none of its words", w))
		}
	}
	return o
}

// texts returns how the keys and values of a topic are written.
func (r *runner) texts(topic string) flow.Texts {
	of, ok := r.made.TopicTexts(topic)
	if !ok {
		panic(wrong("the topology has no topic %q; it has %s", topic, strings.Join(slices.Sorted(maps.Keys(r.made.Topics)), ", ")))
	}
	return of
}

// each appends the records of a command, and calls then after each.
func (r *runner) each(words []string, input string, then func() error) error {
	of := r.texts(words[0])
	lines := strings.Split(input, "\n")
	switch {
	case len(words) > 1 && input != "":
		panic(wrong("it has a record in its line, and more below: write all of them below"))
	case len(words) > 1:
		lines = []string{strings.Join(words[1:], " ")}
	case input == "":
		panic(wrong("it has no record: write key=, value= and ts= behind the topic, or in lines below"))
	}
	for _, line := range lines {
		rec, err := parse(line, of, r.last)
		if err != nil {
			panic(wrong("%v, in %q", err, line))
		}
		r.last = rec.timestamp
		if rec.partition < 0 {
			r.d.Append(words[0], rec.key, rec.value, rec.timestamp, rec.headers...)
		} else {
			r.d.AppendTo(words[0], rec.partition, rec.key, rec.value, rec.timestamp, rec.headers...)
		}
		if err := then(); err != nil {
			return err
		}
	}
	return nil
}

// output prints what is new in a topic.
func (r *runner) output(b *strings.Builder, topic string, named bool) {
	of := r.texts(topic)
	out, ok := r.outputs[topic]
	if !ok {
		out = r.d.Output(topic, of.Key, of.Value)
		r.outputs[topic] = out
	}
	for _, rec := range out.Next() {
		var parts []string
		if named {
			parts = append(parts, topic+":")
		}
		if !rec.NoKey {
			parts = append(parts, "key="+word(rec.Key))
		}
		if !rec.NoValue {
			parts = append(parts, "value="+word(rec.Value))
		}
		parts = append(parts, "ts="+text.Time(rec.Timestamp))
		if out.Partitions() > 1 {
			parts = append(parts, "partition="+strconv.Itoa(int(rec.Partition)))
		}
		if len(rec.Headers) > 0 {
			parts = append(parts, "headers="+text.Headers(rec.Headers))
		}
		fmt.Fprintln(b, strings.Join(parts, " "))
	}
}

// store prints what a store holds.
func (r *runner) store(name string) string {
	of, ok := r.made.Stores[name]
	if !ok {
		of, ok = r.made.Topics[name] // a global table is called as its topic
		ok = ok && slices.ContainsFunc(r.made.Globals, func(g flow.GlobalSpec) bool { return g.Name == name })
	}
	if !ok {
		names := slices.Collect(maps.Keys(r.made.Stores))
		for _, g := range r.made.Globals {
			names = append(names, g.Name)
		}
		slices.Sort(names)
		panic(wrong("the topology has no store %q; it has %s", name, strings.Join(names, ", ")))
	}
	var spec flow.StoreSpec
	for _, sub := range r.made.SubTopologies {
		for _, s := range sub.Stores {
			if s.Name == name {
				spec = s
			}
		}
	}
	entries := r.d.Store(name, of.Key, of.Value)
	several := slices.ContainsFunc(entries, func(e processortest.Entry[json.RawMessage, json.RawMessage]) bool { return e.Partition > 0 })
	var b strings.Builder
	for _, e := range entries {
		parts := []string{"key=" + word(e.Key)}
		if spec.Kind.Windowed() {
			parts = append(parts, "window="+text.Time(e.Window)+".."+text.Time(e.WindowEnd))
		}
		parts = append(parts, "value="+word(e.Value))
		if spec.Timestamped {
			parts = append(parts, "ts="+text.Time(e.Timestamp))
		}
		if several {
			parts = append(parts, "partition="+strconv.Itoa(int(e.Partition)))
		}
		fmt.Fprintln(&b, strings.Join(parts, " "))
	}
	return b.String()
}
