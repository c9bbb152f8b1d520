package memstate_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/state/statetest"
)

func TestConformance(t *testing.T) {
	statetest.Run(t, func(*testing.T) state.Engine { return memstate.New() })
}

func set(t *testing.T, db state.DB, key, value string) {
	t.Helper()
	b := db.NewBatch()
	b.Set([]byte(key), []byte(value))
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestCrashLosesWhatWasNotFlushed(t *testing.T) {
	e := memstate.New()
	db, err := e.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	set(t, db, "a", "1")
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	set(t, db, "a", "2")
	set(t, db, "b", "2")
	s := db.Snapshot()
	e.Crash()
	if _, _, err := db.Get(nil, []byte("a")); !errors.Is(err, state.ErrClosed) {
		t.Errorf("get after the crash: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close of a snapshot after the crash: %v", err)
	}
	again, err := e.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	if v, found, err := again.Get(nil, []byte("a")); string(v) != "1" || !found || err != nil {
		t.Errorf("a = %q, %v, %v", v, found, err)
	}
	if _, found, err := again.Get(nil, []byte("b")); found || err != nil {
		t.Errorf("b: %v, %v", found, err)
	}
	if n := again.Unflushed(); n != 0 {
		t.Errorf("unflushed after the crash: %d", n)
	}
	if err := db.Close(); !errors.Is(err, state.ErrClosed) {
		t.Errorf("close of the lost database: %v", err)
	}
	if err := e.Remove("d"); !errors.Is(err, state.ErrInUse) {
		t.Errorf("remove of an open directory: %v", err)
	}
	if err := errors.Join(again.Close(), e.Remove("d")); err != nil {
		t.Fatal(err)
	}
	empty, err := e.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := empty.Get(nil, []byte("a")); found || err != nil {
		t.Errorf("after remove: %v, %v", found, err)
	}
	if err := errors.Join(empty.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open("d"); !errors.Is(err, state.ErrClosed) {
		t.Errorf("open of a closed engine: %v", err)
	}
}

// Ranges of all sizes go from a database of thousands of keys, and what was before stays as it was
// for those who look at it.
func TestRangesAndSnapshots(t *testing.T) {
	r := seeds.Rand(t)
	db, err := memstate.New().Open("d")
	if err != nil {
		t.Fatal(err)
	}
	const keys = 5000
	want := map[string]string{}
	type past struct {
		snapshot state.Snapshot
		want     map[string]string
	}
	var pasts []past
	b := db.NewBatch()
	for range 60 {
		for range 1 + r.IntN(20) {
			switch lo := r.IntN(keys); r.IntN(4) {
			case 0:
				hi := lo + r.IntN(1<<r.IntN(13))
				b.DeleteRange(key(lo), key(hi))
				for n := lo; n < hi; n++ {
					delete(want, string(key(n)))
				}
			case 1:
				b.Delete(key(lo))
				delete(want, string(key(lo)))
			default:
				value := string(key(r.IntN(keys)))
				for n := lo; n < min(keys, lo+r.IntN(500)); n++ {
					b.Set(key(n), []byte(value))
					want[string(key(n))] = value
				}
			}
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		pasts = append(pasts, past{db.Snapshot(), maps.Clone(want)})
	}
	for i, p := range pasts {
		got, last := map[string]string{}, ""
		if err := p.snapshot.Scan(nil, nil, func(key, value []byte) (bool, error) {
			if string(key) <= last {
				t.Errorf("snapshot %d: %q comes after %q", i, key, last)
			}
			last = string(key)
			got[last] = string(value)
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, p.want) {
			t.Errorf("snapshot %d has %d keys, want %d, or other values", i, len(got), len(p.want))
		}
		if err := p.snapshot.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(b.Close(), db.Close()); err != nil {
		t.Error(err)
	}
}
