package processortest

import (
	"context"
	"errors"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The clock of an operator is what the last commit has left, after an abort, a crash and the loss
// of state; and it is written where it has changed only.
func TestClockOfAnOperator(t *testing.T) {
	fail := false
	top := topology.New("clocks", topology.KafkaStreamsTime)
	top.Stream("in", serde.String(), serde.String()).
		TryMapValues(func(_ context.Context, v string) (string, error) {
			if fail {
				return "", errors.New("no")
			}
			return v, nil
		}).
		GroupByKey().Count("counts")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	clock := func() *int64 { return d.tasks[0].task.Clock("operator") }
	expect := func(what string, want int64) {
		t.Helper()
		if got := *clock(); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	written := func() (n int) {
		for _, r := range d.cluster.topics["clocks-in-time-changelog"][0] {
			if string(r.Key) == "\x08operator" {
				n++
			}
		}
		return n
	}
	send := func(ts int64) error { return d.TryPipe("in", []byte("k"), []byte("v"), ts) }
	abort := func() {
		t.Helper()
		fail = true
		if err := send(1); err == nil {
			t.Fatal("the record is fine")
		}
		fail = false
	}

	expect("at first", topology.NoTime)
	*clock() = 100
	abort()
	expect("after an abort of all that was", topology.NoTime)
	*clock() = 100
	if err := send(2); err != nil {
		t.Fatal(err)
	}
	expect("after a commit", 100)
	*clock() = 200
	abort()
	expect("after an abort", 100)
	if err := send(3); err != nil { // commits the clock as it was
		t.Fatal(err)
	}
	*clock() = 300
	d.Crash()
	expect("after a crash", 100)
	*clock() = 400
	d.CrashLosingState()
	expect("after the loss of state", 100)
	if n := written(); n != 1 {
		t.Errorf("written %d times, want once", n)
	}
	*clock() = 500
	if err := send(4); err != nil {
		t.Fatal(err)
	}
	d.CrashLosingState()
	expect("after another commit and the loss of state", 500)
	if n := written(); n != 2 {
		t.Errorf("written %d times, want twice", n)
	}
}
