package pebblestate_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
)

// model is what the store holds after each batch: a plain map, replayed from a list of batches that
// is a function of the seed.
type model struct {
	seed    uint64
	version int
	data    map[string]string
}

func newModel(seed uint64) *model { return &model{seed: seed, data: map[string]string{}} }

// write is one write of a batch.
type write struct {
	kind  int // 0 set, 1 delete, 2 delete range
	key   string
	value string // or the upper bound
}

// batch returns what batch n writes.
func (m *model) batch(n int) []write {
	r := rand.New(rand.NewPCG(m.seed, uint64(n)))
	key := func() string { return fmt.Sprintf("key-%03d", r.IntN(200)) }
	size := 1 + r.IntN(30)
	if n%50 == 0 {
		size += 400 // more than half of a memtable: such a batch takes another way through Pebble
	}
	writes := make([]write, size)
	for i := range writes {
		switch p := r.IntN(100); {
		case p < 75:
			b := make([]byte, 20+r.IntN(200))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			writes[i] = write{kind: 0, key: key(), value: fmt.Sprintf("%d-%s", n, b)}
		case p < 97:
			writes[i] = write{kind: 1, key: key()}
		default:
			lo := r.IntN(200)
			writes[i] = write{kind: 2, key: fmt.Sprintf("key-%03d", lo), value: fmt.Sprintf("key-%03d", lo+r.IntN(20))}
		}
	}
	return writes
}

// advance replays the batches up to version.
func (m *model) advance(version int) {
	for ; m.version < version; m.version++ {
		for _, w := range m.batch(m.version + 1) {
			switch w.kind {
			case 0:
				m.data[w.key] = w.value
			case 1:
				delete(m.data, w.key)
			default:
				maps.DeleteFunc(m.data, func(k, _ string) bool { return k >= w.key && k < w.value })
			}
		}
	}
}

func testIdentity() checkpoint.Identity {
	return checkpoint.Identity{Application: "crash", ClusterID: "c", Task: "t/0"}
}

// store is a database as a task has it: an overlay, and a checkpoint in the same batches.
type store struct {
	db state.DB
	o  *state.Overlay
	s  *state.Store
	c  *checkpoint.Checkpoint
}

