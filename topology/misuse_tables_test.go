package topology_test

import (
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func misusedTables() []misuse {
	concat := topology.Inner(both)
	return []misuse{
		{"two policies", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n").Final().EachUpdate()
		}},
		{"time limit of a table that forwards at the commit", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
		}},
		{"time limit behind a repartition topic", func(tp *topology.Topology, s stream) {
			s.SelectKey(strings.ToUpper).Repartition("r").ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
		}},
		{"time limit of two topics", func(tp *topology.Topology, s stream) {
			s.Merge(tp.Stream("other", serde.String(), serde.String())).ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
		}},
		{"no time limit", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(0)).ToStream().To("out")
		}},
		{"no windows to close", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilWindowCloses()).ToStream().To("out")
		}},
		{"final already", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n").Final().MapValues(func(n int64) string { return "" }).Suppress("h", topology.UntilWindowCloses()).
				Stream(func(_ topology.Window, k string) string { return k }).To("out")
		}},
		{"bound of suppress", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second).MaxRecords(1)).ToStream().To("out")
		}},
		{"nothing to be full", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second).FailWhenFull()).ToStream().To("out")
		}},
		{"emission of a suppressed table", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).EachUpdate().ToStream().To("out")
		}},
		{"look-up in a suppressed table", func(tp *topology.Topology, s stream) {
			t := s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second))
			s.Join("j", t, concat).To("out")
		}},
		{"a history of what has none", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Count("n").History(time.Hour)
		}},
		{"two histories", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").History(time.Hour).
				History(time.Minute)
		}},
		{"a negative history", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").History(-time.Hour)
		}},
		{"a history that is too long", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").History(200 * 365 * 24 * time.Hour)
		}},
		{"a history with a part of a millisecond", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").History(time.Microsecond)
		}},
		{"a history of what is forwarded at the commit", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").ToStream().
				ToTable("again").
				History(time.Hour)
		}},
		{"a history of a timeless source", func(tp *topology.Topology, s stream) {
			tp.Table("x", serde.String(), serde.String(), topology.Timeless).History(time.Hour)
		}},
		{"emission of a table without a store", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").Filter(even).EachUpdate().ToStream().To("out")
		}},
		{"a time limit with a part of a millisecond", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(1500*time.Microsecond)).ToStream().To("out")
		}},
		{"a bound of nothing", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second).MaxRecords(0)).ToStream().To("out")
		}},
		{"a time limit behind a join that races", func(tp *topology.Topology, s stream) {
			joined := s.ToTable("tb").JoinForeign("j", tp.Table("b", serde.String(), serde.String()), strings.ToUpper, topology.Inner(both))
			joined.EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
		}},
		{"a time limit of a timeless source", func(tp *topology.Topology, s stream) {
			tp.Table("x", serde.String(), serde.String(), topology.Timeless).EachUpdate().Suppress("h", topology.UntilTimeLimit(time.Second)).ToStream().To("out")
		}},
	}
}
