package state_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
)

// kv is a key and its value.
type kv struct{ key, value string }

// change is what Changes reports.
type change struct {
	key, value string
	deleted    bool
}

// reference is what a store must be: what the database has, and what was written since.
type reference struct {
	now       map[string]string
	committed map[string]string
	changes   []change // in the order of the last write to each key
	// touched are the keys that the transaction has written or deleted one by one; those that are
	// true were new when it did so first.
	touched map[string]bool
}

func newReference() *reference {
	return &reference{now: map[string]string{}, committed: map[string]string{}, touched: map[string]bool{}}
}

func (r *reference) drop(key string) {
	r.changes = slices.DeleteFunc(r.changes, func(c change) bool { return c.key == key })
}

func (r *reference) touch(key string, isNew bool) {
	if _, ok := r.touched[key]; !ok {
		r.touched[key] = isNew
	}
}

func (r *reference) put(key, value string, isNew bool) {
	r.touch(key, isNew)
	r.drop(key)
	r.changes = append(r.changes, change{key, value, false})
	r.now[key] = value
}

func (r *reference) delete(key string) {
	r.touch(key, false)
	r.drop(key)
	if !r.touched[key] {
		r.changes = append(r.changes, change{key, "", true})
	}
	delete(r.now, key)
}

func (r *reference) forget(key string) {
	r.touch(key, false)
	r.drop(key)
	delete(r.now, key)
}

func in(key string, lo, hi []byte) bool {
	return key >= string(lo) && (hi == nil || key < string(hi))
}

func (r *reference) deleteRange(lo, hi []byte) {
	r.changes = slices.DeleteFunc(r.changes, func(c change) bool { return in(c.key, lo, hi) })
	maps.DeleteFunc(r.now, func(k, _ string) bool { return in(k, lo, hi) })
}

func (r *reference) reset(commit bool) {
	if commit {
		r.committed = maps.Clone(r.now)
	}
	r.now = maps.Clone(r.committed)
	r.changes = nil
	clear(r.touched)
}

func (r *reference) scan(lo, hi []byte) []kv {
	var got []kv
	for _, k := range slices.Sorted(maps.Keys(r.now)) {
		if in(k, lo, hi) {
			got = append(got, kv{k, r.now[k]})
		}
	}
	return got
}

