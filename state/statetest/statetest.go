// Package statetest is the conformance suite that a state engine must pass.
package statetest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/kolkstream/kolk/state"
)

// Run tests an engine. open returns a new one whose directories are empty; the suite closes it.
// Random tests print their seed, and take it back from the environment variable KOLK_SEED.
func Run(t *testing.T, open func(t *testing.T) state.Engine) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, e state.Engine)
	}{
		{"ReadAndWrite", readAndWrite},
		{"EmptyKeyAndValue", emptyKeyAndValue},
		{"ArgumentsAreCopied", argumentsAreCopied},
		{"ScanBounds", scanBounds},
		{"ScanStops", scanStops},
		{"ScanNests", scanNests},
		{"LaterWritesWin", laterWritesWin},
		{"DeleteRange", deleteRange},
		{"BatchIsReusable", batchIsReusable},
		{"LargeBatch", largeBatch},
		{"Snapshot", snapshots},
		{"CloseWaitsForSnapshots", closeWaitsForSnapshots},
		{"Reopen", reopen},
		{"InUse", inUse},
		{"Closed", closed},
		{"Unflushed", unflushed},
		{"Databases", databases},
		{"BatchesAreAtomic", batchesAreAtomic},
		{"Random", random},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := open(t)
			test.run(t, e)
			if err := e.Close(); err != nil {
				t.Errorf("close of the engine: %v", err)
			}
		})
	}
}

// kv is a key and its value.
type kv struct{ key, value string }

func mustOpen(t *testing.T, e state.Engine, dir string) state.DB {
	t.Helper()
	db, err := e.Open(dir)
	if err != nil {
		t.Fatalf("open %s: %v", dir, err)
	}
	return db
}

