package pebblestate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/kolkstream/kolk/state"
)

// db is an open database.
type db struct {
	e    *Engine
	p    *pebble.DB
	f    *failure
	g    *gate
	lock *pebble.Lock

	closed atomic.Bool

	mu        sync.Mutex
	idle      sync.Cond // snapshots is 0
	snapshots int

	mem memory
}

func (d *db) Get(dst, key []byte) ([]byte, bool, error) {
	if d.closed.Load() {
		return dst, false, state.ErrClosed
	}
	return get(d.f, d.p, dst, key)
}

func (d *db) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if d.closed.Load() {
		return state.ErrClosed
	}
	return scan(d.f, d.p, lo, hi, fn)
}

// get reads from a database or a snapshot.
func get(f *failure, r pebble.Reader, dst, key []byte) (_ []byte, found bool, err error) {
	if len(key) == 0 {
		return dst, false, nil
	}
	value, closer, err := r.Get(key)
	if broken := f.readable(); broken != nil {
		err = broken
	}
	if err != nil {
		if closer != nil {
			_ = closer.Close()
		}
		if errors.Is(err, pebble.ErrNotFound) {
			return dst, false, nil
		}
		return dst, false, f.read(err)
	}
	n := len(dst)
	dst = append(dst, value...)
	if err := closer.Close(); err != nil {
		return dst[:n], false, f.read(err)
	}
	return dst, true, nil
}

// scan reads from a database or a snapshot.
func scan(f *failure, r pebble.Reader, lo, hi []byte, fn func(key, value []byte) (bool, error)) (err error) {
	lo = lowest(lo)
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return f.read(err)
	}
	defer func() {
		if closeErr := it.Close(); closeErr != nil && err == nil {
			err = f.read(closeErr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = f.readable()
		}
		if err != nil {
			return f.read(err)
		}
		if more, err := fn(it.Key(), value); err != nil || !more {
			return err
		}
	}
	err = it.Error()
	if err == nil {
		err = f.readable()
	}
	return f.read(err)
}

// lowest returns the lower bound as Pebble gets it. It takes the empty key, but does not get along
// with it everywhere: its own checks, in builds with the race detector, find fault. No key is below
// the one of a single zero byte.
func lowest(lo []byte) []byte {
	if len(lo) == 0 {
		return []byte{0}
	}
	return lo
}

// read returns the error of a read. Corruption fails the whole database.
func (f *failure) read(err error) error {
	if err == nil {
		return nil
	}
	if isCorrupt(err) {
		f.fail(err, true)
	}
	return classify(err)
}

func (d *db) NewBatch() state.Batch {
	b := &batch{d: d}
	if d.closed.Load() {
		b.closed = true
		return b
	}
	b.p = d.p.NewBatch()
	return b
}

func (d *db) Snapshot() state.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &snapshot{d: d}
	if d.closed.Load() {
		s.closed.Store(true)
		return s
	}
	d.snapshots++
	s.p = d.p.NewSnapshot()
	return s
}

// Close waits for the snapshots, flushes and closes. After a failure it does not flush, and returns
// the failure.
func (d *db) Close() error {
	d.mu.Lock()
	if d.closed.Swap(true) {
		d.mu.Unlock()
		return state.ErrClosed
	}
	for d.snapshots > 0 {
		d.idle.Wait()
	}
	d.mu.Unlock()
	err := d.flush()
	d.e.remove(d) // nobody else flushes it any more
	d.mem.forget(d.e)
	close(d.g.stop)
	for _, c := range []io.Closer{d.p, d.lock} {
		if closeErr := c.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("pebblestate: close: %w", closeErr)
		}
	}
	return err
}

type snapshot struct {
	d      *db
	p      *pebble.Snapshot
	closed atomic.Bool
}

func (s *snapshot) Get(dst, key []byte) ([]byte, bool, error) {
	if s.closed.Load() {
		return dst, false, state.ErrClosed
	}
	return get(s.d.f, s.p, dst, key)
}

func (s *snapshot) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if s.closed.Load() {
		return state.ErrClosed
	}
	return scan(s.d.f, s.p, lo, hi, fn)
}

func (s *snapshot) Close() error {
	if s.closed.Swap(true) {
		return state.ErrClosed
	}
	err := s.p.Close()
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.snapshots--
	if s.d.snapshots == 0 {
		s.d.idle.Broadcast()
	}
	if err != nil {
		return fmt.Errorf("pebblestate: snapshot: %w", err)
	}
	return nil
}
