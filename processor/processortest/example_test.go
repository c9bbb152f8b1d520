package processortest_test

import (
	"testing"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

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
