package processortest

import (
	"slices"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestWindowsOfLaterTimesStayClosed gives records a later time than their source has shown. The end
// of a bounded run closes their windows too: not even a restore brings them back, and a later
// record does not open them again.
func TestWindowsOfLaterTimesStayClosed(t *testing.T) {
	build := planOf(func(top *topology.Topology) {
		top.Stream("in", serde.String(), serde.Int64()).
			MapRecords(func(r *topology.Record[string, int64]) topology.Record[string, int64] {
				later := r.With(r.Key, r.Value)
				later.Timestamp += 1000
				return later
			}).
			Repartition("later").GroupByKey().Window(topology.Tumbling(ms(10))).Count("n").Final().
			Stream(func(_ topology.Window, k string) string { return k }).To("out")
	})
	for _, crash := range []bool{false, true} {
		d := New(t, build(t), Options{IdleAfter: -1})
		in := d.Input("in", serde.String(), serde.Int64())
		in.Send("k", 1, 5)
		d.EndOfInput()
		if crash {
			d.CrashLosingState()
		}
		in.Send("k", 1, 6)
		d.EndOfInput()
		if got, want := d.results("out"), []result{{"out", "k", 1, 1005}}; !slices.Equal(got, want) {
			t.Errorf("crash %v: %s", crash, difference(got, want))
		}
	}
}
