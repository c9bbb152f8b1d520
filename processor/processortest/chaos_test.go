package processortest

import (
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// seeds returns the seeds of a random test: n of them, or the one of KOLK_SEED.
func seeds(t *testing.T, n int64) []int64 {
	if text := os.Getenv("KOLK_SEED"); text != "" {
		seed, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("KOLK_SEED: %v", err)
		}
		return []int64{seed}
	}
	all := make([]int64, n)
	first := time.Now().UnixNano() % 1_000_000_000
	for i := range all {
		all[i] = first + int64(i)
	}
	return all
}

// shake runs all tasks to the end of a bounded run in a random order: how much each reads and processes at a time, when it
// commits, when it aborts and crashes, and when the clock advances. Before it, some of that happens without the bound.
func (d *Driver) shake(rnd *rand.Rand) error {
	weights := make([]int, len(d.tasks))
	for i := range weights {
		weights[i] = []int{1, 3, 20}[rnd.Intn(3)]
	}
	live := rnd.Intn(2) * rnd.Intn(200)
	for step := 0; ; step++ {
		if step == live {
			d.run++
			d.bounded = true
			if err := d.reopen(rnd.Intn(2) == 0); err != nil {
				return err
			}
		}
		if step > 1_000_000 {
			return fmt.Errorf("the run does not end")
		}
		if rnd.Intn(4) == 0 {
			d.clock.now = d.clock.now.Add(time.Duration(rnd.Intn(600)) * time.Millisecond)
		}
		if err := d.shakeOne(rnd, d.pick(rnd, weights)); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		if d.bounded && !slices.ContainsFunc(d.tasks, func(r *running) bool { return !r.task.Done() }) {
			return nil
		}
	}
}

func (d *Driver) pick(rnd *rand.Rand, weights []int) *running {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := rnd.Intn(sum)
	for i, w := range weights {
		if n -= w; n < 0 {
			return d.tasks[i]
		}
	}
	panic("unreachable")
}

// shakeOne lets one task do something.
func (d *Driver) shakeOne(rnd *rand.Rand, r *running) error {
	for range 1 + rnd.Intn(3) {
		r.feed(int64(rnd.Intn(8)))
		if _, err := r.task.Process(1 + rnd.Intn(8)); err != nil {
			return err
		}
		if rnd.Intn(3) == 0 {
			if err := r.task.Tick(); err != nil {
				return err
			}
		}
	}
	switch n := rnd.Intn(100); {
	case n < 45:
		if r.task.Dirty() {
			return r.commit()
		}
	case n < 55:
		if rnd.Intn(2) == 0 {
			if err := r.task.Flush(); err != nil {
				return err
			}
		}
		return r.abort()
	case n < 58:
		return r.reopen(false)
	case n < 60:
		return r.reopen(true)
	}
	return nil
}

// event is a record of a generated input.
type event struct {
	topic     string
	partition int32
	key       string
	value     int64
	ts        int64
}

// hops is the topology of the property test: windows behind a repartition topic, and windows over their results behind
// another. Two topics are merged if two is set.
type hops struct {
	sources, first, second  int32 // partitions
	two                     bool
	size1, advance1, grace1 int64
	size2, advance2, grace2 int64
}

func (h hops) String() string { return fmt.Sprintf("%+v", struct{ hops }{h}.hops.fields()) }

func (h hops) fields() []any {
	return []any{h.sources, h.first, h.second, h.two, h.size1, h.advance1, h.grace1, h.size2, h.advance2, h.grace2}
}

