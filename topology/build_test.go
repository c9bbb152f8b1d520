package topology_test

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

type point struct{ X, Y int }

func slowUpper(_ context.Context, v string) (string, error) { return strings.ToUpper(v), nil }

// here returns the position of its caller, lines further on.
func here(lines int) string {
	_, file, line, _ := runtime.Caller(1)
	return file + ":" + strconv.Itoa(line+lines)
}

// Build returns all mistakes, and those of an earlier Build do not stay.
func TestBuildReturnsAllMistakes(t *testing.T) {
	tp, s := text()
	s.Filter(nil).MapValues[int](nil).To("a b")
	for range 2 {
		_, err := tp.Build()
		if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 3 {
			t.Errorf("%d mistakes: %v", n, err)
		}
	}
	_, err := topology.New("").Build()
	if err == nil || !strings.Contains(err.Error(), `the topology's name "" is empty`) || !strings.Contains(err.Error(), "it reads no topic: begin with Stream or Table") {
		t.Errorf("got %v", err)
	}
}

// A serde registered after its use counts, for keys and values.
func TestRegister(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", serde.String(), serde.JSON[point]())
	s.SelectKey(func(p point) point { return p }).MapValues(func(p point) int64 { return int64(p.X) }).To("out")
	topology.Register(tp, other[point]{serde.JSON[point]()})
	topology.Register(tp, num())
	r := newRig(t, tp)
	r.in(msg("in", "a", `{"X":1,"Y":2}`, 1))
	r.want(`out {"X":1,"Y":2}:1 @1`)
	sub := r.plan.Describe().SubTopologies[0]
	if n := sub.Nodes[len(sub.Nodes)-1]; n.Key != "other json" || n.Value != "decimal" {
		t.Errorf("sink %+v", n)
	}
}

// Serdes are inherited while types stay the same, also across operators that change keys or values.
func TestSerdesAreInherited(t *testing.T) {
	tp := topology.New("test")
	s := tp.Stream("in", other[string]{serde.String()}, num())
	s.MapValues(func(v int64) int64 { return -v }).SelectKey(func(int64) string { return "k" }).To("same")
	s.MapValues(func(v int64) int32 { return 1 }).MapValues(func(int32) int64 { return 2 }).To("changed")
	s.WithValueSerde(serde.Int64()).GroupBy("g", func(int64) string { return "g" }, topology.KeySerde(serde.String())).
		Reduce("sum", func(a, b int64) int64 { return a + b }).ToStream().To("sums")
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"same": "other string decimal", "changed": "other string int64", "g": "string int64", "sums": "string int64"}
	for _, sub := range plan.Describe().SubTopologies {
		for _, n := range sub.Nodes {
			if w, ok := want[n.Name]; ok && n.Key != "" && n.Key+" "+n.Value != w {
				t.Errorf("%s: %s %s, want %s", n.Name, n.Key, n.Value, w)
			}
		}
	}
}

// A plan does not change when its topology goes on.
func TestPlanIsImmutable(t *testing.T) {
	tp, s := text()
	sp := s.Split("sp")
	sp.Branch("even", even).To("even")
	n := s.GroupByKey().Count("n")
	n.ToStream().MapValues(letters).To("out")
	r := newRig(t, tp)
	before := r.plan.Describe().String()
	sp.Branch("odd", func(string) bool { return true }).To("odd")
	sp.Rest().To("rest")
	n.EachUpdate()
	n.ToStream().To("more")
	s.To("copy")
	if got := r.plan.Describe().String(); got != before {
		t.Errorf("changed:\n%s", got)
	}
	r.restart()
	r.in(msg("in", "a", "x", 1), msg("in", "a", "xx", 2))
	r.commit()
	r.want("even a:xx @2", "out a:xx @2")
	after, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	if after.Fingerprint() == r.plan.Fingerprint() {
		t.Error("same fingerprint")
	}
	if _, err := after.ForRuntime(flow.Key{}).NewGraph(r.plan.ForRuntime(flow.Key{}).SubTopologies[0], r.reader("in", false)); err == nil {
		t.Error("a sub-topology of another plan is accepted")
	}
}

func TestPositionsAreOfThisFile(t *testing.T) {
	tp, s := text()
	s.Filter(nil)
	_, err := tp.Build()
	var m *topology.Mistake
	if !errors.As(err, &m) || !strings.HasPrefix(filepath.Base(m.Pos), "build_test.go:") {
		t.Errorf("got %v", err)
	}
}
