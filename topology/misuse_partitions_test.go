package topology_test

import (
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedPartitions() []misuse {
	return []misuse{
		{"repartition topics of different numbers of partitions", func(tp *topology.Topology, s stream) {
			tb := s.SelectKey(strings.ToUpper).Repartition("a", topology.Partitions(3)).ToTable("tb")
			s.SelectKey(strings.ToLower).Repartition("b", topology.Partitions(5)).Join("j", tb, topology.Inner(both)).To("out")
		}},
		{"a join within of streams whose keys are written differently", func(tp *topology.Topology, s stream) {
			b := tp.Stream("b", other[string]{serde.String()}, serde.String())
			s.JoinWithin("j", b, topology.Within(time.Second), topology.Inner(both)).To("out")
		}},
		{"a join of tables whose keys are written differently", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").Join("j", tp.Table("b", other[string]{serde.String()}, serde.String()), topology.Inner(both)).ToStream().To("out")
		}},
		{"a join of streams by a changed key", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", s.SelectKey(strings.ToUpper), topology.Within(time.Second), topology.Inner(both)).To("out")
		}},
		{"a join behind partitions that a function has chosen", func(tp *topology.Topology, s stream) {
			chosen := s.WithPartitioner(func(*record, int32) int32 { return 0 }).Repartition("r")
			chosen.Join("j", tp.Table("tb", serde.String(), serde.String()), topology.Inner(both)).To("out")
		}},
		{"a store behind a changed key", func(tp *topology.Topology, s stream) {
			nothing := func(topology.Context[string, string], *record) error { return nil }
			s.SelectKey(strings.ToUpper).ProcessFunc("p", nothing, tp.Store("st", serde.String(), serde.String()))
		}},
	}
}
