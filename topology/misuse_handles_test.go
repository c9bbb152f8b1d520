package topology_test

import (
	"strings"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedHandles() []misuse {
	concat := topology.Inner(both)
	return []misuse{
		{"zero stream to join with", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", stream{}, topology.Within(0), concat)
		}},
		{"zero aggregator", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateWith("st", topology.Aggregator[string, int64]{})
		}},
		{"zero joiner", func(tp *topology.Topology, s stream) {
			s.JoinGlobal("j", tp.GlobalTable("g", serde.String(), serde.String()), strings.ToUpper, topology.Joiner[string, string, string]{})
		}},
		{"nil store", func(tp *topology.Topology, s stream) {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, nil)
		}},
		{"zero store", func(tp *topology.Topology, s stream) {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, topology.StoreRef[string, string]{})
		}},
		{"zero table", func(tp *topology.Topology, s stream) {
			s.Join("j", topology.Table[string, string]{}, topology.Inner(both))
		}},
		{"zero global", func(tp *topology.Topology, s stream) {
			s.JoinGlobal("j", topology.GlobalTable[string, string]{}, strings.ToUpper, topology.Inner(both))
		}},
		{"another topology", func(tp *topology.Topology, s stream) {
			s.Merge(topology.New("another").Stream("b", serde.String(), serde.String()))
		}},
		{"another topology's table", func(tp *topology.Topology, s stream) {
			s.Join("j", topology.New("another").Table("b", serde.String(), serde.String()), topology.Inner(both))
		}},
		{"another topology's global table", func(tp *topology.Topology, s stream) {
			s.JoinGlobal("j", topology.New("another").GlobalTable("b", serde.String(), serde.String()), strings.ToUpper, topology.Inner(both))
		}},
		{"another topology's store", func(tp *topology.Topology, s stream) {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, topology.New("another").Store("b", serde.String(), serde.String()))
		}},
		{"zero windows", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Windows{})
		}},
		{"nil option", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), nil)
		}},
		{"zero store again", func(tp *topology.Topology, s stream) {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil },
				topology.WindowStoreRef[string, string]{}).Discard()
		}},
		{"zero versioned store", func(tp *topology.Topology, s stream) {
			s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil },
				topology.VersionedStoreRef[string, string]{}).Discard()
		}},
		{"what comes of a zero stream", func(tp *topology.Topology, s stream) {
			var orders stream
			open := orders.Filter(even)
			s.Merge(open).To("out")
		}},
		{"a zero stream joined with a table", func(tp *topology.Topology, s stream) {
			var orders stream
			orders.Join("j", s.ToTable("tb"), topology.Inner(both)).To("out")
		}},
		{"a zero topology", func(tp *topology.Topology, s stream) {
			*tp = topology.Topology{}
			tp.Stream("in", serde.String(), serde.String()).To("out")
		}},
	}
}
