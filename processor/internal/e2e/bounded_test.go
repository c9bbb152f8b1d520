package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
)

// TestBoundedRunGoesOn stops a bounded run in the middle and starts it again, with more input: it
// goes on to where it was to end, and says that this is not all. The next run does the rest.
func TestBoundedRunGoesOn(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	j := job{"words", names(t, "app")}
	adm := newAdmin(t, b.Addr())
	adm.create(j.in(), 1, nil)
	adm.create(j.out(), 1, nil)
	send := func(n int) {
		adm.produce(j.in(), func(yield func(message) bool) {
			for range n {
				yield(message{Key: []byte("k"), Value: []byte("v"), Partition: 0})
			}
		})
	}
	dir := t.TempDir()
	var before gate
	run := func(points failpoint.Points) *app {
		return startApp(t, b, j, points, func(cfg *processor.Config) { cfg.StateDir, cfg.UntilEnd = dir, true })
	}
	const goesOn = "going on with the bounded run"
	finish := func(want int, says bool) {
		t.Helper()
		a := run(nil)
		if err := a.wait(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, b.Addr(), j.out()); len(got) != want || got[want-1].Value != strconv.Itoa(want) {
			t.Errorf("%d results, want %d", len(got), want)
		}
		if log := a.log.String(); strings.Contains(log, goesOn) != says || says && !strings.Contains(log, `"offsets since"=5`) {
			t.Errorf("the log should say that it goes on: %v; it is\n%s", says, log)
		}
	}
	send(10)
	before.shut()
	a := run(before.at(failpoint.BeforeFlush))
	before.awaitCaught(t)
	a.cancel()
	before.open()
	if err := a.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	send(5)
	finish(10, true)
	finish(15, false)
}
