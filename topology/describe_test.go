package topology_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// everything is a topology with every kind of node.
func everything() *topology.Topology {
	tp := topology.New("everything")
	str := serde.String()
	orders := tp.Stream("orders", str, serde.JSON[point](), topology.TimeFromValue(func(p point) time.Time { return time.UnixMilli(int64(p.X)) }))
	more := tp.StreamTopics([]string{"more-1", "more-2"}, str, serde.JSON[point]())
	found := tp.StreamPattern("regions", "more-[a-z]+", str, serde.JSON[point]())
	users := tp.Table("users", str, str, topology.Timeless)
	places := tp.GlobalTable("places", serde.Int64(), serde.JSON[point]())
	seen := tp.Store("seen", str, serde.Int64())

	all := orders.Filter(func(point) bool { return true }).Merge(more).Merge(found)
	sp := all.Split("size")
	big := sp.Branch("big", func(p point) bool { return p.X > 10 })
	sp.Rest().Join("user", users, topology.Inner(func(p point, u string) string { return u })).To("small")
	big.JoinGlobal("place", places, func(p point) int64 { return int64(p.Y) }, topology.Inner(func(p, q point) point { return q })).
		GroupBy("by-x", func(p point) int64 { return int64(p.X) }).
		Window(topology.Hopping(time.Hour, 15*time.Minute).Grace(90*time.Second)).Count("per-x").Final().
		Stream(func(w topology.Window, k int64) int64 { return k }).
		Repartition("again", topology.Partitions(12)).InOrder("sorted", 5*time.Minute).GroupByKey().Reduce("sums", func(a, b int64) int64 { return a + b }).EachUpdate().
		ToStream().To("sums")
	all.Process("dedup", func(c topology.Context[string, point]) topology.Processor[string, point] { return nil }, seen).
		FlatMapValues(func(p point) []int32 { return nil }).To("numbers")
	return tp
}

// The description in its three forms, against files; go test -rewrite writes them.
func TestDescribe(t *testing.T) {
	plan, err := everything().Build()
	if err != nil {
		t.Fatal(err)
	}
	d := plan.Describe()
	for name, got := range map[string][]byte{"describe.txt": []byte(d.String()), "describe.json": d.JSON(), "describe.dot": []byte(d.DOT())} {
		file := filepath.Join("testdata", name)
		if *rewrite {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs:\n%s", file, got)
		}
		if strings.Contains(string(got), "point") || strings.Contains(string(got), ".go") {
			t.Errorf("%s names something of Go", file)
		}
	}
	var back topology.Description
	if err := json.Unmarshal(d.JSON(), &back); err != nil || back.String() != d.String() {
		t.Errorf("JSON does not come back: %v", err)
	}
}

// The time of a topology is part of its description, and its tasks have a store for the clocks.
func TestDescribeTime(t *testing.T) {
	tp := topology.New("counts", topology.KafkaStreamsTime)
	tp.Stream("in", serde.String(), serde.String()).GroupByKey().Count("n").ToStream().To("out")
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := plan.Describe()
	if line, _, _ := strings.Cut(d.String(), "\n"); line != "topology counts, time kafka-streams" {
		t.Errorf("described as %q", line)
	}
	var back topology.Description
	if err := json.Unmarshal(d.JSON(), &back); err != nil || back.Time != "kafka-streams" {
		t.Errorf("as JSON: %q, %v", back.Time, err)
	}
	if s := plan.ForRuntime(flow.Key{}).SubTopologies[0]; s.TimeStore != "in-time" {
		t.Errorf("the time store is %q", s.TimeStore)
	}
}

