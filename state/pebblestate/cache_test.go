package pebblestate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
)

// Memtables leave the block cache what it was given, also when every database has one in use and
// one that Pebble keeps: what fits into it is read from files once.
func TestMemTablesLeaveTheCacheAlone(t *testing.T) {
	const (
		databases = 4
		keys      = 5000 // of 200 bytes
	)
	var reads atomic.Int64
	count := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt {
			reads.Add(1)
		}
		return nil
	})
	e := newEngine(t, pebblestate.Options{
		FS: errorfs.Wrap(vfs.NewMem(), count), CacheBytes: 32 << 20, MemTableBytes: 16 << 20, MemTableSize: 16 << 20, Databases: databases, Compactions: 1,
	})
	r := rand.New(rand.NewPCG(seeds.New(t), 0))
	dbs := make([]state.DB, databases)
	value := make([]byte, 200)
	for i := range dbs {
		db, err := e.Open(strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		dbs[i] = db
		b := db.NewBatch()
		for n := range 10 * keys { // some memtables full
			for i := range value {
				value[i] = byte(r.Uint32())
			}
			b.Set(fmt.Appendf(nil, "%08d", n%keys), value)
			if n%1000 == 999 {
				if err := b.Commit(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := errors.Join(b.Close(), db.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	round := func() int64 {
		before := reads.Load()
		for _, db := range dbs {
			for n := range keys {
				var err error
				if got, _, err = db.Get(got[:0], fmt.Appendf(nil, "%08d", n)); err != nil || len(got) != len(value) {
					t.Fatal(len(got), err)
				}
			}
		}
		return reads.Load() - before
	}
	first := round()
	again := round()
	for range 10 { // a compaction that still ran makes new files
		if again <= first/20 {
			break
		}
		first, again = again, round()
	}
	if again > first/20 {
		t.Errorf("%d reads of files the first time, %d again", first, again)
	}
	for _, db := range dbs {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
