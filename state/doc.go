// Package state defines what kolk needs of a local database, and the layers of writes above it that
// it does not have yet.
//
// A task owns one [DB]. While a transaction runs, the task's writes live in an [Overlay]. When
// Kafka has confirmed the transaction they are committed, and stay in the overlay until it is worth
// writing all that is committed to the database: as one atomic batch, together with the positions
// that belong to it (package checkpoint). Uncommitted data never reaches the database.
//
// This program counts in a store, through two transactions of which one fails:
//
//	package main
//
//	import (
//		"encoding/binary"
//		"fmt"
//		"log"
//
//		"github.com/kolkstream/kolk/state"
//		"github.com/kolkstream/kolk/state/memstate"
//	)
//
//	func count(s *state.Store, key string) (n uint64, err error) {
//		b, found, err := s.Get(nil, []byte(key))
//		if found {
//			n = binary.BigEndian.Uint64(b)
//		}
//		s.Put([]byte(key), binary.BigEndian.AppendUint64(nil, n+1))
//		return n + 1, err
//	}
//
//	func run() error {
//		db, err := memstate.New().Open("task-0")
//		if err != nil {
//			return err
//		}
//		defer db.Close()
//		overlay := state.NewOverlay(db)
//		counts := overlay.Open(1)
//		for _, commits := range []bool{true, false, true} {
//			n, err := count(counts, "flights")
//			if err != nil {
//				return err
//			}
//			if commits {
//				overlay.Commit()
//			} else {
//				overlay.Reset()
//			}
//			fmt.Println(n, commits) // 1 true, 2 false, 2 true
//		}
//		batch := db.NewBatch()
//		overlay.WriteTo(batch) // and the positions, with package checkpoint
//		if err := batch.Commit(); err != nil {
//			return err
//		}
//		overlay.Written()
//		return db.Flush()
//	}
//
//	func main() {
//		if err := run(); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// # Engines
//
// [github.com/kolkstream/kolk/state/pebblestate] is on disk and what applications use,
// [github.com/kolkstream/kolk/state/memstate] is in memory. Both pass the conformance suite
// [github.com/kolkstream/kolk/state/statetest], as any other must: an ordered map of bytes with
// atomic batches, snapshots, and no promise of durability before a flush. What a crash loses is
// replayed from the changelog topic, so an engine needs no log of its own.
//
// # Stores
//
// A [Store] is the part of a task's database whose keys begin with one prefix of two bytes. It is
// what operators read and write, as bytes; the typed stores of processors and the caches of
// aggregations lie above it (package topology). The bytes of keys and values are in
// docs/format/state.md.
//
// # Damage
//
// [ErrCorrupt] marks what cannot be what was written. A task whose database is corrupt is closed,
// the directory deleted, and its state restored from the changelog: a wrong answer is never given.
package state
