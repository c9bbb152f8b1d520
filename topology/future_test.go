package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

func TestMaxFuture(t *testing.T) {
	build := func(opts ...topology.SourceOption[string]) (*topology.Plan, error) {
		top := topology.New("app")
		top.Stream("in", serde.String(), serde.String(), opts...).To("out")
		return top.Build()
	}
	plan, err := build(topology.MaxFuture[string](36 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if in := plan.ForRuntime(flow.Key{}).SubTopologies[0].Inputs[0]; in.MaxFuture != 36*time.Hour {
		t.Errorf("the plan's input: %+v", in)
	}
	for want, opts := range map[string][]topology.SourceOption[string]{
		"at least a millisecond":             {topology.MaxFuture[string](0)},
		"not a whole number of milliseconds": {topology.MaxFuture[string](1500 * time.Microsecond)},
		"leave out MaxFuture or Timeless":    {topology.MaxFuture[string](time.Hour), topology.Timeless[string]},
	} {
		if _, err := build(opts...); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "future_test.go:") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	top := topology.New("twice")
	top.Stream("in", serde.String(), serde.String()).To("out")
	top.Stream("in", serde.String(), serde.String(), topology.MaxFuture[string](time.Hour)).To("out2")
	if _, err := top.Build(); err == nil || !strings.Contains(err.Error(), "with another MaxFuture") {
		t.Errorf("%v", err)
	}
}
