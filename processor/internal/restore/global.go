package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/state"
)

// Global is a global table: one topic, whole, in a database of its own, followed for as long as the
// application runs. It implements [flow.Global] and is safe for concurrent use.
//
// Where the database turns out to be damaged it is begun anew. Until all is read again every read
// fails with [ErrReread].
type Global struct {
	spec    flow.GlobalSpec
	make    func() error // opens the database, at first and after damage
	path    string
	version atomic.Uint64
	keys    sync.Pool // *[]byte, for prefixed keys
	log     *slog.Logger
	damages damages

	// mu is held for reading by all that use the database, and for writing while it is replaced.
	mu     sync.RWMutex
	db     state.DB
	cp     *checkpoint.Checkpoint
	prefix uint16

	stateMu sync.Mutex
	damage  error              // nil while the database is well
	end     context.CancelFunc // of Follow's present round
	whole   chan struct{}      // closed when everything is in the table
	ready   atomic.Bool        // whole is closed, and there is no damage
}

// ErrReread is wrapped by reads of a global table whose database was damaged, until it is whole
// again.
var ErrReread = errors.New("the local copy of a global table is damaged: it is read again")

// OpenGlobal opens the database of a global table. One that is corrupt or cannot be continued is
// begun anew: the copy of another topic, one that has missed records, one so old that the topic may
// have forgotten deletions, which it keeps for deleteRetention (0: for ever).
func OpenGlobal(dir *Dir, engine state.Engine, app string, spec flow.GlobalSpec, topicID [16]byte, deleteRetention time.Duration, log *slog.Logger) (*Global, error) {
	g := &Global{spec: spec, path: dir.GlobalPath(spec.Name), log: log, damages: damages{}, whole: make(chan struct{}), keys: sync.Pool{New: func() any { b := make([]byte, 0, 64); return &b }}}
	g.make = func() error { return g.open(dir, engine, app, g.path) }
	for attempt := 0; ; attempt++ {
		err := g.make()
		if err == nil {
			if err = g.usable(topicID, deleteRetention); err == nil {
				return g, nil
			}
			err = errors.Join(err, g.db.Close())
		}
		if attempt > 0 || !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, errAnew) {
			return nil, fmt.Errorf("global table %s: %w", spec.Name, err)
		}
		log.Warn("the local copy of a global table is unusable: it is read again", "table", spec.Name, "err", err)
		if err := putAside(g.path); err != nil {
			return nil, fmt.Errorf("global table %s: %w", spec.Name, err)
		}
	}
}

var errAnew = errors.New("the copy cannot be continued")

// incomplete is the name, instead of a partition, of a position that says that records were missed.
const incomplete = "incomplete"

// usable reports whether the copy can be continued.
func (g *Global) usable(topicID [16]byte, deleteRetention time.Duration) error {
	if _, missed := g.cp.Changelog(incomplete); missed {
		return fmt.Errorf("%w: records that it had not read were deleted", errAnew)
	}
	for _, partition := range g.cp.Changelogs() {
		if pos, _ := g.cp.Changelog(partition); pos.TopicID != topicID {
			return fmt.Errorf("%w: it is of another topic with the same name", errAnew)
		}
	}
	if last := g.cp.LastCommit(); deleteRetention > 0 && !last.IsZero() && time.Since(last) > deleteRetention/2 {
		return fmt.Errorf("%w: it is of %v, and the topic keeps deletions for %v", errAnew, last, deleteRetention)
	}
	return nil
}

func (g *Global) open(dir *Dir, engine state.Engine, app, path string) error {
	db, err := engine.Open(path)
	if err != nil {
		return err
	}
	cp, err := checkpoint.Open(db, checkpoint.Identity{Application: app, ClusterID: dir.instance.Cluster, Task: "global/" + g.spec.Name})
	if err == nil {
		g.prefix, err = cp.Prefix(g.spec.Name)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	g.db, g.cp = db, cp
	return nil
}

// Follow reads the topic until ctx ends. loaded is called when everything that was there at the
// beginning is in the table, and again after each time that the table was damaged.
func (g *Global) Follow(ctx context.Context, r *changelog.Restorer, topicID [16]byte, partitions int32, loaded func()) error {
	for {
		round, end := context.WithCancel(ctx)
		g.stateMu.Lock()
		if g.end = end; g.damage != nil {
			end()
		}
		g.stateMu.Unlock()
		err := g.follow(round, r, topicID, partitions, func() { g.loaded(); loaded() })
		end()
		g.damaged(err)
		if ctx.Err() != nil || g.ok() == nil {
			return err
		}
		if err := g.renew(); err != nil {
			return fmt.Errorf("global table %s: %w", g.spec.Name, err)
		}
	}
}

// loaded says that the table is whole.
func (g *Global) loaded() {
	g.stateMu.Lock()
	defer g.stateMu.Unlock()
	if g.damage == nil && !g.ready.Load() {
		g.ready.Store(true)
		close(g.whole)
	}
}

// ok returns the damage, nil if there is none.
func (g *Global) ok() error {
	g.stateMu.Lock()
	defer g.stateMu.Unlock()
	return g.damage
}

// damaged notes what an error says of the database, and ends the round in which it was found.
func (g *Global) damaged(err error) error {
	if err == nil || !errors.Is(err, state.ErrCorrupt) {
		return err
	}
	g.stateMu.Lock()
	defer g.stateMu.Unlock()
	if g.damage == nil {
		g.damage = err
		if g.ready.Swap(false) {
			g.whole = make(chan struct{})
		}
		if g.end != nil {
			g.end()
		}
	}
	return fmt.Errorf("%w (%v)", ErrReread, err)
}

// renew begins a damaged table anew.
func (g *Global) renew() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stateMu.Lock()
	defer g.stateMu.Unlock()
	g.log.Warn("the local copy of a global table is damaged: it is read again", "table", g.spec.Name, "dir", g.path, "err", g.damage)
	_ = g.db.Close() // it is damaged
	if err := putAside(g.path); err != nil {
		return err
	}
	now := time.Now()
	g.damages.note("global table "+g.spec.Name, now)
	if err := g.damages.check("global table "+g.spec.Name, now); err != nil {
		g.db = nil
		return err
	}
	if err := g.make(); err != nil {
		g.db = nil
		return err
	}
	g.damage = nil
	g.version.Add(1)
	return nil
}

