package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// planner makes a plan that reads the topic APP-in, of strings and JSON objects, and writes
// APP-out.
type planner func(app string) (*topology.Plan, error)

// inYAML is a plan of a stream with these steps.
func inYAML(steps ...string) planner {
	return func(app string) (*topology.Plan, error) {
		var b strings.Builder
		fmt.Fprintf(&b, "name: %s\nsources:\n  in: {stream: %s-in, key: string, value: json, schema: {n: int, s: string}}\nstreams:\n  - from: in\n    steps:\n", app, app)
		for _, s := range slices.Concat(steps, []string{"to: " + app + "-out"}) {
			// planners are shared
			fmt.Fprintf(&b, "      - %s\n", s)
		}
		f, err := topoyaml.Load("changes.yaml", []byte(b.String()), topoyaml.Options{})
		if err != nil {
			return nil, err
		}
		return f.Plan(), nil
	}
}

type changed struct {
	N int `json:"n"`
}

// inGo is a plan of a stream that is grouped by its key.
func inGo(build func(t *topology.Topology, g topology.Grouped[string, changed], out string)) planner {
	return func(app string) (*topology.Plan, error) {
		t := topology.New(app)
		g := t.Stream(app+"-in", serde.String(), serde.JSON[changed]()).GroupByKey()
		build(t, g, app+"-out")
		return t.Build()
	}
}

func windows(w topology.Windows) planner {
	return inGo(func(_ *topology.Topology, g topology.Grouped[string, changed], out string) {
		g.Window(w).Count("c").EachUpdate().Stream(func(_ topology.Window, k string) string { return k }).To(out)
	})
}

func stored[V any](value serde.Serde[V], next func(V) V) planner {
	return func(app string) (*topology.Plan, error) {
		t := topology.New(app)
		st := t.Store("c", serde.String(), value)
		t.Stream(app+"-in", serde.String(), serde.JSON[changed]()).
			ProcessFunc("p", func(c topology.Context[string, V], r *topology.Record[string, changed]) error {
				s := st.Open(c)
				v, _, err := s.Get(r.Key)
				if err != nil {
					return err
				}
				v = next(v)
				if err := s.Put(r.Key, v); err != nil {
					return err
				}
				c.Forward(topology.Record[string, V]{Key: r.Key, Value: v, Timestamp: r.Timestamp})
				return nil
			}, st).WithValueSerde(value).To(app + "-out")
		return t.Build()
	}
}

