// Package memstate is a state engine in memory: for tests, for the test driver, and for jobs whose
// state may be rebuilt from its changelog at each start.
//
// An [Engine] takes the part of a disk: what was committed to a directory is there when the
// directory is opened again, as long as the Engine lives. [Engine.Crash] takes the part of a power
// failure.
package memstate

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/kolkstream/kolk/state"
)

// Engine is a [state.Engine] in memory. Use [New].
type Engine struct {
	mu     sync.Mutex
	dirs   map[string]*dir
	closed bool
}

// dir is what the disk would hold.
type dir struct {
	open      *db
	committed *tree
	flushed   *tree
}

// New returns an engine without directories.
func New() *Engine {
	return &Engine{dirs: make(map[string]*dir)}
}

// Open opens the database in dir: the one that was closed, or lost in a crash, or a new one.
func (e *Engine) Open(name string) (state.DB, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("memstate: open %s: %w", name, state.ErrClosed)
	}
	d := e.dirs[name]
	if d == nil {
		empty := newTree()
		d = &dir{committed: empty, flushed: empty}
		e.dirs[name] = d
	}
	if d.open != nil {
		return nil, fmt.Errorf("memstate: open %s: %w", name, state.ErrInUse)
	}
	b := &db{engine: e, dir: d}
	b.idle.L = &b.mu
	b.tree.Store(d.committed)
	d.open = b
	return b, nil
}

// Crash does to all databases what a loss of power does: what was committed since the last Flush of
// each is gone, and they are no longer open. Snapshots and batches of before must not be used any
// more, except to be closed.
func (e *Engine) Crash() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.dirs {
		if d.open != nil {
			d.open.closed.Store(true)
			d.open = nil
		}
		d.committed = d.flushed
	}
}

// Remove forgets the directory, as if it had been deleted. It must not be open.
func (e *Engine) Remove(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d := e.dirs[name]; d != nil && d.open != nil {
		return fmt.Errorf("memstate: remove %s: %w", name, state.ErrInUse)
	}
	delete(e.dirs, name)
	return nil
}

// Close ends the engine. It fails, and does nothing, while a database is open.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, d := range e.dirs {
		if d.open != nil {
			return fmt.Errorf("memstate: close: %s: %w", name, state.ErrInUse)
		}
	}
	e.closed = true
	return nil
}

// db is an open database. Readers take the current tree and go their way; the one writer puts a new
// one in its place.
type db struct {
	engine *Engine
	dir    *dir
	tree   atomic.Pointer[tree]
	closed atomic.Bool

	mu        sync.Mutex
	idle      sync.Cond // snapshots is 0
	snapshots int
}

func (d *db) Get(dst, key []byte) ([]byte, bool, error) {
	if d.closed.Load() {
		return dst, false, state.ErrClosed
	}
	return d.tree.Load().get(dst, key)
}

func (d *db) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if d.closed.Load() {
		return state.ErrClosed
	}
	return d.tree.Load().scan(lo, hi, fn)
}

func (d *db) NewBatch() state.Batch { return &batch{db: d} }

func (d *db) Snapshot() state.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &snapshot{db: d, tree: d.tree.Load()}
	if d.closed.Load() {
		s.closed.Store(true)
	} else {
		d.snapshots++
	}
	return s
}

func (d *db) Flush() error {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	if d.closed.Load() {
		return state.ErrClosed
	}
	d.dir.flushed = d.dir.committed
	return nil
}

func (d *db) Unflushed() int64 {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	return d.dir.committed.bytes - d.dir.flushed.bytes
}

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
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	if d.dir.open == d {
		d.dir.flushed = d.dir.committed
		d.dir.open = nil
	}
	return nil
}

// apply commits the operations of a batch.
func (d *db) apply(ops []op, size int) error {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	if d.closed.Load() {
		return state.ErrClosed
	}
	d.dir.committed = d.dir.committed.apply(ops, size)
	d.tree.Store(d.dir.committed)
	return nil
}

type snapshot struct {
	db     *db
	tree   *tree
	closed atomic.Bool
}

func (s *snapshot) Get(dst, key []byte) ([]byte, bool, error) {
	if s.closed.Load() {
		return dst, false, state.ErrClosed
	}
	return s.tree.get(dst, key)
}

func (s *snapshot) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if s.closed.Load() {
		return state.ErrClosed
	}
	return s.tree.scan(lo, hi, fn)
}

func (s *snapshot) Close() error {
	if s.closed.Swap(true) {
		return state.ErrClosed
	}
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.db.snapshots--
	if s.db.snapshots == 0 {
		s.db.idle.Broadcast()
	}
	return nil
}
