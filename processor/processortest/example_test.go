package processortest_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// run runs a test within an example.
func run(test func(t *testing.T)) {
	all := func(_, _ string) (bool, error) { return true, nil }
	// What the test itself prints is no output of the example.
	defer func(out *os.File) { os.Stdout = out }(os.Stdout)
	out := os.Stdout
	os.Stdout = os.Stderr
	if testing.RunTests(all, []testing.InternalTest{{Name: "example", F: test}}) {
		fmt.Fprintln(out, "passed")
	}
}

// totals adds up amounts by key, in windows of a minute.
func totals(t *testing.T) *topology.Plan {
	top := topology.New("totals")
	top.Stream("amounts", serde.String(), serde.Int64()).
		GroupByKey().
		Window(topology.Tumbling(time.Minute)).
		Reduce("totals", func(a, b int64) int64 { return a + b }).
		Final().
		Stream(func(_ topology.Window, key string) string { return key }).
		To("totals-by-minute")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// rates joins payments with a table of rates.
func rates(t *testing.T) *topology.Plan {
	top := topology.New("rates")
	table := top.Table("rates", serde.String(), serde.Float64())
	top.Stream("payments", serde.String(), serde.Float64()).
		Join("rate", table, topology.Inner(func(amount, rate float64) float64 { return amount * rate })).
		To("euros")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// heartbeats says once a minute, by the wall clock, that it is there.
func heartbeats(t *testing.T) *topology.Plan {
	top := topology.New("heartbeats")
	top.Stream("in", serde.String(), serde.String()).
		Process("heart", func(c topology.Context[string, string]) topology.Processor[string, string] {
			err := c.Schedule("beat", topology.WallClock, time.Minute, func(at int64) error {
				c.Forward(topology.Record[string, string]{Key: "beat", Value: time.UnixMilli(at).UTC().Format(time.TimeOnly), Timestamp: at})
				return nil
			})
			if err != nil {
				c.Stop(err)
			}
			return quiet{}
		}).
		To("beats")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// quiet sends nothing on.
type quiet struct{}

func (quiet) Process(*topology.Record[string, string]) error { return nil }

// A test of a topology, without a broker.
func ExampleNew() {
	run(func(t *testing.T) { // TestTotals
		top := topology.New("totals")
		top.Stream("amounts", serde.String(), serde.Int64()).
			GroupByKey().
			Reduce("totals", func(a, b int64) int64 { return a + b }).
			EachUpdate().
			ToStream().
			To("totals")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := processortest.New(t, plan, processortest.Options{})
		amounts := d.Input("amounts", serde.String(), serde.Int64())
		totals := d.Output("totals", serde.String(), serde.Int64())

		amounts.Send("a", 3, 1_000)
		d.CrashLosingState() // what was committed comes back from the changelog
		amounts.Send("a", 4, 2_000)
		for i, want := range []int64{3, 7} {
			if got := totals.Records()[i]; got.Key != "a" || got.Value != want {
				t.Errorf("%+v; want %d", got, want)
			}
		}
	})
	// Output: passed
}

// What comes of each record: Next has what is new, with timestamp and headers.
func ExampleOutput_Next_whatARecordMakes() {
	run(func(t *testing.T) { // TestEuros
		d := processortest.New(t, rates(t), processortest.Options{})
		rates := d.Input("rates", serde.String(), serde.Float64())
		payments := d.Input("payments", serde.String(), serde.Float64())
		euros := d.Output("euros", serde.String(), serde.Float64())

		rates.Send("USD", 0.5, 1_000)
		payments.Send("USD", 10, 2_000, topology.Header{Key: "trace", Value: []byte("17")})
		got := euros.Next()
		if len(got) != 1 || got[0].Value != 5 || got[0].Timestamp != 2_000 || string(got[0].Headers[0].Value) != "17" {
			t.Errorf("%+v", got)
		}

		rates.SendTombstone("USD", 3_000) // the rate is gone
		payments.Send("USD", 10, 4_000)
		if got := euros.Next(); len(got) != 0 {
			t.Errorf("%+v without a rate", got)
		}
		if n := d.Dropped("rate", topology.NoMatch); n != 1 {
			t.Errorf("%d without a match, want 1", n)
		}
	})
	// Output: passed
}

// What a window comes to: event time moves past its end without another record.
func ExampleDriver_AdvanceTime_closeAWindow() {
	run(func(t *testing.T) { // TestWindow
		d := processortest.New(t, totals(t), processortest.Options{})
		amounts := d.Input("amounts", serde.String(), serde.Int64())
		totals := d.Output("totals-by-minute", serde.String(), serde.Int64())

		amounts.Send("a", 3, 1_000)
		amounts.Send("a", 4, 2_000)
		if sum, ok := d.Store("totals", serde.String(), serde.Int64()).GetWindow("a", 0); !ok || sum != 7 {
			t.Errorf("so far %d, want 7", sum)
		}
		d.AdvanceTime(60_000)
		if got := totals.Next(); len(got) != 1 || got[0].Value != 7 {
			t.Errorf("%+v, want one total of 7", got)
		}
	})
	// Output: passed
}

// What the wall clock does.
func ExampleDriver_Advance_wallClock() {
	run(func(t *testing.T) { // TestBeats
		d := processortest.New(t, heartbeats(t), processortest.Options{Now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)})
		beats := d.Output("beats", serde.String(), serde.String())

		d.Advance(time.Minute)
		if got := beats.Next(); len(got) != 1 || got[0].Value != "12:01:00" {
			t.Errorf("%+v, want one beat at 12:01", got)
		}
	})
	// Output: passed
}

// What is lost in a crash: what was not committed comes again.
func ExampleDriver_Crash_inTheMiddleOfATransaction() {
	run(func(t *testing.T) { // TestCrash
		d := processortest.New(t, totals(t), processortest.Options{CommitEvery: -1})
		amounts := d.Input("amounts", serde.String(), serde.Int64())

		amounts.Send("a", 3, 1_000)
		d.Crash()
		if s := d.Store("totals", serde.String(), serde.Int64()); len(s) != 0 {
			t.Errorf("%+v, though nothing was committed", s)
		}
		d.Commit() // the record is read again
		if sum, ok := d.Store("totals", serde.String(), serde.Int64()).GetWindow("a", 0); !ok || sum != 3 {
			t.Errorf("%d, want 3", sum)
		}
	})
	// Output: passed
}

// Several partitions: one of them is ahead, and the window waits for the other one.
func ExampleInput_To_severalPartitions() {
	run(func(t *testing.T) { // TestPartitions
		top := topology.New("words")
		top.Stream("words", serde.String(), serde.String()).
			GroupBy("by-word", func(word string) string { return word }).
			Window(topology.Tumbling(time.Minute)).
			Count("counts").
			Final().
			Stream(func(_ topology.Window, word string) string { return word }).
			To("counts")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := processortest.New(t, plan, processortest.Options{Partitions: map[string]int32{"words": 2}})
		words := d.Input("words", serde.String(), serde.String())
		counts := d.Output("counts", serde.String(), serde.Int64())

		words.To(0).Send("", "on", 1_000)
		words.To(1).Send("", "on", 2_000)
		words.To(0).Send("", "and", 60_000)
		if got := counts.Next(); len(got) != 0 {
			t.Errorf("%+v, though partition 1 is in the first minute", got)
		}
		words.To(1).Send("", "on", 61_000)
		if got := counts.Next(); len(got) != 1 || got[0].Key != "on" || got[0].Value != 2 {
			t.Errorf("%+v, want 2 of on", got)
		}
	})
	// Output: passed
}

// What becomes of a record that comes too late for its window.
func ExampleDriver_Stats_recordsThatAreLate() {
	run(func(t *testing.T) { // TestLate
		d := processortest.New(t, totals(t), processortest.Options{})
		amounts := d.Input("amounts", serde.String(), serde.Int64())

		amounts.Send("a", 3, 1_000)
		amounts.Send("a", 4, 61_000) // the first minute is over
		amounts.Send("a", 5, 2_000)
		if late := d.Stats().Late; late != 1 {
			t.Errorf("%d records were late, want 1", late)
		}
	})
	// Output: passed
}

// What windows come to at the end of the input.
func ExampleDriver_EndOfInput_finalResults() {
	run(func(t *testing.T) { // TestFinal
		d := processortest.New(t, totals(t), processortest.Options{})
		amounts := d.Input("amounts", serde.String(), serde.Int64())
		totals := d.Output("totals-by-minute", serde.String(), serde.Int64())

		amounts.Append("a", 3, 1_000)
		amounts.Append("a", 4, 2_000)
		d.EndOfInput()
		if got := totals.Records(); len(got) != 1 || got[0].Value != 7 {
			t.Errorf("%+v, want one total of 7", got)
		}
	})
	// Output: passed
}

// Which record a function fails on.
func ExampleDriver_TryRun_aRecordThatFails() {
	run(func(t *testing.T) { // TestFails
		d := processortest.New(t, totals(t), processortest.Options{})

		d.Append("amounts", []byte("a"), []byte("no number"), 1_000)
		err := d.TryRun()
		if bad, ok := errors.AsType[*processortest.RecordError](err); !ok || bad.Offset != 0 {
			t.Errorf("%v, want an error of the first record", err)
		}
	})
	// Output: passed
}

// What is skipped, with the policy that skips.
func ExampleDriver_Dropped_recordsThatAreSkipped() {
	run(func(t *testing.T) { // TestSkips
		d := processortest.New(t, totals(t), processortest.Options{OnError: processortest.Skip})

		d.Pipe("amounts", []byte("a"), []byte("no number"), 1_000)
		if n := d.Dropped("amounts", topology.Failed); n != 1 {
			t.Errorf("%d skipped, want 1: %+v", n, d.Stats().Dropped)
		}
	})
	// Output: passed
}
