package processortest

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// suppression is what a test of suppress draws.
type suppression struct {
	clock       bool
	limit       int64
	most        int64 // records; 0: any
	bytes       int64 // more than 0: the bound is one of bytes, of so many a record and more
	fails       bool
	size, grace int64 // of windows that it waits for; 0: a time limit
}

func (s suppression) plan(t testing.TB) *topology.Plan {
	var opts []topology.Option
	if s.clock {
		opts = append(opts, topology.KafkaStreamsTime)
	}
	top := topology.New("suppress", opts...)
	how := topology.UntilTimeLimit(ms(s.limit))
	if s.size > 0 {
		how = topology.UntilWindowCloses()
	}
	switch {
	case s.bytes > 0:
		// A row has a time, a key of one byte, a head of ten bytes and a value of eight.
		how = how.MaxBytes(s.most*(8+1+10+8) + s.bytes - 1)
	case s.most > 0:
		how = how.MaxRecords(s.most)
	}
	if s.fails {
		how = how.FailWhenFull()
	}
	in := top.Stream("in", serde.String(), serde.Int64())
	if s.size > 0 {
		in.GroupByKey().Window(topology.Tumbling(ms(s.size)).Grace(ms(s.grace))).
			Reduce("table", func(_, v int64) int64 { return v }).EachUpdate().
			Suppress("held", how).
			Stream(func(w topology.Window, k string) string { return windowKey(w.Start, k) }).To("out")
	} else {
		in.ToTable("table").EachUpdate().Suppress("held", how).ToStream().To("out")
	}
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// heldBack are the results of the runs, as a plain loop makes them.
func (s suppression) heldBack(runs [][]event) (out []string) {
	type row struct {
		at, end   int64
		key       string
		value, ts int64
	}
	var rows []row // of each key the last one counts
	ref := int64(-1)
	const all = 1 << 62
	closed := int64(-1) // windows that the end of a run has closed
	order := func(a, b row) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key))
	}
	emit := func(until, most int64) {
		slices.SortFunc(rows, order)
		for len(rows) > 0 && (rows[0].at <= until || int64(len(rows)) > most) {
			r := rows[0]
			rows = rows[1:]
			name := r.key
			if s.size > 0 {
				name = windowKey(r.end-s.size, r.key)
			}
			out = append(out, fmt.Sprintf("%s=%d@%d", name, r.value, r.ts))
		}
	}
	wait := s.limit
	if s.size > 0 {
		wait = s.grace
	}
	for _, events := range runs {
		for _, e := range events {
			ref = max(ref, e.ts)
			r := row{at: ref, key: e.key, value: e.value, ts: e.ts}
			if s.clock {
				r.at = e.ts
			} else if s.size == 0 {
				emit(ref-wait, all)
			}
			if s.size > 0 {
				r.end = e.ts/s.size*s.size + s.size
				r.at = r.end
				if ref >= r.end+s.grace || r.end-s.size <= closed {
					continue // late
				}
			}
			i := slices.IndexFunc(rows, func(o row) bool { return o.key == r.key && o.end == r.end })
			before := slices.Clone(rows)
			if i >= 0 {
				r.at = rows[i].at
				if s.size > 0 {
					r.ts = max(r.ts, rows[i].ts)
				}
				rows = slices.Delete(slices.Clone(rows), i, i+1)
			}
			rows = append(rows, r)
			if !s.clock {
				continue
			}
			emit(ref-wait, all)
			switch {
			case s.most == 0 || int64(len(rows)) <= s.most:
			case s.fails:
				rows = before
				emit(ref-wait, all)
			default:
				emit(-1, s.most)
			}
		}
		emit(all, all)
		closed = ref
	}
	return out
}

// TestSuppressOverSchedules draws inputs and schedules, with aborts, crashes, lost state, portions,
// and compares what comes out, in its order, with a plain loop.
func TestSuppressOverSchedules(t *testing.T) {
	n := 120
	if testing.Short() {
		n = 30
	}
	postponed, results := 0, 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		s := suppression{clock: rnd.Intn(2) == 0, limit: []int64{1, 4, 15, 60}[rnd.Intn(4)]}
		if rnd.Intn(3) == 0 {
			s.size, s.grace = []int64{1, 10, 25}[rnd.Intn(3)], []int64{0, 3, 20}[rnd.Intn(3)]
		} else if s.clock {
			s.limit -= int64(rnd.Intn(2))
			s.most = int64(rnd.Intn(2) * (1 + rnd.Intn(4)))
			s.fails = s.most > 0 && rnd.Intn(2) == 0
			if s.most > 0 && rnd.Intn(2) == 0 {
				s.bytes = 1 + int64(rnd.Intn(8+1+10+8))
			}
		}
		// A run that ends closes what has begun, by the time of kolk: the next begins behind that.
		runs := drawRuns(rnd, 200, func() (string, int64) { return string("abcdefgh"[rnd.Intn(8)]), int64(rnd.Intn(99)) })
		want := s.heldBack(runs)
		t.Logf("seed %d, %+v", seed, s)
		d := shaken(t, rnd, s.plan(t), Skip, runs)
		postponed += d.postponed
		var got []string
		for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
			got = append(got, fmt.Sprintf("%s=%d@%d", r.Key, r.Value, r.Timestamp))
		}
		results += len(got)
		if !slices.Equal(got, want) {
			t.Fatal(firstDifference(got, want))
		}
		emptied(t, d, " held")
	}
	if results == 0 || postponed == 0 && n > 30 {
		t.Errorf("%d results, %d postponed", results, postponed)
	}
}

// What an update has made due comes out without those that follow in the same transaction, though
// the rows before it fill the transaction: as in Kafka Streams, where all of it comes out at once.
func TestSuppressedRowsThatWaitTakeNoUpdate(t *testing.T) {
	for _, portion := range []int{0, 1} {
		top := topology.New("suppress", topology.KafkaStreamsTime)
		top.Stream("in", serde.String(), serde.Int64()).ToTable("table"). // forwards at the commit
											Suppress("held", topology.UntilTimeLimit(ms(50))).ToStream().To("out")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := New(t, plan, Options{CommitEvery: -1, portion: portion})
		in := d.Input("in", serde.String(), serde.Int64())
		commit := func() {
			d.Run()
			d.Commit()
		}
		in.Append("a", 1, 1)
		in.Append("b", 2, 2)
		in.Append("c", 3, 3)
		commit()
		in.Append("y", 4, 100) // makes all three due
		in.Append("c", 5, 90)
		commit()
		in.Append("z", 6, 200)
		commit()
		var got []string
		for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
			got = append(got, fmt.Sprintf("%s=%d@%d", r.Key, r.Value, r.Timestamp))
		}
		slices.Sort(got) // which comes first of those that wait is not said
		if want := "[a=1@1 b=2@2 c=3@3 c=5@90 y=4@100]"; fmt.Sprint(got) != want {
			t.Errorf("portions of %d: got %v, want %s", portion, got, want)
		}
	}
}
