package processortest

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// shake runs all tasks to the end of a bounded run in a random order: how much each reads and
// processes at a time, when it commits, when it aborts and crashes, and when the clock advances.
// Before it, live steps of that happen without the bound.
func (d *Driver) shake(rnd *rand.Rand, live int) error {
	d.bounded = false
	if err := d.reopen(closed); err != nil {
		return err
	}
	weights := make([]int, len(d.tasks))
	for i := range weights {
		weights[i] = []int{1, 3, 20}[rnd.Intn(3)]
	}
	for step := 0; ; step++ {
		if step == live {
			d.run++
			d.bounded = true
			if err := d.reopen(anyEnding(rnd)); err != nil {
				return err
			}
		}
		if d.reruns > 0 && d.bounded && rnd.Intn(50) == 0 {
			d.reruns--
			d.run++
			if err := d.reopen(anyEnding(rnd)); err != nil {
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
		for _, topic := range r.topics {
			r.feedOne(topic, int64(rnd.Intn(8)*rnd.Intn(2)))
		}
		_, err := r.process(1 + rnd.Intn(8))
		if _, err := r.skip(err); err != nil {
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
			if _, err := r.skip(r.commit()); err != nil || rnd.Intn(4) > 0 {
				return err
			}
			return r.task.PersistHeld()
		}
	case n < 55:
		if rnd.Intn(2) == 0 {
			if again, err := r.skip(r.task.Flush()); again || err != nil {
				return err
			}
		}
		return r.abort()
	case n < 60:
		return r.task.Persist()
	case n < 63:
		return r.task.PersistHeld()
	case n < 71:
		return r.reopen(anyEnding(rnd))
	case n < 78 && d.purges:
		if r.deleted == nil {
			r.deleted = map[string]int64{}
		}
		maps.Copy(r.deleted, r.task.Purgeable())
	}
	return nil
}

func anyEnding(rnd *rand.Rand) ending { return []ending{closed, crashed, wiped}[rnd.Intn(3)] }

// event is a record of a generated input.
type event struct {
	topic     string
	partition int32
	key       string
	value     int64
	ts        int64
}

// hops is the topology of the property test: windows behind a repartition topic, and windows over
// their results behind another. Two topics are merged if two is set.
type hops struct {
	sources, first, second  int32 // partitions
	two                     bool
	size1, advance1, grace1 int64
	size2, advance2, grace2 int64
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

// drops is how many records are dropped for a reason.
type drops map[topology.Reason]int64

// want is the reference: plain loops, without tasks, logs or time. Each run ends with all windows
// closed, in each partition those that have begun by the largest ref that it has seen; partition
// says where a key goes.
func (h hops) want(runs [][]event, partition func(key string, n int32) int32) (results []result, dropped drops) {
	dropped = drops{}
	refs := map[place]int64{}
	first := newWindows(h.first, h.size1, h.advance1, h.grace1, partition, dropped)
	second := newWindows(h.second, h.size2, h.advance2, h.grace2, partition, dropped)
	for _, events := range runs {
		for _, e := range events {
			src := place{e.topic, e.partition}
			refs[src] = max(refs[src], e.ts)
			first.add(e.key, e.value, e.ts, refs[src])
		}
		for w, a := range first.end() {
			results = append(results, result{"out1", fmt.Sprintf("%s@%d", w.key, w.start), a.sum, a.ts})
			second.add(w.key[:1], a.sum, a.ts, a.ts)
		}
		for w, a := range second.end() {
			results = append(results, result{"out2", fmt.Sprintf("%s@%d", w.key, w.start), a.sum, a.ts})
		}
	}
	sortResults(results)
	return results, dropped
}

// windows are the windows of the reference.
type windows struct {
	size, advance, grace int64
	open                 map[window]sum
	largest, closed      []int64 // refs by partition
	partition            func(key string, n int32) int32
	dropped              drops
}

type window struct {
	start int64
	key   string
}

type sum struct{ sum, ts int64 }

func newWindows(partitions int32, size, advance, grace int64, partition func(string, int32) int32, dropped drops) *windows {
	w := &windows{size, advance, grace, map[window]sum{}, make([]int64, partitions), make([]int64, partitions), partition, dropped}
	for i := range w.closed {
		w.largest[i], w.closed[i] = -1, -1
	}
	return w
}

func (w *windows) add(key string, value, ts, ref int64) {
	p := w.partition(key, int32(len(w.closed)))
	w.largest[p] = max(w.largest[p], ref)
	late, closed, taken := false, false, false
	for start := max(0, ts-w.size+w.advance) / w.advance * w.advance; start <= ts; start += w.advance {
		switch {
		case ref >= start+w.size+w.grace:
			late = true
		case start <= w.closed[p]:
			closed = true
		default:
			taken = true
			at := window{start, key}
			a := w.open[at]
			w.open[at] = sum{a.sum + value, max(a.ts, ts)}
		}
	}
	switch {
	case taken:
	case late:
		w.dropped[topology.LateRecord]++
	case closed:
		w.dropped[topology.WindowClosed]++
	}
}

// end closes all windows.
func (w *windows) end() map[window]sum {
	all := w.open
	w.open = map[window]sum{}
	copy(w.closed, w.largest)
	return all
}

func sortResults(r []result) {
	slices.SortFunc(r, func(a, b result) int {
		return slices.Compare([]string{a.topic, a.key, fmt.Sprint(a.value), fmt.Sprint(a.ts)}, []string{b.topic, b.key, fmt.Sprint(b.value), fmt.Sprint(b.ts)})
	})
}

// TestEveryScheduleGivesOneResult runs random inputs through two repartition hops under random
// schedules: the results are those of the loop, and nothing is late but what the loop calls late.
func TestEveryScheduleGivesOneResult(t *testing.T) {
	inputs, schedules := 25, 5
	if testing.Short() {
		inputs = 8
	}
	all := drops{}
	for _, seed := range seeds.Several(t, inputs) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		h := randomHops(rnd)
		plan := h.plan(t)
		runs := split(rnd, randomEvents(rnd, h))
		partition := func(key string, n int32) int32 {
			c := &cluster{topics: map[string][][]*kgo.Record{"": make([][]*kgo.Record, n)}, hasher: kgo.StickyKeyPartitioner(nil).ForTopic("")}
			return c.partition("", []byte(key))
		}
		want, dropped := h.want(runs, partition)
		for k, n := range dropped {
			all[k] += n
		}
		for n := range schedules + 1 { // in the last one changelogs are purged, too
			what := fmt.Sprintf("seed %d, schedule %d, %v", seed, n, h)
			opts := Options{DefaultPartitions: h.sources, CommitEvery: -1, IdleAfter: -1, WatermarkInterval: []time.Duration{0, time.Second}[rnd.Intn(2)],
				CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)]}
			opts.portion = []int{0, 1, 2, 7}[rnd.Intn(4)]
			d := New(t, plan, opts)
			d.purges, d.reruns = n == schedules, 3*(n%2)
			records := int64(0)
			for run, events := range runs {
				for _, e := range events {
					d.AppendTo(e.topic, e.partition, []byte(e.key), encode(t, serde.Int64(), e.value), e.ts)
					records++
				}
				if err := d.shake(rnd, rnd.Intn(2)*rnd.Intn(200)); err != nil {
					t.Fatalf("%s, run %d of %d: %v", what, run, len(runs), err)
				}
			}
			s := d.Stats()
			got := drops{}
			for _, drop := range s.Dropped {
				got[drop.Reason] += drop.Count
			}
			if !maps.Equal(got, dropped) {
				t.Fatalf("%s: dropped %v, want %v", what, got, dropped)
			}
			if got := d.results("out1", "out2"); !slices.Equal(got, want) {
				t.Fatalf("%s: %s", what, difference(got, want))
			}
			if s.In != records {
				t.Fatalf("%s: %d records in, want %d", what, s.In, records)
			}
			d.checkChangelogs(what)
		}
	}
	t.Logf("dropped: %v", all)
}

// split cuts the events of each partition into runs.
func split(rnd *rand.Rand, events []event) [][]event {
	runs := make([][]event, []int{1, 1, 2, 3}[rnd.Intn(4)])
	now := map[place]int{}
	for _, e := range events {
		src := place{e.topic, e.partition}
		if rnd.Intn(25) == 0 {
			now[src] = min(now[src]+1, len(runs)-1)
		}
		runs[now[src]] = append(runs[now[src]], e)
	}
	return runs
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

// checkChangelogs compares the local state with what a restore makes of the changelogs: the same,
// but for closed windows.
func (d *Driver) checkChangelogs(what string) {
	d.t.Helper()
	if d.purges {
		// of closed windows a store may have what the changelogs have not, and the other way round
		return
	}
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
