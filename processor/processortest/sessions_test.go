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

// inSessions is a plan with one aggregation of sessions for each way to show results.
func inSessions(t testing.TB, gap, grace int64) *topology.Plan {
	top := topology.New("in-sessions")
	in := top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(topology.Sessions(ms(gap)).Grace(ms(grace)))
	values := topology.FoldOpt(func(a topology.Opt[[]int64], v int64) topology.Opt[[]int64] {
		return topology.Some(slices.Sorted(slices.Values(append(a.Value, v))))
	}).Merge(func(a, b []int64) []int64 { return slices.Sorted(slices.Values(append(a, b...))) })
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

// cutSessions are the sessions of the runs, in the order of their ends, starts and keys, each run
// after the other. late is how many records are late.
func cutSessions(runs [][]event, gap, grace int64) (all []string, late int) {
	ref, closed := int64(-1), int64(-1)
	for _, events := range runs {
		keys := map[string][]event{}
		for _, e := range events {
			ref = max(ref, e.ts)
			switch {
			case ref-e.ts > grace:
				late++
			case e.ts > closed:
				keys[e.key] = append(keys[e.key], e)
			}
		}
		type session struct {
			key        string
			start, end int64
			values     []int64
		}
		var cut []session
		for key, events := range keys {
			slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.ts, b.ts) })
			for i, e := range events {
				if i == 0 || e.ts-events[i-1].ts > gap {
					cut = append(cut, session{key: key, start: e.ts})
				}
				s := &cut[len(cut)-1]
				s.end, s.values = e.ts, append(s.values, e.value)
			}
		}
		slices.SortFunc(cut, func(a, b session) int {
			return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
		})
		for _, s := range cut {
			all = append(all, fmt.Sprintf("%s=%v@%d", sessionKey(s.start, s.end, s.key), slices.Sorted(slices.Values(s.values)), s.end))
		}
		closed = ref
	}
	return all, late
}

// TestSessionsOverSchedules draws inputs and schedules, with aborts, crashes, lost state, portions
// and small caches, and compares with sessions cut from the sorted records.
func TestSessionsOverSchedules(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 15
	}
	late, taken, postponed := 0, 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		gap, grace := []int64{0, 1, 4, 10}[rnd.Intn(4)], []int64{0, 3, 20}[rnd.Intn(3)]
		runs := make([][]event, 1+rnd.Intn(3))
		now := int64(rnd.Intn(20))
		for i := range runs {
			for range rnd.Intn(80) {
				now += []int64{0, 0, 0, 1, 4, 9, 40}[rnd.Intn(7)]
				runs[i] = append(runs[i], event{"in", 0, string("abcdefgh"[:1+rnd.Intn(8)]), 1 + int64(rnd.Intn(9)), max(0, now-[]int64{0, 0, 0, 2, 6, 30}[rnd.Intn(6)])})
			}
		}
		want, n := cutSessions(runs, gap, grace)
		late += n
		d := New(t, inSessions(t, gap, grace), Options{CommitEvery: -1, IdleAfter: -1,
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
			t.Fatalf("seed %d, gap %d, grace %d, %s: %s", seed, gap, grace, topic, firstDifference(got, want))
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
			left := map[string]string{}
			for _, r := range d.Output(topic, serde.String(), serde.String()).Records() {
				if before, ok := left[r.Key]; r.NoValue {
					if taken++; !ok {
						t.Fatalf("seed %d, %s: %s is taken back, and was not there", seed, topic, r.Key)
					}
					if end := before[strings.LastIndex(before, "@")+1:]; end != fmt.Sprint(r.Timestamp) {
						t.Fatalf("seed %d, %s: %s is taken back at %d", seed, topic, r.Key, r.Timestamp)
					}
					delete(left, r.Key)
					continue
				}
				left[r.Key] = fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp)
			}
			if got := slices.Sorted(maps.Values(left)); !slices.Equal(got, want) {
				fail(topic, got)
			}
		}
		for _, store := range []string{"final", "updates", "each"} {
			if rows := d.Store(store, serde.String(), serde.JSON[[]int64]()); len(rows) != 0 {
				t.Fatalf("seed %d: store %s keeps %v", seed, store, rows)
			}
		}
		for store, rows := range d.Dump() {
			if !strings.HasSuffix(store, "-time") && len(rows) != 0 {
				t.Fatalf("seed %d: store %s keeps rows: %v", seed, store, rows)
			}
		}
	}
	if late == 0 || taken == 0 || postponed == 0 && n > 15 {
		t.Errorf("%d late, %d taken back, %d postponed", late, taken, postponed)
	}
}
