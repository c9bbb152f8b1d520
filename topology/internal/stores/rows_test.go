package stores

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// bench is a task and a processor in it, over a database that counts what is read.
type bench struct {
	operator.Task
	state.DB
	t           *testing.T
	overlay     *state.Overlay
	store       *state.Store
	settled     int64
	ref         int64
	mark        string
	scans, rows int
	dropped     int
}

func (b *bench) Store(string) *state.Store             { return b.store }
func (b *bench) Settled() int64                        { return b.settled }
func (b *bench) SetMark(_ string, key []byte, _ int64) { b.mark = fmt.Sprintf("%x", key) }
func (b *bench) Ref() int64                            { return b.ref }
func (b *bench) Stop(err error)                        { b.t.Fatal(err) }

// Scan counts scans, and the rows that they show.
func (b *bench) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	b.scans++
	return b.DB.Scan(lo, hi, func(k, v []byte) (bool, error) {
		b.rows++
		return fn(k, v)
	})
}

func newBench(t *testing.T) *bench {
	db, err := memstate.New().Open("")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{DB: db, t: t, settled: record.NoTime}
	b.open()
	return b
}

func (b *bench) open() {
	b.overlay = state.NewOverlay(b)
	b.store = b.overlay.Open(1)
}

// save brings everything into the database.
func (b *bench) save() {
	b.overlay.Commit()
	batch := b.NewBatch()
	b.overlay.WriteTo(batch)
	if err := batch.Commit(); err != nil {
		b.t.Fatal(err)
	}
	b.overlay.Written()
}

