package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/state"
)

// Pool is the registry of the process's task databases: each is open at most once, and handed from
// worker to worker without being closed. It is safe for concurrent use.
type Pool struct {
	dir    *Dir
	engine state.Engine
	app    string
	log    *slog.Logger
	points failpoint.Points

	flushBytes int64
	flushEvery time.Duration

	mu   sync.Mutex
	dbs  map[string]*Handle
	told map[string]bool // stores that were mentioned
	damages
	free  chan struct{} // closed and renewed whenever a handle is released
	idle  time.Duration
	tasks sync.WaitGroup // memtable flushes and closes

	filling atomic.Int32 // stores that are being restored
}

// PoolConfig configures a [Pool].
type PoolConfig struct {
	Dir         *Dir
	Engine      state.Engine
	Application string
	Logger      *slog.Logger
	Points      failpoint.Points
	// FlushBytes and, of the Times, Flush bound what a crash loses of a database, and so the replay
	// after it.
	FlushBytes int64
	Times      timing.Settings
}

// NewPool returns an empty pool.
func NewPool(c PoolConfig) *Pool {
	return &Pool{dir: c.Dir, engine: c.Engine, app: c.Application, log: c.Logger, points: c.Points, flushBytes: c.FlushBytes, flushEvery: c.Times.Flush,
		dbs: map[string]*Handle{}, told: map[string]bool{}, damages: damages{}, free: make(chan struct{}), idle: 10 * time.Second}
}

// Handle is a database in use by one task.
type Handle struct {
	DB         state.DB
	Checkpoint *checkpoint.Checkpoint

	id     string
	path   string
	damage error // why the database is to be thrown away, nil if it is not; belongs to who uses it
	pool   *Pool
	idle   *time.Timer // runs while nobody uses it
	used   bool

	// Guarded by pool.mu:
	// bytes of changelog that no flush has covered yet; those that a task has not persisted are not
	// among them
	logged    int64
	flushing  bool
	flushed   time.Time
	entire    time.Time // when it was last written with all that the task keeps in memory
	flushErr  error
	flushDone chan struct{}
}

