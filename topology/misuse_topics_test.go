package topology_test

import (
	"strconv"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
)

func misusedTopics() []misuse {
	return []misuse{
		{"nil key serde", func(tp *topology.Topology, s stream) {
			tp.Stream[string, string]("x", nil, serde.String()).To("y")
		}},
		{"nil value serde", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.Serde[string](nil)).To("y")
		}},
		{"nil registered", func(tp *topology.Topology, s stream) {
			topology.Register[point](tp, nil)
		}},
		{"registered twice", func(tp *topology.Topology, s stream) {
			topology.Register(tp, serde.JSON[point]())
			topology.Register(tp, serde.JSON[point]())
		}},
		{"topic", func(tp *topology.Topology, s stream) {
			s.To("a topic")
		}},
		{"empty topic", func(tp *topology.Topology, s stream) {
			tp.Stream("", serde.String(), serde.String())
		}},
		{"no topics", func(tp *topology.Topology, s stream) {
			tp.StreamTopics(nil, serde.String(), serde.String())
		}},
		{"topic twice", func(tp *topology.Topology, s stream) {
			tp.StreamTopics([]string{"a", "a"}, serde.String(), serde.String())
		}},
		{"no regular expression", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("regions", "orders-(", serde.String(), serde.String()).To("b")
		}},
		{"empty pattern", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("regions", "", serde.String(), serde.String()).To("b")
		}},
		{"pattern without a name", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("", "orders-.*", serde.String(), serde.String()).To("b")
		}},
		{"pattern that matches another source", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("all", "i.", serde.String(), serde.String()).To("b")
		}},
		{"pattern called like a topic", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("in", "orders-.*", serde.String(), serde.String()).To("b")
		}},
		{"one pattern twice", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("regions", "orders-.*", serde.String(), serde.String()).To("b")
			tp.StreamPattern("again", "orders-.*", serde.String(), serde.String()).To("c")
		}},
		{"two patterns of one name", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("regions", "orders-.*", serde.String(), serde.String()).To("b")
			tp.StreamPattern("regions", "refunds-.*", serde.String(), serde.String()).To("c")
		}},
		{"what is written matches the pattern", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamPattern("regions", "orders-.*", serde.String(), serde.String()).To("orders-all")
		}},
		{"long topic", func(tp *topology.Topology, s stream) {
			s.To(strings.Repeat("x", 250))
		}},
		{"dots", func(tp *topology.Topology, s stream) {
			s.To("..")
		}},
		{"group by a changed key", func(tp *topology.Topology, s stream) {
			s.SelectKey(strings.ToUpper).Filter(even).GroupByKey().Count("n")
		}},
		{"table of a changed key", func(tp *topology.Topology, s stream) {
			s.SelectKey(strings.ToUpper).ToTable("tb")
		}},
		{"key without serde", func(tp *topology.Topology, s stream) {
			s.GroupBy("g", func(v string) point { return point{} })
		}},
		{"sink key without serde", func(tp *topology.Topology, s stream) {
			s.SelectKey(func(v string) point { return point{} }).To("out")
		}},
		{"value without serde", func(tp *topology.Topology, s stream) {
			s.MapValues(func(v string) chan int { return nil }).To("out")
		}},
		{"partitions", func(tp *topology.Topology, s stream) {
			s.Repartition("r", topology.Partitions(0))
		}},
		{"two times", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), topology.TimeFromWallClock, topology.TimeFromValue(func(string) time.Time { return time.Time{} }))
		}},
		{"nil time", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), topology.TimeFromValue[string](nil))
		}},
		{"one topic with two times", func(tp *topology.Topology, s stream) {
			tp.Stream("in", serde.String(), serde.String(), topology.TimeFromWallClock)
		}},
		{"one topic once timeless", func(tp *topology.Topology, s stream) {
			tp.Stream("in", serde.String(), serde.String(), topology.Timeless)
		}},
		{"repartition topic like an input", func(tp *topology.Topology, s stream) {
			s.Repartition("in")
		}},
		{"time store", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("in-time")
		}},
		{"changelog as output", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Count("n").ToStream().To("test-n-changelog")
		}},
		{"changelog of time as output", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(topology.Tumbling(time.Second)).Count("n")
			s.To("test-in-time-changelog")
		}},
		{"repartition topic as output", func(tp *topology.Topology, s stream) {
			s.Repartition("r").GroupByKey().Count("n")
			s.To("test-r-repartition")
		}},
		{"loop", func(tp *topology.Topology, s stream) {
			s.MapValues(strings.ToUpper).To("in")
		}},
		{"loop over a repartition topic", func(tp *topology.Topology, s stream) {
			s.Repartition("r").To("in")
		}},
		{"merge with what has not been repartitioned", func(tp *topology.Topology, s stream) {
			s.SelectKey(strings.ToUpper).Repartition("r").GroupByKey().Count("n").ToStream().
				MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).Merge(s).To("out")
		}},
		{"position of a file", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).At("job.yaml:3:7")
			s.Filter(nil)
		}},
		{"one topic of two types", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.Stream("in", serde.String(), serde.JSON[point]()).To("b")
		}},
		{"one topic of two types of keys", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.StreamTopics([]string{"other", "in"}, serde.Int64(), serde.String()).To("b")
		}},
		{"a stream and a table of one topic of two types", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.Table("in", serde.String(), num())
		}},
		{"a stream and a global table of one topic of two types", func(tp *topology.Topology, s stream) {
			g := tp.GlobalTable("in", serde.String(), serde.JSON[point]())
			s.JoinGlobal("j", g, strings.ToUpper, topology.Inner(func(v string, p point) string { return v })).To("a")
		}},
		{"one topic by two serdes", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.Stream("in", serde.String(), other[string]{serde.String()}).To("b")
		}},
		{"one topic with two bounds of the future", func(tp *topology.Topology, s stream) {
			s.To("a")
			tp.Stream("in", serde.String(), serde.String(), topology.MaxFuture[string](time.Second)).To("b")
		}},
		{"nil serde of keys", func(tp *topology.Topology, s stream) {
			s.WithKeySerde(nil).To("out")
		}},
		{"nil serde of values", func(tp *topology.Topology, s stream) {
			s.WithValueSerde(nil).To("out")
		}},
		{"nil serde of a table's values", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").WithValueSerde(nil)
		}},
		{"nil serde of an aggregation", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Reduce("st", both, topology.ValueSerde[string](nil))
		}},
		{"nil serde of a group", func(tp *topology.Topology, s stream) {
			s.GroupBy("g", strings.ToUpper, topology.KeySerde[string](nil)).Count("n")
		}},
		{"nil serde of a join by a foreign key", func(tp *topology.Topology, s stream) {
			s.ToTable("tb").JoinForeign("j", tp.Table("b", serde.String(), serde.String()), strings.ToUpper, topology.Inner(both), topology.ValueSerde[string](nil))
		}},
		{"no topic to choose from", func(tp *topology.Topology, s stream) {
			s.ToOneOf("out", nil, func(*record) string { return "" })
		}},
		{"a future of less than a millisecond", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), topology.MaxFuture[string](0)).To("b")
		}},
		{"a future with a part of a millisecond", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), topology.MaxFuture[string](1500*time.Microsecond)).To("b")
		}},
		{"a future of a timeless source", func(tp *topology.Topology, s stream) {
			tp.Stream("x", serde.String(), serde.String(), topology.MaxFuture[string](time.Second), topology.Timeless).To("b")
		}},
	}
}
