package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
)

// fragileInput is n words in one partition, of which each seventh fails with an error, each
// eleventh with a panic.
func fragileInput(n int) (in []message, want []row, failing int) {
	counts := map[string]int{}
	for i := range n {
		m := word(fmt.Sprintf("word-%d", i%13), "fine")
		switch {
		case i%7 == 6:
			m.Value = []byte("error")
			failing++
		case i%11 == 10:
			m.Value = []byte("panic")
			failing++
		default:
			k := string(m.Key)
			counts[k]++
			want = append(want, row{k, fmt.Sprint(counts[k]), 1})
		}
		in = append(in, m)
	}
	return in, want, failing
}

// TestFailingFunctions: with the policy fail the application ends at the first record that fails,
// by name, and nothing of it or behind it is counted; with skip it goes on without the failing
// ones. A panic may have left half-changed state, so the transaction is undone and done again
// without the record.
func TestFailingFunctions(t *testing.T) {
	b := startBroker(t)
	j := job{"fragile", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	in, want, failing := fragileInput(200)
	a.produce(j.in(), only(in...))
	dir := filepath.Join(t.TempDir(), "state")
	at := func(cfg *processor.Config) { cfg.StateDir = dir }
	err := startApp(t, b, j, nil, at).failsWith(t, 30*time.Second, j.in()+"/0", "offset 6", "the function failed")
	var re *processor.RecordError
	if !errors.As(err, &re) || re.Offset != 6 || string(re.Key) != "word-6" {
		t.Errorf("error %#v does not name the record", err)
	}
	if got := readAll(t, b.Addr(), j.out()); len(got) > 6 {
		t.Errorf("%d results behind the record that failed", len(got)-6)
	}
	x := startApp(t, b, j, nil, func(cfg *processor.Config) {
		at(cfg)
		cfg.OnError = processor.Skip
	})
	eventually(t, time.Minute, "all results", func() (bool, string) {
		x.running(t)
		got := len(readAll(t, b.Addr(), j.out()))
		return got >= len(want), fmt.Sprintf("%d of %d", got, len(want))
	})
	a.awaitNoLag(30*time.Second, j.Prefix, j.in())
	x.stop(t)
	got := readAll(t, b.Addr(), j.out())
	sameRows(t, j.out(), got, want)
	ascending(t, got)
	skipped := int64(0)
	for _, d := range x.Stats().Dropped {
		if d.Reason == "error" {
			skipped += d.Count
		}
	}
	if skipped != int64(failing) {
		t.Errorf("%d records skipped, want %d; %v", skipped, failing, x.Stats().Dropped)
	}
}

// TestPanicEndsWithName is the panic under the policy fail.
func TestPanicEndsWithName(t *testing.T) {
	b := startBroker(t)
	j := job{"fragile", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 1, nil)
	a.create(j.out(), 1, nil)
	a.produce(j.in(), only(word("a", "fine"), word("b", "panic")))
	err := startApp(t, b, j, nil, nil).failsWith(t, 30*time.Second, j.in()+"/0", "offset 1", "the function panicked", "jobs_test.go")
	var re *processor.RecordError
	if !errors.As(err, &re) || !re.Panicked {
		t.Errorf("error %#v is no panic of a record", err)
	}
}

// TestStuckFunction: heartbeats would hide a function that never returns from the group for ever.
// The instance ends with the record's name, and another one takes over what it had.
func TestStuckFunction(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	f := newFleet(t, b, job{"fragile", names(t, "app")}, 1)
	j := f.job
	f.admin.create(j.in(), 1, nil)
	f.admin.create(j.out(), 1, nil)
	f.admin.produce(j.in(), only(word("a", "fine"), word("b", "stuck"), word("a", "fine")))
	i := f.instances[0]
	i.config.TaskTimeout = 700 * time.Millisecond
	i.start(t)
	failed := i.child.awaitKind(t, 30*time.Second, "failed")
	if code := i.child.wait(t, 10*time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !contains(failed.Text, j.in()+"/0", "offset 1") {
		t.Errorf("the message does not name the record: %s", failed.Text)
	}
}