// count returns how many rows the store has.
func (b *bench) count() (n int) {
	err := b.store.Scan(nil, nil, func(_, _ []byte) (bool, error) {
		n++
		return true, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// A store of sessions against a list of all rows. What is found depends on no commit.
func TestSessionsAgainstList(t *testing.T) {
	rnd := seeds.Rand(t)
	type row struct {
		key   string
		at    record.Window
		value string
	}
	for range 40 {
		b := newBench(t)
		retention, behind := []int64{1, 7, 30, 200}[rnd.IntN(4)], rnd.Int64N(20)
		clock := operator.Clock(record.NoTime)
		var rule Rule = &ByTask{Task: b, Retention: retention, Behind: behind}
		byClock := rnd.IntN(2) == 0
		if byClock {
			rule = &ByClock{Clock: &clock, Retention: retention}
		}
		expired, wantExpired := int64(0), int64(0)
		var s *Sessions[string, string]
		open := func() {
			s = NewSessions("s", NewRows(b, "s", 2, rule), serde.String(), serde.String(), b, &expired)
		}
		open()
		var all []row
		keys := []string{"", "a", "ab", "a\x00", "b", "\xff"}
		now, largest := int64(0), int64(-1)
		past := func() int64 {
			if byClock {
				return largest - retention
			}
			return b.ref - retention
		}
		for i := range 300 {
			now += rnd.Int64N(4)
			b.ref = now - rnd.Int64N(behind+1)
			b.ref = max(b.ref, 0)
			key := keys[rnd.IntN(len(keys))]
			end := max(0, now-rnd.Int64N(1+rnd.Int64N(40)))
			at := record.Window{Start: max(0, end-rnd.Int64N(10)), End: end}
			same := func(r row) bool { return r.key == key && r.at == at }
			switch rnd.IntN(8) {
			case 0, 1, 2:
				largest = max(largest, at.End)
				if at.End > past() {
					all = append(slices.DeleteFunc(all, same), row{key, at, fmt.Sprint(i)})
				} else {
					wantExpired++
				}
				if err := s.Put(key, at, fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			case 3:
				all = slices.DeleteFunc(all, same)
				if err := s.Delete(key, at); err != nil {
					t.Fatal(err)
				}
			case 4, 5, 6:
				from, to := now-rnd.Int64N(60), now-rnd.Int64N(60)
				every := rnd.IntN(2) == 0
				var want, got []string
				slices.SortFunc(all, func(a, b row) int {
					return strings.Compare(fmt.Sprintf("%05d %05d %s", a.at.End, a.at.Start, a.key), fmt.Sprintf("%05d %05d %s", b.at.End, b.at.Start, b.key))
				})
				for _, r := range all {
					if (every || r.key == key) && r.at.End > past() && r.at.End >= from && r.at.Start <= to {
						want = append(want, fmt.Sprint(r))
					}
				}
				add := func(at record.Window, k, v string) bool {
					got = append(got, fmt.Sprint(row{k, at, v}))
					return true
				}
				err := error(nil)
				if every {
					err = s.FetchAll(from, to, add)
				} else {
					err = s.Fetch(key, from, to, func(at record.Window, v string) bool { return add(at, key, v) })
				}
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("step %d: from %d to %d at %d, retention %d: %v\n%q\nwant\n%q", i, from, to, b.ref, retention, err, got, want)
				}
			case 7: // a commit
				if _, err := s.rows.Flush(); err != nil {
					t.Fatal(err)
				}
				b.save()
				b.settled = now
				if rnd.IntN(3) == 0 {
					b.open()
					open()
				}
			}
		}
		if expired != wantExpired {
			t.Fatalf("%d rows too old, want %d", expired, wantExpired)
		}
		b.ref, b.settled = 10_000, 10_000
		clock.See(10_000)
		if _, err := s.rows.Flush(); err != nil {
			t.Fatal(err)
		}
		b.save()
		if n := b.count(); n != 0 {
			t.Fatalf("%d rows are left", n)
		}
		if byClock && largest >= 0 && b.mark == "" {
			t.Fatal("there is no mark")
		}
	}
}

// A look-up reads what it finds, whatever else there is; and what is too old goes, at no commit
// much more than has come.
func TestRowsReadWhatTheyTouch(t *testing.T) {
	const retention = 1000
	b := newBench(t)
	expired := int64(0)
	s := NewWindows("w", NewRows(b, "w", 1, &ByTask{Task: b, Retention: retention}), serde.String(), serde.String(), b, &expired)
	put := func(key string, ts int64) {
		if b.ref = ts; s.Put(key, ts, "value") != nil {
			t.Fatal("put")
		}
	}
	commit := func() (rows int) {
		b.scans, b.rows = 0, 0
		if _, err := s.rows.Flush(); err != nil {
			t.Fatal(err)
		}
		if b.scans > 4+b.rows/100 {
			t.Fatalf("%d scans of %d rows for what goes", b.scans, b.rows)
		}
		rows = b.rows
		b.save()
		b.settled = b.ref
		return rows
	}
	most := 0
	for ts := range int64(20_000) {
		put(fmt.Sprint(ts%50), ts)
		if ts%100 == 99 {
			commit()
			most = max(most, b.count())
		}
	}
	if most > 2*(retention+300) {
		t.Errorf("the store has had %d rows, two for each", most)
	}
	for i := range int64(200) {
		b.scans, b.rows = 0, 0
		found := 0
		if err := s.Fetch(fmt.Sprint(i%50), 19_500, 19_500+i, func(int64, string) bool { found++; return true }); err != nil {
			t.Fatal(err)
		}
		if b.scans != 1 || b.rows > found+1 {
			t.Fatalf("%d scans of %d rows for %d", b.scans, b.rows, found)
		}
	}
	for range int64(20_000) { // all of one time
		put(fmt.Sprint(b.rows), b.ref+1)
		b.ref--
		b.rows++
	}
	commit()
	put("late", 1_000_000)
	commit()
	commits := 0
	for ; b.count() > 2; commits++ {
		if n := commit(); n > fewGo+2*256+2*goPerIn {
			t.Fatalf("%d rows were read at one commit", n)
		}
	}
	if commits < 10 {
		t.Errorf("20,000 rows went with %d commits", commits)
	}
}

// What goes takes no deletion with it that the changelog has to have.
func TestFlushLeavesDeletions(t *testing.T) {
	b := newBench(t)
	expired := int64(0)
	s := NewWindows("w", NewRows(b, "w", 1, &ByTask{Task: b, Retention: 10}), serde.String(), serde.String(), b, &expired)
	for _, ts := range []int64{10, 100, 200} {
		if err := s.Put("a", ts, "x"); err != nil {
			t.Fatal(err)
		}
	}
	b.save()
	b.settled = 50
	if err := s.Delete("a", 100); err != nil {
		t.Fatal(err)
	}
	if _, err := s.rows.Flush(); err != nil {
		t.Fatal(err)
	}
	found := false
	err := b.store.Changes(func(_ int, key, _ []byte, deleted bool) error {
		found = found || deleted && string(key) == "\x00\x00\x00\x00\x00\x00\x00\x64a"
		return nil
	})
	if b.save(); err != nil || !found || b.count() != 2 {
		t.Errorf("%v: the deletion is there: %v; %d rows", err, found, b.count())
	}
}

// Calls that are made within others find what they are to find.
func TestFetchWithinFetch(t *testing.T) {
	b := newBench(t)
	expired := int64(0)
	s := NewWindows("w", NewRows(b, "w", 1, &ByTask{Task: b, Retention: 1000}), serde.String(), serde.String(), b, &expired)
	for ts := range int64(3) {
		for _, key := range []string{"a", "b"} {
			if err := s.Put(key, ts, "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	err := s.FetchAll(0, 9, func(start int64, key, _ string) bool {
		return s.Fetch(key, 0, start, func(other int64, _ string) bool {
			got = append(got, fmt.Sprintf("%s%d-%d", key, start, other))
			return true
		}) == nil
	})
	if want := "a0-0 b0-0 a1-0 a1-1 b1-0 b1-1 a2-0 a2-1 a2-2 b2-0 b2-1 b2-2"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v: %v, want %s", err, got, want)
	}
}
