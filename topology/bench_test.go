package topology_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The way of a record through operators. Keys and values are numbers, whose serde does not allocate: what is left are the operators.

// paths are topologies whose operators must not allocate per record.
var paths = []struct {
	name  string
	build func(s topology.Stream[int64, int64])
}{
	{"to", func(s topology.Stream[int64, int64]) { s.To("out") }},
	{"filter", func(s topology.Stream[int64, int64]) { s.Filter(positive).To("out") }},
	{"filter-records", func(s topology.Stream[int64, int64]) {
		s.FilterRecords(func(r *topology.Record[int64, int64]) bool { return r.Key >= 0 }).To("out")
	}},
	{"map-values", func(s topology.Stream[int64, int64]) { s.MapValues(double).MapValues(double).To("out") }},
	{"map-records", func(s topology.Stream[int64, int64]) {
		s.MapRecords(func(r *topology.Record[int64, int64]) topology.Record[int64, int64] { return r.With(r.Value, r.Key) }).To("out")
	}},
	{"fan-out", func(s topology.Stream[int64, int64]) {
		for range 3 {
			s.MapValues(double).To("out")
		}
	}},
	{"group-by", func(s topology.Stream[int64, int64]) { s.GroupBy("g", double).Count("n").ToStream().To("out") }},
	{"count", func(s topology.Stream[int64, int64]) { s.GroupByKey().Count("n").ToStream().To("out") }},
	{"count-each", func(s topology.Stream[int64, int64]) { s.GroupByKey().Count("n").EachUpdate().ToStream().To("out") }},
	{"aggregate", func(s topology.Stream[int64, int64]) {
		s.GroupByKey().Aggregate("n", func(a, v int64) int64 { return a + v }).ToStream().To("out")
	}},
	{"tumbling", func(s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Tumbling(time.Hour)).Count("n").Final().Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"hopping", func(s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Hopping(time.Hour, 10*time.Minute)).Count("n").Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"table", func(s topology.Stream[int64, int64]) { s.ToTable("tb").ToStream().To("out") }},
	{"join-table", func(s topology.Stream[int64, int64]) {
		s.Join("j", s.ToTable("tb"), func(a, b int64) int64 { return a + b }).To("out")
	}},
	{"join-aggregate", func(s topology.Stream[int64, int64]) {
		s.Join("j", s.GroupByKey().Count("n"), func(a, b int64) int64 { return a + b }).To("out")
	}},
}

func positive(n int64) bool { return n >= 0 }
func double(n int64) int64  { return 2 * n }

// lane is one task that discards what it sends.
type lane struct {
	*rigTask
	key, value [8]byte
	m          topology.Message
	source     topology.Source
}

func (l *lane) Send(*topology.Sink, []byte, []byte, int64, int64, []topology.Header) error {
	return nil
}

// newLane starts the sub-topology that reads a topic.
func newLane(tb testing.TB, build func(s topology.Stream[int64, int64]), topic string, internal bool) *lane {
	tp := topology.New("bench")
	build(tp.Stream("in", serde.Int64(), serde.Int64()))
	r := newRig(tb, tp)
	r.budget = 1 << 30
	l := &lane{rigTask: r.reader(topic, internal)}
	graph, err := r.plan.NewGraph(l.sub, l)
	if err != nil {
		tb.Fatal(err)
	}
	l.graph = graph
	l.source = graph.Sources[topic]
	l.m.Key, l.m.Value = l.key[:], l.value[:]
	return l
}

// send sends one record.
func (l *lane) send(tb testing.TB, key, value int64) {
	binary.BigEndian.PutUint64(l.key[:], uint64(key))
	binary.BigEndian.PutUint64(l.value[:], uint64(value))
	l.m.Timestamp, l.m.Ref = value, value
	if _, ok, err := l.source.Time(&l.m); !ok || err != nil {
		tb.Fatal(ok, err)
	}
	if err := l.source.Receive(&l.m); err != nil {
		tb.Fatal(err)
	}
}

// Operators do not allocate for a record whose key they have in their cache, and neither does the commit.
func TestNoAllocationPerRecord(t *testing.T) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			l := newLane(t, p.build, "in", false)
			const keys = 100
			n := int64(0)
			round := func() {
				for range 10 * keys {
					l.send(t, n%keys, n)
					n++
				}
				if err := l.flush(); err != nil {
					t.Fatal(err)
				}
				l.overlay.Reset()
			}
			for range 5 {
				round()
			}
			// The overlay may still grow; a record costs 1 if anything of it does.
			if allocs := testing.AllocsPerRun(20, round); allocs > 5 {
				t.Errorf("%.1f allocations in %d records and a commit", allocs, 10*keys)
			}
		})
	}
}

// BenchmarkOperators is the cost of a record, over 10,000 keys. A commit's flush for each 10,000 records is included, the database is not.
func BenchmarkOperators(b *testing.B) {
	for _, p := range paths {
		b.Run(p.name, func(b *testing.B) { run(b, newLane(b, p.build, "in", false), 10_000) })
	}
}

// BenchmarkCountKeys is counting over more and more keys.
func BenchmarkCountKeys(b *testing.B) {
	for _, keys := range []int64{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			run(b, newLane(b, func(s topology.Stream[int64, int64]) { s.GroupByKey().Count("n").ToStream().To("out") }, "in", false), keys)
		})
	}
}

// run sends b.N records with keys in a scattered order, after each key was there once.
func run(b *testing.B, l *lane, keys int64) {
	for k := range keys {
		l.send(b, k, 0)
	}
	if err := l.flush(); err != nil {
		b.Fatal(err)
	}
	l.overlay.Reset()
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		l.send(b, n*2654435761%keys, n)
		if n++; n%10_000 == 0 {
			if err := l.flush(); err != nil {
				b.Fatal(err)
			}
			l.overlay.Reset()
		}
	}
}