func openStore(e state.Engine) (*store, error) {
	db, err := e.Open("task")
	if err != nil {
		return nil, err
	}
	c, err := checkpoint.Open(db, testIdentity())
	var prefix uint16
	if err == nil {
		prefix, err = c.Prefix("store")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	o := state.NewOverlay(db)
	return &store{db, o, o.Open(prefix), c}, nil
}

// commit writes batch n and the positions that belong to it.
func (s *store) commit(m *model, n int) error {
	for _, w := range m.batch(n) {
		switch w.kind {
		case 0:
			s.s.Put([]byte(w.key), []byte(w.value))
		case 1:
			s.s.Delete([]byte(w.key))
		default:
			s.s.DeleteRange([]byte(w.key), []byte(w.value))
		}
	}
	s.o.Commit()
	b := s.db.NewBatch()
	s.o.WriteTo(b)
	s.o.Written()
	err := s.c.Write(b, checkpoint.Update{
		Seq:        uint64(n),
		Inputs:     map[string]int64{"in": int64(n) * 10},
		Changelogs: map[string]checkpoint.TopicPosition{"store": {TopicID: topicID(n), Offset: int64(n) * 100}},
	})
	if err := errors.Join(err, b.Commit(), b.Close()); err != nil {
		return err
	}
	s.c.Applied()
	return nil
}

func topicID(n int) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// version returns how many batches the store holds, if it holds exactly those and the positions
// agree.
func (s *store) version(seed uint64) (int, error) {
	n := int(s.c.Seq())
	in, _ := s.c.Input("in")
	log, _ := s.c.Changelog("store")
	if in != int64(n)*10 || log.Offset != int64(n)*100 || n > 0 && log.TopicID != topicID(n) {
		return n, fmt.Errorf("positions of different batches: seq %d, input %d, changelog %d", n, in, log.Offset)
	}
	m := newModel(seed)
	m.advance(n)
	got := map[string]string{}
	err := s.s.Scan(nil, nil, func(k, v []byte) (bool, error) { got[string(k)] = string(v); return true, nil })
	if err != nil {
		return n, err
	}
	if !maps.Equal(got, m.data) {
		return n, fmt.Errorf("%w: %d keys that are not those of batches 1 to %d (%d keys)", errWrong, len(got), n, len(m.data))
	}
	for k, want := range m.data {
		v, found, err := s.s.Get(nil, []byte(k))
		if err != nil {
			return n, err
		}
		if !found || string(v) != want {
			return n, fmt.Errorf("%w: %s of batch %d", errWrong, k, n)
		}
	}
	return n, nil
}

// errWrong is the one thing that must never happen.
var errWrong = errors.New("wrong data")

func small(fs vfs.FS) pebblestate.Options {
	return pebblestate.Options{
		FS: fs, CacheBytes: 64 << 10, MemTableBytes: 128 << 10, MemTableSize: 64 << 10, MaxOpenFiles: 20, Compactions: 2,
	}
}

// TestCrash: a loss of power at any time leaves a prefix of the committed batches with the
// positions that belong to it. What was flushed is not lost. Each life goes on from what the last
// crash left.
func TestCrash(t *testing.T) {
	for _, unsynced := range []int{0, 50, 100} {
		t.Run(fmt.Sprint(unsynced), func(t *testing.T) {
			seed := seeds.New(t)
			r := rand.New(rand.NewPCG(seed, uint64(unsynced)))
			fs := vfs.NewCrashableMem()
			lost, last := 0, 0
			for life := range 8 {
				var before int
				last, before = crash(t, r, seed, &fs, last, unsynced)
				if t.Failed() {
					t.Fatalf("in life %d", life)
				}
				lost += before - last
			}
			t.Logf("%d batches lost in all, %d in the end", lost, last)
			if lost == 0 || last == 0 {
				t.Errorf("nothing was lost (%d) or kept (%d): the test tests nothing", lost, last)
			}
		})
	}
}

// crash opens the store, works with it, and loses power: after some operation of the file system,
// in the middle of whatever Pebble does in the background, or after the last batch. There are at
// batches to begin with. It returns how many there are afterwards, and were before the crash.
func crash(t *testing.T, r *rand.Rand, seed uint64, fs **vfs.MemFS, at, unsynced int) (after, before int) {
	var flushed, atCrash atomic.Int64
	var once sync.Once
	var left *vfs.MemFS
	flushed.Store(int64(at))
	chance := rand.New(rand.NewPCG(r.Uint64(), 0))
	lose := func() {
		once.Do(func() {
			// first: what is flushed during the crash may be lost or not
			atCrash.Store(flushed.Load())
			left = (*fs).CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: chance})
		})
	}
	var writes atomic.Int64
	fatal := 1 + r.Int64N(1500)
	crashing := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && writes.Add(1) == fatal {
			lose()
		}
		return nil
	})
	e := newEngine(t, small(errorfs.Wrap(*fs, crashing)))
	s, err := openStore(e)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.version(seed); err != nil || n != at {
		t.Fatalf("%d batches, want %d: %v", n, at, err)
	}
	for range r.IntN(200) {
		if err := s.commit(newModel(seed), at+1); err != nil {
			t.Fatalf("batch %d: %v", at+1, err)
		}
		at++
		if r.IntN(40) == 0 {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
			flushed.Store(int64(at))
		}
	}
	lose()
	if err := errors.Join(s.db.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	e = newEngine(t, small(left))
	if s, err = openStore(e); err != nil {
		t.Fatalf("after the crash: %v", err)
	}
	n, err := s.version(seed)
	if err != nil {
		t.Fatalf("after the crash: %v", err)
	}
	if n < int(atCrash.Load()) || n > at {
		t.Errorf("%d batches after the crash; %d were committed and %d flushed", n, at, atCrash.Load())
	}
	if err := errors.Join(s.db.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	*fs = crashable(t, left)
	return n, at
}

// crashable copies a file system into one that can crash.
func crashable(t *testing.T, from vfs.FS) *vfs.MemFS {
	t.Helper()
	to := vfs.NewCrashableMem()
	if ok, err := vfs.Clone(from, to, "task", "task", vfs.CloneSync); err != nil || !ok {
		t.Fatalf("clone: %v, %v", ok, err)
	}
	// Directory entries are lost as well, if nobody syncs them.
	for _, name := range []string{"task", ""} {
		dir, err := to.OpenDir(name)
		if err == nil {
			err = errors.Join(dir.Sync(), dir.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}
