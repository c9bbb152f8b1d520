package processortest

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

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
	values := topology.FoldOpt(func(a topology.Opt[[]int64], v int64) topology.Opt[[]int64] {
		return topology.Some(slices.Sorted(slices.Values(append(a.Value, v))))
	}).Merge(func(a, b []int64) []int64 { return slices.Sorted(slices.Values(append(a, b...))) })
	late, taken, postponed := 0, 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		gap, grace := []int64{0, 1, 4, 10}[rnd.Intn(4)], []int64{0, 3, 20}[rnd.Intn(3)]
		runs := drawRuns(rnd, 0, func() (string, int64) { return string("abcdefgh"[:1+rnd.Intn(8)]), 1 + int64(rnd.Intn(9)) })
		want, n := cutSessions(runs, gap, grace)
		late += n
		t.Logf("seed %d, gap %d, grace %d", seed, gap, grace)
		d := shaken(t, rnd, inWindows(t, topology.Sessions(ms(gap)).Grace(ms(grace)), values), Fail, runs)
		postponed += d.postponed
		if got := finals(t, d); !slices.Equal(got, want) {
			t.Fatalf("final: %s", firstDifference(got, want))
		}
		slices.Sort(want)
		for _, topic := range []string{"out-updates", "out-each"} {
			got := left(d, topic, func(key, before string, at int64) {
				taken++
				if end := before[strings.LastIndex(before, "@")+1:]; end != fmt.Sprint(at) {
					t.Fatalf("%s: %s, which was %q, is taken back at %d", topic, key, before, at)
				}
			})
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %s", topic, firstDifference(got, want))
			}
		}
		for _, store := range []string{"final", "updates", "each"} {
			if rows := d.Store(store, serde.String(), serde.JSON[[]int64]()); len(rows) != 0 {
				t.Fatalf("store %s keeps %v", store, rows)
			}
		}
		emptied(t, d, "")
	}
	if late == 0 || taken == 0 || postponed == 0 && n > 15 {
		t.Errorf("%d late, %d taken back, %d postponed", late, taken, postponed)
	}
}

// TestSessionsBetweenCommits: a session that has begun and closed since the last commit is handed
// on, and never reaches a store or a changelog; nor does one that became another one in between.
func TestSessionsBetweenCommits(t *testing.T) {
	top := topology.New("between-commits")
	in := top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(topology.Sessions(ms(10)))
	key := func(w topology.Window, k string) string { return sessionKey(w.Start, w.End, k) }
	in.Count("updates").Stream(key).To("out-updates")
	in.Count("each").EachUpdate().Stream(key).To("out-each")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1})
	send := func(key string, times ...int64) {
		for _, ts := range times {
			d.Append("in", []byte(key), encode(t, serde.Int64(), 1), ts)
		}
	}
	changes := func(records int, want int64) {
		t.Helper()
		before := d.Stats().Changes
		d.Run()
		d.Commit()
		time := int64(1) // of the task, with each commit
		if got := d.Stats().Changes - before - time; got != want {
			t.Errorf("%d records made %d changes, want %d", records, got, want)
		}
	}
	for _, ts := range []int64{0, 5, 12} {
		for i := range 100 {
			send(fmt.Sprint("k", i), ts)
		}
	}
	send("later", 100)
	changes(301, 2) // that of "later", in both stores
	send("later", 104, 108)
	changes(2, 4)      // its rows before, and now
	send("last", 1000) // closes it
	changes(1, 2)
	got := map[string]int{}
	for _, r := range d.Output("out-updates", serde.String(), serde.Int64()).Records() {
		if got[r.Key]++; r.NoValue {
			got[r.Key] = 0
		}
	}
	if len(got) != 103 || got[sessionKey(0, 12, "k7")] != 1 || got[sessionKey(100, 100, "later")] != 0 || got[sessionKey(100, 108, "later")] != 1 {
		t.Errorf("results: %v", got)
	}
}
