package processortest

import (
	"fmt"
	"strconv"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// routes sends a stream to topics, partitions and with headers that depend on the record.
func (g *randomTopology) routes() {
	from, _ := g.pick(false)
	topics := []string{g.name("out"), g.name("out")}
	// by returns topic and partition of a value, of so many; what has no value is a 0.
	by := func(value int64, n int32) (topic string, partition int32) {
		switch {
		case value%9 == 4:
			return "nowhere", 0
		case value%9 == 5:
			return topics[0], n
		}
		return topics[value&1], int32(((value % int64(n)) + int64(n)) % int64(n))
	}
	from.s.
		SetHeaders(func(r *topology.Record[string, int64]) []topology.Header {
			return []topology.Header{{Key: "value", Value: strconv.AppendInt(nil, r.Value, 10)}}
		}).
		WithPartitioner(func(r *topology.Record[string, int64], n int32) int32 {
			_, p := by(r.Value, n)
			return p
		}).
		ToOneOf(g.name("route"), topics, func(r *topology.Record[string, int64]) string {
			topic, _ := by(r.Value, 2)
			return topic
		})
	want := map[string]int64{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
		topic, p := by(r.value, g.sources)
		if topic == "nowhere" || p == g.sources {
			g.m.drop(topology.Failed)
			return
		}
		want[fmt.Sprintf("%s/%d %s value=%d", topic, p, describe(r.key, r.noKey, r.value, r.noValue, r.ts), r.value)]++
	}, from.n)
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]int64{}
		for _, topic := range topics {
			for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
				text := fmt.Sprintf("%s/%d %s", topic, r.Partition, describe(r.Key, r.NoKey, r.Value, r.NoValue, r.Timestamp))
				for _, h := range r.Headers {
					text += fmt.Sprintf(" %s=%s", h.Key, h.Value)
				}
				got[text]++
			}
		}
		return differ(topics[0], got, want)
	})
	g.text = append(g.text, fmt.Sprintf("%v = %s routed", topics, from.name))
}

// spread sends a stream through a repartition topic to partitions that a function chooses.
func (g *randomTopology) spread() {
	from, _ := g.pick(false)
	name := g.name("by")
	out := grown{parts: 1 + g.rnd.Int31n(4), rekeyed: true, fresh: true}
	by := func(value int64, n int32) int32 {
		if value%9 == 4 {
			return -1
		}
		return int32(value&1) % n
	}
	out.s = from.s.WithPartitioner(func(r *topology.Record[string, int64], n int32) int32 { return by(r.Value, n) }).
		Repartition(name, topology.Partitions(out.parts))
	out.n = g.m.repartitionBy(name, out.parts, func(r modelRecord) int32 { return by(r.value, out.parts) }, from.n)
	g.add(out, "%s repartition %s to %d, partition chosen", from.name, name, out.parts)
}

// outputs has a processor with a further output, which shares its store with another processor.
func (g *randomTopology) outputs() {
	from, _ := g.pick(false)
	if from.mixed {
		return
	}
	store := g.name("seen")
	seen := g.top.Store(store, serde.String(), serde.Int64())
	odd := g.top.Output[string, int64](g.name("odd"))
	count := func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
		s := seen.Open(c)
		n, _, err := s.Get(r.Key)
		if err != nil {
			return err
		}
		return s.Put(r.Key, n+1)
	}
	even, other := *from, *from
	even.used, even.rekeyed, even.first, even.fresh = false, true, false, false
	other.used, other.rekeyed, other.first, other.fresh = false, true, false, false
	even.s = from.s.MarkPartitioned().ProcessFunc(g.name("split"), func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
		if r.Value&1 == 0 {
			c.Forward(*r)
		} else {
			odd.Open(c).Forward(*r)
		}
		return count(c, r)
	}, seen, odd)
	other.s = odd.Stream()
	from.s.ProcessFunc(g.name("count"), count, seen).Discard()
	want := map[string]int64{}
	even.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		want[r.key] += 2
		if r.value&1 == 0 {
			send(r)
		}
	}, from.n)
	other.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		if r.value&1 != 0 {
			send(r)
		}
	}, from.n)
	g.storeChecks = append(g.storeChecks, len(g.checks))
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]int64{}
		for _, e := range d.Store(store, serde.String(), serde.Int64()) {
			got[e.Key] += e.Value
		}
		return differ("store "+store, got, want)
	})
	g.add(even, "%s process, even", from.name)
	g.add(other, "%s process, odd", from.name)
}
