package topology_test

import (
	"context"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedJoins() []misuse {
	concat := topology.Inner(both)
	return []misuse{
		{"nil joiner", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()), topology.Inner[string, string, string](nil))
		}},
		{"nil joiner of streams", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.Within(0), topology.Outer[string, string, string](nil))
		}},
		{"no joiner of streams", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.Within(0), topology.Joiner[string, string, string]{})
		}},
		{"no bounds", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.JoinBounds{}, concat)
		}},
		{"negative bounds", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.Within(0).Before(-time.Second), concat)
		}},
		{"negative grace of a join", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.Within(0).Grace(-time.Second), concat)
		}},
		{"bounds that are not whole", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.Within(0).After(time.Microsecond), concat)
		}},
		{"bounds that are too long", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s, topology.Within(200*365*24*time.Hour), concat)
		}},
		{"outer join with a table", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()), topology.Outer(func(v, o topology.Opt[string]) string { return v.Value }))
		}},
		{"outer join with a global table", func(tp *topology.Topology, s stream) {
			s.JoinGlobal("j", tp.GlobalTable("g", serde.String(), serde.String()), strings.ToUpper, topology.TryOuter(
				func(_ context.Context, v, o topology.Opt[string]) (string, error) { return v.Value, nil }))
		}},
		{"nil joiner that can fail", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()), topology.TryLeft[string, string, string](nil))
		}},
		{"nil key of a join", func(tp *topology.Topology, s stream) {
			s.JoinGlobal("j", tp.GlobalTable("g", serde.String(), serde.String()), nil, topology.Inner(both))
		}},
		{"join by a changed key", func(tp *topology.Topology, s stream) {
			s.SelectKey(strings.ToUpper).Join("j", tp.Table("tb", serde.String(), serde.String()), topology.Inner(both))
		}},
		{"join of different keys", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", other[string]{serde.String()}, serde.String()), topology.Inner(both))
		}},
		{"join with what has not been repartitioned", func(tp *topology.Topology, s stream) {
			latest := s.ToTable("latest")
			s.SelectKey(strings.ToUpper).Repartition("r").Join("j", latest, topology.Inner(func(a, b string) string { return a + b })).To("out")
		}},
		{"a grace with a table without history", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()), concat, topology.JoinGrace(time.Second)).To("out")
		}},
		{"a grace that is longer than the history", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()).History(time.Second), concat, topology.JoinGrace(time.Minute)).To("out")
		}},
		{"a negative grace", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()).History(time.Second), concat, topology.JoinGrace(-1)).To("out")
		}},
		{"a grace with a part of a millisecond", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()).History(time.Second), concat, topology.JoinGrace(time.Microsecond)).To("out")
		}},
		{"a grace that is too long", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()).History(time.Second), concat, topology.JoinGrace(200*365*24*time.Hour)).To("out")
		}},
		{"an outer join by a foreign key", func(tp *topology.Topology, s stream) {
			outer := topology.Outer(func(v, o topology.Opt[string]) string { return v.Value })
			s.ToTable("tb").JoinForeign("j", tp.Table("b", serde.String(), serde.String()), strings.ToUpper, outer)
		}},
	}
}
