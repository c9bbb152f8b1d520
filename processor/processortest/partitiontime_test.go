package processortest

import (
	"slices"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// A function of the event time sees the largest time that the partition has shown before, with
// crashes and the loss of state in between: not what others have shown.
func TestTimeOfThePartition(t *testing.T) {
	top := topology.New("times")
	top.Stream("in", serde.String(), serde.String(), topology.TimeFromRecord(func(r *topology.Record[[]byte, string]) time.Time {
		switch {
		case r.Value != "last":
			return time.UnixMilli(r.Timestamp)
		case r.Ref == topology.NoTime:
			return time.UnixMilli(7)
		}
		return time.UnixMilli(r.Ref)
	})).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{DefaultPartitions: 2, LiveWithin: 1 << 62})
	send := func(partition int32, value string, ts int64) {
		t.Helper()
		d.AppendTo("in", partition, nil, []byte(value), ts)
		d.Run()
	}
	send(0, "last", 1)
	send(0, "at", 100)
	send(0, "at", 50)
	d.Crash()
	send(0, "last", 2)
	send(1, "last", 3)
	d.CrashLosingState()
	send(0, "last", 4)
	var got []int64
	for _, r := range d.Output("out", serde.String(), serde.String()).Records() {
		if r.Value == "last" {
			got = append(got, r.Timestamp)
		}
	}
	slices.Sort(got)
	if want := []int64{7, 7, 100, 100}; !slices.Equal(got, want) {
		t.Errorf("times %d, want %d", got, want)
	}
}
