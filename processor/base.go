package processor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/state/pebblestate"
)

// base is what the workers of a run stand on: the cluster, the directory, databases and global
// tables. It is opened in that order, and closed in the opposite one, however far the opening got.
type base struct {
	app *App

	options  []kgo.Opt   // of every client
	client   *kgo.Client // for questions
	view     *cluster.View
	dir      *restore.Dir
	engine   *pebblestate.Engine
	restorer *changelog.Restorer
	pool     *restore.Pool
	globals  map[string]flow.Global
	reread   []func(context.Context) error // of the globals

	closers []closer
	left    bool // somebody does not return who uses the databases: they stay open
}

type closer struct {
	close    func() error
	database bool
}

func (b *base) then(close func() error) { b.closers = append(b.closers, closer{close, false}) }
func (b *base) database(close func() error) {
	b.closers = append(b.closers, closer{close, true})
}

// close closes what is open.
func (b *base) close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		if c := b.closers[i]; !c.database || !b.left {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}

// open opens everything but the global tables.
func (b *base) open(ctx context.Context) (err error) {
	cfg := &b.app.cfg
	b.options = append([]kgo.Opt{kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID("kolk-" + cfg.ApplicationID)}, cfg.ClientOptions...)
	// Administrative answers must not come from a cache: topics are created, and looked at right
	// after.
	if b.client, err = kgo.NewClient(append(b.options, kgo.MetadataMinAge(10*time.Millisecond), kgo.DisableClientMetrics())...); err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	b.then(func() error { b.client.Close(); return nil })
	b.view, err = cluster.Prepare(ctx, b.client, cluster.Options{
		App: cfg.ApplicationID, Plan: b.app.plan, ReplicationFactor: int16(cfg.ReplicationFactor), MaxMessageBytes: int(cfg.MaxMessageBytes),
		Times: cfg.times(), Transactional: cfg.Guarantee == ExactlyOnce, Logger: cfg.Logger, Bounded: cfg.UntilEnd, Grown: b.app.onGrowth,
	})
	if err != nil {
		return err
	}
	if b.dir, err = restore.OpenDir(cfg.StateDir, cfg.ApplicationID, b.view.ID); err != nil {
		return err
	}
	b.database(b.dir.Close)
	memory := cfg.shares()
	b.engine, err = pebblestate.New(pebblestate.Options{CacheBytes: memory.blocks, MemTableBytes: memory.memtables, MemTableSize: memtable, Databases: b.databases(), Logger: cfg.Logger})
	if err != nil {
		return err
	}
	b.database(b.engine.Close)
	b.restorer, err = changelog.NewRestorer(changelog.Config{Client: b.options, Logger: cfg.Logger, CompactionMovesStart: b.view.Quirks.CompactionMovesStart})
	if err != nil {
		return err
	}
	b.then(func() error { b.restorer.Close(); return nil })
	b.pool = restore.NewPool(restore.PoolConfig{
		Dir: b.dir, Engine: b.engine, Application: cfg.ApplicationID, Logger: cfg.Logger, Points: failpoint.From(ctx),
		FlushBytes: cfg.FlushBytes, Times: cfg.times(),
	})
	b.database(b.pool.Close)
	return nil
}

// openGlobals opens the global tables, and waits until they are whole. They are followed until the
// workers have ended their last commit.
func (b *base) openGlobals(l *life) error {
	cfg := &b.app.cfg
	b.globals = map[string]flow.Global{}
	var loading sync.WaitGroup
	follow, end := context.WithCancel(l.hard)
	context.AfterFunc(l.ctx, end)
	for _, spec := range b.app.plan.Globals {
		id := b.view.TopicID(spec.Topic)
		g, err := restore.OpenGlobal(b.dir, b.engine, cfg.ApplicationID, spec, id, b.view.DeleteRetention(spec.Topic), cfg.Logger)
		if err != nil {
			return err
		}
		b.database(g.Close)
		b.globals[spec.Name], b.reread = g, append(b.reread, g.Await)
		loading.Add(1)
		l.group.Go(func() {
			loaded := sync.OnceFunc(loading.Done)
			defer loaded()
			if err := g.Follow(follow, b.restorer, id, b.view.Partitions(spec.Topic), loaded); err != nil {
				l.fail(err)
			}
		})
	}
	loading.Wait()
	if err := context.Cause(l.hard); err != nil {
		return err
	}
	return l.ctx.Err()
}

// databases is how many there are if every task that has stores runs here.
func (b *base) databases() int {
	n := len(b.app.plan.Globals)
	for _, sub := range b.app.plan.SubTopologies {
		if len(sub.Stores) > 0 {
			n += int(b.view.Tasks(sub.Name))
		}
	}
	return n
}

// cacheShare is the cache of one store of one task, if every store of every task ran here.
func (b *base) cacheShare() int64 {
	n := int64(0)
	for _, sub := range b.app.plan.SubTopologies {
		for _, s := range sub.Stores {
			if s.Name != sub.TimeStore { // which has no cache
				n += int64(b.view.Tasks(sub.Name))
			}
		}
	}
	return b.app.cfg.shares().cache / max(n, 1)
}

// fetchBytes is how much one answer to a worker brings at most, of all partitions and of one. It
// does not grow with their number: what was decoded is to be processed before it has left the
// processor's caches, and a fetch for each of many partitions would fill the memory that the
// garbage collector needs to be cheap. A broker that has more than fits begins with the next
// partitions the next time.
//
// Of a broker that forgets aborts when it cuts an answer short, each partition gets a share.
func (b *base) fetchBytes() (all, partition int32) {
	all, partition = 512<<10, 256<<10
	if !b.view.Quirks.ForgetsAborts {
		return all, partition
	}
	n := int32(0)
	for _, t := range b.view.Sources() {
		n += b.view.Partitions(t)
	}
	n = max(n/int32(b.app.cfg.Workers), 1)
	return 64 << 20, max(min(all/n, partition), 32<<10)
}
