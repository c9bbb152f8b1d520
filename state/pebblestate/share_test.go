package pebblestate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
)

func TestMain(m *testing.M) {
	// Pebble ends a goroutine or two only after its Close has returned; goleak waits for them.
	goleak.VerifyTestMain(m)
}

func TestOptions(t *testing.T) {
	for _, o := range []pebblestate.Options{
		{CacheBytes: -1}, {MemTableBytes: -1}, {MemTableSize: -1}, {MaxOpenFiles: -1}, {Compactions: -1},
		{MemTableSize: 1}, {MemTableSize: 1 << 40},
	} {
		if _, err := pebblestate.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// TestSharedBudget: many databases hold no more in memory than the budget and what each flush in
// progress takes; none of them has to wait until its own table is full.
func TestSharedBudget(t *testing.T) {
	const (
		budget    = 1 << 20
		databases = 20
		batch     = 4 << 10
	)
	e := newEngine(t, pebblestate.Options{FS: vfs.NewMem(), MemTableBytes: budget, MemTableSize: 512 << 10, Compactions: 1})
	r := rand.New(rand.NewPCG(seeds.New(t), 0))
	dbs := make([]state.DB, databases)
	for i := range dbs {
		db, err := e.Open(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		dbs[i] = db
	}
	value := make([]byte, batch)
	most := int64(0)
	for range 2000 {
		db := dbs[r.IntN(databases)]
		for i := range value {
			value[i] = byte(r.Uint32())
		}
		b := db.NewBatch()
		b.Set(value[:8], value)
		if err := errors.Join(b.Commit(), b.Close()); err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, db := range dbs {
			n := db.Unflushed()
			if n > 3*512<<10+2*batch {
				t.Fatalf("one database holds %d bytes", n)
			}
			sum += n
		}
		most = max(most, sum)
	}
	if most < budget/2 || most > 2*budget {
		t.Errorf("at most %d bytes were held, with a budget of %d", most, budget)
	}
	for _, db := range dbs {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSharedCompactions: databases that all have much to compact get there with one slot among
// them, while others open and close.
func TestSharedCompactions(t *testing.T) {
	seed := seeds.New(t)
	o := small(vfs.NewMem())
	o.Compactions = 1
	e := newEngine(t, o)
	var workers sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			want := map[byte]byte{}
			for life := range 3 {
				db, err := e.Open(filepath.Join("db", fmt.Sprint(i)))
				if err != nil {
					t.Error(err)
					return
				}
				value := make([]byte, 8<<10)
				for range 60 {
					b := db.NewBatch()
					for range 4 {
						key := byte(r.Uint32())
						value[0] = byte(r.Uint32())
						for i := 1; i < len(value); i++ {
							value[i] = byte(r.Uint32())
						}
						b.Set([]byte{key}, value)
						want[key] = value[0]
					}
					if err := errors.Join(b.Commit(), b.Close()); err != nil {
						t.Error(err)
						return
					}
				}
				n := 0
				err = db.Scan(nil, nil, func(key, value []byte) (bool, error) {
					n++
					if want[key[0]] != value[0] {
						return false, fmt.Errorf("key %d: %d, want %d", key[0], value[0], want[key[0]])
					}
					return true, nil
				})
				if err := errors.Join(err, db.Close()); err != nil || n != len(want) {
					t.Errorf("life %d: %d keys, want %d: %v", life, n, len(want), err)
				}
			}
		})
	}
	workers.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkGet(b *testing.B) {
	e, err := pebblestate.New(pebblestate.Options{FS: vfs.NewMem()})
	if err != nil {
		b.Fatal(err)
	}
	db, err := e.Open("d")
	if err != nil {
		b.Fatal(err)
	}
	keys := make([][]byte, 100_000)
	batch := db.NewBatch()
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%08d", i)
		batch.Set(keys[i], keys[i])
	}
	if err := errors.Join(batch.Commit(), batch.Close(), db.Flush()); err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	missing := []byte("key-12345678x")
	var dst []byte
	for name, pick := range map[string]func() []byte{
		"found":   func() []byte { return keys[r.IntN(len(keys))] },
		"missing": func() []byte { return missing },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if dst, _, err = db.Get(dst[:0], pick()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if err := errors.Join(db.Close(), e.Close()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkCommit(b *testing.B) {
	e, err := pebblestate.New(pebblestate.Options{FS: vfs.NewMem()})
	if err != nil {
		b.Fatal(err)
	}
	db, err := e.Open("d")
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	key, value := make([]byte, 16), make([]byte, 100)
	batch := db.NewBatch()
	b.ReportAllocs()
	n := 0
	for b.Loop() { // one write of a batch of 1000
		k := r.IntN(1_000_000)
		copy(key, fmt.Appendf(key[:0], "key-%012d", k))
		batch.Set(key, value)
		if n++; n == 1000 {
			n = 0
			if err := batch.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := errors.Join(batch.Close(), db.Close(), e.Close()); err != nil {
		b.Fatal(err)
	}
}
