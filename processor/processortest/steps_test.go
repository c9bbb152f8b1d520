package processortest

import (
	"errors"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// sums adds up by key, in windows of a minute.
var sums = planOf(func(top *topology.Topology) {
	top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(topology.Tumbling(time.Minute)).
		Reduce("sums", func(a, b int64) int64 { return a + b }).Final().
		Stream(func(_ topology.Window, k string) string { return k }).To("out")
})

// TestAdvanceTime: event time closes windows without a record, in every partition, and what comes
// from before it is late; that lasts over crashes as far as it was committed.
func TestAdvanceTime(t *testing.T) {
	for _, c := range []struct {
		what  string
		after func(*Driver)
	}{
		{"nothing", func(*Driver) {}},
		{"a crash", (*Driver).Crash},
		{"the state lost", (*Driver).CrashLosingState},
		{"a restart", (*Driver).Restart},
	} {
		d := New(t, sums(t), Options{DefaultPartitions: 2})
		in, out := d.Input("in", serde.String(), serde.Int64()), d.Output("out", serde.String(), serde.Int64())
		in.To(0).Send("a", 1, 1_000)
		in.To(1).Send("b", 2, 2_000)
		d.AdvanceTime(59_999)
		equal(t, c.what, show(out.Next()))
		d.AdvanceTime(60_000)
		equal(t, c.what, show(out.Next()), "a=1@1000", "b=2@2000")
		c.after(d)
		in.To(0).Send("a", 4, 3_000)
		d.AdvanceTime(30_000) // time does not go back
		in.To(0).Send("a", 8, 61_000)
		d.EndOfInput()
		equal(t, c.what, show(out.Next()), "a=8@61000")
		if n := d.Dropped("sums", topology.LateRecord); n != 1 {
			t.Errorf("%s: %d records late, want 1", c.what, n)
		}
	}
	d := New(t, sums(t), Options{CommitEvery: -1})
	d.AdvanceTime(60_000)
	d.Crash() // before the commit
	d.Input("in", serde.String(), serde.Int64()).Send("a", 1, 1_000)
	d.Commit()
	if n := d.Dropped("sums", topology.LateRecord); n != 0 {
		t.Errorf("%d records late, though their time was not committed", n)
	}
	if err := d.TryAdvanceTime(-1); !errors.Is(err, topology.ErrTime) {
		t.Errorf("error %v", err)
	}
}

// TestAdvanceTimeOfKafkaStreams: there the time of an operator is that of the records that reach
// it, so windows wait for one.
func TestAdvanceTimeOfKafkaStreams(t *testing.T) {
	top := topology.New("ks", topology.KafkaStreamsTime)
	top.Stream("in", serde.String(), serde.Int64()).GroupByKey().Window(topology.Tumbling(time.Minute)).
		Reduce("sums", func(a, b int64) int64 { return a + b }).Final().
		Stream(func(_ topology.Window, k string) string { return k }).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	in, out := d.Input("in", serde.String(), serde.Int64()), d.Output("out", serde.String(), serde.Int64())
	in.Send("a", 1, 1_000)
	d.AdvanceTime(120_000)
	equal(t, "by time alone", show(out.Next()))
	in.Send("b", 2, 60_000)
	equal(t, "by a record", show(out.Next()), "a=1@1000")
}

// TestAdvanceTimePunctuates: stream-time punctuations are called as by a record, and one that
// fails is left out if the policy says so.
func TestAdvanceTimePunctuates(t *testing.T) {
	plan := planOf(func(top *topology.Topology) {
		top.Stream("in", serde.String(), serde.Int64()).
			Process("p", func(c topology.Context[string, int64]) topology.Processor[string, int64] {
				err := c.Schedule("s", topology.StreamTime, time.Second, func(at int64) error {
					if at == 2_000 {
						return errors.New("two")
					}
					c.Forward(topology.Record[string, int64]{Key: "at", Value: at, Timestamp: at})
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				return discard{}
			}).To("out")
	})
	d := New(t, plan(t), Options{OnError: Skip})
	out := d.Output("out", serde.String(), serde.Int64())
	for _, at := range []int64{500, 1_000, 2_500, 3_000} {
		d.AdvanceTime(at)
	}
	equal(t, "out", show(out.Records()), "at=1000@1000", "at=3000@3000")
	if err := New(t, plan(t), Options{}).TryAdvanceTime(2_000); !errors.As(err, new(*RecordError)) {
		t.Errorf("error %v, want a record's", err)
	}
}

// discard has no use for records.
type discard struct{}

func (discard) Process(*topology.Record[string, int64]) error { return nil }

// TestRestart: a restart commits first, so nothing is lost and nothing counts twice.
func TestRestart(t *testing.T) {
	d := New(t, counting(t), Options{CommitEvery: -1})
	in := d.Input("in", serde.String(), serde.String())
	in.Send("a", "x", 1)
	d.Restart()
	in.Send("a", "x", 2)
	d.Crash()
	d.Restart()
	equal(t, "counts", entries(d.Store("counts", serde.String(), serde.Int64())), "0 a[0]=2@2")
}

// TestFailuresAreSeen: what was skipped is counted by node, the first of a node is in the log.
func TestFailuresAreSeen(t *testing.T) {
	log := &logged{TB: t}
	plan := planOf(func(top *topology.Topology) {
		top.Stream("in", serde.String(), serde.Int64()).TryMapValues(oddOnly).To("out")
	})
	d := New(log, plan(t), Options{OnError: Skip})
	in := d.Input("in", serde.String(), serde.Int64())
	for v := range int64(5) {
		in.Send("a", v, v)
	}
	if n := d.Dropped("map-values-1", topology.Failed); n != 3 {
		t.Errorf("%d dropped, want 3: %v", n, d.Stats().Dropped)
	}
	if len(log.lines) != 1 || !contains(log.lines[0], "record skipped", "offset 0", "even: 0") {
		t.Errorf("log %q", log.lines)
	}
}

// TestInputs: records go where and as they are said to.
func TestInputs(t *testing.T) {
	plan := planOf(func(top *topology.Topology) { top.Stream("in", serde.String(), serde.Int64()).To("out") })
	d := New(t, plan(t), Options{DefaultPartitions: 3})
	in, out := d.Input("in", serde.String(), serde.Int64()), d.Output("out", serde.String(), serde.Int64())
	h := topology.Header{Key: "h", Value: []byte("1")}
	for p := range int32(3) {
		in.To(p).Send("a", int64(p), 1)
	}
	in.SendTombstone("b", 2, h)
	in.SendWithoutKey(7, 3, h)
	if err := in.To(2).TrySend("c", 8, 4, h); err != nil {
		t.Error(err)
	}
	by := map[int64]Record[string, int64]{}
	for _, r := range out.Records() {
		by[r.Timestamp*10+r.Value] = r
	}
	if len(by) != 6 || by[20].Key != "b" || !by[20].NoValue || !by[37].NoKey || by[48].Key != "c" {
		t.Errorf("%v", by)
	}
	for _, n := range []int64{20, 37, 48} {
		if hs := by[n].Headers; len(hs) != 1 || hs[0].Key != "h" || string(hs[0].Value) != "1" {
			t.Errorf("%d: headers %v", n, hs)
		}
	}
}

// TestStores: stores show keys, windows and values, and global tables theirs.
func TestStores(t *testing.T) {
	d := New(t, sums(t), Options{})
	d.Input("in", serde.String(), serde.Int64()).Send("a", 3, 61_000)
	s := d.Store("sums", serde.String(), serde.Int64())
	if v, ok := s.GetWindow("a", 60_000); !ok || v != 3 || s[0].WindowEnd != 120_000 {
		t.Errorf("%v", s)
	}
	if _, ok := s.Get("a"); ok {
		t.Errorf("a value without its window: %v", s)
	}
	plan := planOf(func(top *topology.Topology) {
		g := top.GlobalTable("g", serde.String(), serde.Int64())
		top.Stream("in", serde.String(), serde.String()).
			JoinGlobal("j", g, func(v string) string { return v }, topology.Inner(func(string, int64) int64 { return 0 })).To("out")
	})
	d = New(t, plan(t), Options{})
	g := d.Input("g", serde.String(), serde.Int64())
	g.Send("", 1, 1)
	g.Send("b", 2, 2)
	g.SendTombstone("b", 3)
	if s := d.Store("g", serde.String(), serde.Int64()); len(s) != 1 || s[0].Key != "" || s[0].Value != 1 {
		t.Errorf("%v", s)
	}
}
