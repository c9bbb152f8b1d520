package topology_test

import (
	"strings"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedNames() []misuse {
	return []misuse{
		{"store name", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Count("a/b")
		}},
		{"no name", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Count("")
		}},
		{"name taken", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Count("n")
			s.GroupBy("n", strings.ToUpper)
		}},
		{"branch taken", func(tp *topology.Topology, s stream) {
			sp := s.Split("sp")
			sp.Branch("b", even)
			sp.Branch("b", even)
		}},
		{"branch called rest", func(tp *topology.Topology, s stream) {
			s.Split("sp").Branch("rest", even)
		}},
		{"global twice", func(tp *topology.Topology, s stream) {
			tp.GlobalTable("g", serde.String(), serde.String())
			tp.GlobalTable("g", serde.String(), serde.String())
		}},
		{"long name of a changelog", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Count(strings.Repeat("x", 240))
		}},
		{"a long name of a repartition topic", func(tp *topology.Topology, s stream) {
			s.Repartition(strings.Repeat("x", 240)).To("out")
		}},
		{"a long name of the topology", func(tp *topology.Topology, s stream) {
			*tp = *topology.New(strings.Repeat("x", 239))
			tp.Stream("in", serde.String(), serde.String()).GroupByKey().Count("n")
		}},
		{"a long name of a topic that gives the store of time its name", func(tp *topology.Topology, s stream) {
			s.To("out")
			tp.Stream(strings.Repeat("x", 240), serde.String(), serde.String()).InOrder("o", 0).To("in-order")
		}},
		{"a long name of a join by a foreign key", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").JoinForeign(strings.Repeat("x", 230), tp.Table("b", serde.String(), serde.String()), strings.ToUpper, topology.Inner(both))
		}},
		{"two words as the name of the topology", func(tp *topology.Topology, s stream) {
			*tp = *topology.New("two words")
			tp.Stream("in", serde.String(), serde.String()).To("out")
		}},
	}
}
