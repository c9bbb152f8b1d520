package task

import (
	"math/rand"
	"testing"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology"
)

// TestWindowLogNeverPurgesWhatIsNeeded compares with the whole log: below the purge offset there is
// no change of an open window, and no smaller log would do... the first change of an open window is
// at or after it.
func TestWindowLogNeverPurgesWhatIsNeeded(t *testing.T) {
	for seed := range int64(200) {
		rnd := rand.New(rand.NewSource(seed))
		w := windowLog{retention: 50, largest: topology.NoTime}
		var log []int64 // window starts by offset
		v := noTimes
		for range 300 {
			for range rnd.Intn(4) {
				start := max(0, v.time-50+1, 0) / 10 * 10
				if v.time == topology.NoTime {
					start = 0
				}
				start += int64(rnd.Intn(10)) * 10
				w.saw(startKey(start), nil)
				log = append(log, start)
			}
			w.commit(int64(len(log)))
			if rnd.Intn(3) == 0 {
				v.time = max(v.time, 0) + int64(rnd.Intn(30))
			}
			below := w.purgeable(v.closedStart(w.retention))
			first := int64(len(log)) // of an open window
			for o := int64(len(log)) - 1; o >= 0; o-- {
				if log[o]+50 > v.time {
					first = o
				}
			}
			if below > first {
				t.Fatalf("seed %d: purge below %d, but offset %d is of the open window %d at time %d", seed, below, first, log[first], v.time)
			}
			if len(w.marks) > 20 {
				t.Fatalf("seed %d: %d marks", seed, len(w.marks))
			}
		}
		v.time += 1000
		same(t, "purgeable when all windows have closed", w.purgeable(v.closedStart(w.retention)), int64(len(log)))
	}
}

// Of the bytes of a changelog those count as late that a restore would read.
func TestWindowLogCountsBytes(t *testing.T) {
	w := windowLog{largest: topology.NoTime}
	late := func() int64 { return w.bytes - w.done }
	for i := range int64(5) {
		w.saw(startKey(i), []byte("12"))
		w.commit(i + 1)
	}
	w.saw(startKey(9), []byte("1"))
	w.abort()
	w.commit(5)
	same(t, "late", late(), 50)
	w.purgeable(2)
	same(t, "late when three windows have closed", late(), 20)
	w.done = w.bytes
	w.saw(startKey(5), nil)
	w.commit(6)
	w.purgeable(3)
	same(t, "late after all was written", late(), 8)
}

func TestLastStart(t *testing.T) {
	e := memstate.New()
	db, err := e.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := state.NewOverlay(db).Open(1)
	check := func(want int64) {
		t.Helper()
		got, err := lastStart(s)
		if err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	check(topology.NoTime)
	for _, start := range []int64{0, 7, 1_000_000_000_000, 12, topology.EndOfTime} {
		s.Put(append(startKey(start), "key"...), nil)
		check(max(start, func() int64 {
			if start == 12 {
				return 1_000_000_000_000
			}
			return 0
		}()))
	}
}
