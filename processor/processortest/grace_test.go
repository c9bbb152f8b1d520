package processortest

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// clockedWait holds records back as Kafka Streams does before a join with a grace, as a plain list:
// by the largest timestamp of those that it has held back. What a record finds depends on its key
// and time alone. At the end of a run all go on.
type clockedWait struct {
	grace int64
	find  func(key string, ts int64) string // "" for nothing

	clock   int64
	waiting []timed // by time, key, and as they came
	last    timed   // that has waited and gone on
	closed  int64   // by the end of a run
}

func newClockedWait(grace int64, find func(key string, ts int64) string) *clockedWait {
	return &clockedWait{grace: grace, find: find, clock: -1, closed: -1, last: timed{ts: -1}}
}

func byTimeAndKey(a, b timed) int {
	if a.key == nil || b.key == nil {
		return cmp.Compare(a.ts, b.ts)
	}
	return cmp.Or(cmp.Compare(a.ts, b.ts), strings.Compare(*a.key, *b.key))
}

func (w *clockedWait) joined(r timed) timed {
	value := *r.value + "|"
	if r.key == nil {
		none := "none"
		r.key = &none
	} else {
		value += w.find(*r.key, r.ts)
	}
	r.value = &value
	return r
}

// add returns what comes out with a record.
func (w *clockedWait) add(r timed) (out []timed) {
	switch {
	case r.value == nil:
		return nil
	case r.key == nil, r.ts <= w.closed, w.clock >= 0 && r.ts < w.clock-w.grace, byTimeAndKey(r, w.last) < 0:
		return []timed{w.joined(r)}
	}
	w.clock = max(w.clock, r.ts)
	w.waiting = append(w.waiting, r)
	slices.SortStableFunc(w.waiting, byTimeAndKey)
	return w.release(w.clock - w.grace)
}

// release returns those that wait up to a time.
func (w *clockedWait) release(to int64) (out []timed) {
	for len(w.waiting) > 0 && w.waiting[0].ts <= to {
		w.last = w.waiting[0]
		out = append(out, w.joined(w.last))
		w.waiting = w.waiting[1:]
	}
	return out
}

