package processortest

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

const (
	wireMax = math.MaxInt64 / 1_000_000 // the last millisecond that the client writes as it is
	forEver = 253402214400000           // 9999-12-31
	daily   = 24 * 60 * 60 * 1000
)

// goodTimes and badTimes are times of records that are carried exactly, and such that are errors of
// their records.
var (
	goodTimes = []int64{0, 1, 1 << 40, wireMax - 1, wireMax, wireMax + 1, 9223372036855, 4102444800000, 19880899200000, forEver,
		1 << 53, 1<<53 + 1, 1<<57 - 1, 1 << 57, 1<<61 - 1, topology.MaxTime - 1, topology.MaxTime}
	badTimes = []int64{-1, -daily, -62135596800000, -wireMax - 2, -1 << 57, topology.MaxTime + 1, math.MinInt64, math.MinInt64 + 1,
		math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - daily}
)

// waysIn are the ways by which a record gets its time: number is the time, in the message's value.
// The message's own timestamp is the time too, where message is set.
var waysIn = []struct {
	name    string
	message bool
	stream  func(*topology.Topology) topology.Stream[string, int64]
}{
	{"message", true, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64())
	}},
	{"value", false, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64(), topology.TimeFromValue(time.UnixMilli))
	}},
	{"record", false, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64(), topology.TimeFromRecord(func(r *topology.Record[[]byte, int64]) time.Time {
			return time.UnixMilli(r.Value)
		}))
	}},
	{"map", false, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64()).MapRecords(at)
	}},
	{"flat map", false, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64()).
			FlatMapRecords(func(r *topology.Record[string, int64]) []topology.Record[string, int64] {
				return []topology.Record[string, int64]{at(r)}
			})
	}},
	{"processor", false, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64()).ProcessFunc("p",
			func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
				c.Forward(at(r))
				return nil
			})
	}},
	{"message behind a repartition", true, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64()).Repartition("again")
	}},
	{"map behind a repartition", false, func(top *topology.Topology) topology.Stream[string, int64] {
		return top.Stream("in", serde.String(), serde.Int64()).MapRecords(at).Repartition("again")
	}},
}

// at returns the record with the time that is its value.
func at(r *topology.Record[string, int64]) topology.Record[string, int64] {
	out := *r
	out.Timestamp = r.Value
	return out
}

// Times come out as they went in, wherever they go: to sinks, through stores and their changelogs,
// to windows.
func TestGoodTimesAreExact(t *testing.T) {
	for _, way := range waysIn {
		plan := planOf(func(top *topology.Topology) {
			s := way.stream(top)
			s.To("out")
			s = s.Repartition("keyed")
			s.ToTable("table").EachUpdate().ToStream().To("table-out")
			s.GroupByKey().Reduce("last", func(_, v int64) int64 { return v }).ToStream().To("last-out")
			s.GroupByKey().Window(topology.Tumbling(24 * time.Hour)).Count("days").Final().
				StreamRecords(func(w topology.Window, k string, n int64) (string, int64) { return k, w.Start }).To("days-out")
		})(t)
		for _, ms := range goodTimes {
			d := New(t, plan, Options{})
			message := int64(5)
			if way.message {
				message = ms
			}
			d.Pipe("in", []byte("k"), number8(ms), message)
			d.CrashLosingState()
			for _, topic := range []string{"out", "table-out", "last-out"} {
				got := d.Output(topic, serde.String(), serde.Int64()).Records()
				if len(got) != 1 || got[0].Timestamp != ms || got[0].Value != ms || len(got[0].Headers) != 0 {
					t.Errorf("%s: %d in %s: %+v", way.name, ms, topic, got)
				}
			}
			for _, store := range []string{"table", "last"} {
				if got := d.Store(store, serde.String(), serde.Int64()); len(got) != 1 || got[0].Timestamp != ms {
					t.Errorf("%s: %d in store %s: %+v", way.name, ms, store, got)
				}
			}
			d.EndOfInput()
			got := d.Output("days-out", serde.String(), serde.Int64()).Records()
			if len(got) != 1 || got[0].Timestamp != ms || got[0].Value != ms/daily*daily {
				t.Errorf("%s: %d in windows: %+v", way.name, ms, got)
			}
		}
	}
}