// TestChanges runs a plan on three records, and then another plan, with the same state, on two
// more. It is the table of docs/changing-topologies.md: what is kept, what begins empty, what is
// refused and with which words.
func TestChanges(t *testing.T) {
	t.Parallel()
	count := []string{"group: by-key", "count: {store: c}", "emit: each-update"}
	aggregate := func(columns string) []string {
		return []string{"group: by-key", "aggregate: {store: c, " + columns + "}", "emit: each-update"}
	}
	windowed := func(window string) planner {
		return inYAML("group: by-key", "window: {"+window+"}", "count: {store: c}", "emit: each-update", "result: {key: key, value: value}")
	}
	counted := inYAML(count...)
	five, two := string([]byte{0, 0, 0, 0, 0, 0, 0, 5}), string([]byte{0, 0, 0, 0, 0, 0, 0, 2})
	add := func(n int64) int64 { return n + 1 }
	for _, c := range []struct {
		name          string
		before, after planner
		last          string // of what comes out in the end
		refused       string // the differences
	}{
		{"a filter more", counted, inYAML(append([]string{"filter: value.n >= 0"}, count...)...), five, ""},
		{"emit", counted, inYAML(count[:2]...), five, ""},
		{"from YAML to Go", counted, inGo(func(_ *topology.Topology, g topology.Grouped[string, changed], out string) {
			g.Count("c").EachUpdate().ToStream().To(out)
		}), five, ""},
		{"grace", windowed("tumbling: 10m"), windowed("tumbling: 10m, grace: 1m"), "5", ""},
		{"a column more", inYAML(aggregate("n: count()")...), inYAML(aggregate("n: count(), avg: avg(value.n)")...), `{"n":5,"avg":1}`, ""},
		{"a column less", inYAML(aggregate("n: count(), sum: sum(value.n)")...), inYAML(aggregate("n: count()")...), `{"n":5}`, ""},
		{"another argument", inYAML(aggregate("n: sum(value.n)")...), inYAML(aggregate("n: sum(value.n + 1)")...), `{"n":7}`, ""},
		{"another name", counted, inYAML("group: by-key", "count: {store: d}", "emit: each-update"), two, ""},
		{"another store, YAML", counted, inYAML(aggregate("n: count()")...), "", "kind count -> aggregate, value serde int64 -> json"},
		{"another function", inYAML(aggregate("n: sum(value.n)")...), inYAML(aggregate("n: max(value.n)")...), "", "column n sum -> max"},
		{"size, YAML", windowed("tumbling: 10m"), windowed("tumbling: 5m"), "", "window size 10m -> 5m"},
		{"advance, YAML", windowed("hopping: 10m, every: 5m"), windowed("hopping: 10m, every: 2m"), "", "window advance 5m -> 2m"},
		{"windows at all, YAML", counted, windowed("tumbling: 5m"), "", "windows none -> tumbling"},
		{"size, Go", windows(topology.Tumbling(time.Minute)), windows(topology.Tumbling(time.Hour)), "", "window size 1m -> 1h"},
		{"kind of windows, Go", windows(topology.Tumbling(time.Minute)), windows(topology.Hopping(time.Minute, time.Second)), "", "windows tumbling -> hopping, window advance 1m -> 1s"},
		{"value serde, Go", stored(serde.Int64(), add), stored(serde.JSON[int64](), add), "", "value serde int64 -> json"},
		{"kind of store, Go", stored(serde.Int64(), add), counted, "", "kind store -> count"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			adm := newAdmin(t, b.Addr())
			name, dir := names(t, "app"), t.TempDir()
			in, out := name+"-in", name+"-out"
			adm.create(in, 1, nil)
			adm.create(out, 1, nil)
			send := func(n int) {
				adm.produce(in, func(yield func(message) bool) {
					for i := range n {
						if !yield(message{Key: []byte("k"), Value: []byte(`{"n":1,"s":"a"}`), Timestamp: int64(1000 + i)}) {
							return
						}
					}
				})
			}
			start := func(p planner, dir string) *app {
				plan, err := p(name)
				if err != nil {
					t.Fatal(err)
				}
				return startPlan(t, b.Addr(), plan, nil, func(cfg *processor.Config) { cfg.StateDir = dir })
			}
			send(3)
			a := start(c.before, dir)
			adm.awaitNoLag(time.Minute, name, in)
			a.stop(t)
			send(2)
			if c.refused == "" {
				a = start(c.after, dir)
				adm.awaitNoLag(time.Minute, name, in)
				a.stop(t)
				all := readAll(t, b.Addr(), out)
				if got := all[len(all)-1].Value; got != c.last {
					t.Errorf("the last result is %q, want %q", got, c.last)
				}
				return
			}
			// With the directory and without, twice each: a refusal changes nothing.
			other := t.TempDir()
			for _, dir := range []string{dir, other, dir, other} {
				err := start(c.after, dir).failsWith(t, time.Minute, "store c", "another name", name+"-c-changelog")
				differs, ok := errors.AsType[*processor.StateDiffersError](err)
				if !ok || !strings.HasPrefix(strings.Join(differs.Differences, ", "), c.refused) {
					t.Fatalf("%v, want %s", err, c.refused)
				}
			}
			a = start(c.before, dir)
			adm.awaitNoLag(time.Minute, name, in)
			a.stop(t)
			all := readAll(t, b.Addr(), out)
			if len(all) < 5 {
				t.Errorf("the plan before goes on with %d results", len(all))
			}
		})
	}
}

// TestChangeTakenOut takes a store out of a plan, and puts it in again: its state lacks what was
// processed meanwhile.
func TestChangeTakenOut(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	adm := newAdmin(t, b.Addr())
	name, dir := names(t, "app"), t.TempDir()
	in := name + "-in"
	adm.create(in, 1, nil)
	adm.create(name+"-out", 1, nil)
	with := inYAML("group: by-key", "count: {store: c}", "emit: each-update")
	without := inYAML("group: by-key", "count: {store: d}", "emit: each-update")
	start := func(p planner, dir string) *app {
		plan, err := p(name)
		if err != nil {
			t.Fatal(err)
		}
		return startPlan(t, b.Addr(), plan, nil, func(cfg *processor.Config) { cfg.StateDir = dir })
	}
	for _, p := range []planner{with, without} {
		adm.produce(in, func(yield func(message) bool) {
			yield(message{Key: []byte("k"), Value: []byte(`{"n":1}`), Timestamp: 1000})
		})
		a := start(p, dir)
		adm.awaitNoLag(time.Minute, name, in)
		a.stop(t)
	}
	for _, dir := range []string{dir, t.TempDir()} {
		err := start(with, dir).failsWith(t, time.Minute, "store c", "lacks", name+"-c-changelog")
		if _, ok := errors.AsType[*processor.StateLeftBehindError](err); !ok {
			t.Errorf("%v", err)
		}
	}
}