// Joins with a grace and Kafka Streams' time give what a plain list gives, whatever the schedule
// is: commits, aborts, crashes, lost state, purged changelogs, portions, several runs. In the end
// nothing is left in the store.
func TestClockedGrace(t *testing.T) {
	n := 12
	if testing.Short() {
		n = 4
	}
	postponed, waited, passed := 0, 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		grace := []int64{0, 1, 7, 30, 400}[rnd.Intn(5)]
		top := topology.New("clocked", topology.KafkaStreamsTime)
		table := top.Table("table", serde.String(), serde.String()).History(time.Hour)
		twin := func(key string) string { return key + "t" }
		joined := top.Stream("in", serde.String(), serde.String()).
			FlatMapRecords(func(r *topology.Record[string, string]) []topology.Record[string, string] {
				if r.NoKey || r.NoValue {
					return []topology.Record[string, string]{*r}
				}
				return []topology.Record[string, string]{*r, r.With(twin(r.Key), r.Value+"'")}
			}).
			MarkPartitioned().
			Join("join", table, topology.Left(func(v string, r topology.Opt[string]) string { return v + "|" + r.Value }), topology.JoinGrace(ms(grace)))
		joined.To("out")
		joined.InOrder("sorted", time.Hour).To("sorted")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}

		keys := []string{"", "a", "a\x00", "a\x00b", "ab", "b\xff", "c"}
		type version struct {
			key, value string
			ts         int64
		}
		var versions []version
		for i := range rnd.Intn(60) {
			versions = append(versions, version{keys[rnd.Intn(len(keys))], fmt.Sprint("v", i), rnd.Int63n(2000)})
		}
		find := func(key string, ts int64) (found string) {
			at := int64(-1)
			for _, v := range versions {
				if v.key == key && v.ts <= ts && v.ts >= at {
					found, at = v.value, v.ts
				}
			}
			return found
		}
		runs := make([][]timed, 1+rnd.Intn(3))
		now, numbers := int64(20), 0
		for i := range runs {
			for range rnd.Intn(80) {
				now += []int64{0, 0, 0, 1, 4, 30, 200}[rnd.Intn(7)]
				numbers++
				r := timed{ts: max(0, now-[]int64{0, 0, 0, 2, 6, 40}[rnd.Intn(6)]), header: fmt.Sprint(numbers)}
				if key := keys[rnd.Intn(len(keys))]; rnd.Intn(10) > 0 {
					r.key = &key
				}
				if value := fmt.Sprint("s", numbers); rnd.Intn(10) > 0 {
					r.value = &value
				}
				runs[i] = append(runs[i], r)
			}
		}
		model := newClockedWait(grace, find)
		var want, sorted []string
		seen := int64(-1)
		for _, v := range versions {
			seen = max(seen, v.ts)
		}
		for _, records := range runs {
			var all []timed
			for _, r := range records {
				seen = max(seen, r.ts)
				out := model.add(r)
				if r.key != nil && r.value != nil {
					key, value := twin(*r.key), *r.value+"'"
					out = append(out, model.add(timed{&key, &value, r.ts, r.header})...)
				}
				if waited = max(waited, len(model.waiting)); len(out) > 0 && len(model.waiting) > 0 {
					passed++
				}
				all = append(all, out...)
			}
			all = append(all, model.release(topology.EndOfTime)...)
			for _, o := range all {
				want = append(want, o.String())
			}
			slices.SortFunc(all, func(a, b timed) int {
				return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(len(a.header), len(b.header)), strings.Compare(a.header, b.header), cmp.Compare(strings.Count(*a.value, "'"), strings.Count(*b.value, "'")))
			})
			for _, o := range all {
				if o.ts > model.closed {
					sorted = append(sorted, o.String())
				}
			}
			model.closed = seen
		}

		for _, portion := range []int{0, 0, 1, 3, 20} {
			d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1, CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)], portion: portion})
			d.purges, d.reruns = rnd.Intn(2) == 0, 3*rnd.Intn(2)
			for _, v := range versions {
				d.Append("table", []byte(v.key), []byte(v.value), v.ts)
			}
			d.Run()
			d.Commit()
			if err := d.shakeTimed(rnd, runs); err != nil {
				t.Fatalf("seed %d, portions of %d: %v", seed, portion, err)
			}
			postponed += d.postponed
			d.CrashLosingState()
			d.EndOfInput() // with nothing new
			for topic, want := range map[string][]string{"out": want, "sorted": sorted} {
				got := d.timed(topic)
				expected := slices.Clone(want)
				if portion != 0 && topic == "out" {
					// Those that are late do not wait for those that have to.
					slices.Sort(got)
					slices.Sort(expected)
				}
				if !slices.Equal(got, expected) {
					t.Fatalf("seed %d, grace %d, portions of %d, %s: %s", seed, grace, portion, topic, firstDifference(got, expected))
				}
			}
			for store, rows := range d.Dump() {
				if strings.HasSuffix(store, " join") && len(rows) != 0 {
					t.Fatalf("seed %d: the store keeps %v", seed, rows)
				}
			}
		}
	}
	if postponed == 0 || waited < 5 || passed == 0 {
		t.Errorf("%d postponed, %d waited at a time, %d went on while others waited", postponed, waited, passed)
	}
}

// The bytes that docs/format/state.md shows.
func TestGraceRow(t *testing.T) {
	top := topology.New("row", topology.KafkaStreamsTime)
	table := top.Table("table", serde.String(), serde.String()).History(time.Hour)
	top.Stream("in", serde.String(), serde.String()).
		Join("join", table, topology.Inner(func(l, r string) string { return l + r }), topology.JoinGrace(time.Minute)).
		To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	for range 6 {
		d.Pipe("in", []byte("a"), nil, 0) // joins nothing
	}
	d.Pipe("in", nil, nil, 1005)
	d.Pipe("in", []byte("a"), []byte("v"), 1000, topology.Header{Key: "n", Value: []byte("x")})
	d.Commit()
	var rows []string
	for store, all := range d.Dump() {
		if !strings.HasSuffix(store, " join") {
			continue
		}
		for k, v := range all {
			rows = append(rows, k+" "+v)
		}
	}
	want := []string{"00000000000003e861000000000000000001" + " " + "01010502696e000701016e0278016176"}
	if !slices.Equal(rows, want) {
		t.Errorf("%q, want %q", rows, want)
	}
}
