package topology_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The way of a record through operators. Keys and values are numbers, whose serde does not
// allocate: what is left are the operators.

// paths are topologies whose operators must not allocate per record.
var paths = []struct {
	name  string
	build func(tp *topology.Topology, s topology.Stream[int64, int64])
}{
	{"to", func(_ *topology.Topology, s topology.Stream[int64, int64]) { s.To("out") }},
	{"filter", func(_ *topology.Topology, s topology.Stream[int64, int64]) { s.Filter(positive).To("out") }},
	{"filter-records", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.FilterRecords(func(r *topology.Record[int64, int64]) bool { return r.Key >= 0 }).To("out")
	}},
	{"map-values", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.MapValues(double).MapValues(double).To("out")
	}},
	{"map-records", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.MapRecords(func(r *topology.Record[int64, int64]) topology.Record[int64, int64] { return r.With(r.Value, r.Key) }).To("out")
	}},
	{"fan-out", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		for range 3 {
			s.MapValues(double).To("out")
		}
	}},
	{"group-by", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupBy("g", double).Count("n").ToStream().To("out")
	}},
	{"count", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Count("n").ToStream().To("out")
	}},
	{"count-each", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Count("n").EachUpdate().ToStream().To("out")
	}},
	{"aggregate", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Aggregate("n", func(a, v int64) int64 { return a + v }).ToStream().To("out")
	}},
	{"tumbling", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Tumbling(time.Hour)).Count("n").Final().Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"hopping", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Hopping(time.Hour, 10*time.Minute)).Count("n").Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"sessions", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Sessions(time.Minute)).Count("n").Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"sliding", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Sliding(time.Second)).Count("n").Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"sliding-final", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Sliding(time.Second)).Count("n").Final().Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"sliding-each", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Sliding(time.Second)).Count("n").EachUpdate().Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"table", func(_ *topology.Topology, s topology.Stream[int64, int64]) { s.ToTable("tb").ToStream().To("out") }},
	{"join-table", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.Join("j", s.ToTable("tb"), topology.Inner(func(a, b int64) int64 { return a + b })).To("out")
	}},
	{"join-aggregate", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.Join("j", s.GroupByKey().Count("n"), topology.Inner(func(a, b int64) int64 { return a + b })).To("out")
	}},
	{"filter-try", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.TryFilter(func(_ context.Context, n int64) (bool, error) { return n >= 0, nil }).To("out")
	}},
	{"map-values-try", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.TryMapValues(func(_ context.Context, n int64) (int64, error) { return 2 * n, nil }).To("out")
	}},
	{"flat-map-values", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		two := []int64{1, 2}
		s.FlatMapValues(func(int64) []int64 { return two }).To("out")
	}},
	{"flat-map-records", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		two := make([]topology.Record[int64, int64], 2)
		s.FlatMapRecords(func(r *topology.Record[int64, int64]) []topology.Record[int64, int64] {
			two[0], two[1] = *r, *r
			return two
		}).To("out")
	}},
	{"select-key", func(_ *topology.Topology, s topology.Stream[int64, int64]) { s.SelectKey(double).To("out") }},
	{"peek", func(_ *topology.Topology, s topology.Stream[int64, int64]) { s.Peek(func(int64) {}).To("out") }},
	{"merge", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.Filter(positive).Merge(s.FilterNot(positive)).To("out")
	}},
	{"split", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		sp := s.Split("sp")
		sp.Branch("odd", func(n int64) bool { return n&1 == 1 }).To("out")
		sp.Rest().To("out")
	}},
	{"reduce", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Reduce("n", func(a, b int64) int64 { return a + b }).ToStream().To("out")
	}},
	{"aggregate-opt", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().AggregateWith("n", topology.FoldOpt(func(a topology.Opt[int64], v int64) topology.Opt[int64] {
			return topology.Opt[int64]{Value: a.Value + v, OK: true}
		})).ToStream().To("out")
	}},
	{"tumbling-updates", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Tumbling(time.Hour)).Count("n").Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"tumbling-each", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.GroupByKey().Window(topology.Tumbling(time.Hour)).Count("n").EachUpdate().Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
	}},
	{"table-each", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.ToTable("tb").EachUpdate().ToStream().To("out")
	}},
	{"join-global", func(tp *topology.Topology, s topology.Stream[int64, int64]) {
		g := tp.GlobalTable("g", serde.Int64(), serde.Int64())
		s.JoinGlobal("j", g, func(int64) int64 { return 1 }, topology.Left(func(v int64, o topology.Opt[int64]) int64 { return v + o.Value })).To("out")
	}},
	{"in-order", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.InOrder("order", 0).To("out")
	}},
	{"in-order-count", func(_ *topology.Topology, s topology.Stream[int64, int64]) {
		s.InOrder("order", 0).GroupByKey().Count("n").EachUpdate().ToStream().To("out")
	}},
	{"process", func(tp *topology.Topology, s topology.Stream[int64, int64]) {
		ref := tp.Store("st", serde.Int64(), serde.Int64())
		s.Process("p", func(c topology.Context[int64, int64]) topology.Processor[int64, int64] {
			return &summing{c, ref.Open(c)}
		}, ref).To("out")
	}},
}

