package processortest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// limit passes on a few records of each key and window. It depends on the order of records, as the
// operators of random_ordered_test.go do.
func (g *randomTopology) limit() {
	from, ok := g.pick(true)
	if !ok || from.apart || !from.first && from.line == 0 {
		return
	}
	store := g.name("limit")
	if from.line == 0 {
		g.ordered = append(g.ordered, store)
	}
	most, size, grace := 1+g.rnd.Int63n(3), []int64{5, 10, 40}[g.rnd.Intn(3)], []int64{0, 0, 4, 20}[g.rnd.Intn(4)]
	w := topology.Tumbling(ms(size)).Grace(ms(grace))
	within, over := *from, *from
	within.used, over.used = false, false
	within.fresh, over.fresh = false, false
	split := g.rnd.Intn(2) == 0
	if split {
		within.s, over.s = from.s.SplitLimit(store, most, w)
	} else {
		within.s = from.s.Limit(store, most, w)
	}
	verdict := g.m.limit(most, size, grace, from.n)
	within.n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		if verdict(p, r) == inModelLimit {
			send(r)
		}
	}, from.n)
	what := fmt.Sprintf("%s limit %s %d in %d+%d", from.name, store, most, size, grace)
	if split {
		over.n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
			if verdict(p, r) == overModelLimit {
				send(r)
			}
		}, from.n)
		g.add(over, "%s, over", what)
	} else {
		g.m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
			if verdict(p, r) == overModelLimit {
				g.m.drop(topology.Limited)
			}
		}, from.n)
	}
	g.add(within, "%s, within", what)
}

type modelVerdict int

const (
	droppedByLimit modelVerdict = iota
	inModelLimit
	overModelLimit
)

// limit adds the node that counts, and returns what became of the record that it has seen last.
func (m *model) limit(most, size, grace int64, parent *modelNode) func(int32, modelRecord) modelVerdict {
	type slot struct {
		p     int32
		start int64
		key   string
	}
	counts := map[slot]int64{}
	last := map[int32]modelVerdict{}
	ended := map[int32]int64{} // the largest start that a run's end has closed, and one
	var n *modelNode
	n = m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		last[p] = droppedByLimit
		at := slot{p, r.ts / size * size, r.key}
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
		case r.ref >= at.start+size+grace:
			m.drop(topology.LateRecord)
		case at.start <= n.sub.closed[p] || at.start < ended[p]:
			m.drop(topology.WindowClosed)
		case counts[at] < most:
			counts[at]++
			last[p] = inModelLimit
		default:
			last[p] = overModelLimit
		}
	}, parent)
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of == n.sub {
			for at := range counts {
				if at.p == p {
					ended[p] = max(ended[p], at.start+1)
					delete(counts, at)
				}
			}
		}
	})
	return func(p int32, _ modelRecord) modelVerdict { return last[p] }
}

// sample passes on all records or none, or the records of some keys.
func (g *randomTopology) sample() {
	from, _ := g.pick(false)
	out := *from
	out.used = false
	if g.rnd.Intn(3) == 0 {
		all := g.rnd.Intn(2)
		out.s = from.s.Sample(float64(all))
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if all == 1 {
				send(r)
			}
		}, from.n)
		g.add(out, "%s sample %d", from.name, all)
		return
	}
	fraction := []float64{0, 0.3, 0.7, 1}[g.rnd.Intn(4)]
	out.s = from.s.SampleKeys(fraction)
	out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		switch {
		case r.noKey:
			g.m.drop(topology.NullKey)
		case sampled([]byte(r.key), fraction):
			send(r)
		}
	}, from.n)
	g.add(out, "%s sample keys %v", from.name, fraction)
}

// sampled says what docs/operators.md does of the hash of bytes.
func sampled(b []byte, fraction float64) bool {
	f := fnv.New64a()
	f.Write(b)
	h := f.Sum64()
	for _, by := range []uint64{0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53} {
		h = (h ^ h>>33) * by
	}
	return float64(h^h>>33)/(1<<64) < fraction
}

// What is in a sample does not depend on how many partitions a repartition topic has, on commits or
// on crashes; that of a fraction holds about that fraction, and is in that of a larger one.
func TestSample(t *testing.T) {
	rnd := seeds.Rand(t)
	const records = 2000
	run := func(fraction float64, partitions int32, crashes bool) map[string]bool {
		top := topology.New("sample")
		top.Stream("in", serde.String(), serde.Int64()).
			FlatMapValues(func(v int64) []int64 { return []int64{v, -v - 1} }).
			Repartition("by-key", topology.Partitions(partitions)).
			Sample(fraction).
			To("out")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := New(t, plan, Options{Partitions: map[string]int32{"in": 2}, CommitEvery: -1})
		for i := range records {
			d.Input("in", serde.String(), serde.Int64()).Send(fmt.Sprintf("k%d", i%17), int64(i), int64(i))
			if crashes && rnd.IntN(100) == 0 {
				d.Run()
				d.Crash()
			}
		}
		d.Run()
		d.Commit()
		d.Run()
		d.Commit()
		in := map[string]bool{}
		for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
			in[fmt.Sprintf("%s=%d", r.Key, r.Value)] = true
		}
		return in
	}
	third := run(1./3, 1, false)
	if n := len(third); n < records*2/3*9/10 || n > records*2/3*11/10 {
		t.Errorf("a third of %d records are %d", 2*records, n)
	}
	if again := run(1./3, 5, true); !maps.Equal(third, again) {
		t.Errorf("with other partitions and crashes there are %d records in the sample, not %d, or others", len(again), len(third))
	}
	half := run(0.5, 3, false)
	for r := range third {
		if !half[r] {
			t.Errorf("%s is in a third and not in the half", r)
		}
	}
}