// Times out of range are errors of their records: the application ends with one, or leaves the
// record out and counts it.
func TestBadTimesAreErrors(t *testing.T) {
	for _, way := range waysIn {
		plan := planOf(func(top *topology.Topology) {
			s := way.stream(top)
			s.To("out")
			s.Repartition("keyed").GroupByKey().Window(topology.Hopping(48*time.Hour, time.Hour).Grace(1000 * time.Hour)).Count("days").Final().
				Stream(func(_ topology.Window, k string) string { return k }).To("days-out")
		})(t)
		for _, ms := range badTimes {
			message := int64(5)
			if way.message {
				message = ms
			}
			d := New(t, plan, Options{})
			err := d.TryPipe("in", []byte("k"), number8(ms), message)
			re := (*RecordError)(nil)
			if !errors.Is(err, topology.ErrTime) || !errors.As(err, &re) || re.Topic != "in" || re.Offset != 0 || re.Node == "" {
				t.Errorf("%s: %d: %v", way.name, ms, err)
			}
			d = New(t, plan, Options{OnError: Skip})
			d.Pipe("in", []byte("k"), number8(ms), message)
			d.Pipe("in", []byte("k"), number8(7), 7)
			d.EndOfInput()
			got := d.Output("out", serde.String(), serde.Int64()).Records()
			if len(got) != 1 || got[0].Timestamp != 7 {
				t.Errorf("%s: %d was not left out: %+v", way.name, ms, got)
			}
			if s := d.Stats(); len(s.Dropped) != 1 || s.Dropped[0].Reason != topology.Failed || s.Dropped[0].Count != 1 {
				t.Errorf("%s: %d: counted as %+v", way.name, ms, s.Dropped)
			}
			if got := d.Output("days-out", serde.String(), serde.Int64()).Records(); len(got) != 1 || got[0].Timestamp != 7 {
				t.Errorf("%s: %d: windows %+v", way.name, ms, got)
			}
		}
	}
}

func number8(v int64) []byte {
	b, _ := serde.Int64().Append(nil, v)
	return b
}

// A time that [time.Time] holds and no number of milliseconds does is out of range, and not what it
// wraps to.
func TestTimesBeyondMilliseconds(t *testing.T) {
	for _, far := range []time.Time{{}, time.Unix(1<<62, 0), time.Unix(-1<<62, 0), time.Unix(math.MaxInt64/1000+1, 0), time.Unix(math.MinInt64, 0)} {
		d := New(t, planOf(func(top *topology.Topology) {
			top.Stream("in", serde.String(), serde.Int64(), topology.TimeFromValue(func(int64) time.Time { return far })).To("out")
		})(t), Options{})
		if err := d.TryPipe("in", []byte("k"), number8(1), 1); !errors.Is(err, topology.ErrTime) {
			t.Errorf("%v: %v", far, err)
		}
	}
}

// A header of the exact time that came from elsewhere, and does not belong to the message's
// timestamp, changes nothing; what kolk has written another kolk reads.
func TestExactTimeBetweenApplications(t *testing.T) {
	plan := planOf(func(top *topology.Topology) {
		top.Stream("in", serde.String(), serde.Int64(), topology.TimeFromValue(time.UnixMilli)).To("mid")
		top.Stream("other", serde.String(), serde.Int64()).To("out")
	})(t)
	d := New(t, plan, Options{})
	d.Pipe("in", []byte("k"), number8(forEver), 1)
	sent := d.cluster.topics["mid"][0][0]
	if sent.Timestamp.UnixMilli() != wireMax || len(sent.Headers) != 1 || sent.Headers[0].Key != "kolk-timestamp" {
		t.Fatalf("%+v", sent)
	}
	h := topology.Header{Key: sent.Headers[0].Key, Value: sent.Headers[0].Value}
	d.Pipe("other", []byte("k"), number8(1), wireMax, h)
	d.Pipe("other", []byte("k"), number8(2), 2, h)
	got := d.Output("out", serde.String(), serde.Int64()).Records()
	if len(got) != 2 || got[0].Timestamp != forEver || got[1].Timestamp != 2 {
		t.Errorf("%+v", got)
	}
	if err := d.TryPipe("other", []byte("k"), number8(3), wireMax, topology.Header{Key: h.Key, Value: []byte{9}}); err == nil ||
		!errors.As(err, new(*RecordError)) {
		t.Errorf("a header of a later version: %v", err)
	}
}

