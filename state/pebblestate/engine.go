// Package pebblestate is the state engine on disk: one Pebble database per directory, without a
// write-ahead log.
//
// A batch lies in one memtable, and memtables are written to files in their order, so that a crash
// leaves a prefix of the committed batches; the changelog holds the rest. All databases of an
// [Engine] share one block cache, one budget for memtables, one set of open files and one limit on
// compactions.
//
// Whatever fails in the background (a full disk, a wrong checksum) fails the database: Commit and
// Flush return it from then on, nothing more is written, and the directory stays as a crash would
// have left it. The process is never ended.
package pebblestate

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/kolkstream/kolk/state"
)

// Engine is a [state.Engine] on disk. Use [New].
type Engine struct {
	o         Options
	cache     *pebble.Cache
	files     *pebble.FileCache
	scheduler *scheduler

	unflushed atomic.Int64 // of all databases

	mu     sync.Mutex
	dbs    map[*db]struct{}
	closed bool
}

// New returns an engine. It touches no file.
func New(o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Engine{
		o: o,
		// Pebble takes the memtables out of the cache: what they do not use is cache.
		cache:     pebble.NewCache(o.CacheBytes + o.MemTableBytes),
		files:     pebble.NewFileCache(4, o.MaxOpenFiles),
		scheduler: newScheduler(o.Compactions),
		dbs:       make(map[*db]struct{}),
	}, nil
}

// Open opens the database in dir, and makes it, with all directories on the way, where there is
// none.
func (e *Engine) Open(dir string) (_ state.DB, err error) {
	e.mu.Lock()
	closed := e.closed
	e.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("pebblestate: open %s: %w", dir, state.ErrClosed)
	}
	f := newFailure()
	g := newGate(e.o.FS, f)
	if err := g.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("pebblestate: open %s: %w", dir, err)
	}
	lock, err := pebble.LockDirectory(dir, e.o.FS)
	if err != nil {
		if isHeld(err) {
			return nil, fmt.Errorf("pebblestate: open %s: %w", dir, state.ErrInUse)
		}
		return nil, fmt.Errorf("pebblestate: lock %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	if err := e.prepare(dir, g); err != nil {
		return nil, err
	}
	logger := e.o.Logger.With("dir", dir)
	o := e.pebbleOptions(f, g, e.scheduler.member(f), logger)
	o.Lock = lock
	p, err := open(dir, o)
	if err == nil {
		err = f.get() // what was fatal to Pebble need not be an error to it
		if err != nil {
			close(g.stop)
			_ = p.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, classifyOpen(err))
	}
	g.opened.Store(true)
	d := &db{e: e, p: p, f: f, g: g, lock: lock}
	d.idle.L = &d.mu
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dbs[d] = struct{}{}
	return d, nil
}

// open is pebble.Open, which panics on some manifests that no Pebble has written.
func open(dir string, o *pebble.Options) (p *pebble.DB, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			p, err = nil, fmt.Errorf("pebble: %w", r)
		default:
			p, err = nil, fmt.Errorf("pebble: %v", r)
		}
	}()
	return pebble.Open(dir, o)
}

// prepare looks at a directory before Pebble does.
//
// It refuses one that a newer Pebble has written: that is no corruption, and not to be deleted. And
// it removes log files: each open makes one, which stays empty without a write-ahead log, but makes
// the next open flush an empty table, again and again without an end if the disk is full.
func (e *Engine) prepare(dir string, files vfs.FS) error {
	names, err := files.List(dir)
	if err != nil {
		return fmt.Errorf("pebblestate: open %s: %w", dir, err)
	}
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, "marker.format-version."); ok {
			_, version, _ := strings.Cut(rest, ".")
			if v, err := strconv.ParseUint(version, 10, 64); err == nil && v > uint64(pebble.FormatNewest) {
				return fmt.Errorf("pebblestate: open %s: written by a newer version: format %d, known up to %d", dir, v, pebble.FormatNewest)
			}
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".log") {
			if err := files.Remove(files.PathJoin(dir, name)); err != nil {
				return fmt.Errorf("pebblestate: open %s: %w", dir, err)
			}
		}
	}
	return nil
}

// isHeld says whether a lock failed because somebody has it, and not because its file could not be
// made.
func isHeld(err error) bool {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return false
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno == syscall.EAGAIN || errno == syscall.EACCES
	}
	return true // Pebble's word for this process
}

// Close releases what the databases share. It fails, and does nothing, while one is open.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return state.ErrClosed
	}
	if len(e.dbs) > 0 {
		return fmt.Errorf("pebblestate: close: %w: %d databases are open", state.ErrInUse, len(e.dbs))
	}
	e.closed = true
	e.scheduler.close()
	e.files.Unref()
	e.cache.Unref()
	return nil
}

// relieve begins to flush the database that holds most, when all together hold more than the
// budget.
func (e *Engine) relieve() error {
	if e.unflushed.Load() <= e.o.MemTableBytes {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var largest *db
	var most int64
	for d := range e.dbs {
		if active := d.activeBytes(); active > most {
			largest, most = d, active
		}
	}
	// activeBytes has looked which flushes are done.
	if largest == nil || e.unflushed.Load() <= e.o.MemTableBytes {
		return nil
	}
	return largest.rotate()
}

func (e *Engine) remove(d *db) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.dbs, d)
}
