package topology_test

import (
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedEnds() []misuse {
	nothing := func(topology.Context[string, string], *record) error { return nil }
	return []misuse{
		{"a source that nobody reads", func(tp *topology.Topology, s stream) {
			s.To("out")
			tp.Stream("other", serde.String(), serde.String())
		}},
		{"a global table that nobody reads", func(tp *topology.Topology, s stream) {
			s.To("out")
			tp.GlobalTable("other", serde.String(), serde.String())
		}},
		{"a filter that nobody reads", func(tp *topology.Topology, s stream) {
			s.Filter(even)
		}},
		{"a branch that nobody reads", func(tp *topology.Topology, s stream) {
			sp := s.Split("sp")
			sp.Rest().To("out")
			sp.Branch("even", even)
		}},
		{"a join that nobody reads", func(tp *topology.Topology, s stream) {
			s.Join("j", tp.Table("tb", serde.String(), serde.String()), topology.Inner(both))
		}},
		{"a join of tables that nobody reads", func(tp *topology.Topology, s stream) {
			s.ToTable("a").Join("j", tp.Table("b", serde.String(), serde.String()), topology.Inner(both))
		}},
		{"a join of streams that nobody reads", func(tp *topology.Topology, s stream) {
			s.JoinWithin("j", tp.Stream("b", serde.String(), serde.String()), topology.Within(time.Second), topology.Inner(both))
		}},
		{"what is in order and nobody reads", func(tp *topology.Topology, s stream) {
			s.InOrder("o", 0)
		}},
		{"what came once and nobody reads", func(tp *topology.Topology, s stream) {
			s.Deduplicate("once", func(v string) string { return v }, time.Second)
		}},
		{"what is within a limit and nobody reads", func(tp *topology.Topology, s stream) {
			_, over := s.SplitLimit("quota", 1, topology.Tumbling(time.Second))
			over.To("out")
		}},
		{"what is over a limit and nobody reads", func(tp *topology.Topology, s stream) {
			within, _ := s.SplitLimit("quota", 1, topology.Tumbling(time.Second))
			within.To("out")
		}},
		{"a suppressed table that nobody reads", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("held", topology.UntilTimeLimit(time.Second))
		}},
		{"a processor that nobody reads", func(tp *topology.Topology, s stream) {
			s.ProcessFunc("p", nothing)
		}},
		{"an output that no processor has", func(tp *topology.Topology, s stream) {
			s.To("out")
			tp.Output[string, string]("more")
		}},
		{"an output that nobody reads", func(tp *topology.Topology, s stream) {
			more := tp.Output[string, string]("more")
			s.ProcessFunc("p", nothing, more).To("out")
		}},
		{"an output of a processor with a store that nobody reads", func(tp *topology.Topology, s stream) {
			more := tp.Output[string, string]("more")
			s.ProcessFunc("p", nothing, more, tp.Store("st", serde.String(), serde.String()))
		}},
		{"the first output of a processor, that nobody reads", func(tp *topology.Topology, s stream) {
			more := tp.Output[string, string]("more")
			s.ProcessFunc("p", nothing, more)
			more.Stream().To("out")
		}},
		{"an output before its processor", func(tp *topology.Topology, s stream) {
			more := tp.Output[string, string]("more")
			more.Stream().To("more")
			s.To("out")
		}},
		{"an output of two processors", func(tp *topology.Topology, s stream) {
			more := tp.Output[string, string]("more")
			s.ProcessFunc("p", nothing, more).To("p")
			s.ProcessFunc("q", nothing, more).To("q")
			more.Stream().To("more")
		}},
		{"nothing at all", func(tp *topology.Topology, s stream) {
			*tp = *topology.New("empty")
		}},
	}
}
