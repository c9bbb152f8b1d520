package state_test

import (
	"slices"
	"testing"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
)

// list keeps rows: those that the database has, those that are committed, and the others.
type list struct {
	rows        []kv
	saved, done int
}

func (l *list) Changes(fn func(key, value []byte) error) error {
	for _, r := range l.rows[l.done:] {
		if err := fn([]byte(r.key), []byte(r.value)); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) Size() int64 { return int64(len(l.rows) - l.done) }
func (l *list) Commit()     { l.done = len(l.rows) }
func (l *list) Reset()      { l.rows = l.rows[:l.done] }
func (l *list) Written()    { l.saved = l.done }

func (l *list) WriteTo(put func(key, value []byte)) {
	for _, r := range l.rows[l.saved:l.done] {
		put([]byte(r.key), []byte(r.value))
	}
}

// Rows that are kept are changes of their transaction, go back with it, and are in the database
// when all that is committed is written, unless that is to be late.
func TestKept(t *testing.T) {
	db, err := memstate.New().Open("")
	if err != nil {
		t.Fatal(err)
	}
	o := state.NewOverlay(db)
	s, l := o.Open(1), &list{}
	s.Keep(l)
	changes := func() (all []string) {
		if err := s.Changes(func(number int, key, value []byte, deleted bool) error {
			all = append(all, string(key)+"="+string(value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	write := func(late bool) (all []string) {
		s.Late(late)
		b := db.NewBatch()
		o.WriteTo(b)
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		o.Written()
		if err := db.Scan(nil, nil, func(key, value []byte) (bool, error) {
			all = append(all, string(key[2:])+"="+string(value))
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}

	l.rows = append(l.rows, kv{"b", "1"})
	if o.Size() == 0 {
		t.Error("a row that is kept has no size")
	}
	s.Put([]byte("a"), []byte("1"))
	want("changes", changes(), "a=1", "b=1")
	o.Commit()
	want("changes when they are committed", changes())
	if o.Size() > 0 {
		t.Errorf("%d bytes when they are committed", o.Size())
	}
	l.rows = append(l.rows, kv{"c", "1"})
	want("late", write(true), "a=1")
	want("not late", write(false), "a=1", "b=1")
	o.Reset()
	want("changes after an abort", changes())
	if s.Kept() != l || len(l.rows) != 1 {
		t.Errorf("kept after an abort: %v", s.Kept())
	}
	s.Settle([]byte("d"), []byte("1"))
	want("changes after a row was settled", changes())
	o.Reset()
	want("a row that was settled", write(true), "a=1", "b=1", "d=1")
}
