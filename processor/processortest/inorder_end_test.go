package processortest

import (
	"slices"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Records that lie later than all that the input has shown are handed on at the end of a bounded
// run, and do not come back with a restore.
func TestInOrderHandsOnOnceOverRuns(t *testing.T) {
	top := topology.New("later")
	top.Stream("in", serde.String(), serde.String()).
		MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
			out := *r
			out.Timestamp += 1000
			return out
		}).
		InOrder("in-order", 0).
		To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{IdleAfter: -1})
	want := []string{"a", "b", "c"}
	for i, v := range want {
		d.Pipe("in", []byte("k"), []byte(v), int64(min(i, 1))) // b and c have one time, the last
	}
	d.EndOfInput()
	d.CrashLosingState()
	d.Pipe("in", []byte("k"), []byte("d"), 5000)
	d.EndOfInput()
	var all []string
	for _, r := range d.Output("out", serde.String(), serde.String()).Records() {
		all = append(all, r.Value)
	}
	if want := append(want, "d"); !slices.Equal(all, want) {
		t.Errorf("handed on: %q, want %q", all, want)
	}
}
