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

// In a bounded run a writer of a repartition topic may have told of a time that only another of its
// inputs has shown, when one had ended already. What that input brings in the next run is handed on
// all the same, and what was handed on before does not come back with a restore.
func TestInOrderGoesBackAtTheEndOfARun(t *testing.T) {
	for _, later := range []int64{0, 100} {
		top := topology.New("back")
		a, b := top.Stream("a", serde.String(), serde.String()), top.Stream("b", serde.String(), serde.String())
		a.Merge(b).To("both") // one task reads them
		a.Repartition("by-key", topology.Partitions(1)).
			MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
				out := *r
				out.Timestamp += later
				return out
			}).
			InOrder("in-order", 0).
			To("out")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1})
		d.Append("a", []byte("k"), []byte("first"), 1000)
		d.Append("b", []byte("k"), []byte("ahead"), 2000)
		d.Append("b", []byte("k"), []byte("last"), 2001)
		d.run, d.bounded = d.run+1, true
		if err := d.reopen(closed); err != nil {
			t.Fatal(err)
		}
		writer, reader := d.tasks[0], d.tasks[1]
		writer.feed()
		for range 2 { // the reader commits the record before it hands it on
			if n, err := writer.process(1); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			for range 2 { // it tells of the time of its last commit
				if err := writer.commit(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := reader.work(true); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(d.Output("out", serde.String(), serde.String()).Records()); n != 1 {
			t.Fatalf("later by %d: %d records before the end of the run, want 1", later, n)
		}
		if err := d.settle(true); err != nil {
			t.Fatal(err)
		}
		if !writer.task.Done() || !reader.task.Done() {
			t.Fatal("the run has not ended")
		}
		d.bounded = false
		d.CrashLosingState()
		d.Append("a", []byte("k"), []byte("second"), 1500)
		d.EndOfInput()
		var all []string
		for _, r := range d.Output("out", serde.String(), serde.String()).Records() {
			all = append(all, r.Value)
		}
		if want := []string{"first", "second"}; !slices.Equal(all, want) {
			t.Errorf("later by %d: handed on: %q, want %q", later, all, want)
		}
	}
}
