package topology_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// What knows a plan's topics and stores by name alone can write and read them as JSON.
func TestTexts(t *testing.T) {
	top := topology.New("texts")
	rates := top.GlobalTable("rates", serde.String(), serde.Float64())
	top.Stream("in", serde.String(), serde.Int64()).
		JoinGlobal("rate", rates, func(int64) string { return "EUR" }, topology.Inner(func(v int64, r float64) float64 { return float64(v) * r })).
		GroupBy("by", func(v float64) int64 { return int64(v) }).
		Count("counts").ToStream().To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	made := plan.ForRuntime(flow.Key{})
	names := func(all map[string]flow.Texts) (list []string) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			list = append(list, name+" "+all[name].Key.Name()+" "+all[name].Value.Name())
		}
		return list
	}
	if got, want := names(made.Topics), []string{"in string int64", "out int64 int64", "rates string float64"}; !slices.Equal(got, want) {
		t.Errorf("topics %q, want %q", got, want)
	}
	if got, want := names(made.Stores), []string{"counts int64 int64"}; !slices.Equal(got, want) {
		t.Errorf("stores %q, want %q", got, want)
	}
	if text, err := made.Topics["out"].Key.Decode([]byte{0, 0, 0, 0, 0, 0, 0, 7}); err != nil || string(text) != "7" {
		t.Errorf("%s, %v; want 7", text, err)
	}
}