// Await returns when the table is whole, or with the error of ctx.
func (g *Global) Await(ctx context.Context) error {
	for {
		g.stateMu.Lock()
		whole := g.whole
		g.stateMu.Unlock()
		select {
		case <-whole:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *Global) follow(ctx context.Context, r *changelog.Restorer, topicID [16]byte, partitions int32, loaded func()) error {
	from := map[int32]int64{}
	for p := range partitions {
		if pos, ok := g.cp.Changelog(partitionName(p)); ok {
			from[p] = pos.Offset
		}
	}
	// Until all is loaded the copy is as old as it was, or as the topic is now: what it has may
	// have been deleted by what it has not read yet.
	asOf := g.cp.LastCommit()
	if asOf.IsZero() {
		asOf = time.Now()
	}
	whole := false
	var key []byte
	write := func(changelogs map[string]checkpoint.TopicPosition, fill func(state.Batch)) error {
		b := g.db.NewBatch()
		defer b.Close()
		fill(b)
		if whole {
			asOf = time.Now()
		}
		u := checkpoint.Update{Changelogs: changelogs, Seq: 1, At: asOf}
		if err := g.cp.Write(b, u); err != nil {
			return err
		}
		if err := b.Commit(); err != nil {
			return err
		}
		g.cp.Applied()
		g.version.Add(1)
		return nil
	}
	err := r.Follow(ctx, changelog.FollowRequest{
		Topic: g.spec.Topic, TopicID: topicID, From: from,
		Apply: func(partition int32, changes []changelog.Change, next int64) error {
			position := checkpoint.TopicPosition{TopicID: topicID, Offset: next}
			return write(map[string]checkpoint.TopicPosition{partitionName(partition): position}, func(b state.Batch) {
				for _, c := range changes {
					key = g.prefixed(key[:0], c.Key)
					if c.Deleted {
						b.Delete(key)
					} else {
						b.Set(key, c.Value)
					}
				}
			})
		},
		Reset: func(partition int32) error {
			// The partition's keys are not known apart: the copy keeps what was deleted meanwhile
			// until the next new start.
			g.log.Warn("a global table's topic has lost records that were not read yet", "table", g.spec.Name, "partition", partition)
			return write(map[string]checkpoint.TopicPosition{incomplete: {}}, func(state.Batch) {})
		},
		Loaded: func(changelog.TopicInfo) {
			whole = true
			if err := write(nil, func(state.Batch) {}); err != nil {
				g.log.Warn("the age of a global table's copy could not be noted", "table", g.spec.Name, "err", err)
			}
			loaded()
		},
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("global table %s: %w", g.spec.Name, err)
	}
	return nil
}

func partitionName(p int32) string { return strconv.Itoa(int(p)) }

func (g *Global) prefixed(dst, key []byte) []byte {
	return append(append(dst, byte(g.prefix>>8), byte(g.prefix)), key...)
}

// Get implements [state.Reader].
func (g *Global) Get(dst, key []byte) ([]byte, bool, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.ready.Load() {
		return dst, false, ErrReread
	}
	buf := g.keys.Get().(*[]byte)
	*buf = g.prefixed((*buf)[:0], key)
	value, ok, err := g.db.Get(dst, *buf)
	g.keys.Put(buf)
	return value, ok, g.damaged(err)
}

// Scan implements [state.Reader].
func (g *Global) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.ready.Load() {
		return ErrReread
	}
	end := []byte{byte((g.prefix + 1) >> 8), byte(g.prefix + 1)}
	if hi != nil {
		end = g.prefixed(nil, hi)
	}
	return g.damaged(g.db.Scan(g.prefixed(nil, lo), end, func(key, value []byte) (bool, error) { return fn(key[2:], value) }))
}

// Version implements [flow.Global].
func (g *Global) Version() uint64 { return g.version.Load() }

// Close closes the database. Nobody may read it any more. Damage that is found now is left to the
// next start, which begins anew.
func (g *Global) Close() error {
	if g.db == nil { // it could not be begun anew
		return nil
	}
	err := g.db.Close()
	if !errors.Is(err, state.ErrCorrupt) && g.damage == nil {
		return err
	}
	g.log.Warn("the local copy of a global table is damaged: it is read again", "table", g.spec.Name, "dir", g.path, "err", errors.Join(g.damage, err))
	return putAside(g.path)
}
