package topology_test

import (
	"strings"
	"time"

	"github.com/kolkstream/kolk/topology"
)

func misusedAggregations() []misuse {
	return []misuse{
		{"nil start", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateWith("st", topology.Fold(func(a int64, v string) int64 { return a }).From(nil))
		}},
		{"nil adder", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Aggregate[int64]("st", nil)
		}},
		{"nil adder that can fail", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).AggregateWith("st", topology.TryFold[string, int64](nil))
		}},
		{"nil merge", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateRecords("st", topology.Fold(func(a int64, r *record) int64 { return a }).Merge(nil))
		}},
		{"nil subtract", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateWith("st", topology.Fold(func(a int64, v string) int64 { return a }).Subtract(nil))
		}},
		{"top without compare", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateWith("st", topology.Top[string](1, nil))
		}},
		{"top of none", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateWith("st", topology.Top(0, strings.Compare))
		}},
		{"top with a start", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateWith("st", topology.Top(1, strings.Compare).From(func() []string { return nil }))
		}},
		{"top of records", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateRecords("st", topology.Top(1, func(a, b *record) int { return 0 }))
		}},
		{"nil reducer", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Reduce("st", nil)
		}},
		{"accumulator without serde", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Aggregate("st", func(a func(), v string) func() { return a })
		}},
		{"groups of rows without Subtract", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").GroupBy("g", strings.ToUpper).AggregateWith("st", topology.Fold(func(n int64, _ string) int64 { return n + 1 }))
		}},
		{"groups of rows that cannot be reduced back", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").GroupBy("g", strings.ToUpper).Reduce("st", both, nil)
		}},
		{"a Top of groups of rows", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").GroupBy("g", strings.ToUpper).AggregateWith("st", topology.Top(3, strings.Compare))
		}},
	}
}
