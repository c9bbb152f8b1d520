package statetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
)

// reference is what a database must be: a map, sorted when it is looked at.
type reference map[string]string

func (r reference) scan(lo, hi []byte) []kv {
	var got []kv
	for _, k := range slices.Sorted(maps.Keys(r)) {
		if k >= string(lo) && (hi == nil || k < string(hi)) {
			got = append(got, kv{k, r[k]})
		}
	}
	return got
}

// random compares a long random history with a reference, snapshots of it included.
func random(t *testing.T, e state.Engine) {
	r := seeds.Rand(t)
	db := mustOpen(t, e, "d")
	ref := reference{}
	type view struct {
		s   state.Snapshot
		ref reference
	}
	var views []view
	b := db.NewBatch()
	for step := range 3000 {
		switch n := r.IntN(100); {
		case n < 60:
			for range 1 + r.IntN(8) {
				randomWrite(r, b, ref)
			}
			if err := b.Commit(); err != nil {
				t.Fatalf("step %d: commit: %v", step, err)
			}
		case n < 80:
			compareGet(t, r, db, ref)
		case n < 88:
			compareScan(t, r, db, ref)
		case n < 91 && len(views) < 4:
			views = append(views, view{db.Snapshot(), maps.Clone(ref)})
		case n < 96 && len(views) > 0:
			v := views[r.IntN(len(views))]
			compareGet(t, r, v.s, v.ref)
			compareScan(t, r, v.s, v.ref)
		case n < 97 && len(views) > 0:
			mustClose(t, views[0].s)
			views = views[1:]
		case n < 98:
			if err := db.Flush(); err != nil {
				t.Fatalf("step %d: flush: %v", step, err)
			}
		case n == 99 && r.IntN(10) == 0:
			for _, v := range views {
				mustClose(t, v.s)
			}
			views = nil
			mustClose(t, b)
			mustClose(t, db)
			db = mustOpen(t, e, "d")
			b = db.NewBatch()
			same(t, all(t, db, nil, nil), ref.scan(nil, nil))
		}
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
	for _, v := range views {
		same(t, all(t, v.s, nil, nil), v.ref.scan(nil, nil))
		mustClose(t, v.s)
	}
	same(t, all(t, db, nil, nil), ref.scan(nil, nil))
	if err := errors.Join(b.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func randomKey(r *rand.Rand) []byte {
	// Few bytes, and the extreme ones: keys are prefixes of each other, and neighbours.
	key := make([]byte, 1+r.IntN(3))
	for i := range key {
		key[i] = []byte{0, 1, 'a', 'b', 'c', 0xfe, 0xff}[r.IntN(7)]
	}
	return key
}

func randomRange(r *rand.Rand) (lo, hi []byte) {
	lo, hi = randomKey(r), randomKey(r)
	if r.IntN(20) == 0 {
		lo = nil
	}
	if bytes.Compare(lo, hi) > 0 && r.IntN(10) > 0 {
		lo, hi = hi, lo
	}
	return lo, hi
}

func randomWrite(r *rand.Rand, b state.Batch, ref reference) {
	switch n := r.IntN(100); {
	case n < 70:
		key := randomKey(r)
		value := fmt.Appendf(nil, "%d", r.IntN(1000))
		if r.IntN(20) == 0 {
			value = bytes.Repeat(value, 1000)
		}
		b.Set(key, value)
		ref[string(key)] = string(value)
	case n < 95:
		key := randomKey(r)
		b.Delete(key)
		delete(ref, string(key))
	default:
		lo, hi := randomRange(r)
		b.DeleteRange(lo, hi)
		maps.DeleteFunc(ref, func(k, _ string) bool { return k >= string(lo) && k < string(hi) })
	}
}

func compareGet(t *testing.T, r *rand.Rand, db state.Reader, ref reference) {
	t.Helper()
	key := randomKey(r)
	want, found := ref[string(key)]
	wantGet(t, db, string(key), want, found)
}

func compareScan(t *testing.T, r *rand.Rand, db state.Reader, ref reference) {
	t.Helper()
	lo, hi := randomRange(r)
	if r.IntN(5) == 0 {
		hi = nil
	}
	same(t, all(t, db, lo, hi), ref.scan(lo, hi))
}
