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

// clockedJoin joins two streams as Kafka Streams does, as a plain loop over lists: a record meets
// what the other side's list has within the bounds and the retention; one that finds nothing waits
// until a record comes that is later than its window and grace, and as late as any.
type clockedJoin struct {
	before, after, grace int64
	alone                [2]bool // by side: 0 is right, 1 left

	seen    int64
	clock   [2]int64 // of what has been stored of a side
	stored  [2][]timed
	waiting [2][]timed
}

func newClockedJoin(before, after, grace int64, left, right bool) *clockedJoin {
	return &clockedJoin{before: before, after: after, grace: grace, alone: [2]bool{right, left}, seen: -1, clock: [2]int64{-1, -1}}
}

// result is that of a record of a side and one of the other, which may be nil.
func (j *clockedJoin) result(side int, mine, other *timed, header string) timed {
	theirs, ts := "-", mine.ts
	if other != nil {
		theirs, ts = *other.value, max(ts, other.ts)
	}
	value := *mine.value + "|" + theirs
	if side == 0 {
		value = theirs + "|" + *mine.value
	}
	key := "none"
	if mine.key != nil {
		key = *mine.key
	}
	return timed{&key, &value, ts, header}
}

// add returns what comes out with a record of a side. missed says that the bounds alone would have
// let it meet more.
func (j *clockedJoin) add(side int, r timed) (out []timed, missed bool) {
	ahead := [2]int64{j.before, j.after} // how much later what it meets may be, by side
	j.seen = max(j.seen, r.ts)
	switch {
	case r.value == nil || r.key == nil && !j.alone[side]:
		return nil, false
	case r.key == nil:
		return []timed{j.result(side, &r, nil, r.header)}, false
	}
	if r.ts == j.seen {
		type due struct {
			side int
			timed
		}
		var all []due
		for s := range j.waiting {
			j.waiting[s] = slices.DeleteFunc(j.waiting[s], func(w timed) bool {
				if w.ts+ahead[s]+j.grace >= j.seen {
					return false
				}
				all = append(all, due{s, w})
				return true
			})
		}
		slices.SortStableFunc(all, func(a, b due) int {
			return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.side, b.side), strings.Compare(*a.key, *b.key))
		})
		for _, d := range all {
			out = append(out, j.result(d.side, &d.timed, nil, r.header))
		}
	}
	j.stored[side] = append(j.stored[side], r)
	j.clock[side] = max(j.clock[side], r.ts)
	other := 1 - side
	var found []timed
	for _, o := range j.stored[other] {
		if *o.key != *r.key || o.ts > r.ts+ahead[side] || o.ts < r.ts-ahead[other] {
			continue
		}
		if o.ts <= j.clock[other]-(j.before+j.after+j.grace) {
			missed = true
			continue
		}
		found = append(found, o)
	}
	slices.SortStableFunc(found, func(a, b timed) int { return cmp.Compare(a.ts, b.ts) })
	for _, o := range found {
		out = append(out, j.result(side, &r, &o, r.header))
		j.waiting[other] = slices.DeleteFunc(j.waiting[other], func(w timed) bool { return w.ts == o.ts && *w.key == *o.key })
	}
	switch {
	case len(found) > 0 || !j.alone[side]:
	case r.ts+ahead[side] < j.seen:
		out = append(out, j.result(side, &r, nil, r.header))
	default:
		j.waiting[side] = append(j.waiting[side], r)
	}
	return out, missed
}

// Joins of two streams by Kafka Streams' time give what plain lists give, whatever the schedule is:
// commits, aborts, crashes, lost state, purged changelogs, several runs, and whether the buffers
// are in memory or not. In the end what still waits is in the store, and nothing else.
func TestClockedJoin(t *testing.T) {
	n := 12
	if testing.Short() {
		n = 4
	}
	pairs, late, waited, missed := 0, 0, 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		bound := func() int64 { return []int64{0, 1, 7, 30, 400}[rnd.Intn(5)] }
		before, after, grace, kind := bound(), bound(), bound(), rnd.Intn(3)
		what := fmt.Sprintf("seed %d, %d before, %d after, grace %d, kind %d", seed, before, after, grace, kind)
		value := func(l, r topology.Opt[string]) string {
			if !l.OK {
				l.Value = "-"
			}
			if !r.OK {
				r.Value = "-"
			}
			return l.Value + "|" + r.Value
		}
		joiner := topology.Outer(value)
		switch kind {
		case 0:
			joiner = topology.Inner(func(l, r string) string { return value(topology.Some(l), topology.Some(r)) })
		case 1:
			joiner = topology.Left(func(l string, r topology.Opt[string]) string { return value(topology.Some(l), r) })
		}
		top := topology.New("clocked", topology.KafkaStreamsTime)
		in := top.Stream("in", serde.String(), serde.String())
		side := func(name byte) topology.Stream[string, string] {
			return in.FilterRecords(func(r *topology.Record[string, string]) bool { return r.Headers[0].Value[0] == name })
		}
		side('l').JoinWithin("join", side('r'), topology.Within(0).Before(ms(before)).After(ms(after)).Grace(ms(grace)), joiner).To("out")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}

		keys := []string{"", "a", "a\x00", "a\x00b", "b\xff"}
		runs := make([][]timed, 1+rnd.Intn(3))
		now, numbers := int64(20), 0
		for i := range runs {
			for range rnd.Intn(120) {
				now += []int64{0, 0, 0, 1, 4, 30, 200}[rnd.Intn(7)]
				numbers++
				r := timed{ts: max(0, now-[]int64{0, 0, 0, 2, 6, 40, 500}[rnd.Intn(7)]), header: fmt.Sprint("rl"[rnd.Intn(2):][:1], numbers)}
				if key := keys[rnd.Intn(len(keys))]; rnd.Intn(10) > 0 {
					r.key = &key
				}
				if value := r.header; rnd.Intn(10) > 0 {
					r.value = &value
				}
				runs[i] = append(runs[i], r)
			}
		}
		model := newClockedJoin(before, after, grace, kind > 0, kind > 1)
		var want []string
		for _, records := range runs {
			for _, r := range records {
				out, gone := model.add(strings.IndexByte("rl", r.header[0]), r)
				if gone {
					missed++
				}
				waited = max(waited, len(model.waiting[0])+len(model.waiting[1]))
				for _, o := range out {
					want = append(want, o.String())
					switch {
					case !strings.Contains(*o.value, "-"):
						pairs++
					case !strings.Contains(*o.value, o.header):
						late++ // another record has made it come out
					}
				}
			}
		}

		for _, cache := range []int64{-1, 0, 200} {
			d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1, CacheBytes: cache})
			d.purges, d.reruns = rnd.Intn(2) == 0, 3*rnd.Intn(2)
			if err := d.shakeTimed(rnd, runs); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			d.CrashLosingState()
			d.EndOfInput() // with nothing new
			got := d.timed("out")
			if !slices.Equal(got, want) {
				t.Fatalf("%s, cache %d: %s", what, cache, firstDifference(got, want))
			}
			for store, rows := range d.Dump() {
				if waits := len(model.waiting[0]) + len(model.waiting[1]); strings.HasSuffix(store, "-unmatched") && len(rows) != waits {
					t.Fatalf("%s, cache %d: %d records wait, and not %d: %v", what, cache, len(rows), waits, rows)
				}
			}
		}
	}
	if pairs == 0 || late == 0 || waited < 5 || missed == 0 {
		t.Errorf("%d pairs, %d came out late, %d waited at a time, %d missed what was gone", pairs, late, waited, missed)
	}
}