// ignoring is a processor that does nothing with records.
type ignoring struct{}

func (ignoring) Process(*topology.Record[string, int64]) error { return nil }

// Punctuations come as often as they have to when time goes from one end of its range to the other,
// and no more.
func TestPunctuationsOverAllOfTime(t *testing.T) {
	for _, interval := range []time.Duration{time.Millisecond, time.Second, math.MaxInt64} {
		var calls []int64
		d := New(t, planOf(func(top *topology.Topology) {
			top.Stream("in", serde.String(), serde.Int64()).Process("p",
				func(c topology.Context[string, int64]) topology.Processor[string, int64] {
					if err := c.Schedule("s", topology.StreamTime, interval, func(at int64) error {
						calls = append(calls, at)
						if at <= topology.MaxTime {
							c.Forward(topology.Record[string, int64]{Key: "at", Value: at, Timestamp: at})
						}
						return nil
					}); err != nil {
						t.Error(err)
					}
					return ignoring{}
				}).To("out")
		})(t), Options{})
		for i, ms := range []int64{0, forEver, topology.MaxTime - 1, topology.MaxTime} {
			d.Pipe("in", []byte("k"), number8(int64(i)), ms)
		}
		d.EndOfInput()
		if n := len(calls); n == 0 || n > 12 {
			t.Errorf("%v: %d calls", interval, n)
		}
		if !slices.IsSorted(calls) {
			t.Errorf("%v: %v", interval, calls)
		}
		for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
			if r.Timestamp != r.Value {
				t.Errorf("%v: a record of %d at %d", interval, r.Value, r.Timestamp)
			}
		}
	}
}

// Windows over all of time against a loop that counts with numbers of any size.
func TestWindowsOverAllOfTime(t *testing.T) {
	rnd := seeds.Rand(t)
	year := int64(365 * daily)
	for range 300 {
		size := []int64{1, 10, daily, 400, 290 * year, 1 + rnd.Int64N(100*year)}[rnd.IntN(6)]
		advance := max(1, size/(1+rnd.Int64N(5)))
		grace := []int64{0, 1, daily, (292*year - size) / 2}[rnd.IntN(4)]
		w := topology.Hopping(time.Duration(size)*time.Millisecond, time.Duration(advance)*time.Millisecond).
			Grace(time.Duration(grace) * time.Millisecond)
		near := []int64{0, wireMax, forEver, 1 << 57, topology.MaxTime, topology.MaxTime - size - grace}
		var times []int64
		for range 1 + rnd.IntN(12) {
			ms := near[rnd.IntN(len(near))] + (rnd.Int64N(4)-2)*(1+rnd.Int64N(3*size))
			times = append(times, min(max(ms, 0), topology.MaxTime))
		}
		d := New(t, planOf(func(top *topology.Topology) {
			top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(w).Count("w").Final().
				Stream(func(w topology.Window, _ string) string { return strconv.FormatInt(w.Start, 10) }).To("out")
		})(t), Options{CommitEvery: 1 + rnd.IntN(4)})
		for _, ms := range times {
			d.Pipe("in", []byte("k"), number8(0), ms)
			if rnd.IntN(8) == 0 {
				d.CrashLosingState()
			}
		}
		d.EndOfInput()
		var got []string
		for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
			got = append(got, fmt.Sprintf("%s %d @%d", r.Key, r.Value, r.Timestamp))
		}
		slices.Sort(got)
		if want := countedWindows(times, size, advance, grace); !slices.Equal(got, want) {
			t.Fatalf("size %d, advance %d, grace %d, times %v:\n got %v\nwant %v", size, advance, grace, times, got, want)
		}
	}
}

