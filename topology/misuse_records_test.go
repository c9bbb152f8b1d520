package topology_test

import (
	"math"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedRecords() []misuse {
	return []misuse{
		{"nil predicate", func(tp *topology.Topology, s stream) {
			s.Filter(nil)
		}},
		{"nil mapper", func(tp *topology.Topology, s stream) {
			s.MapValues[int](nil)
		}},
		{"sample of more than all", func(tp *topology.Topology, s stream) {
			s.Sample(1.5)
		}},
		{"sample of no number", func(tp *topology.Topology, s stream) {
			s.SampleKeys(math.NaN())
		}},
		{"sample of updates", func(tp *topology.Topology, s stream) {
			t := s.GroupByKey().Count("st")
			t.ToStream().Sample(0.5).To("out")
		}},
		{"limit of nothing", func(tp *topology.Topology, s stream) {
			s.Limit("st", 0, topology.Tumbling(time.Second))
		}},
		{"limit of other keys", func(tp *topology.Topology, s stream) {
			s.SelectKey(func(v string) string { return v }).Limit("st", 1, topology.Tumbling(time.Second))
		}},
		{"nil async", func(tp *topology.Topology, s stream) {
			s.MapValuesAsync[string](topology.Calls{}, nil)
		}},
		{"async with negative limits", func(tp *topology.Topology, s stream) {
			s.MapValuesAsync(topology.Calls{Concurrency: -1, Timeout: time.Second}, slowUpper)
		}},
		{"async with a negative timeout", func(tp *topology.Topology, s stream) {
			s.MapValuesAsync(topology.Calls{Timeout: -time.Second}, slowUpper)
		}},
		{"async behind state", func(tp *topology.Topology, s stream) {
			out := s.Limit("st", 1, topology.Tumbling(time.Second)).Filter(func(string) bool { return true }).MapValuesAsync(topology.Calls{}, slowUpper)
			out.To("out")
		}},
		{"async behind async", func(tp *topology.Topology, s stream) {
			out := s.MapValuesAsync(topology.Calls{}, slowUpper).MapValuesAsync(topology.Calls{}, slowUpper)
			out.To("out")
		}},
		{"ids for less than no time", func(tp *topology.Topology, s stream) {
			s.Deduplicate("st", func(v string) string { return v }, -time.Second)
		}},
		{"ids for half a millisecond", func(tp *topology.Topology, s stream) {
			s.Deduplicate("st", func(v string) string { return v }, 500*time.Microsecond)
		}},
		{"ids for ever", func(tp *topology.Topology, s stream) {
			s.Deduplicate("st", func(v string) string { return v }, math.MaxInt64)
		}},
		{"no function of ids", func(tp *topology.Topology, s stream) {
			s.Deduplicate[string]("st", nil, time.Second)
		}},
		{"ids without serde", func(tp *topology.Topology, s stream) {
			s.Deduplicate("st", func(v string) struct{ A, B string } { return struct{ A, B string }{v, v} }, time.Second)
		}},
		{"ids of other keys", func(tp *topology.Topology, s stream) {
			s.SelectKey(strings.ToUpper).Deduplicate("st", func(v string) string { return v }, time.Second)
		}},
		{"ids of a timeless source", func(tp *topology.Topology, s stream) {
			tp.Stream("t", serde.String(), serde.String(), topology.Timeless).DeduplicateRecords("st", func(*topology.Record[string, string]) string { return "" }, time.Second)
		}},
		{"nil partitioner", func(tp *topology.Topology, s stream) {
			s.WithPartitioner(nil).To("out")
		}},
		{"a negative delay", func(tp *topology.Topology, s stream) {
			s.InOrder("o", -time.Second).To("out")
		}},
		{"a delay with a part of a millisecond", func(tp *topology.Topology, s stream) {
			s.InOrder("o", time.Microsecond).To("out")
		}},
		{"a delay that is too long", func(tp *topology.Topology, s stream) {
			s.InOrder("o", math.MaxInt64).To("out")
		}},
		{"records in order and not, together", func(tp *topology.Topology, s stream) {
			s.InOrder("o", 0).Merge(s).To("out")
		}},
		{"a table in order, looked up by what is not", func(tp *topology.Topology, s stream) {
			s.Join("j", s.InOrder("o", 0).ToTable("tb"), topology.Inner(both)).To("out")
		}},
		{"a timeless source in order", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), topology.Timeless).InOrder("o", 0).To("out")
		}},
		{"a join that races, in order", func(tp *topology.Topology, s stream) {
			joined := s.ToTable("tb").JoinForeign("j", tp.Table("b", serde.String(), serde.String()), strings.ToUpper, topology.Inner(both))
			joined.EachUpdate().ToStream().InOrder("o", 0).To("out")
		}},
	}
}