// summing adds the values of each key in a store.
type summing struct {
	c     topology.Context[int64, int64]
	store topology.Store[int64, int64]
}

func (p *summing) Process(r *topology.Record[int64, int64]) error {
	sum, _, err := p.store.Get(r.Key)
	if err != nil {
		return err
	}
	if err := p.store.Put(r.Key, sum+r.Value); err != nil {
		return err
	}
	p.c.Forward(r.With(r.Key, sum+r.Value))
	return nil
}

func positive(n int64) bool { return n >= 0 }
func double(n int64) int64  { return 2 * n }

// lane is one task that discards what it sends.
type lane struct {
	*rigTask
	key, value [8]byte
	m          flow.Message
	source     flow.Source
	lined      bool // there is an InOrder
}

func (l *lane) Send(*flow.Sink, int32, []byte, []byte, int64, int64, []byte, []topology.Header) error {
	return nil
}

func (l *lane) Line(string) flow.Line {
	l.lined = true
	return &rigLine{l, topology.NoTime}
}

// newLane starts the sub-topology that reads a topic.
func newLane(tb testing.TB, build func(tp *topology.Topology, s topology.Stream[int64, int64]), topic string, internal bool) *lane {
	tp := topology.New("bench")
	build(tp, tp.Stream("in", serde.Int64(), serde.Int64()))
	r := newRig(tb, tp)
	r.budget = 1 << 30
	l := &lane{rigTask: r.reader(topic, internal)}
	graph, err := r.plan.ForRuntime(flow.Key{}).NewGraph(l.sub, l)
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
	if l.lined { // what is before value is due with the flush
		l.time = value
	}
}

// Operators do not allocate for a record whose key they have in their cache, and neither does the
// commit.
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

// BenchmarkOperators is the cost of a record, over 10,000 keys. A commit's flush for each 10,000
// records is included, the database is not.
func BenchmarkOperators(b *testing.B) {
	for _, p := range paths {
		b.Run(p.name, func(b *testing.B) { run(b, newLane(b, p.build, "in", false), 10_000) })
	}
}

// BenchmarkCountKeys is counting over more and more keys.
func BenchmarkCountKeys(b *testing.B) {
	for _, keys := range []int64{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			run(b, newLane(b, func(_ *topology.Topology, s topology.Stream[int64, int64]) {
				s.GroupByKey().Count("n").ToStream().To("out")
			}, "in", false), keys)
		})
	}
}

// BenchmarkSliding is sliding windows with more and more records of a key within the difference:
// each is added to as many windows.
func BenchmarkSliding(b *testing.B) {
	const keys = 1000 // one record a millisecond: a second from one of a key to the next
	for _, within := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(within), func(b *testing.B) {
			run(b, newLane(b, func(_ *topology.Topology, s topology.Stream[int64, int64]) {
				s.GroupByKey().Window(topology.Sliding(time.Duration(within)*time.Second + 500*time.Millisecond)).Count("n").
					Stream(func(_ topology.Window, k int64) int64 { return k }).To("out")
			}, "in", false), keys)
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