// The fingerprint is the same for what looks the same, and another for each change that matters.
func TestFingerprint(t *testing.T) {
	build := func(f func(s stream)) string {
		tp, s := text()
		f(s)
		plan, err := tp.Build()
		if err != nil {
			t.Fatal(err)
		}
		return plan.Fingerprint()
	}
	count := func(w topology.Windows, name string) func(stream) {
		return func(s stream) {
			s.Filter(even).GroupByKey().Window(w).Count(name).Stream(func(_ topology.Window, k string) string { return k }).To("out")
		}
	}
	base := build(count(topology.Tumbling(time.Second), "n"))
	if base != build(count(topology.Tumbling(time.Second), "n")) {
		t.Error("not the same twice")
	}
	seen := map[string]string{base: "base"}
	for name, f := range map[string]func(stream){
		"name":    count(topology.Tumbling(time.Second), "m"),
		"size":    count(topology.Tumbling(2*time.Second), "n"),
		"grace":   count(topology.Tumbling(time.Second).Grace(1), "n"),
		"advance": count(topology.Hopping(time.Second, time.Millisecond), "n"),
		"more":    func(s stream) { count(topology.Tumbling(time.Second), "n")(s); s.To("copy") },
	} {
		if name == "grace" {
			f = count(topology.Tumbling(time.Second).Grace(time.Millisecond), "n")
		}
		fp := build(f)
		if other, ok := seen[fp]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[fp] = name
	}
}

// What the processor needs to know of a plan.
func TestPlan(t *testing.T) {
	plan, err := everything().Build()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Name() != "everything" {
		t.Error(plan.Name())
	}
	type sub struct{ inputs, stores, globals, sinks, timeStore string }
	got := make(map[string]sub)
	for _, s := range plan.ForRuntime(flow.Key{}).SubTopologies {
		var x sub
		for _, in := range s.Inputs {
			x.inputs += " " + in.Topic
			if in.Repartition {
				x.inputs += "(r)"
			}
			if in.Timeless {
				x.inputs += "(t)"
			}
		}
		for _, st := range s.Stores {
			x.stores += " " + st.Name
			if !st.Logged {
				t.Errorf("store %s is not logged", st.Name)
			}
		}
		for _, k := range s.Sinks {
			x.sinks += " " + k.Topic
			if plan.ForRuntime(flow.Key{}).Sinks[k.Index] != k {
				t.Errorf("sink %s has index %d", k.Topic, k.Index)
			}
		}
		x.globals, x.timeStore = strings.Join(s.Globals, " "), s.TimeStore
		got[s.Name] = x
	}
	want := map[string]sub{
		"more-1": {" more-1 more-2 orders regions users(t)", " more-1-time seen users", "places", " small by-x numbers", "more-1-time"},
		"by-x":   {" by-x(r)", " by-x-time per-x", "", " again", "by-x-time"},
		"again":  {" again(r)", " again-time sorted sums", "", " sums", "again-time"},
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %+v, want %+v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("sub-topologies %v", got)
	}
	s, ok := plan.ForRuntime(flow.Key{}).SubTopology("by-x")
	if !ok || s.Stores[1] != (flow.StoreSpec{Name: "per-x", Kind: flow.WindowStore, Timestamped: true, Logged: true, Retention: time.Hour + 90*time.Second,
		Shape: flow.Shape{Role: "count", Size: time.Hour, Advance: 15 * time.Minute, Key: "int64", Value: "int64", Format: 1}}) {
		t.Errorf("%+v", s)
	}
	if rs := plan.ForRuntime(flow.Key{}).Repartitions; len(rs) != 2 || rs[0].Name != "again" || rs[0].Partitions != 12 || rs[0].Writers[0] != (flow.Writer{SubTopology: "by-x", Delay: time.Hour + 90*time.Second}) ||
		rs[1].Writers[0] != (flow.Writer{SubTopology: "more-1"}) {
		t.Errorf("%+v", rs)
	}
	if g := plan.ForRuntime(flow.Key{}).Globals; len(g) != 1 || g[0] != (flow.GlobalSpec{Name: "places", Topic: "places", Key: "int64", Value: "json"}) {
		t.Errorf("%+v", g)
	}
}

// Adding operators before and behind does not change the names of sub-topologies.
func TestSubTopologyNamesAreStable(t *testing.T) {
	names := func(f func(s stream)) string {
		tp, s := text()
		f(s)
		plan, err := tp.Build()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, sub := range plan.ForRuntime(flow.Key{}).SubTopologies {
			all = append(all, sub.Name)
		}
		return strings.Join(all, " ")
	}
	small := names(func(s stream) { s.GroupBy("g", strings.ToUpper).Count("n") })
	large := names(func(s stream) {
		s.Peek(func(string) {}).To("copy")
		s.Filter(even).GroupBy("g", strings.ToUpper).Count("n").ToStream().Filter(func(int64) bool { return true }).To("out")
	})
	if small != "g in" || large != small {
		t.Errorf("%q and %q", small, large)
	}
}