// Acquire opens the database of a task, or takes over the open one as soon as its former user has
// released it. A database that is corrupt is put aside and begun anew: the changelog is the truth.
func (p *Pool) Acquire(ctx context.Context, sub string, partition int32) (*Handle, error) {
	id := fmt.Sprintf("%s/%d", sub, partition)
	for {
		p.mu.Lock()
		h, ok := p.dbs[id]
		if !ok {
			h = &Handle{id: id, path: p.dir.TaskPath(sub, partition), pool: p, used: true, flushed: time.Now(), entire: time.Now()}
			p.dbs[id] = h
			p.mu.Unlock()
			if err := p.open(h); err != nil {
				p.mu.Lock()
				delete(p.dbs, id)
				p.wake()
				p.mu.Unlock()
				return nil, err
			}
			return h, nil
		}
		if !h.used && h.idle.Stop() {
			p.tasks.Done()
			h.used = true
			err := h.flushErr
			p.mu.Unlock()
			if errors.Is(err, state.ErrCorrupt) {
				p.Discard(h) // and open it anew
				continue
			}
			if err != nil {
				p.Discard(h)
				return nil, fmt.Errorf("state of task %s: %w", id, err)
			}
			return h, nil
		}
		free := p.free
		p.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *Pool) open(h *Handle) error {
	if err := p.points.Hit(failpoint.InAssign); err != nil {
		return err
	}
	p.mu.Lock()
	err := p.damages.check("the state of task "+h.id, time.Now())
	p.mu.Unlock()
	if err != nil {
		return err
	}
	err = p.tryOpen(h)
	if errors.Is(err, state.ErrCorrupt) {
		h.damage = err
		if err := p.throwAway(h); err != nil {
			return err
		}
		err = p.tryOpen(h)
	}
	if err != nil {
		return fmt.Errorf("state of task %s: %w", h.id, err)
	}
	return nil
}

// throwAway puts the database of h aside, which is damaged and closed. The changelog is the truth.
func (p *Pool) throwAway(h *Handle) error {
	p.log.Warn("the local state of a task is damaged: it is rebuilt from its changelogs", "task", h.id, "dir", h.path, "err", h.damage)
	h.damage = nil
	if err := putAside(h.path); err != nil {
		return fmt.Errorf("state of task %s: %w", h.id, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.damages.note("the state of task "+h.id, time.Now())
	return nil
}

// Damaged says that the database holds what cannot be what was written to it, if that is what an
// error of its user means: it is thrown away, and rebuilt, instead of being used again.
func (h *Handle) Damaged(err error) error {
	if errors.Is(err, state.ErrCorrupt) && h.damage == nil {
		h.damage = err
	}
	return err
}

func (p *Pool) tryOpen(h *Handle) error {
	db, err := p.engine.Open(h.path)
	if err != nil {
		return err
	}
	h.Checkpoint, err = checkpoint.Open(db, checkpoint.Identity{Application: p.app, ClusterID: p.dir.instance.Cluster, Task: h.id})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	h.DB = db
	return nil
}

// mention reports whether a store has not been mentioned yet.
func (p *Pool) mention(store string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !p.told[store]
	p.told[store] = true
	return first
}

// Reset empties the database of h.
func (p *Pool) Reset(h *Handle) error {
	p.await(h)
	if err := h.DB.Close(); err != nil && !errors.Is(err, state.ErrCorrupt) {
		p.log.Warn("closing a database that is thrown away", "task", h.id, "err", err)
	}
	if err := putAside(h.path); err != nil {
		return fmt.Errorf("state of task %s: %w", h.id, err)
	}
	if err := p.tryOpen(h); err != nil {
		return fmt.Errorf("state of task %s: %w", h.id, err)
	}
	return nil
}

// Release gives the database back. It stays open for a while, for the task may come back or move to
// another worker.
func (p *Pool) Release(h *Handle) {
	if h.damage != nil {
		p.Discard(h)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h.used = false
	p.tasks.Add(1)
	h.idle = time.AfterFunc(p.idle, func() { defer p.tasks.Done(); p.close(h) })
	p.wake()
}

// Discard closes the database of h without asking it to be whole: after an error of its own.
func (p *Pool) Discard(h *Handle) {
	p.await(h)
	if err := h.Damaged(h.DB.Close()); err != nil && h.damage == nil {
		p.log.Warn("closing a database after an error", "task", h.id, "err", err)
	}
	if h.damage != nil {
		if err := p.throwAway(h); err != nil {
			p.log.Error("a damaged database", "task", h.id, "err", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.dbs, h.id)
	p.wake()
}

// wake is called with mu held.
func (p *Pool) wake() {
	close(p.free)
	p.free = make(chan struct{})
}

func (p *Pool) close(h *Handle) error {
	p.await(h)
	err := h.Damaged(h.DB.Close())
	if h.damage != nil {
		err = p.throwAway(h) // which is all there is to it: it is rebuilt when it is needed
	}
	if err != nil {
		p.log.Error("closing the state of a task", "task", h.id, "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.dbs, h.id)
	p.wake()
	return err
}

func (p *Pool) await(h *Handle) {
	p.mu.Lock()
	done := h.flushDone
	running := h.flushing
	p.mu.Unlock()
	if running {
		<-done
	}
}

// Close flushes and closes all databases. No task may use one any more.
func (p *Pool) Close() error {
	failed := p.points.Hit(failpoint.InClose)
	p.mu.Lock()
	var hs []*Handle
	for _, h := range p.dbs {
		switch {
		case h.used: // its task has ended without a release, by an error
			hs = append(hs, h)
		case h.idle.Stop():
			p.tasks.Done()
			hs = append(hs, h)
		}
	}
	p.mu.Unlock()
	errs := make([]error, len(hs))
	var wg sync.WaitGroup
	for i, h := range hs {
		wg.Go(func() { errs[i] = p.close(h) })
	}
	wg.Wait()
	p.tasks.Wait()
	return errors.Join(failed, errors.Join(errs...))
}

// FlushDue reports whether the database is to be written, and flushed, with the n bytes that its
// task has committed and not persisted; and whether all of it is, with what the task keeps in
// memory, for which a crash would make it read late bytes again. It reports the failure of an
// earlier flush.
func (h *Handle) FlushDue(n, late int64) (due, all bool, err error) {
	p := h.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case h.flushErr != nil:
		return false, false, fmt.Errorf("flush the state of task %s: %w", h.id, h.flushErr)
	case h.flushing:
		return false, false, nil
	case late >= p.flushBytes || late > 0 && time.Since(h.entire) >= p.flushEvery:
		h.entire = time.Now()
		return true, true, nil
	}
	return p.flushDue(max(h.DB.Unflushed(), h.logged)+n, time.Since(h.flushed)), false, nil
}

// Flush begins to make the database durable, unless that is being done. logged is what its task has
// persisted before: how many bytes a crash would make it read again.
func (h *Handle) Flush(logged int64) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	h.logged += logged
	if !h.flushing && h.flushErr == nil {
		h.startFlush()
	}
}

// A flush of flushWorth or more is a file of a decent size, and one in flushPause is no work: so
// much is not left to be replayed after a crash, although the configuration allows for more.
const (
	flushWorth = 4 << 20
	flushPause = 5 * time.Second
)

// flushDue reports whether n bytes are to be flushed, so long after the last flush.
func (p *Pool) flushDue(n int64, since time.Duration) bool {
	return n >= p.flushBytes || n > 0 && since >= p.flushEvery || n >= flushWorth && since >= flushPause
}

// startFlush flushes in the background. It is called with pool.mu held, while no flush runs.
func (h *Handle) startFlush() {
	p := h.pool
	h.flushing, h.flushDone = true, make(chan struct{})
	covered := h.logged
	p.tasks.Go(func() {
		err := h.flush()
		p.mu.Lock()
		defer p.mu.Unlock()
		if err == nil {
			h.logged -= covered
		}
		h.flushing, h.flushErr, h.flushed = false, err, time.Now()
		close(h.flushDone)
	})
}

func (h *Handle) flush() error {
	if err := h.pool.points.Hit(failpoint.BeforeMemtableFlush); err != nil {
		return err
	}
	if err := h.DB.Flush(); err != nil {
		return err
	}
	return h.pool.points.Hit(failpoint.AfterMemtableFlush)
}