func randomHops(rnd *rand.Rand) hops {
	h := hops{sources: 1 + rnd.Int31n(4), first: 1 + rnd.Int31n(4), second: 1 + rnd.Int31n(2), two: rnd.Intn(3) == 0}
	h.size1, h.grace1 = 10, int64(rnd.Intn(2)*4)
	h.advance1 = []int64{10, 10, 5, 3}[rnd.Intn(4)]
	h.size2, h.grace2 = 25, int64(rnd.Intn(2)*3)
	h.advance2 = []int64{25, 25, 10}[rnd.Intn(3)]
	return h
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (h hops) plan(t testing.TB) *topology.Plan {
	top := topology.New("hops")
	in := top.Stream("in", serde.String(), serde.Int64())
	if h.two {
		in = in.Merge(top.Stream("in2", serde.String(), serde.Int64()))
	}
	sum := func(a, v int64) int64 { return a + v }
	first := in.Repartition("by-key", topology.Partitions(h.first)).GroupByKey().
		Window(topology.Hopping(ms(h.size1), ms(h.advance1)).Grace(ms(h.grace1))).
		Aggregate("first", sum).Final().
		Stream(func(w topology.Window, k string) string { return fmt.Sprintf("%s@%d", k, w.Start) })
	first.To("out1")
	first.MapRecords(func(r *topology.Record[string, int64]) topology.Record[string, int64] {
		out := *r
		out.Key, out.RawKey = r.Key[:1], nil
		return out
	}).Repartition("by-first", topology.Partitions(h.second)).GroupByKey().
		Window(topology.Hopping(ms(h.size2), ms(h.advance2)).Grace(ms(h.grace2))).
		Aggregate("second", sum).Final().
		Stream(func(w topology.Window, k string) string { return fmt.Sprintf("%s@%d", k, w.Start) }).
		To("out2")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func randomEvents(rnd *rand.Rand, h hops) []event {
	var all []event
	topics := []string{"in"}
	if h.two {
		topics = append(topics, "in2")
	}
	for _, topic := range topics {
		for p := range h.sources {
			now := int64(rnd.Intn(40))
			for range rnd.Intn(40) {
				if rnd.Intn(5) > 0 {
					now += []int64{0, 1, 2, 7, 30}[rnd.Intn(5)]
				}
				ts := max(0, now-[]int64{0, 0, 0, 2, 5, 12, 40}[rnd.Intn(7)])
				key := string("ab"[rnd.Intn(2)]) + string("xyz"[rnd.Intn(3)])
				all = append(all, event{topic, p, key, 1 + int64(rnd.Intn(9)), ts})
			}
		}
	}
	return all
}

// result is an output record.
type result struct {
	topic, key string
	value, ts  int64
}

// want is the reference: a plain loop, without tasks, logs or time.
func (h hops) want(events []event) (results []result, late int64) {
	type window struct {
		start int64
		key   string
	}
	type agg struct{ sum, ts int64 }
	add := func(into map[window]agg, size, advance, grace int64, key string, value, ts, ref int64) (isLate bool) {
		for start := max(0, ts-size+advance) / advance * advance; start <= ts; start += advance {
			if ref >= start+size+grace {
				isLate = true
				continue
			}
			w := window{start, key}
			a := into[w]
			into[w] = agg{a.sum + value, max(a.ts, ts)}
		}
		return isLate
	}
	refs := map[place]int64{}
	first, second := map[window]agg{}, map[window]agg{}
	for _, e := range events {
		src := place{e.topic, e.partition}
		refs[src] = max(refs[src], e.ts)
		if add(first, h.size1, h.advance1, h.grace1, e.key, e.value, e.ts, refs[src]) {
			late++
		}
	}
	for w, a := range first {
		results = append(results, result{"out1", fmt.Sprintf("%s@%d", w.key, w.start), a.sum, a.ts})
		if add(second, h.size2, h.advance2, h.grace2, w.key[:1], a.sum, a.ts, a.ts) {
			late++
		}
	}
	for w, a := range second {
		results = append(results, result{"out2", fmt.Sprintf("%s@%d", w.key, w.start), a.sum, a.ts})
	}
	sortResults(results)
	return results, late
}

func sortResults(r []result) {
	slices.SortFunc(r, func(a, b result) int {
		return slices.Compare([]string{a.topic, a.key, fmt.Sprint(a.value), fmt.Sprint(a.ts)}, []string{b.topic, b.key, fmt.Sprint(b.value), fmt.Sprint(b.ts)})
	})
}

// TestEveryScheduleGivesOneResult runs random inputs through two repartition hops under random schedules: the results are
// those of the loop, and nothing is late but what the loop calls late.
func TestEveryScheduleGivesOneResult(t *testing.T) {
	inputs, schedules := int64(60), 6
	if testing.Short() {
		inputs = 15
	}
	lates := int64(0)
	for _, seed := range seeds(t, inputs) {
		rnd := rand.New(rand.NewSource(seed))
		h := randomHops(rnd)
		plan := h.plan(t)
		events := randomEvents(rnd, h)
		want, late := h.want(events)
		lates += late
		for n := range schedules {
			opts := Options{DefaultPartitions: h.sources, CommitEvery: -1, IdleAfter: -1, WatermarkInterval: []time.Duration{0, time.Second}[rnd.Intn(2)],
				CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)]}
			d := New(t, plan, opts)
			for _, e := range events {
				d.AppendTo(e.topic, e.partition, []byte(e.key), encode(t, serde.Int64(), e.value), e.ts)
			}
			if err := d.shake(rnd); err != nil {
				t.Fatalf("seed %d, schedule %d, %v: %v", seed, n, h, err)
			}
			got := d.results("out1", "out2")
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, schedule %d, %v: %s", seed, n, h, difference(got, want))
			}
			s := d.Stats()
			if s.Late != late || len(s.Dropped) > 1 {
				t.Fatalf("seed %d, schedule %d, %v: dropped %v, want %d late", seed, n, h, s.Dropped, late)
			}
			if s.In != int64(len(events)) {
				t.Fatalf("seed %d, schedule %d: %d records in, want %d", seed, n, s.In, len(events))
			}
			d.checkChangelogs(fmt.Sprintf("seed %d, schedule %d", seed, n))
		}
	}
	t.Logf("%d late records", lates)
}

// results returns what output topics hold, in no particular order made one.
func (d *Driver) results(topics ...string) (all []result) {
	for _, topic := range topics {
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			all = append(all, result{topic, r.Key, r.Value, r.Timestamp})
		}
	}
	sortResults(all)
	return all
}

// difference says what is missing and what is too much.
func difference(got, want []result) string {
	n := map[result]int{}
	for _, r := range got {
		n[r]++
	}
	for _, r := range want {
		n[r]--
	}
	text := fmt.Sprintf("%d results, want %d", len(got), len(want))
	for _, r := range slices.Concat(want, got) {
		if n[r] != 0 {
			text += fmt.Sprintf("; %+v %+d", r, n[r])
			n[r] = 0
		}
	}
	return text
}

// checkChangelogs compares the local state with what a restore makes of the changelogs: the same, but for closed windows.
func (d *Driver) checkChangelogs(what string) {
	d.t.Helper()
	before := d.Dump()
	d.CrashLosingState()
	d.settle(true)
	after := d.Dump()
	for name, store := range before {
		for k, v := range store {
			if after[name][k] != v {
				d.t.Fatalf("%s: store %s: key %s is %s, and %q after a restore", what, name, k, v, after[name][k])
			}
		}
	}
}