func openDB(t testing.TB) state.DB {
	t.Helper()
	db, err := memstate.New().Open("d")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func scan(t testing.TB, s state.Reader, lo, hi []byte) []kv {
	t.Helper()
	var got []kv
	err := s.Scan(lo, hi, func(key, value []byte) (bool, error) {
		got = append(got, kv{string(key), string(value)})
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func changes(t testing.TB, s *state.Store) []change {
	t.Helper()
	var got []change
	err := s.Changes(func(_ int, key, value []byte, deleted bool) error {
		got = append(got, change{string(key), string(value), deleted})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// apply commits what was written and brings it to the database.
func apply(t testing.TB, db state.DB, o *state.Overlay) {
	t.Helper()
	o.Commit()
	persist(t, db, o)
}

// persist brings what is committed to the database.
func persist(t testing.TB, db state.DB, o *state.Overlay) {
	t.Helper()
	b := db.NewBatch()
	o.WriteTo(b)
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
	o.Written()
	if n := o.Held(); n != 0 {
		t.Errorf("an overlay with nothing to write holds %d bytes", n)
	}
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) || len(got) > 0 && !slices.Equal(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestOverlayRandom(t *testing.T) {
	s := seeds.New(t)
	for round := range uint64(20) {
		r := rand.New(rand.NewPCG(s, round))
		t.Run(fmt.Sprint(round), func(t *testing.T) { randomOverlay(t, r) })
	}
}

func randomOverlay(t *testing.T, r *rand.Rand) {
	db := openDB(t)
	o := state.NewOverlay(db)
	// Neighbours in the database, and the largest prefix.
	prefixes := []uint16{1, 2, 65534}
	refs := map[uint16]*reference{}
	for _, p := range prefixes {
		refs[p] = newReference()
	}
	length := 1 + r.IntN(3)
	key := func() []byte {
		k := make([]byte, r.IntN(length+1))
		for i := range k {
			k[i] = []byte{0, 1, 'a', 'b', 0xfe, 0xff}[r.IntN(6)]
		}
		return k
	}
	bounds := func() (lo, hi []byte) {
		lo, hi = key(), key()
		if r.IntN(6) == 0 {
			return lo, nil
		}
		if bytes.Compare(lo, hi) > 0 && r.IntN(8) > 0 {
			lo, hi = hi, lo
		}
		return lo, hi
	}
	for step := range 4000 {
		p := prefixes[r.IntN(len(prefixes))]
		store, ref := o.Open(p), refs[p]
		switch n := r.IntN(1000); {
		case n < 350:
			k, v := key(), fmt.Appendf(nil, "%d", r.IntN(1000))
			if r.IntN(10) == 0 {
				v = bytes.Repeat(v, r.IntN(50))
			}
			if _, there := ref.now[string(k)]; !there && r.IntN(2) == 0 {
				store.PutNew(k, v)
				ref.put(string(k), string(v), true)
			} else {
				store.Put(k, v)
				ref.put(string(k), string(v), false)
			}
			clear(k)
			clear(v) // arguments are copied
		case n < 450:
			k := key()
			if r.IntN(3) == 0 {
				store.Forget(k)
				ref.forget(string(k))
			} else {
				store.Delete(k)
				ref.delete(string(k))
			}
		case n < 480:
			lo, hi := bounds()
			store.DeleteRange(lo, hi)
			ref.deleteRange(lo, hi)
		case n < 800:
			k := key()
			want, ok := ref.now[string(k)]
			got, found, err := store.Get([]byte("dst-"), k)
			if err != nil || found != ok || string(got) != "dst-"+want {
				t.Errorf("get %q: %q, %v, %v; want %q, %v", k, got, found, err, want, ok)
			}
		case n < 950:
			lo, hi := bounds()
			equal(t, fmt.Sprintf("scan [%q, %q)", lo, hi), scan(t, store, lo, hi), ref.scan(lo, hi))
		case n < 970:
			equal(t, "changes", changes(t, store), ref.changes)
		case n < 980:
			o.Commit()
			for _, ref := range refs {
				ref.reset(true)
			}
		case n < 982:
			persist(t, db, o) // in the middle of a transaction, too
		case n < 985:
			o.Reset()
			for _, ref := range refs {
				ref.reset(false)
			}
		}
		if t.Failed() {
			t.Fatalf("at step %d, prefix %d", step, p)
		}
	}
	apply(t, db, o)
	total := 0
	for p, ref := range refs {
		equal(t, "in the end", scan(t, o.Open(p), nil, nil), ref.scan(nil, nil))
		total += len(ref.now)
	}
	if n := len(scan(t, db, nil, nil)); n != total {
		t.Errorf("the database has %d keys, want %d", n, total)
	}
}

// A key that is new and deleted again is no change in the same transaction, and nothing that a
// database hears of before it has the key.
func TestPutNew(t *testing.T) {
	db := openDB(t)
	o := state.NewOverlay(db)
	s := o.Open(1)
	s.PutNew([]byte("a"), []byte("1"))
	s.Delete([]byte("a"))
	s.PutNew([]byte("b"), []byte("1"))
	s.PutNew([]byte("c"), []byte("1"))
	equal(t, "changes", changes(t, s), []change{{"b", "1", false}, {"c", "1", false}})
	o.Commit()
	s.Delete([]byte("b"))
	s.Forget([]byte("c"))
	equal(t, "changes", changes(t, s), []change{{"b", "", true}})
	equal(t, "before the commit", scan(t, s, nil, nil), nil)
	o.Commit()
	var got recorder
	o.WriteTo(&got)
	if len(got.keys) > 0 {
		t.Errorf("the database is told of %q", got.keys)
	}
	s.PutNew([]byte("b"), []byte("2"))
	apply(t, db, o)
	s.Delete([]byte("b"))
	o.Commit()
	o.WriteTo(&got)
	if len(got.keys) != 1 {
		t.Errorf("the database has b, and is told of %q", got.keys)
	}
}

// TestIndex: the database has a second row for each row, whatever was put and deleted by itself,
// and the overlay has those that were.
func TestIndex(t *testing.T) {
	r := seeds.Rand(t)
	db := openDB(t)
	o := state.NewOverlay(db)
	s := o.Open(1)
	index := func(dst, key []byte) []byte {
		if key[0] == 0xff {
			return dst
		}
		return append(append(dst, 0xff), key...)
	}
	s.Index(index)
	rows, put := map[string]bool{}, map[string]bool{}
	for range 20_000 {
		key := []byte{byte(r.IntN(3)), byte(r.IntN(20))}
		second := index(nil, key)
		switch n := r.IntN(100); {
		case n < 40:
			if rows[string(key)] {
				s.Put(key, nil)
			} else {
				s.PutNew(key, nil)
			}
			rows[string(key)] = true
		case n < 70:
			if n%2 == 0 {
				s.Delete(key)
			} else {
				s.Forget(key)
			}
			delete(rows, string(key))
			if put[string(key)] {
				s.Delete(second)
				delete(put, string(key))
			}
		case n < 75 && rows[string(key)]:
			s.Put(second, nil)
			put[string(key)] = true
		case n < 80 && !rows[string(key)]:
			s.Delete(second)
		case n < 82:
			s.DeleteRange([]byte{0}, []byte{1})
			for i := range byte(20) {
				s.Delete(index(nil, []byte{0, i}))
			}
			maps.DeleteFunc(rows, func(k string, _ bool) bool { return k[0] == 0 })
		case n < 90:
			o.Commit()
		case n < 92: // as after an abort
			o.Commit()
			s.Index(index)
			for k := range rows {
				put[k] = true
				if _, found, _ := s.Get(nil, index(nil, []byte(k))); !found {
					t.Fatalf("%x has no second row", k)
				}
			}
		case n < 94:
			apply(t, db, o)
			var want []string
			for k := range rows {
				want = append(want, k, "\xff"+k)
			}
			slices.Sort(want)
			var got []string
			for _, x := range scan(t, s, nil, nil) {
				got = append(got, x.key)
			}
			equal(t, "keys", got, want)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// What is held is what counts, about, however much has come and gone.
func TestHeldIsWhatCounts(t *testing.T) {
	o := state.NewOverlay(openDB(t))
	s := o.Open(1)
	key := func(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }
	const alive = 2000
	var most int64
	for i := range 100 * alive {
		s.PutNew(key(i), key(i))
		if i >= alive {
			s.Forget(key(i - alive))
		}
		if i%500 == 0 {
			o.Commit()
			most = max(most, o.Held())
		}
	}
	if most > 1<<20 {
		t.Errorf("%d keys at a time take %d bytes", alive, most)
	}
	o.Commit()
	if got := scan(t, s, nil, nil); len(got) != alive || got[0].key != string(key(99*alive)) {
		t.Errorf("%d keys are left", len(got))
	}
}

func TestOverlayOrderOfLastWrite(t *testing.T) {
	o := state.NewOverlay(openDB(t))
	s := o.Open(1)
	put := func(keys ...string) {
		for _, k := range keys {
			s.Put([]byte(k), []byte("v"))
		}
	}
	put("a", "b", "c", "a")
	s.Delete([]byte("b"))
	put("d", "d")
	equal(t, "changes", changes(t, s), []change{{"c", "v", false}, {"a", "v", false}, {"b", "", true}, {"d", "v", false}})
	s.DeleteRange([]byte("a"), []byte("c"))
	put("b")
	equal(t, "changes after a range", changes(t, s), []change{{"c", "v", false}, {"d", "v", false}, {"b", "v", false}})
	mine := errors.New("mine")
	calls := 0
	if err := s.Changes(func(_ int, _, _ []byte, _ bool) error { calls++; return mine }); !errors.Is(err, mine) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

func TestOverlaySize(t *testing.T) {
	o := state.NewOverlay(openDB(t))
	s := o.Open(1)
	for name, write := range map[string]func(){
		"put":          func() { s.Put(nil, nil) },
		"delete":       func() { s.Delete(nil) },
		"delete range": func() { s.DeleteRange(nil, nil) },
		"large":        func() { s.Put([]byte("k"), make([]byte, 1000)) },
	} {
		if n := o.Size(); n != 0 {
			t.Fatalf("empty: %d", n)
		}
		write()
		if n := o.Size(); n <= 0 || name == "large" && (n < 1000 || n > 1200) {
			t.Errorf("after %s: %d", name, n)
		}
		o.Reset()
	}
	if o.Open(1) != s || s.Prefix() != 1 {
		t.Errorf("another store for the same prefix")
	}
}

func TestScanStopsAndNests(t *testing.T) {
	db := openDB(t)
	o := state.NewOverlay(db)
	s := o.Open(1)
	for _, k := range []string{"a", "c"} {
		s.Put([]byte(k), []byte("db"))
	}
	apply(t, db, o)
	for _, k := range []string{"b", "d"} {
		s.Put([]byte(k), []byte("committed"))
	}
	o.Commit()
	s.Put([]byte("bb"), []byte("overlay"))
	s.Put([]byte("e"), []byte("overlay"))
	for stop := 1; stop <= 6; stop++ {
		calls := 0
		err := s.Scan(nil, nil, func(_, _ []byte) (bool, error) { calls++; return calls < stop, nil })
		if err != nil || calls != stop {
			t.Errorf("stopped after %d calls instead of %d: %v", calls, stop, err)
		}
		mine := errors.New("mine")
		calls = 0
		err = s.Scan(nil, nil, func(_, _ []byte) (bool, error) {
			if calls++; calls == stop {
				return true, mine
			}
			return true, nil
		})
		if !errors.Is(err, mine) || calls != stop {
			t.Errorf("failed after %d calls instead of %d: %v", calls, stop, err)
		}
	}
	var got []string
	err := s.Scan([]byte("b"), []byte("c"), func(key, _ []byte) (bool, error) {
		return true, s.Scan([]byte("d"), nil, func(k2, _ []byte) (bool, error) {
			v, found, err := s.Get(nil, k2)
			got = append(got, fmt.Sprintf("%s %s %s %v", key, k2, v, found))
			return true, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "nested", got, []string{"b d committed true", "b e overlay true", "bb d committed true", "bb e overlay true"})
}

// TestOverlayGivesMemoryBack: a transaction of 64 MiB does not stay in memory for ever, and the
// ones after it are right.
func TestOverlayGivesMemoryBack(t *testing.T) {
	db := openDB(t)
	o := state.NewOverlay(db)
	s := o.Open(1)
	value := make([]byte, 1<<10)
	for i := range 1 << 14 {
		s.Put(fmt.Append(nil, i), value)
	}
	if n := o.Size(); n < 16<<20 {
		t.Errorf("size %d", n)
	}
	o.Reset()
	for i := range 100 {
		key := fmt.Append(nil, i)
		s.Put(key, value)
		if got := scan(t, s, nil, nil); len(got) != 1 || got[0].key != string(key) {
			t.Fatalf("round %d: %q", i, got)
		}
		o.Reset()
	}
	if n := state.Capacity(o); n > 1<<20 {
		t.Errorf("an idle overlay keeps %d bytes", n)
	}
}

func TestOverlayDoesNotAllocate(t *testing.T) {
	o := state.NewOverlay(openDB(t))
	s := o.Open(1)
	keys := make([][]byte, 1000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%d", i)
	}
	var dst []byte
	transaction := func() {
		for range 2 {
			for _, k := range keys {
				s.Put(k, k[:5])
				dst, _, _ = s.Get(dst[:0], k)
			}
		}
		s.Delete(keys[0])
		_ = s.Changes(func(_ int, _, _ []byte, _ bool) error { return nil })
		o.Reset()
	}
	if n := testing.AllocsPerRun(10, transaction); n != 0 {
		t.Errorf("%v allocations per transaction", n)
	}
	read := func(_, _ []byte) (bool, error) { return true, nil }
	ranges := func() {
		for _, k := range keys[:100] {
			s.Put(k, k)
			s.DeleteRange(k[:5], k)
			_ = s.Scan(k, nil, read)
		}
		o.Reset()
	}
	if n := testing.AllocsPerRun(10, ranges); n != 0 {
		t.Errorf("%v allocations per transaction with ranges and scans", n)
	}
	commits := func() {
		for _, k := range keys {
			s.Put(k, k[:5])
			dst, _, _ = s.Get(dst[:0], k)
		}
		s.Delete(keys[0])
		o.Commit()
	}
	if n := testing.AllocsPerRun(10, commits); n != 0 {
		t.Errorf("%v allocations per transaction that commits keys which are held already", n)
	}
}

// TestCommittedOnce: what many transactions have written goes to the database once, and the memory
// for it is given back.
func TestCommittedOnce(t *testing.T) {
	o := state.NewOverlay(openDB(t))
	s := o.Open(1)
	for i := range 100 {
		s.Put([]byte("k"), fmt.Append(nil, i))
		s.Put([]byte("gone"), fmt.Append(nil, i))
		o.Commit()
	}
	s.Delete([]byte("gone"))
	o.Commit()
	s.Put([]byte("k"), []byte("open"))
	held := o.Held()
	if held == 0 || held > 4<<10 {
		t.Errorf("two keys take %d bytes", held)
	}
	var b recorder
	o.WriteTo(&b)
	if want := [][]byte{[]byte("\x00\x01gone"), []byte("\x00\x01k")}; !slices.EqualFunc(b.keys, want, bytes.Equal) {
		t.Errorf("wrote %q, want %q", b.keys, want)
	}
	equal(t, "values", b.values, []string{"", "99"})
	o.Written()
	if n := o.Held(); n != 0 {
		t.Errorf("holds %d bytes of nothing", n)
	}
	if got, found, err := s.Get(nil, []byte("k")); err != nil || !found || string(got) != "open" {
		t.Errorf("the open transaction is %q, %v, %v", got, found, err)
	}
}

func BenchmarkOverlayPut(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o, s, keys := benchmarkOverlay(b, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				s.Put(keys[i], keys[i])
				if i++; i == n {
					i = 0
					o.Reset()
				}
			}
		})
	}
}

func BenchmarkOverlayOverwrite(b *testing.B) {
	_, s, keys := benchmarkOverlay(b, 100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Put(keys[i], keys[i])
		if i++; i == len(keys) {
			i = 0
		}
	}
}

func BenchmarkOverlayGet(b *testing.B) {
	_, s, keys := benchmarkOverlay(b, 100_000)
	for _, k := range keys {
		s.Put(k, k)
	}
	var dst []byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var found bool
		if dst, found, _ = s.Get(dst[:0], keys[i]); !found {
			b.Fatal("not found")
		}
		if i++; i == len(keys) {
			i = 0
		}
	}
}

// BenchmarkOverlayPutOrdered is a put in a transaction that scans its store after each hundredth.
func BenchmarkOverlayPutOrdered(b *testing.B) {
	o, s, keys := benchmarkOverlay(b, 100_000)
	o.Reset()
	none := func(_, _ []byte) (bool, error) { return false, nil }
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Put(keys[i], keys[i])
		if i++; i%100 == 0 {
			_ = s.Scan(nil, nil, none)
		}
		if i == len(keys) {
			i = 0
			o.Reset()
		}
	}
}

func benchmarkOverlay(b *testing.B, n int) (*state.Overlay, *state.Store, [][]byte) {
	o := state.NewOverlay(openDB(b))
	s := o.Open(1)
	keys := make([][]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "%016x", r.Uint64())
		s.Put(keys[i], keys[i])
	}
	_ = s.Scan(nil, nil, func(_, _ []byte) (bool, error) { return false, nil })
	o.Reset()
	return o, s, keys
}

// BenchmarkOverlayOrder is a put in a transaction that is scanned at its end, among as many
// committed ones as there are keys.
func BenchmarkOverlayOrder(b *testing.B) {
	o, s, keys := benchmarkOverlay(b, 100_000)
	o.Reset()
	none := func(_, _ []byte) (bool, error) { return false, nil }
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Put(keys[i], keys[i])
		if i++; i%2500 == 0 {
			_ = s.Scan(nil, nil, none)
			o.Commit()
		}
		if i == len(keys) {
			i = 0
			o.Reset()
		}
	}
}

// BenchmarkOverlayOrderTimes is BenchmarkOverlayOrder with rows by time, and by key.
func BenchmarkOverlayOrderTimes(b *testing.B) {
	o := state.NewOverlay(openDB(b))
	s := o.Open(1)
	keys := make([][]byte, 100_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range keys {
		if i%2 == 0 {
			keys[i] = fmt.Appendf(binary.BigEndian.AppendUint64(nil, uint64(1767225600000+i+r.IntN(3000))), "user-%d", r.IntN(100_000))
		} else {
			keys[i] = fmt.Appendf([]byte{1}, "user-%d-%d", r.IntN(100_000), i)
		}
	}
	none := func(_, _ []byte) (bool, error) { return false, nil }
	i := 0
	for b.Loop() {
		s.Put(keys[i], nil)
		if i++; i%2500 == 0 {
			_ = s.Scan(nil, nil, none)
			o.Commit()
			_ = s.Scan(nil, nil, none)
		}
		if i == len(keys) {
			i = 0
			o.Written()
		}
	}
}

// BenchmarkOverlayWriteTo is a put, and its part of writing 100,000 of them.
func BenchmarkOverlayWriteTo(b *testing.B) {
	o, s, keys := benchmarkOverlay(b, 100_000)
	o.Reset()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Put(keys[i], keys[i])
		if i++; i == len(keys) {
			i = 0
			o.Commit()
			o.WriteTo(noBatch{})
			o.Written()
		}
	}
}

type noBatch struct{ state.Batch }

func (noBatch) Set(_, _ []byte) {}
