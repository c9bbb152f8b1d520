package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// What cannot be in order is refused, with the position of the call and a way out.
func TestInOrderMistakes(t *testing.T) {
	str := serde.String()
	count := func(ref topology.StoreRef[string, int64]) func(topology.Context[string, string], *topology.Record[string, string]) error {
		return func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }
	}
	for _, c := range []struct {
		name  string
		build func(tp *topology.Topology, s stream) (pos string)
		want  string
	}{
		{"negative", func(_ *topology.Topology, s stream) string {
			s.InOrder("o", -time.Second).To("out")
			return here(-1)
		}, "o: the delay -1s is negative: give 0 or more"},
		{"parts of a millisecond", func(_ *topology.Topology, s stream) string {
			s.InOrder("o", time.Microsecond).To("out")
			return here(-1)
		}, "o: the delay 1µs is not a whole number of milliseconds: round it"},
		{"name", func(_ *topology.Topology, s stream) string {
			s.GroupByKey().Count("o").EachUpdate().ToStream().To("counts")
			s.InOrder("o", 0).To("out")
			return here(-1)
		}, "o: this name is taken by the store at"},
		{"updates", func(_ *topology.Topology, s stream) string {
			n := s.GroupByKey().Count("n").ToStream()
			n.InOrder("o", 0).To("out")
			return here(-2)
		}, "n: this table forwards what it has when something is committed, and InOrder further on demands records that depend on nothing but the input: say EachUpdate, or Final for windows"},
		{"updates, behind a repartition topic", func(_ *topology.Topology, s stream) string {
			n := s.GroupByKey().Count("n").ToStream()
			n.SelectKey(func(int64) string { return "" }).Repartition("r").InOrder("o", 0).To("out")
			return here(-2)
		}, "n: this table forwards what it has when something is committed"},
		{"timeless", func(tp *topology.Topology, s stream) string {
			u := tp.Stream("u", str, str, topology.Timeless)
			u.Merge(s).InOrder("o", 0).To("out")
			return here(-2)
		}, "u: records of a timeless source cannot be in order, as InOrder further on demands: leave Timeless out"},
		{"merged with others", func(_ *topology.Topology, s stream) string {
			o := s.InOrder("o", 0)
			o.Merge(s).To("out")
			return here(-1)
		}, "merge-1: it brings together records that are in order, of InOrder o, with others that are not in the same order: put InOrder behind it instead"},
		{"two merged", func(_ *topology.Topology, s stream) string {
			a, b := s.InOrder("a", 0), s.InOrder("b", 0)
			a.Merge(b).To("out")
			return here(-1)
		}, "merge-1: it brings together records that are in order, of InOrder b, with others"},
		{"a store at two times", func(tp *topology.Topology, s stream) string {
			ref := tp.Store("st", str, serde.Int64())
			s.ProcessFunc("p", count(ref), ref).To("p")
			s.InOrder("o", 0).ProcessFunc("q", count(ref), ref).To("q")
			return here(-1)
		}, "q: it reads store st, which p writes at another time: one of them is behind InOrder o. Put InOrder behind both instead"},
		{"a join at another time", func(tp *topology.Topology, s stream) string {
			u := tp.Table("u", str, str)
			s.InOrder("o", 0).Join("j", u, topology.Inner(func(a, b string) string { return a })).To("out")
			return here(-1)
		}, "j: it reads store u, which u writes at another time: one of them is behind InOrder o"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp := topology.New("app")
			pos := c.build(tp, tp.Stream("in", str, str))
			_, err := tp.Build()
			if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), pos+": "+c.want) {
				t.Errorf("%v\nwant %s: %s", err, pos, c.want)
			}
		})
	}
}

// Behind the same InOrder all go by one time; before it and behind repartition topics by another.
func TestInOrderBuilds(t *testing.T) {
	str := serde.String()
	tp := topology.New("app")
	s := tp.Stream("in", str, str)
	users := tp.Table("u", str, str, topology.Timeless)
	o := s.Join("before", users, topology.Inner(func(a, b string) string { return a })).InOrder("o", time.Minute)
	n := o.GroupByKey().Count("n").EachUpdate()
	o.Merge(o.Filter(func(string) bool { return true })).Join("n-of", n, topology.Inner(func(v string, n int64) string { return v })).
		SelectKey(func(v string) string { return v }).Repartition("r").Merge(s.Repartition("r2")).InOrder("again", 0).To("out")
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.ForRuntime(flow.Key{}).Repartitions {
		want := time.Duration(0)
		if r.Name == "r" {
			want = time.Minute
		}
		if r.Writers[0].Delay != want {
			t.Errorf("%s is written %s late", r.Name, r.Writers[0].Delay)
		}
	}
}
