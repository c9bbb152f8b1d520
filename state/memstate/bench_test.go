package memstate_test

import (
	"encoding/binary"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
)

const benchKeys = 100_000

func key(n int) []byte {
	k := append(make([]byte, 0, 16), "key-----"...)
	return binary.BigEndian.AppendUint64(k, uint64(n)*7)
}

// filled returns a database of benchKeys keys, written in batches of 1,000 in random order.
func filled(b *testing.B) state.DB {
	b.Helper()
	db, err := memstate.New().Open("d")
	if err != nil {
		b.Fatal(err)
	}
	batch := db.NewBatch()
	for i, n := range seeds.Rand(b).Perm(benchKeys) {
		batch.Set(key(n), key(n))
		if i%1000 == 999 {
			commit(b, batch)
		}
	}
	commit(b, batch)
	return db
}

func commit(b *testing.B, batch state.Batch) {
	b.Helper()
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkGet(b *testing.B) {
	db, r := filled(b), seeds.Rand(b)
	var keys [1024][]byte
	for i := range keys {
		keys[i] = key(r.IntN(benchKeys))
	}
	var value []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var found bool
		var err error
		if value, found, err = db.Get(value[:0], keys[i%len(keys)]); err != nil || !found {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkScan100(b *testing.B) {
	db, r := filled(b), seeds.Rand(b)
	b.ReportAllocs()
	for b.Loop() {
		n := r.IntN(benchKeys - 100)
		rows := 0
		if err := db.Scan(key(n), key(n+100), func(_, _ []byte) (bool, error) { rows++; return true, nil }); err != nil || rows != 100 {
			b.Fatal(rows, err)
		}
	}
}

// A batch of so many keys, spread over all.
func BenchmarkBatch(b *testing.B) {
	for name, size := range map[string]int{"1": 1, "100": 100, "10000": 10_000} {
		b.Run(name, func(b *testing.B) {
			db, r := filled(b), seeds.Rand(b)
			batch := db.NewBatch()
			b.ReportAllocs()
			for b.Loop() {
				for range size {
					k := key(r.IntN(benchKeys))
					batch.Set(k, k)
				}
				commit(b, batch)
			}
		})
	}
}

// A range of 1,000 keys goes and comes back, as windows do.
func BenchmarkDeleteRange1000(b *testing.B) {
	db, r := filled(b), seeds.Rand(b)
	batch := db.NewBatch()
	b.ReportAllocs()
	for b.Loop() {
		n := r.IntN(benchKeys - 1000)
		batch.DeleteRange(key(n), key(n+1000))
		commit(b, batch)
		for i := range 1000 {
			batch.Set(key(n+i), key(n+i))
		}
		commit(b, batch)
	}
}
