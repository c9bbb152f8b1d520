package processortest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// slidingWindow is a window as its definition has it.
type slidingWindow struct {
	key        string
	start, end int64
	values     []int64 // in the order in which the records are given
	ts         int64
}

// cutSliding are the sliding windows of records, all of which count, in the order of starts and
// keys: [t-diff, t] for each time t of a record, of those that would begin before the origin one
// that begins there, and [t+1, t+1+diff], unless that has no record.
func cutSliding(records []modelRecord, diff, origin int64) (all []slidingWindow) {
	type at struct {
		start int64
		key   string
	}
	starts := map[at]bool{}
	for _, r := range records {
		starts[at{max(origin, r.ts-diff), r.key}], starts[at{r.ts + 1, r.key}] = true, true
	}
	for s := range starts {
		w := slidingWindow{key: s.key, start: s.start, end: s.start + diff}
		for _, r := range records {
			if r.key == s.key && w.start <= r.ts && r.ts <= w.end {
				w.values, w.ts = append(w.values, r.value), max(w.ts, r.ts)
			}
		}
		if len(w.values) > 0 {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b slidingWindow) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
	})
	return all
}

// inSliding is a plan with one aggregation of sliding windows for each way to show results.
func inSliding(t testing.TB, diff, grace int64) *topology.Plan {
	top := topology.New("in-sliding")
	in := top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(topology.Sliding(ms(diff)).Grace(ms(grace)))
	values := topology.Fold(func(a []int64, v int64) []int64 { return append(a, v) }) // in place
	all := func(store string) topology.WindowedTable[string, []int64] {
		return in.AggregateWith(store, values, topology.ValueSerde(serde.JSON[[]int64]()))
	}
	key := func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
	text := func(v []int64) string { return fmt.Sprint(v) }
	all("final").Final().Stream(key).MapValues(text).To("out-final")
	all("updates").Stream(key).MapValues(text).To("out-updates")
	all("each").EachUpdate().Stream(key).MapValues(text).To("out-each")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestSlidingOverSchedules draws inputs and schedules, with aborts, crashes, lost state, portions,
// runs that end and small caches, and compares with windows cut by their definition. What is folded
// shows the order of records, which is that of the partition in each window.
func TestSlidingOverSchedules(t *testing.T) {
	n := 80
	if testing.Short() {
		n = 20
	}
	late, postponed := 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		diff, grace := []int64{0, 1, 4, 10, 25}[rnd.Intn(5)], []int64{0, 3, 20}[rnd.Intn(3)]
		runs := make([][]event, 1+rnd.Intn(3))
		now := int64(rnd.Intn(20))
		var want []string
		ref, closed := int64(-1), int64(-1)
		for i := range runs {
			var taken []modelRecord
			for range rnd.Intn(80) {
				now += []int64{0, 0, 0, 1, 4, 9, 40}[rnd.Intn(7)]
				e := event{"in", 0, string("abcdefgh"[:1+rnd.Intn(8)]), 1 + int64(rnd.Intn(9)), max(0, now-[]int64{0, 0, 0, 2, 6, 30}[rnd.Intn(6)])}
				runs[i] = append(runs[i], e)
				ref = max(ref, e.ts)
				switch {
				case ref-e.ts > grace:
					late++
				case e.ts > closed:
					taken = append(taken, modelRecord{key: e.key, value: e.value, ts: e.ts})
				}
			}
			for _, w := range cutSliding(taken, diff, closed+1) {
				want = append(want, fmt.Sprintf("%s=%v@%d", sessionKey(w.start, w.end, w.key), w.values, w.ts))
			}
			closed = ref
		}
		d := New(t, inSliding(t, diff, grace), Options{CommitEvery: -1, IdleAfter: -1,
			CacheBytes: []int64{-1, 0, 300, 3000}[rnd.Intn(4)], portion: []int{0, 1, 3, 10}[rnd.Intn(4)]})
		d.purges = rnd.Intn(2) == 0
		for _, events := range runs {
			for _, e := range events {
				d.AppendTo(e.topic, e.partition, []byte(e.key), encode(t, serde.Int64(), e.value), e.ts)
			}
			if err := d.shake(rnd, rnd.Intn(2)*rnd.Intn(100)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		postponed += d.postponed
		fail := func(topic string, got []string) {
			t.Fatalf("seed %d, difference %d, grace %d, %s: %s", seed, diff, grace, topic, firstDifference(got, want))
		}
		var got []string
		for _, r := range d.Output("out-final", serde.String(), serde.String()).Records() {
			got = append(got, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp))
			if len(r.Headers) != 0 {
				t.Errorf("%s has headers", r.Key)
			}
		}
		if !slices.Equal(got, want) {
			fail("final", got)
		}
		slices.Sort(want)
		for _, topic := range []string{"out-updates", "out-each"} {
			last := map[string]string{}
			for _, r := range d.Output(topic, serde.String(), serde.String()).Records() {
				if r.NoValue {
					t.Fatalf("seed %d, %s: %s is taken back", seed, topic, r.Key)
				}
				last[r.Key] = fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp)
			}
			if got := slices.Sorted(maps.Values(last)); !slices.Equal(got, want) {
				fail(topic, got)
			}
		}
		for store, rows := range d.Dump() {
			if !strings.HasSuffix(store, "-time") && len(rows) != 0 {
				t.Fatalf("seed %d: store %s keeps rows: %v", seed, store, rows)
			}
		}
	}
	if late == 0 || postponed == 0 && n > 20 {
		t.Errorf("%d late, %d postponed", late, postponed)
	}
}