func mustClose(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func commit(t *testing.T, db state.DB, write func(b state.Batch)) {
	t.Helper()
	b := db.NewBatch()
	write(b)
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

func put(t *testing.T, db state.DB, pairs ...kv) {
	t.Helper()
	commit(t, db, func(b state.Batch) {
		for _, p := range pairs {
			b.Set([]byte(p.key), []byte(p.value))
		}
	})
}

func all(t *testing.T, r state.Reader, lo, hi []byte) []kv {
	t.Helper()
	var got []kv
	err := r.Scan(lo, hi, func(key, value []byte) (bool, error) {
		got = append(got, kv{string(key), string(value)})
		return true, nil
	})
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return got
}

func same(t *testing.T, got, want []kv) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func wantGet(t *testing.T, r state.Reader, key, want string, found bool) {
	t.Helper()
	got, ok, err := r.Get([]byte("dst-"), []byte(key))
	if err != nil || ok != found || string(got) != "dst-"+want {
		t.Errorf("get %q appended to %q: %q, %v, %v; want %q, %v", key, "dst-", got, ok, err, "dst-"+want, found)
	}
}

func readAndWrite(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	wantGet(t, db, "a", "", false)
	put(t, db, kv{"b", "2"}, kv{"a", "1"}, kv{"c", "3"})
	wantGet(t, db, "a", "1", true)
	wantGet(t, db, "c", "3", true)
	wantGet(t, db, "ab", "", false)
	commit(t, db, func(b state.Batch) { b.Delete([]byte("a")); b.Delete([]byte("none")) })
	wantGet(t, db, "a", "", false)
	same(t, all(t, db, nil, nil), []kv{{"b", "2"}, {"c", "3"}})
}

func emptyKeyAndValue(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	commit(t, db, func(b state.Batch) { b.Set([]byte{0}, nil); b.Set([]byte("a"), []byte{}) })
	wantGet(t, db, "\x00", "", true)
	wantGet(t, db, "a", "", true)
	wantGet(t, db, "", "", false)
	same(t, all(t, db, nil, nil), []kv{{"\x00", ""}, {"a", ""}})
	same(t, all(t, db, []byte{}, []byte("a")), []kv{{"\x00", ""}})
	same(t, all(t, db, nil, []byte{}), nil)
	b := db.NewBatch()
	defer mustClose(t, b)
	for _, write := range []func(){func() { b.Set(nil, []byte("v")) }, func() { b.Delete([]byte{}) }} {
		b.Set([]byte("a"), []byte("not committed"))
		write()
		if err := b.Commit(); !errors.Is(err, state.ErrEmptyKey) {
			t.Errorf("commit: %v, want %v", err, state.ErrEmptyKey)
		}
		wantGet(t, db, "a", "", true)
	}
	b.Set([]byte("b"), nil)
	if err := b.Commit(); err != nil {
		t.Errorf("commit after an error: %v", err)
	}
	wantGet(t, db, "b", "", true)
}

func argumentsAreCopied(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	key, value := []byte("key"), []byte("value")
	b := db.NewBatch()
	b.Set(key, value)
	copy(key, "xxx")
	copy(value, "xxxxx")
	lo, hi := []byte("m"), []byte("n")
	b.DeleteRange(lo, hi)
	lo[0], hi[0] = 'a', 'z'
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
	got, _, err := db.Get(nil, []byte("key"))
	if err != nil || string(got) != "value" {
		t.Fatalf("got %q, %v", got, err)
	}
	copy(got, "yyyyy")
	wantGet(t, db, "key", "value", true)
}

func scanBounds(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	put(t, db, kv{"a", "1"}, kv{"b", "2"}, kv{"b\x00", "3"}, kv{"c", "4"}, kv{"\xff\xff", "5"})
	for _, test := range []struct {
		lo, hi string
		want   []kv
	}{
		{"a", "b", []kv{{"a", "1"}}},
		{"b", "c", []kv{{"b", "2"}, {"b\x00", "3"}}},
		{"b", "b\x00", []kv{{"b", "2"}}},
		{"b", "b", nil},
		{"c", "a", nil},
		{"aa", "ab", nil},
		{"", "b", []kv{{"a", "1"}}},
	} {
		same(t, all(t, db, []byte(test.lo), []byte(test.hi)), test.want)
	}
	same(t, all(t, db, []byte("c"), nil), []kv{{"c", "4"}, {"\xff\xff", "5"}})
}

func scanStops(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	put(t, db, kv{"a", "1"}, kv{"b", "2"}, kv{"c", "3"})
	calls := 0
	if err := db.Scan(nil, nil, func(_, _ []byte) (bool, error) { calls++; return calls < 2, nil }); err != nil || calls != 2 {
		t.Errorf("stopped after %d calls with %v", calls, err)
	}
	mine := errors.New("mine")
	calls = 0
	if err := db.Scan(nil, nil, func(_, _ []byte) (bool, error) { calls++; return true, mine }); !errors.Is(err, mine) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

func scanNests(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	put(t, db, kv{"a", "1"}, kv{"b", "2"})
	var got []string
	err := db.Scan(nil, nil, func(key, _ []byte) (bool, error) {
		value, _, err := db.Get(nil, key)
		if err != nil {
			return false, err
		}
		// A commit meanwhile does not change what the scan sees.
		put(t, db, kv{"b", "later"}, kv{"c", "later"})
		return true, db.Scan(nil, []byte("c"), func(k2, _ []byte) (bool, error) {
			got = append(got, fmt.Sprintf("%s=%s %s", key, value, k2))
			return true, nil
		})
	})
	want := []string{"a=1 a", "a=1 b", "b=later a", "b=later b"}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func laterWritesWin(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	put(t, db, kv{"old", "x"})
	commit(t, db, func(b state.Batch) {
		b.Set([]byte("a"), []byte("1"))
		b.Set([]byte("a"), []byte("2"))
		b.Set([]byte("b"), []byte("1"))
		b.Delete([]byte("b"))
		b.Delete([]byte("c"))
		b.Set([]byte("c"), []byte("3"))
		b.Set([]byte("m1"), []byte("4"))
		b.DeleteRange([]byte("m"), []byte("p"))
		b.Set([]byte("m2"), []byte("5"))
	})
	same(t, all(t, db, nil, nil), []kv{{"a", "2"}, {"c", "3"}, {"m2", "5"}})
}

func deleteRange(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	var pairs []kv
	for i := range 100 {
		pairs = append(pairs, kv{fmt.Sprintf("%02d", i), "v"})
	}
	put(t, db, pairs...)
	commit(t, db, func(b state.Batch) {
		b.DeleteRange([]byte("10"), []byte("20"))
		b.DeleteRange([]byte("50"), []byte("50"))
		b.DeleteRange([]byte("60"), []byte("55"))
		b.DeleteRange(nil, []byte("05"))
	})
	same(t, all(t, db, nil, nil), append(pairs[5:10:10], pairs[20:]...))
	wantGet(t, db, "10", "", false)
	wantGet(t, db, "20", "v", true)
	put(t, db, kv{"15", "again"})
	same(t, all(t, db, []byte("09"), []byte("21")), []kv{{"09", "v"}, {"15", "again"}, {"20", "v"}})
}

func batchIsReusable(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	b := db.NewBatch()
	empty := b.Size()
	for i := range 3 {
		b.Set([]byte{'a' + byte(i)}, bytes.Repeat([]byte("v"), 100))
		if b.Size() < empty+100 {
			t.Errorf("size %d", b.Size())
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if b.Size() != empty {
			t.Errorf("after the commit: size %d, want %d", b.Size(), empty)
		}
		commit(t, db, func(other state.Batch) { other.Delete([]byte("a")) })
		// What was committed before is not committed again.
		wantGet(t, db, "a", "", false)
	}
	b.Set([]byte("z"), []byte("discarded"))
	mustClose(t, b)
	wantGet(t, db, "z", "", false)
	if n := len(all(t, db, nil, nil)); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	none := db.NewBatch()
	if err := errors.Join(none.Commit(), none.Close()); err != nil {
		t.Errorf("commit of nothing: %v", err)
	}
}

func largeBatch(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	value := bytes.Repeat([]byte("0123456789abcdef"), 1<<10) // 16 KiB
	for range 2 {
		commit(t, db, func(b state.Batch) {
			for i := range 500 { // 8 MiB
				b.Set(fmt.Appendf(nil, "%04d", i), value)
			}
		})
	}
	for range 2 {
		n := 0
		if err := db.Scan(nil, nil, func(_, v []byte) (bool, error) { n++; return true, match(v, value) }); err != nil || n != 500 {
			t.Fatalf("%d keys, %v", n, err)
		}
		mustClose(t, db)
		db = mustOpen(t, e, "d")
	}
	mustClose(t, db)
}

func match(got, want []byte) error {
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d other bytes", len(got))
	}
	return nil
}

func snapshots(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	put(t, db, kv{"a", "1"}, kv{"b", "1"})
	s := db.Snapshot()
	put(t, db, kv{"a", "2"}, kv{"c", "2"})
	commit(t, db, func(b state.Batch) { b.Delete([]byte("b")) })
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	wantGet(t, s, "a", "1", true)
	wantGet(t, s, "c", "", false)
	same(t, all(t, s, nil, nil), []kv{{"a", "1"}, {"b", "1"}})
	same(t, all(t, db, nil, nil), []kv{{"a", "2"}, {"c", "2"}})
	mustClose(t, s)
	if err := s.Close(); !errors.Is(err, state.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if _, _, err := s.Get(nil, []byte("a")); !errors.Is(err, state.ErrClosed) {
		t.Errorf("get of a closed snapshot: %v", err)
	}
	if err := s.Scan(nil, nil, nil); !errors.Is(err, state.ErrClosed) {
		t.Errorf("scan of a closed snapshot: %v", err)
	}
}

func closeWaitsForSnapshots(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	put(t, db, kv{"a", "1"})
	s := db.Snapshot()
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	for {
		// Once the close has begun, new snapshots are closed from the start.
		other := db.Snapshot()
		_, _, err := other.Get(nil, nil)
		if errors.Is(err, state.ErrClosed) {
			break
		}
		mustClose(t, other)
	}
	wantGet(t, s, "a", "1", true)
	select {
	case err := <-closed:
		t.Fatalf("closed (%v) while a snapshot was open", err)
	default:
	}
	mustClose(t, s)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

func reopen(t *testing.T, e state.Engine) {
	want := []kv{}
	for i := range 4 {
		db := mustOpen(t, e, "a/b")
		same(t, all(t, db, nil, nil), want)
		p := kv{fmt.Sprint(i), "v"}
		put(t, db, p)
		want = append(want, p)
		mustClose(t, db)
	}
}

func inUse(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	if _, err := e.Open("d"); !errors.Is(err, state.ErrInUse) {
		t.Errorf("second open: %v, want %v", err, state.ErrInUse)
	}
	put(t, db, kv{"a", "1"})
	if err := e.Close(); err == nil {
		t.Errorf("the engine closed while a database was open")
	}
	wantGet(t, db, "a", "1", true)
	mustClose(t, db)
	mustClose(t, mustOpen(t, e, "d"))
}

func closed(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	b := db.NewBatch()
	b.Set([]byte("a"), nil)
	done := db.NewBatch()
	mustClose(t, done)
	mustClose(t, db)
	_, _, getErr := db.Get(nil, nil)
	s := db.Snapshot()
	_, _, snapshotErr := s.Get(nil, nil)
	done.Set([]byte("a"), nil)
	done.Delete([]byte("a"))
	done.DeleteRange([]byte("a"), []byte("b"))
	for name, err := range map[string]error{
		"get":            getErr,
		"scan":           db.Scan(nil, nil, nil),
		"flush":          db.Flush(),
		"close":          db.Close(),
		"snapshot":       snapshotErr,
		"commit":         b.Commit(),
		"commit (batch)": done.Commit(),
		"close (batch)":  done.Close(),
		"new batch":      db.NewBatch().Commit(),
	} {
		if !errors.Is(err, state.ErrClosed) {
			t.Errorf("%s: %v, want %v", name, err, state.ErrClosed)
		}
	}
}

func unflushed(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	put(t, db, kv{"a", string(make([]byte, 10_000))})
	if n := db.Unflushed(); n < 10_000 || n > 20_000 {
		t.Errorf("after 10000 bytes: %d", n)
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := db.Unflushed(); n != 0 {
		t.Errorf("after the flush: %d", n)
	}
	if err := db.Flush(); err != nil {
		t.Errorf("second flush: %v", err)
	}
}

func databases(t *testing.T, e state.Engine) {
	var dbs []state.DB
	for i := range 5 {
		db := mustOpen(t, e, fmt.Sprintf("sub/%d", i))
		put(t, db, kv{"k", fmt.Sprint(i)})
		dbs = append(dbs, db)
	}
	for i, db := range dbs {
		same(t, all(t, db, nil, nil), []kv{{"k", fmt.Sprint(i)}})
		mustClose(t, db)
	}
}

// batchesAreAtomic: each batch gives all keys one value; whoever reads a snapshot meanwhile sees
// one value.
func batchesAreAtomic(t *testing.T, e state.Engine) {
	db := mustOpen(t, e, "d")
	defer mustClose(t, db)
	const keys, batches = 20, 300
	write := func(i int) {
		b := db.NewBatch()
		for k := range keys {
			b.Set([]byte{byte(k)}, fmt.Append(nil, i))
		}
		if err := errors.Join(b.Commit(), b.Close()); err != nil {
			t.Errorf("commit: %v", err)
		}
	}
	write(0)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := db.Snapshot()
				var values []string
				err := s.Scan(nil, nil, func(_, v []byte) (bool, error) {
					values = append(values, string(v))
					return true, nil
				})
				if err := errors.Join(err, s.Close()); err != nil || len(values) != keys {
					t.Errorf("%d keys, %v", len(values), err)
					return
				}
				for _, v := range values {
					if v != values[0] {
						t.Errorf("part of a batch: %q", values)
						return
					}
				}
				n, _ := strconv.Atoi(values[0])
				if n < last {
					t.Errorf("batch %d after %d", n, last)
				}
				last = n
				if got, _, err := db.Get(nil, []byte{0}); err != nil {
					t.Errorf("get: %v", err)
				} else if now, _ := strconv.Atoi(string(got)); now < last {
					t.Errorf("get gives batch %d after %d", now, last)
				}
			}
		})
	}
	for i := 1; i <= batches; i++ {
		write(i)
	}
	close(stop)
	readers.Wait()
}
