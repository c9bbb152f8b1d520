package topology_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Chains that end in nothing are mistakes, each with its place, unless it is said that they are
// meant.
func TestEnds(t *testing.T) {
	longer := func(v string) bool { return len(v) > 1 }
	keep := func(c topology.Context[string, string], r *topology.Record[string, string]) error { return nil }
	for _, test := range []struct {
		name  string
		build func(*topology.Topology, topology.Stream[string, string])
		want  string // "": no mistake
	}{
		{"source", func(tp *topology.Topology, s topology.Stream[string, string]) {}, "nothing reads this source"},
		{"filter", func(_ *topology.Topology, s topology.Stream[string, string]) { s.Filter(longer) }, "the records end here"},
		{"peek", func(_ *topology.Topology, s topology.Stream[string, string]) { s.Peek(func(string) {}) }, "the records end here"},
		{"one of two", func(_ *topology.Topology, s topology.Stream[string, string]) { s.To("out"); s.Filter(longer) }, "the records end here"},
		{"repartition", func(_ *topology.Topology, s topology.Stream[string, string]) { s.Repartition("r") }, "the records end here"},
		{"branch", func(_ *topology.Topology, s topology.Stream[string, string]) { s.Split("sp").Branch("b", longer) }, "the records end here"},
		{"processor", func(_ *topology.Topology, s topology.Stream[string, string]) { s.ProcessFunc("p", keep) }, "the records end here"},
		{"global table", func(tp *topology.Topology, s topology.Stream[string, string]) {
			s.To("out")
			tp.GlobalTable("g", serde.String(), serde.String())
		}, "nothing reads this global table"},
		{"meant", func(_ *topology.Topology, s topology.Stream[string, string]) { s.Peek(func(string) {}).Discard() }, ""},
		{"meant source", func(_ *topology.Topology, s topology.Stream[string, string]) { s.Discard() }, ""},
		{"table", func(_ *topology.Topology, s topology.Stream[string, string]) { s.GroupByKey().Count("n") }, ""},
		{"joined table", func(tp *topology.Topology, s topology.Stream[string, string]) {
			s.Join("j", tp.Table("t", serde.String(), serde.String()), topology.Inner(func(a, b string) string { return a + b })).To("out")
		}, ""},
		{"store behind a new key", func(tp *topology.Topology, s topology.Stream[string, string]) {
			st := tp.Store("st", serde.String(), serde.String())
			s.SelectKey(func(v string) string { return v }).Filter(longer).ProcessFunc("p", keep, st)
		}, "a processor with a store needs equal keys in one partition, and the key was changed by select-key-1"},
		{"store behind a repartition", func(tp *topology.Topology, s topology.Stream[string, string]) {
			st := tp.Store("st", serde.String(), serde.String())
			s.SelectKey(func(v string) string { return v }).Repartition("r").ProcessFunc("p", keep, st)
		}, ""},
		{"store behind keys that stay together", func(tp *topology.Topology, s topology.Stream[string, string]) {
			st := tp.Store("st", serde.String(), serde.String())
			s.SelectKey(func(v string) string { return v }).MarkPartitioned().ProcessFunc("p", keep, st)
		}, ""},
		{"processor behind a new key", func(tp *topology.Topology, s topology.Stream[string, string]) {
			s.SelectKey(func(v string) string { return v }).ProcessFunc("p", keep).To("out")
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tp := topology.New("test")
			test.build(tp, tp.Stream("in", serde.String(), serde.String()))
			_, err := tp.Build()
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			m, ok := errors.AsType[*topology.Mistake](err)
			if !ok || !strings.Contains(m.Text, test.want) || !strings.Contains(m.Pos, "ends_test.go:") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
