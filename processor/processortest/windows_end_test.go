package processortest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Windows that begin later than all that the input has shown are closed at the end of a bounded run
// like all others. They do not come back with a restore, and take nothing in the next run.
func TestWindowsCloseOnceOverRuns(t *testing.T) {
	emits := map[string]func(topology.WindowedTable[string, int64]) topology.WindowedTable[string, int64]{
		"final":   topology.WindowedTable[string, int64].Final,
		"updates": topology.WindowedTable[string, int64].Updates,
		"each":    topology.WindowedTable[string, int64].EachUpdate,
	}
	for name, emit := range emits {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,lost=%v", name, lost), func(t *testing.T) {
				top := topology.New("later")
				counts := top.Stream("in", serde.String(), serde.String()).
					MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
						out := *r
						out.Timestamp += 1000
						return out
					}).
					MarkPartitioned().
					GroupByKey().
					Window(topology.Tumbling(10 * time.Millisecond)).
					Count("counts")
				emit(counts).
					Stream(func(w topology.Window, k string) string { return fmt.Sprint(k, "@", w.Start) }).
					To("out")
				plan, err := top.Build()
				if err != nil {
					t.Fatal(err)
				}
				d := New(t, plan, Options{IdleAfter: -1})
				again := func() {
					if lost {
						d.CrashLosingState()
					}
				}
				d.Pipe("in", []byte("k"), []byte("a"), 1)
				d.EndOfInput()
				again()
				d.Pipe("in", []byte("k"), []byte("b"), 2) // of a window that has closed
				d.Pipe("in", []byte("k"), []byte("c"), 11)
				d.EndOfInput()
				again()
				d.EndOfInput()
				var all []string
				for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
					all = append(all, fmt.Sprintf("%s=%d", r.Key, r.Value))
				}
				if want := []string{"k@1000=1", "k@1010=1"}; !slices.Equal(all, want) {
					t.Errorf("got %q, want %q", all, want)
				}
			})
		}
	}
}
