package memstate_test

import (
	"errors"
	"testing"

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
