package processortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func equal[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// show makes text of records: "key=value@timestamp".
func show[K, V any](recs []Record[K, V]) (all []string) {
	for _, r := range recs {
		text := fmt.Sprintf("%v=%v@%d", r.Key, r.Value, r.Timestamp)
		if r.NoValue {
			text = fmt.Sprintf("%v deleted@%d", r.Key, r.Timestamp)
		}
		all = append(all, text)
	}
	return all
}

// entries makes text of a store: "partition key=value@timestamp", with the window after the key.
func entries[K, V any](es []Entry[K, V]) (all []string) {
	for _, e := range es {
		all = append(all, fmt.Sprintf("%d %v[%d]=%v@%d", e.Partition, e.Key, e.Window, e.Value, e.Timestamp))
	}
	return all
}

// counting counts by key.
var counting = planOf(func(top *topology.Topology) {
	top.Stream("in", serde.String(), serde.String()).GroupByKey().Count("counts").ToStream().To("out")
})

func TestDriverCounts(t *testing.T) {
	d := New(t, counting(t), Options{Partitions: map[string]int32{"in": 3}})
	in := d.Input("in", serde.String(), serde.String())
	out := d.Output("out", serde.String(), serde.Int64())
	in.Send("a", "x", 10)
	in.Send("b", "x", 20)
	in.Send("a", "x", 15)
	equal(t, "new", show(out.Next()), "a=1@10", "b=1@20", "a=2@15")
	equal(t, "new", show(out.Next()))
	in.Append("a", "x", 30)
	in.Append("a", "x", 31)
	d.Run()
	equal(t, "one update for one commit", show(out.Next()), "a=4@31")
	equal(t, "all", len1(out.Records()), 4)
	got := entries(d.Store("counts", serde.String(), serde.Int64()))
	slices.Sort(got)
	if len(got) != 2 || !strings.HasSuffix(got[0], " a[0]=4@31") && !strings.HasSuffix(got[1], " a[0]=4@31") {
		t.Errorf("store: %v", got)
	}
	s := d.Stats()
	if s.In != 5 || s.Out != 4 || s.Late != 0 || len(s.Dropped) != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func len1[T any](s []T) []int { return []int{len(s)} }

func TestDriverCommitsWhenTold(t *testing.T) {
	d := New(t, counting(t), Options{CommitEvery: 3})
	in, out := d.Input("in", serde.String(), serde.String()), d.Output("out", serde.String(), serde.Int64())
	in.Send("a", "", 1)
	in.Send("a", "", 2)
	equal(t, "before the third", show(out.Next()))
	d.Crash()
	in.Send("a", "", 3)
	equal(t, "the crash made it begin again", show(out.Next()), "a=3@3")
	in.Send("a", "", 4)
	d.Commit()
	equal(t, "told", show(out.Next()), "a=4@4")
}

func TestDriverSurvivesCrashes(t *testing.T) {
	d := New(t, counting(t), Options{})
	in, out := d.Input("in", serde.String(), serde.String()), d.Output("out", serde.String(), serde.Int64())
	for i := range int64(3) {
		in.Send("a", "", i)
		in.Send("b", "", i)
		d.Crash()
		in.Send("a", "", i)
		d.CrashLosingState()
	}
	in.Send("a", "", 9)
	equal(t, "results", show(out.Records()),
		"a=1@0", "b=1@0", "a=2@0", "a=3@1", "b=2@1", "a=4@1", "a=5@2", "b=3@2", "a=6@2", "a=7@9")
}

// windowed counts by key and tumbling windows of 100 ms, behind a repartition topic.
var windowed = planOf(func(top *topology.Topology) {
	top.Stream("in", serde.String(), serde.String()).
		GroupBy("by-value", func(v string) string { return v }).
		Window(topology.Tumbling(100 * time.Millisecond).Grace(50 * time.Millisecond)).
		Count("counts").Final().
		Stream(func(w topology.Window, k string) string { return fmt.Sprintf("%s@%d", k, w.Start) }).
		To("out")
})

func TestDriverClosesWindowsByTime(t *testing.T) {
	d := New(t, windowed(t), Options{})
	in, out := d.Input("in", serde.String(), serde.String()), d.Output("out", serde.String(), serde.Int64())
	in.Send("k", "x", 10)
	in.Send("k", "y", 20)
	in.Send("k", "x", 149)
	in.Send("k", "x", 99)
	equal(t, "open", show(out.Next()))
	equal(t, "store", entries(d.Store("counts", serde.String(), serde.Int64())), "0 x[0]=2@99", "0 y[0]=1@20", "0 x[100]=1@149")
	in.Send("k", "z", 150)
	equal(t, "closed", show(out.Next()), "x@0=2@99", "y@0=1@20")
	in.Send("k", "x", 98)
	d.EndOfInput()
	equal(t, "the end", show(out.Next()), "x@100=1@149", "z@100=1@150")
	s := d.Stats()
	equal(t, "dropped", s.Dropped, droppedOf("counts", topology.LateRecord, 1))
}

// droppedOf makes an entry of Stats.Dropped.
func droppedOf(node string, reason topology.Reason, n int64) report.Dropped {
	return report.Dropped{Node: node, Reason: reason, Count: n}
}

func TestDriverWaitsForTheSlowPartitionUntilItIsIdle(t *testing.T) {
	d := New(t, windowed(t), Options{Partitions: map[string]int32{"in": 2}})
	in, out := d.Input("in", serde.String(), serde.String()), d.Output("out", serde.String(), serde.Int64())
	send := func(p int32, v string, ts int64) {
		in.AppendTo(p, "k", v, ts)
		d.Run()
	}
	send(0, "x", 10)
	send(0, "x", 500)
	equal(t, "the other partition has shown nothing", show(out.Next()))
	send(1, "x", 20)
	equal(t, "it is behind", show(out.Next()))
	d.Advance(9 * time.Second)
	send(0, "x", 510)
	equal(t, "quiet for 9 s", show(out.Next()))
	d.Advance(time.Second)
	equal(t, "quiet for 10 s", show(out.Next()), "x@0=2@20")
	send(1, "x", 30)
	send(1, "x", 505)
	equal(t, "too late for the window, not late in its partition", d.Stats().Dropped, droppedOf("counts", topology.WindowClosed, 1))
	d.EndOfInput()
	equal(t, "the end", show(out.Next()), "x@500=3@510")
}

func TestDriverResumesAfterBoundedRuns(t *testing.T) {
	d := New(t, windowed(t), Options{})
	in, out := d.Input("in", serde.String(), serde.String()), d.Output("out", serde.String(), serde.Int64())
	in.Append("k", "x", 10)
	in.Append("k", "x", 120)
	d.EndOfInput()
	equal(t, "first run", show(out.Next()), "x@0=1@10", "x@100=1@120")
	d.EndOfInput()
	equal(t, "nothing new", show(out.Next()))
	in.Send("k", "x", 199)
	in.Send("k", "x", 210)
	d.EndOfInput()
	equal(t, "closed windows stay closed, time goes on", show(out.Next()), "x@200=1@210")
	equal(t, "dropped", d.Stats().Dropped, droppedOf("counts", topology.WindowClosed, 1))
	d.CrashLosingState()
	in.Send("k", "x", 299)
	in.Send("k", "x", 300)
	d.EndOfInput()
	equal(t, "and after losing the state", show(out.Next()), "x@300=1@300")
	equal(t, "dropped", d.Stats().Dropped, droppedOf("counts", topology.WindowClosed, 2))
}

func TestDriverReadsGlobalTables(t *testing.T) {
	plan := planOf(func(top *topology.Topology) {
		names := top.GlobalTable("names", serde.String(), serde.String())
		top.Stream("in", serde.String(), serde.String()).
			JoinGlobal("name", names, func(v string) string { return v }, topology.Inner(func(v, name string) string { return v + " is " + name })).To("out")
	})(t)
	d := New(t, plan, Options{Partitions: map[string]int32{"in": 2, "names": 3}})
	in, names := d.Input("in", serde.String(), serde.String()), d.Input("names", serde.String(), serde.String())
	out := d.Output("out", serde.String(), serde.String())
	in.Send("k", "x", 1)
	names.Send("x", "Xaver", 1)
	in.Send("k", "x", 2)
	names.Send("x", "Xenia", 1)
	d.Crash()
	in.Send("k", "x", 3)
	names.SendTombstone("x", 1)
	in.Send("k", "x", 4)
	equal(t, "joined", show(out.Records()), "k=x is Xaver@2", "k=x is Xenia@3")
}

// collector forwards what it has collected at each punctuation. It has a field, and a store with
// the sum of all values.
var collecting = planOf(func(top *topology.Topology) {
	sums := top.Store("sums", serde.String(), serde.Int64())
	top.Stream("in", serde.String(), serde.Int64()).
		Process("collect", func(c topology.Context[string, int64]) topology.Processor[string, int64] {
			p := &collector{c: c, sums: sums.Open(c)}
			for name, clock := range map[string]topology.Clock{"stream": topology.StreamTime, "wall": topology.WallClock} {
				interval := 100 * time.Millisecond
				if clock == topology.WallClock {
					interval = time.Minute
				}
				if err := c.Schedule(name, clock, interval, func(at int64) error { return p.emit(name, at) }); err != nil {
					panic(err)
				}
			}
			return p
		}, sums).To("out")
})

type collector struct {
	c    topology.Context[string, int64]
	sums topology.Store[string, int64]
	n    int64 // records since the last punctuation, in this instance
}

func (p *collector) Process(r *topology.Record[string, int64]) error {
	p.n++
	switch r.Value {
	case -1:
		return errors.New("minus one")
	case -2:
		panic("minus two")
	}
	old, _, err := p.sums.Get("sum")
	if err != nil {
		return err
	}
	return p.sums.Put("sum", old+r.Value)
}

func (p *collector) emit(name string, at int64) error {
	sum, _, err := p.sums.Get("sum")
	if err != nil {
		return err
	}
	p.c.Forward(topology.Record[string, int64]{Key: fmt.Sprintf("%s n=%d", name, p.n), Value: sum, Timestamp: at})
	p.n = 0
	return nil
}

func TestDriverPunctuates(t *testing.T) {
	d := New(t, collecting(t), Options{Now: time.UnixMilli(1_000_000_020_000)})
	in, out := d.Input("in", serde.String(), serde.Int64()), d.Output("out", serde.String(), serde.Int64())
	in.Send("k", 1, 10)
	in.Send("k", 2, 90)
	equal(t, "before", show(out.Next()))
	in.Send("k", 3, 350)
	equal(t, "stream time", show(out.Next()), "stream n=3=6@300")
	d.Advance(59 * time.Second)
	equal(t, "before", show(out.Next()))
	d.Advance(time.Second)
	equal(t, "wall clock", show(out.Next()), "wall n=0=6@1000000080000")
	in.Send("k", 4, 360)
	d.CrashLosingState()
	in.Send("k", 5, 401)
	equal(t, "schedules survive, fields do not", show(out.Next()), "stream n=1=15@400")
	d.EndOfInput()
	equal(t, "the end", show(out.Next()), "stream n=0=15@500")
}

func TestDriverErrors(t *testing.T) {
	d := New(t, collecting(t), Options{CommitEvery: -1})
	in, out := d.Input("in", serde.String(), serde.Int64()), d.Output("out", serde.String(), serde.Int64())
	in.Send("k", 1, 10)
	err := d.TryPipe("in", []byte("k"), encode(t, serde.Int64(), -1), 20)
	var re *RecordError
	if !errors.As(err, &re) || re.Node != "collect" || re.Topic != "in" || re.Offset != 1 {
		t.Fatalf("got %v", err)
	}
	if err := d.TryRun(); !errors.As(err, &re) || re.Offset != 1 {
		t.Errorf("it comes again: got %v", err)
	}
	d.opts.OnError = Skip
	d.Crash()
	in.Send("k", -2, 30)
	in.Send("k", 5, 40)
	in.Send("k", 7, 150)
	d.Commit()
	equal(t, "the panic took the instance with it, the abort its first records; they came again", show(out.Next()), "stream n=4=13@100")
	equal(t, "dropped", d.Stats().Dropped, droppedOf("collect", topology.Failed, 1), droppedOf("in", topology.Failed, 1))
	equal(t, "store", entries(d.Store("sums", serde.String(), serde.Int64())), "0 sum[0]=13@0")
}

func TestDriverKeepsHeadersAndTombstones(t *testing.T) {
	plan := planOf(func(top *topology.Topology) {
		top.Stream("in", serde.String(), serde.String()).Repartition("again").To("out")
	})(t)
	d := New(t, plan, Options{})
	out := d.Output("out", serde.String(), serde.String())
	d.Pipe("in", []byte("k"), []byte("v"), 5, topology.Header{Key: "h", Value: []byte("1")})
	d.Pipe("in", []byte("k"), nil, 4)
	recs := out.Records()
	equal(t, "records", show(recs), "k=v@5", "k deleted@4")
	if len(recs) == 2 && (fmt.Sprint(recs[0].Headers) != "[{h [49]}]" || recs[1].Headers != nil) {
		t.Errorf("headers: %v, %v", recs[0].Headers, recs[1].Headers)
	}
}

// An empty key is a key like others, also of a global table.
func TestEmptyKeys(t *testing.T) {
	str := serde.String()
	top := topology.New("empty-keys")
	names := top.GlobalTable("names", str, str)
	codes := top.Table("codes", str, str)
	in := top.Stream("in", str, str)
	in.JoinGlobal("name", names, func(v string) string { return v }, topology.Inner(func(v, name string) string { return v + name })).To("out")
	in.Join("code", codes, topology.Inner(func(v, code string) string { return v + code })).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{LiveWithin: 1 << 62})
	d.Pipe("names", []byte{}, []byte("global"), 0)
	d.Pipe("names", []byte("x"), []byte("another"), 0)
	d.Pipe("codes", []byte{}, []byte("table"), 1)
	d.Pipe("in", []byte{}, []byte{}, 2)
	d.Pipe("names", []byte{}, nil, 3)
	d.Pipe("in", []byte{}, []byte{}, 4)
	d.Pipe("in", []byte{}, []byte("x"), 5)
	var got []string
	for _, r := range d.Output("out", str, str).Records() {
		got = append(got, r.Value)
	}
	if want := []string{"global", "table", "table", "xanother", "xtable"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// logged is a test whose log is kept.
type logged struct {
	testing.TB
	lines []string
}

func (l *logged) Logf(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func contains(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) })
}

func oddOnly(_ context.Context, v int64) (int64, error) {
	if v%2 == 0 {
		return 0, fmt.Errorf("even: %d", v)
	}
	return v, nil
}
