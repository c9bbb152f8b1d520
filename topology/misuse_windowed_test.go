package topology_test

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/topology"
)

func misusedWindows() []misuse {
	return []misuse{
		{"limit in sessions", func(tp *topology.Topology, s stream) {
			s.SplitLimit("st", 1, topology.Sessions(time.Second))
		}},
		{"limit without windows", func(tp *topology.Topology, s stream) {
			s.Limit("st", 1, topology.Windows{})
		}},
		{"final co-group with Kafka Streams' time", func(tp *topology.Topology, s stream) {
			one := topology.Fold(func(n int, v string) int { return n + 1 })
			s.GroupByKey().CoGroup(one).Window(topology.Tumbling(time.Second)).Aggregate("st").Final().
				Stream(func(w topology.Window, k string) string { return k }).To("out")
		}},
		{"co-group in sessions without merge", func(tp *topology.Topology, s stream) {
			one := topology.Fold(func(n int, v string) int { return n + 1 })
			s.GroupByKey().CoGroup(one).Window(topology.Sessions(time.Second)).Aggregate("st").Final().
				Stream(func(w topology.Window, k string) string { return k }).To("out")
		}},
		{"window size", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(0))
		}},
		{"window advance", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Hopping(time.Second, 0))
		}},
		{"window gap", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Hopping(time.Second, time.Minute))
		}},
		{"window grace", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Second).Grace(-1 * time.Second))
		}},
		{"window without end", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Hour).Grace(time.Duration(math.MaxInt64).Truncate(time.Millisecond)))
		}},
		{"window nanoseconds", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Millisecond + 1))
		}},
		{"offset of sessions", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sessions(time.Second).Offset(time.Second))
		}},
		{"cumulating windows", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Cumulating(time.Minute, 7*time.Second))
		}},
		{"days nowhere", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Days(nil))
		}},
		{"days of the machine", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Months(time.Local))
		}},
		{"weeks of nine days", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Weeks(time.UTC, 8))
		}},
		{"sessions without Merge", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sessions(time.Second)).AggregateWith("agg", topology.Fold(func(a, _ string) string { return a }))
		}},
		{"sessions with a negative gap", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sessions(-1 * time.Second))
		}},
		{"sessions with a part of a millisecond", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sessions(time.Millisecond + 1))
		}},
		{"sliding windows with a negative difference", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sliding(-1 * time.Second))
		}},
		{"sliding windows with a part of a millisecond", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sliding(time.Millisecond + 1))
		}},
		{"sliding windows without end", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sliding(200 * 365 * 24 * time.Hour))
		}},
		{"sliding windows and their grace", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sliding(100 * 365 * 24 * time.Hour).Grace(100 * 365 * 24 * time.Hour))
		}},
		{"offset of sliding windows", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Sliding(time.Second).Offset(time.Second))
		}},
		{"too many windows", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Hopping(24*time.Hour, time.Millisecond)).Count("n")
		}},
	}
}
