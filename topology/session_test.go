package topology_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestSessionReads: as long as the cache has all open sessions their store is not read, not even to
// close them. What has left the cache is read once it is needed, and once all of that has closed
// nothing is read again.
func TestSessionReads(t *testing.T) {
	tp := topology.New("reads")
	tp.Stream("in", serde.String(), serde.String()).GroupByKey().
		Window(topology.Sessions(10 * time.Millisecond)).
		Count("n").
		Stream(func(_ topology.Window, k string) string { return k }).To("out")
	r := newRig(t, tp)
	task := r.reader("in", false)
	db := &countedDB{DB: task.db}
	task.db = db
	task.start()
	now := int64(0)
	run := func(keys int, budget int64) (reads int) {
		r.budget = budget
		*db = countedDB{DB: db.DB}
		for i := range keys {
			now++
			r.in(msg("in", fmt.Sprint(i), "v", now))
			if i%20 == 0 {
				r.commit()
			}
		}
		r.commit()
		reads = db.gets + db.scans
		if n := len(r.rows("n")); n > 2*12 {
			t.Errorf("%d sessions of 12 ms have %d rows", keys, n)
		}
		return reads
	}
	if n := run(1000, 1<<20); n != 0 {
		t.Errorf("%d reads", n)
	}
	if n := run(1000, 0); n == 0 {
		t.Error("nothing was read without a cache")
	}
	run(40, 1<<20) // what has left the cache closes
	if n := run(1000, 1<<20); n != 0 {
		t.Errorf("again with a cache: %d reads", n)
	}
}
