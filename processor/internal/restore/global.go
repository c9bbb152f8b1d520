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
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// Global is a global table: one topic, whole, in a database of its own, followed for as long as the application runs. It
// implements [topology.Global] and is safe for concurrent use.
type Global struct {
	spec    topology.GlobalSpec
	db      state.DB
	cp      *checkpoint.Checkpoint
	prefix  uint16
	version atomic.Uint64
	keys    sync.Pool // *[]byte, for prefixed keys
	log     *slog.Logger
}

// OpenGlobal opens the database of a global table. One that is corrupt or cannot be continued is begun anew: the copy of
// another topic, one that has missed records, one so old that the topic may have forgotten deletions, which it keeps for
// deleteRetention (0: for ever).
func OpenGlobal(dir *Dir, engine state.Engine, app string, spec topology.GlobalSpec, topicID [16]byte, deleteRetention time.Duration, log *slog.Logger) (*Global, error) {
	g := &Global{spec: spec, log: log, keys: sync.Pool{New: func() any { b := make([]byte, 0, 64); return &b }}}
	path := dir.GlobalPath(spec.Name)
	for attempt := 0; ; attempt++ {
		err := g.open(dir, engine, app, path)
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
		if err := putAside(path); err != nil {
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

// Follow reads the topic until ctx ends. loaded is called once, when everything that was there at the beginning is in the table.
func (g *Global) Follow(ctx context.Context, r *changelog.Restorer, topicID [16]byte, partitions int32, loaded func()) error {
	from := map[int32]int64{}
	for p := range partitions {
		if pos, ok := g.cp.Changelog(partitionName(p)); ok {
			from[p] = pos.Offset
		}
	}
	// Until all is loaded the copy is as old as it was, or as the topic is now: what it has may have been deleted by what it has
	// not read yet.
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
			// The partition's keys are not known apart: the copy keeps what was deleted meanwhile until the next new start.
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
	buf := g.keys.Get().(*[]byte)
	*buf = g.prefixed((*buf)[:0], key)
	value, ok, err := g.db.Get(dst, *buf)
	g.keys.Put(buf)
	return value, ok, err
}

// Scan implements [state.Reader].
func (g *Global) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	end := []byte{byte((g.prefix + 1) >> 8), byte(g.prefix + 1)}
	if hi != nil {
		end = g.prefixed(nil, hi)
	}
	return g.db.Scan(g.prefixed(nil, lo), end, func(key, value []byte) (bool, error) { return fn(key[2:], value) })
}

// Version implements [topology.Global].
func (g *Global) Version() uint64 { return g.version.Load() }

// Close closes the database. Nobody may read it any more.
func (g *Global) Close() error { return g.db.Close() }