// countedWindows is what windows count: "start count @largest time", sorted.
func countedWindows(times []int64, size, advance, grace int64) (all []string) {
	n := func(v int64) *big.Int { return big.NewInt(v) }
	type window struct {
		count int
		last  int64
	}
	windows := map[string]*window{}
	ref := int64(0)
	for _, ms := range times {
		ref = max(ref, ms)
		// The last window that begins at or before ms, and those before it, as long as they reach
		// it.
		start := new(big.Int).Mul(new(big.Int).Div(n(ms), n(advance)), n(advance))
		for ; start.Sign() >= 0; start = new(big.Int).Sub(start, n(advance)) {
			end := new(big.Int).Add(start, n(size))
			if end.Cmp(n(ms)) <= 0 {
				break
			}
			if n(ref).Cmp(new(big.Int).Add(end, n(grace))) >= 0 {
				continue
			}
			w := windows[start.String()]
			if w == nil {
				w = new(window)
				windows[start.String()] = w
			}
			w.count, w.last = w.count+1, max(w.last, ms)
		}
	}
	for start, w := range windows {
		all = append(all, fmt.Sprintf("%s %d @%d", start, w.count, w.last))
	}
	slices.Sort(all)
	return all
}

// A record that is late for some of its windows is not lost; one that is late for all of them is.
// Windows and records are two numbers, and both belong to what was committed.
func TestLateRecordsAndLateWindows(t *testing.T) {
	d := New(t, planOf(func(top *topology.Topology) {
		top.Stream("in", serde.String(), serde.Int64()).GroupByKey().
			Window(topology.Hopping(30*time.Millisecond, 10*time.Millisecond)).Count("w").Final().
			Stream(func(w topology.Window, _ string) string { return strconv.FormatInt(w.Start, 10) }).To("out")
	})(t), Options{CommitEvery: -1})
	for _, ms := range []int64{25, 35, 22, 75, 22} {
		// 22 comes when [0, 30) is closed, and when all three of its windows are
		d.Pipe("in", []byte("k"), number8(0), ms)
	}
	d.Crash() // nothing was committed: it all comes again
	d.EndOfInput()
	s := d.Stats()
	if s.Late != 1 || s.LateWindows != 4 || fmt.Sprint(s.Dropped) != "[{w late 1}]" || fmt.Sprint(s.Tallies) != "[{w late-windows 4}]" {
		t.Errorf("%+v", s)
	}
	equal(t, "results", show(d.Output("out", serde.String(), serde.Int64()).Records()),
		"0=1@25", "10=3@35", "20=3@35", "30=1@35", "50=1@75", "60=1@75", "70=1@75")
}

// Left joins that find nothing are counted, and drop nothing.
func TestUnmatchedIsCounted(t *testing.T) {
	d := New(t, planOf(func(top *topology.Topology) {
		table := top.Table("table", serde.String(), serde.Int64(), topology.Timeless)
		global := top.GlobalTable("global", serde.String(), serde.Int64())
		pick := func(v int64, _ topology.Opt[int64]) int64 { return v }
		s := top.Stream("in", serde.String(), serde.Int64())
		s.Join("left", table, topology.Left(pick)).JoinGlobal("left-global", global, number, topology.Left(pick)).To("out")
		s.Join("inner", table, topology.Inner(func(v, _ int64) int64 { return v })).To("inner-out")
	})(t), Options{})
	// of later than the stream: a table without time is there all the same
	d.Pipe("table", []byte("a"), number8(1), 1_000_000)
	d.Pipe("global", []byte("7"), number8(1), 0)
	for i, k := range []string{"a", "b", "c"} {
		d.Pipe("in", []byte(k), number8(int64(5+i)), int64(i))
	}
	s := d.Stats()
	if fmt.Sprint(s.Tallies) != "[{left unmatched 2} {left-global unmatched 2}]" || fmt.Sprint(s.Dropped) != "[{inner no-match 2}]" {
		t.Errorf("%+v", s)
	}
	if n := len(d.Output("out", serde.String(), serde.Int64()).Records()); n != 3 {
		t.Errorf("%d results", n)
	}
}
