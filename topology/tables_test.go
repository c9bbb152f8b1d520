package topology_test

import (
	"context"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// What is wrong with tables that are made of tables is said by Build, with the place and a way out.
func TestMistakesOfTables(t *testing.T) {
	add := func(a, v string) string { return a + v }
	for _, c := range []struct {
		name string
		do   func(tp *topology.Topology, tb topology.Table[string, string])
		want string
	}{
		{"no subtract", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.GroupBy("g", strings.ToUpper).AggregateWith("st", topology.Fold(add))
		}, "st: the aggregator cannot take a value out again, and the rows of a table change: say how with Subtract, SubtractOpt or TrySubtract"},
		{"nil subtract", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.GroupBy("g", strings.ToUpper).Reduce("st", add, nil)
		}, "st: the function that adds or the one that subtracts is nil: give both"},
		{"zero aggregator", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.GroupBy("g", strings.ToUpper).AggregateWith("st", topology.Aggregator[string, string]{})
		}, "st: the aggregator is the zero value: use Fold, TryFold, FoldOpt or Top"},
		{"top", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.GroupBy("g", strings.ToUpper).AggregateWith("st", topology.Top(3, strings.Compare))
		}, "st: a Top has forgotten what comes next when a row changes and its old value is taken out: keep the values of all rows of a group with Fold and Subtract, and cut them to the first ones with MapRows behind it"},
		{"nil key", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.GroupBy[string]("g", nil).Count("st")
		}, "g: the function of the key is nil: give a function"},
		{"emit of a view", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.MapValues(strings.ToUpper).EachUpdate().ToStream().To("out")
		}, "this table has no store, and forwards when what it is made of does: say there that it forwards each-update"},
		{"nil predicate", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.Filter(nil).ToStream().To("out")
		}, "the predicate is nil: give a function"},
		{"zero joiner", func(tp *topology.Topology, tb topology.Table[string, string]) {
			tb.Join("j", tp.Table("b", serde.String(), serde.String()), topology.Joiner[string, string, string]{}).ToStream().To("out")
		}, "j: the joiner is the zero value: use Inner, Left or Outer"},
		{"zero table", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.Join("j", topology.Table[string, string]{}, topology.Inner(add)).ToStream().To("out")
		}, "j: the table to join with is the zero value"},
		{"other keys", func(tp *topology.Topology, tb topology.Table[string, string]) {
			other := tp.Table("b", otherString{}, serde.String())
			tb.Join("j", other, topology.Inner(add)).ToStream().To("out")
		}, "j: the keys of table a are written as string and those of table b as other string"},
		{"no serde", func(_ *topology.Topology, tb topology.Table[string, string]) {
			tb.MapValues(func(string) func() { return nil }).GroupBy("g", func(func()) string { return "" }).Count("st")
		}, "there is no serde for values of type func()"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp := topology.New("test")
			c.do(tp, tp.Table("a", serde.String(), serde.String()))
			_, err := tp.Build()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tables_test.go:") {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// otherString writes strings as other bytes, it says.
type otherString struct{}

func (otherString) Name() string { return "other string" }

func (otherString) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (otherString) Decode(src []byte) (string, error)           { return string(src), nil }

// A row on which a function fails is not in the table; if records are skipped, all goes on without
// it, and what was there before goes.
func TestRowsThatFail(t *testing.T) {
	tp := topology.New("test")
	tb := tp.Table("a", serde.String(), serde.String()).EachUpdate()
	tb.TryMapRows(func(_ context.Context, k, v string) (topology.Opt[string], error) {
		if v == "bad" {
			return topology.Opt[string]{}, errOops
		}
		return topology.Some(k + v), nil
	}).ToStream().To("mapped")
	tb.TryGroupByRows("g", func(_ context.Context, k, v string) (topology.Opt[string], error) {
		if v == "bad" {
			return topology.Opt[string]{}, errOops
		}
		return topology.Some(v), nil
	}).Count("counts").EachUpdate().ToStream().To("counts-out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("a", "k", "x", 1), msg("a", "k", "bad", 2), msg("a", "k", "y", 3))
	var lines []string
	for _, m := range r.take() {
		if m.topic == "counts-out" && m.value != nil {
			n, _ := serde.Int64().Decode([]byte(*m.value))
			m.value = ptr(string(rune('0' + n)))
		}
		lines = append(lines, m.String())
	}
	want := "mapped k:kx @1|counts-out x:1 @1|mapped k:null @2|counts-out x:null @2|mapped k:ky @3|counts-out y:1 @3"
	if got := strings.Join(lines, "|"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if len(r.failures) != 2 {
		t.Errorf("%d failures, want 2", len(r.failures))
	}
}
