package script

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// order is a value with a JSON of its own.
type order struct {
	User   string `json:"user"`
	Amount int64  `json:"amount"`
}

// orders adds up amounts by user, per minute, with a bonus from a global table.
func orders(t *testing.T) *topology.Plan {
	top := topology.New("orders")
	bonus := top.GlobalTable("bonus", serde.String(), serde.Int64())
	top.Stream("orders", serde.Int64(), serde.JSON[order]()).
		TryMapValues(func(_ context.Context, o order) (order, error) {
			if o.Amount < 0 {
				return o, errors.New("a negative amount")
			}
			return o, nil
		}).
		JoinGlobal("bonus-of", bonus, func(o order) string { return o.User }, topology.Inner(func(o order, b int64) order { o.Amount += b; return o })).
		GroupBy("by-user", func(o order) string { return o.User }).
		Window(topology.Tumbling(time.Minute)).
		Aggregate("totals", func(sum int64, o order) int64 { return sum + o.Amount }).
		Updates().
		Stream(func(_ topology.Window, user string) string { return user }).
		To("totals")
	top.Stream("raw", serde.String(), serde.String()).To("copies")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestGo(t *testing.T) { Run(t, orders(t), "testdata/go-*.script", processortest.Options{}) }

func TestYAML(t *testing.T) {
	file, err := topoyaml.Load("words.yaml", []byte(`
name: words
sources:
  lines: {stream: lines, value: string}
streams:
  - from: lines
    steps:
      - flat-map-values: split(value, " ")
      - group: {name: by-word, by: value}
      - aggregate: {store: counts, n: count(), mean: avg(len(key))}
      - to: counts
`), topoyaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	Run(t, file.Plan(), "testdata/yaml-*.script", processortest.Options{})
}

// A mistake in a script ends the test with its place and a way out.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"pip raw\n----\n", "x.script:1: pip: there is no such command; there are advance, append, commit, crash,"},
		{"pipe rwa key=a\n----\n", `x.script:1: pipe: the topology has no topic "rwa"; it has bonus, copies, orders, raw, totals`},
		{"pipe raw\n----\n", "it has no record"},
		{"pipe raw key=a\nkey=b\n----\n", "write all of them below"},
		{"pipe\n----\n", `it is written "pipe TOPIC [RECORD]"`},
		{"commit now\n----\n", `it is written "commit "`},
		{"commit\nkey=a\n----\n", "it takes no lines"},
		{"pipe orders\nkey=a\n----\n", `key=: "a" is none of the serde int64: json: cannot unmarshal string into Go value of type int64, in "key=a"`},
		{"pipe orders\nkey=1 value={\"amuont\": 1}\n----\n", ""}, // the serde takes it
		{"pipe raw\nkey=a key=b\n----\n", "key= is there twice"},
		{"pipe raw\nkey=a value=b time=1s\n----\n", "time= is no field of a record"},
		{"pipe raw\na b\n----\n", `"a" is no field of a record`},
		{"pipe raw\nkey={\"a\" value=b\n----\n", "key=: this is no JSON"},
		{"pipe raw\nkey=\"a\"value=b\n----\n", `a blank is missing before "value=b"`},
		{"pipe raw\nkey=a value=null\n----\n", "value=: null is none of the serde string"},
		{"pipe raw\nkey=a ts=soon\n----\n", `ts=: "soon" is no time`},
		{"pipe raw\nkey=a partition=-1\n----\n", "partition=: "},
		{"pipe raw\nkey=a headers=[]\n----\n", "headers=: headers are an object"},
		{"pipe raw\nkey=a headers={\"a\":1}\n----\n", `the header "a" is neither a text`},
		{"advance soon\n----\n", `"soon" is no time`},
		{"wallclock soon\n----\n", `"soon" is no duration`},
		{"crash all\n----\n", `"all" is none of its words`},
		{"store total\n----\n", `the topology has no store "total"; it has bonus, totals`},
		{"store copies\n----\n", `the topology has no store "copies"`},
		{"new partitions=0\n----\n", `"partitions=0" is none of its words`},
		{"run\n----\nnothing\n", "expected:\n"},
	} {
		rec := &recorder{TB: t}
		path := filepath.Join(t.TempDir(), "x.script")
		if err := os.WriteFile(path, []byte(c.script), 0o644); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			r := newRunner(rec, orders(t), processortest.Options{})
			datadriven.RunTestAny(rec, path, r.run)
		}()
		<-done
		if got := strings.Join(rec.lines, "\n"); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q\n got %s\nwant %s", c.script, got, c.want)
		}
	}
}

// recorder is a test that may fail: what it ends with is kept.
type recorder struct {
	testing.TB
	lines []string
}

func (r *recorder) Helper() {}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Failed() bool { return false }

func (r *recorder) Fatal(args ...any) { r.Fatalf("%v", args) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.lines = append(r.lines, strings.TrimSpace(sprintf(format, args)))
	goexit()
}

// What output prints can be piped again, and is the same record.
func FuzzRecord(f *testing.F) {
	f.Add("a", "b", int64(0), "h", []byte("v"))
	f.Add("", "null", int64(-1), "", []byte{0xff})
	f.Add("a b", `{"x": 1}`, int64(1577836800001), "\"", []byte(nil))
	f.Add("true", "1.0", int64(1)<<40, "=", []byte{})
	of := flow.Texts{Key: flow.TextsOf(serde.String()), Value: flow.TextsOf(serde.String())}
	f.Fuzz(func(t *testing.T, key, value string, ts int64, name string, header []byte) {
		if ts < topology.MinTime || ts > 1<<47 {
			return // dates have four digits
		}
		line := printed(t, of, key, value, ts, []topology.Header{{Key: name, Value: header}})
		r, err := parse(line, of, 0)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		again := printed(t, of, string(r.key), string(r.value), r.timestamp, r.headers)
		if line != again {
			t.Errorf("%s\n%s", line, again)
		}
	})
}

func raw(t *testing.T, of serde.Serde[json.RawMessage], s string) json.RawMessage {
	text, err := of.Decode([]byte(s))
	if err != nil {
		t.Skip(err)
	}
	return text
}
