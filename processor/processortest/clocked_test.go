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

// timed is a record of the test of windows with a clock of their own.
type timed struct {
	key, value *string
	ts         int64
	header     string
}

func (r timed) String() string {
	return fmt.Sprintf("%s=%s @%d %s", *r.key, *r.value, r.ts, r.header)
}

// clockedWindows counts records in windows as Kafka Streams does, as a plain loop: by the largest
// timestamp of the records that have had a key. At the end of a run all windows close.
type clockedWindows struct {
	size, advance, grace int64
	final                bool

	clock, seen, closed int64
	open                map[clockedWindow]*clockedCount
}

type clockedWindow struct {
	start int64
	key   string
}

type clockedCount struct {
	n    int
	last int64
}

func newClockedWindows(size, advance, grace int64, final bool) *clockedWindows {
	return &clockedWindows{size: size, advance: advance, grace: grace, final: final, clock: -1, seen: -1, closed: -1, open: map[clockedWindow]*clockedCount{}}
}

func (w *clockedWindows) result(at clockedWindow, header string) timed {
	name, n := fmt.Sprintf("%s@%d", at.key, at.start), fmt.Sprint(w.open[at].n)
	return timed{&name, &n, w.open[at].last, header}
}

// add returns what comes out with a record.
func (w *clockedWindows) add(r timed) (out []timed) {
	w.seen = max(w.seen, r.ts)
	if r.key == nil {
		return nil
	}
	moved := r.ts > w.clock
	w.clock = max(w.clock, r.ts)
	for start := int64(0); start <= r.ts; start += w.advance {
		at := clockedWindow{start, *r.key}
		if start+w.size <= r.ts || start+w.size+w.grace <= w.clock || start <= w.closed {
			continue
		}
		if w.open[at] == nil {
			w.open[at] = &clockedCount{}
		}
		w.open[at].n++
		w.open[at].last = max(w.open[at].last, r.ts)
		if !w.final {
			out = append(out, w.result(at, r.header))
		}
	}
	if moved {
		out = append(out, w.close(w.clock, r.header)...)
	}
	return out
}

// close returns the results of the windows that are closed at a time.
func (w *clockedWindows) close(now int64, header string) (out []timed) {
	var due []clockedWindow
	for at := range w.open {
		if at.start+w.size+w.grace <= now {
			due = append(due, at)
		}
	}
	slices.SortFunc(due, func(a, b clockedWindow) int {
		return cmp.Or(cmp.Compare(a.start, b.start), strings.Compare(a.key, b.key))
	})
	for _, at := range due {
		if w.final {
			out = append(out, w.result(at, header))
		}
		delete(w.open, at)
	}
	return out
}

// end ends a bounded run.
func (w *clockedWindows) end() []timed {
	w.closed = max(w.closed, w.seen)
	return w.close(topology.EndOfTime, "")
}

// Windows with Kafka Streams' time are those of a plain loop over the records, whatever the
// schedule is: commits, aborts, crashes, lost state, purged changelogs, portions, several runs.
func TestClockedWindows(t *testing.T) {
	n := 12
	if testing.Short() {
		n = 4
	}
	postponed := 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		size := 5 + rnd.Int63n(20)
		advance := max(1, size/(1+rnd.Int63n(3)))
		grace := rnd.Int63n(3) * rnd.Int63n(10)
		size2, grace2 := 10+rnd.Int63n(30), rnd.Int63n(10)

		top := topology.New("clocked", topology.KafkaStreamsTime)
		named := func(w topology.Window, k string) string { return fmt.Sprintf("%s@%d", k, w.Start) }
		group := top.Stream("in", serde.String(), serde.String()).GroupByKey()
		windows := group.Window(topology.Hopping(ms(size), ms(advance)).Grace(ms(grace)))
		text := func(n int64) string { return fmt.Sprint(n) }
		final := windows.Count("final").Final().Stream(named).MapValues(text)
		final.To("final")
		windows.AggregateRecords("each", topology.Fold(func(n int64, _ *topology.Record[string, string]) int64 { return n + 1 })).
			EachUpdate().Stream(named).MapValues(text).To("each")
		first := func(k string) string { return k[:1] }
		final.MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
			return r.With(first(r.Key), r.Value)
		}).Repartition("by-first").GroupByKey().Window(topology.Tumbling(ms(size2)).Grace(ms(grace2))).Count("second").Final().
			Stream(named).MapValues(text).To("second")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}

		runs := make([][]timed, 1+rnd.Intn(3))
		now := int64(20)
		for i := range runs {
			for range rnd.Intn(60) {
				now += []int64{0, 0, 0, 1, 4, 30, 200}[rnd.Intn(7)]
				r := timed{ts: max(0, now-[]int64{0, 0, 0, 2, 6, 40}[rnd.Intn(6)]), header: fmt.Sprint(len(runs[i]))}
				if key := string("abcdefgh"[rnd.Intn(8)]); rnd.Intn(10) > 0 {
					r.key = &key
				}
				if value := "v"; rnd.Intn(5) > 0 {
					r.value = &value
				}
				runs[i] = append(runs[i], r)
			}
		}
		want := map[string][]timed{}
		finals, each, second := newClockedWindows(size, advance, grace, true), newClockedWindows(size, advance, grace, false), newClockedWindows(size2, size2, grace2, true)
		for _, records := range runs {
			hand := func(out []timed) {
				want["final"] = append(want["final"], out...)
				for _, r := range out {
					key := first(*r.key)
					want["second"] = append(want["second"], second.add(timed{&key, r.value, r.ts, r.header})...)
				}
			}
			for _, r := range records {
				hand(finals.add(r))
				want["each"] = append(want["each"], each.add(r)...)
			}
			hand(finals.end())
			each.end()
			want["second"] = append(want["second"], second.end()...)
		}
		for _, portion := range []int{0, 0, 1, 3, 20} {
			d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1, CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)], portion: portion})
			d.purges, d.reruns = rnd.Intn(2) == 0, 3*rnd.Intn(2)
			if err := d.shakeTimed(rnd, runs); err != nil {
				t.Fatalf("seed %d, portions of %d: %v", seed, portion, err)
			}
			postponed += d.postponed
			d.CrashLosingState()
			d.EndOfInput() // with nothing new
			for _, topic := range []string{"final", "each", "second"} {
				var got, expected []string
				for _, r := range d.Output(topic, serde.String(), serde.String()).Records() {
					one := timed{&r.Key, &r.Value, r.Timestamp, ""}
					if portion == 0 && len(r.Headers) != 0 {
						one.header = string(r.Headers[0].Value)
					}
					got = append(got, one.String())
				}
				for _, r := range want[topic] {
					if portion != 0 {
						r.header = ""
					}
					expected = append(expected, r.String())
				}
				if !slices.Equal(got, expected) {
					t.Fatalf("seed %d, size %d by %d, grace %d, then %d, grace %d, portions of %d, %s: %s",
						seed, size, advance, grace, size2, grace2, portion, topic, firstDifference(got, expected))
				}
			}
		}
	}
	if postponed == 0 {
		t.Error("nothing was postponed")
	}
}
