package processortest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// totals adds up amounts by key, in windows of a minute.
func totals(t *testing.T) *topology.Plan {
	top := topology.New("totals")
	top.Stream("amounts", serde.String(), serde.Int64()).
		GroupByKey().
		Window(topology.Tumbling(time.Minute)).
		Reduce("totals", func(a, b int64) int64 { return a + b }).
		Final().
		Stream(func(_ topology.Window, key string) string { return key }).
		To("totals")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// A test of a topology, without a broker.
func ExampleNew() {
	_ = func(t *testing.T) { // TestTotals
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
	}
}

// What becomes of a record that comes too late for its window.
func ExampleDriver_Stats_recordsThatAreLate() {
	_ = func(t *testing.T) { // TestLate
		d := processortest.New(t, totals(t), processortest.Options{})
		amounts := d.Input("amounts", serde.String(), serde.Int64())

		amounts.Send("a", 3, 1_000)
		amounts.Send("a", 4, 61_000) // the first minute is over
		amounts.Send("a", 5, 2_000)
		if late := d.Stats().Late; late != 1 {
			t.Errorf("%d records were late, want 1", late)
		}
	}
}

// What windows come to at the end of the input.
func ExampleDriver_EndOfInput_finalResults() {
	_ = func(t *testing.T) { // TestFinal
		d := processortest.New(t, totals(t), processortest.Options{})
		amounts := d.Input("amounts", serde.String(), serde.Int64())
		totals := d.Output("totals", serde.String(), serde.Int64())

		amounts.Append("a", 3, 1_000)
		amounts.Append("a", 4, 2_000)
		d.EndOfInput()
		if got := totals.Records(); len(got) != 1 || got[0].Value != 7 {
			t.Errorf("%+v, want one total of 7", got)
		}
	}
}

// Which record a function fails on.
func ExampleDriver_TryRun_aRecordThatFails() {
	_ = func(t *testing.T) { // TestFails
		d := processortest.New(t, totals(t), processortest.Options{})

		d.Append("amounts", []byte("a"), []byte("no number"), 1_000)
		err := d.TryRun()
		if bad, ok := errors.AsType[*processortest.RecordError](err); !ok || bad.Offset != 0 {
			t.Errorf("%v, want an error of the first record", err)
		}
	}
}
