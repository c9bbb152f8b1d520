//go:build unix

package pebblestate_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
)

// What look-ups and writes cost as the number of keys grows, by Pebble itself and through each of
// kolk's layers above it: the databases of four tasks, with the share of memory that an application
// gives them by default, and counts as values. KOLK_BENCH_KEYS lists the numbers of keys. cpu-ns/op
// is all that the process takes, flushes and compactions in the background included.
//
//	get/pebble, get/db, get/store  a key that exists, at random
//	missing/pebble, missing/db     one that does not
//	write/pebble                   one of a commit's 5000 writes, at random
//	write/store                    the same, through an overlay, which holds what is committed
//	update/store                   a look-up and then a write of the same key
func BenchmarkKeys(b *testing.B) {
	sizes := os.Getenv("KOLK_BENCH_KEYS")
	if sizes == "" {
		sizes = "100000,1000000"
	}
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("keys="+size, func(b *testing.B) { benchmarkKeys(b, n) })
	}
}

const (
	benchTasks = 4
	benchBatch = 5000
	benchHeld  = 8 << 20 // committed, of a task
)

func benchmarkKeys(b *testing.B, keys int) {
	e, err := pebblestate.New(pebblestate.Options{CacheBytes: 32 << 20, MemTableBytes: 32 << 20, MemTableSize: 64 << 10, Databases: benchTasks, Compactions: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
	}()
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	each := keys / benchTasks
	var (
		dbs    []state.DB
		stores []*state.Store
		key    []byte
		value  = make([]byte, 16)
	)
	for t := range benchTasks {
		db, err := e.Open(filepath.Join(dir, strconv.Itoa(t)))
		if err != nil {
			b.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				b.Error(err)
			}
		}()
		dbs = append(dbs, db)
	}
	overlays := make([]*state.Overlay, benchTasks)
	batches := make([]state.Batch, benchTasks)
	for t, db := range dbs {
		overlays[t], batches[t] = state.NewOverlay(db), db.NewBatch()
		stores = append(stores, overlays[t].Open(1))
	}
	name := func(dst []byte, i int) []byte { return strconv.AppendInt(append(dst, "user-"...), int64(i), 10) }
	persist := func(t int) {
		overlays[t].WriteTo(batches[t])
		if err := batches[t].Commit(); err != nil {
			b.Fatal(err)
		}
		overlays[t].Written()
	}
	commit := func(t int) {
		if overlays[t].Commit(); overlays[t].Held() > benchHeld {
			persist(t)
		}
	}
	write := func(t, i int) {
		key = name(key[:0], i)
		if number := stores[t].Put(key, value); number == benchBatch-1 {
			commit(t)
		}
	}
	for i := range each { // all keys, and then as many updates
		for t := range benchTasks {
			write(t, i)
		}
	}
	for range each {
		for t := range benchTasks {
			write(t, r.IntN(each))
		}
	}
	for t := range benchTasks {
		commit(t)
		persist(t)
	}

	var got []byte
	// run measures op, which leaves work to the background.
	run := func(what string, op func()) {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				op()
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
	lookUp := func(what string, get func(t int, key []byte) bool, missing bool) {
		run(what, func() {
			key = name(append(key[:0], 0, 1), r.IntN(each))
			if missing {
				key = append(key, '-')
			}
			if get(r.IntN(benchTasks), key) == missing {
				b.Fatalf("%s: found is not %v", key, !missing)
			}
		})
	}
	bare := func(t int, key []byte) bool {
		v, closer, err := pebblestate.Bare(dbs[t]).Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return false
		}
		if err != nil {
			b.Fatal(err)
		}
		got = append(got[:0], v...)
		if err := closer.Close(); err != nil {
			b.Fatal(err)
		}
		return true
	}
	db := func(t int, key []byte) (found bool) {
		if got, found, err = dbs[t].Get(got[:0], key); err != nil {
			b.Fatal(err)
		}
		return found
	}
	store := func(t int, key []byte) (found bool) {
		if got, found, err = stores[t].Get(got[:0], key[2:]); err != nil {
			b.Fatal(err)
		}
		return found
	}
	lookUp("get/pebble", bare, false)
	lookUp("get/db", db, false)
	lookUp("get/store", store, false)
	lookUp("missing/pebble", bare, true)
	lookUp("missing/db", db, true)
	bares := make([]*pebble.Batch, benchTasks)
	for t, db := range dbs {
		bares[t] = pebblestate.Bare(db).NewBatch()
	}
	run("write/pebble", func() {
		t := r.IntN(benchTasks)
		key = name(append(key[:0], 0, 1), r.IntN(each))
		if err := bares[t].Set(key, value, nil); err != nil {
			b.Fatal(err)
		}
		if bares[t].Count() == benchBatch {
			if err := pebblestate.Bare(dbs[t]).Apply(bares[t], pebble.NoSync); err != nil {
				b.Fatal(err)
			}
			bares[t].Reset()
		}
	})
	for _, p := range bares {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	}
	run("write/store", func() { write(r.IntN(benchTasks), r.IntN(each)) })
	run("update/store", func() {
		t, i := r.IntN(benchTasks), r.IntN(each)
		key = name(key[:0], i)
		if got, _, err = stores[t].Get(got[:0], key); err != nil {
			b.Fatal(err)
		}
		write(t, i)
	})
}

// cpu is what the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
