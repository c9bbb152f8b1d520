package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// countedDB counts what is read.
type countedDB struct {
	state.DB
	gets, scans, rows int
}

func (c *countedDB) Get(dst, key []byte) ([]byte, bool, error) {
	c.gets++
	return c.DB.Get(dst, key)
}

func (c *countedDB) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	c.scans++
	return c.DB.Scan(lo, hi, func(key, value []byte) (bool, error) {
		c.rows++
		return fn(key, value)
	})
}

// A record reads the windows around it, however many its key has, and none once they are in the
// cache.
func TestSlidingReadsWhatARecordTouches(t *testing.T) {
	tp := topology.New("reads")
	tp.Stream("in", serde.String(), serde.String()).GroupByKey().
		Window(topology.Sliding(10 * time.Millisecond).Grace(time.Hour)).
		Count("n").EachUpdate().
		Stream(func(_ topology.Window, k string) string { return k }).To("out")
	r := newRig(t, tp)
	task := r.reader("in", false)
	// A record each 5 ms: each lies in 3 windows that end at, and 2 that begin behind, a record.
	const n = 2000
	for i := range int64(n) {
		r.in(msg("in", "k", "v", 5*i))
	}
	r.commit()
	for name, ts := range map[string]int64{"in the middle": 5*n/2 + 1, "at the end": 5*n - 4} {
		db := &countedDB{DB: task.db}
		task.db = db
		task.start()
		*db = countedDB{DB: db.DB}
		r.in(msg("in", "k", "v", ts))
		if db.scans != 1 || db.rows > 40 || db.gets > 8 {
			t.Errorf("%s of %d records: %d scans, %d rows, %d look-ups", name, n, db.scans, db.rows, db.gets)
		}
		gets := db.gets
		r.in(msg("in", "k", "v", ts+1))
		if db.scans != 1 || db.gets > gets+2 {
			t.Errorf("%s, in the cache: %d scans, %d look-ups", name, db.scans, db.gets-gets)
		}
		task.db = db.DB
	}
}

// A window without an accumulator could not be told from one that is not there, and others are made
// of it.
func TestSlidingWindowsKeepTheirAccumulators(t *testing.T) {
	tp := topology.New("none")
	tp.Stream("in", serde.String(), serde.String()).GroupByKey().
		Window(topology.Sliding(time.Second)).
		AggregateWith("n", topology.FoldOpt(func(a topology.Opt[string], v string) topology.Opt[string] {
			if v == "none" {
				return topology.None[string]()
			}
			return topology.Some(a.Value + v)
		})).
		Stream(func(_ topology.Window, k string) string { return k }).To("out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("in", "k", "a", 0), msg("in", "k", "none", 1), msg("in", "k", "b", 2))
	if len(r.failures) != 1 || r.failures[0].node != "n" || !strings.Contains(r.failures[0].err.Error(), "the function has returned no accumulator") {
		t.Errorf("got %v", r.failures)
	}
}
