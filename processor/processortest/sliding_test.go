package processortest

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
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

// TestSlidingOverSchedules draws inputs and schedules, with aborts, crashes, lost state, portions,
// runs that end and small caches, and compares with windows cut by their definition. What is folded
// shows the order of records, which is that of the partition in each window.
func TestSlidingOverSchedules(t *testing.T) {
	n := 80
	if testing.Short() {
		n = 20
	}
	values := topology.Fold(func(a []int64, v int64) []int64 { return append(a, v) }) // in place
	late, postponed := 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		diff, grace := []int64{0, 1, 4, 10, 25}[rnd.Intn(5)], []int64{0, 3, 20}[rnd.Intn(3)]
		runs := drawRuns(rnd, 0, func() (string, int64) { return string("abcdefgh"[:1+rnd.Intn(8)]), 1 + int64(rnd.Intn(9)) })
		var want []string
		ref, closed := int64(-1), int64(-1)
		for _, events := range runs {
			var taken []modelRecord
			for _, e := range events {
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
		t.Logf("seed %d, difference %d, grace %d", seed, diff, grace)
		d := shaken(t, rnd, inWindows(t, topology.Sliding(ms(diff)).Grace(ms(grace)), values), Fail, runs)
		postponed += d.postponed
		if got := finals(t, d); !slices.Equal(got, want) {
			t.Fatalf("final: %s", firstDifference(got, want))
		}
		slices.Sort(want)
		for _, topic := range []string{"out-updates", "out-each"} {
			got := left(d, topic, func(key, _ string, _ int64) { t.Fatalf("%s: %s is taken back", topic, key) })
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %s", topic, firstDifference(got, want))
			}
		}
		emptied(t, d, "")
	}
	if late == 0 || postponed == 0 && n > 20 {
		t.Errorf("%d late, %d postponed", late, postponed)
	}
}
