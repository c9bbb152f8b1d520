package processor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/worker"
	"github.com/kolkstream/kolk/state/pebblestate"
	"github.com/kolkstream/kolk/topology"
)

// run is Run without the states: everything is made here, in order, and taken down in the opposite order.
func (a *App) run(ctx context.Context, stop context.CancelFunc, hard context.Context, kill context.CancelCauseFunc) (err error) {
	points := failpoint.From(ctx)
	abandoned := false
	closing := func(close func() error) {
		if !abandoned {
			err = errors.Join(err, close())
		}
	}
	client := append([]kgo.Opt{kgo.SeedBrokers(a.cfg.Brokers...), kgo.ClientID("kolk-" + a.cfg.ApplicationID)}, a.cfg.ClientOptions...)
	// Administrative answers must not come from a cache: topics are created, and looked at right after.
	cl, err := kgo.NewClient(append(client, kgo.MetadataMinAge(10*time.Millisecond), kgo.DisableClientMetrics())...)
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	defer cl.Close()
	timeouts := cluster.Timeouts{Session: a.cfg.SessionTimeout}
	if a.cfg.Guarantee == ExactlyOnce {
		timeouts.Transaction = a.cfg.TransactionTimeout
	}
	view, err := cluster.Prepare(ctx, cl, cluster.Options{App: a.cfg.ApplicationID, Plan: a.plan, ReplicationFactor: int16(a.cfg.ReplicationFactor), MaxMessageBytes: int(a.cfg.MaxMessageBytes), Timeouts: timeouts, Logger: a.cfg.Logger, Grown: a.onGrowth})
	if err != nil {
		return err
	}
	dir, err := restore.OpenDir(a.cfg.StateDir, a.cfg.ApplicationID, view.ID)
	if err != nil {
		return err
	}
	defer closing(dir.Close)
	memory := a.cfg.shares()
	engine, err := pebblestate.New(pebblestate.Options{CacheBytes: memory.blocks, MemTableBytes: memory.memtables, MemTableSize: memtable, Databases: a.databases(view), Logger: a.cfg.Logger})
	if err != nil {
		return err
	}
	defer closing(engine.Close)
	restorer, err := changelog.NewRestorer(changelog.Config{Client: client, Logger: a.cfg.Logger, CompactionMovesStart: strings.HasPrefix(view.ID, embeddedCluster)})
	if err != nil {
		return err
	}
	defer restorer.Close()
	pool := restore.NewPool(restore.PoolConfig{Dir: dir, Engine: engine, Application: a.cfg.ApplicationID, Logger: a.cfg.Logger, Points: points, FlushBytes: a.cfg.FlushBytes, FlushEvery: a.cfg.FlushInterval})
	defer closing(pool.Close)

	var (
		group sync.WaitGroup
		first sync.Once
		cause error
	)
	// The first failure stops everything else, at once: nothing uncommitted is worth a wait.
	fail := func(err error) {
		first.Do(func() {
			if c := context.Cause(hard); c != nil {
				err = c // the shutdown took too long: what a worker says is a consequence
			}
			a.log.failed(err)
			cause = err
			kill(err)
			stop()
		})
	}
	defer group.Wait()
	globals, reread, closeGlobals, err := a.openGlobals(ctx, hard, dir, engine, view, restorer, &group, fail)
	defer func() { group.Wait(); closing(closeGlobals) }()
	defer stop()
	if err != nil {
		return err
	}

	var runs *cluster.Runs
	var await func(context.Context) (*cluster.Run, error)
	if a.cfg.UntilEnd {
		runs = &cluster.Runs{View: view, App: a.cfg.ApplicationID, Admin: kadm.NewClient(cl), Logger: a.cfg.Logger}
		await = runs.Await
	}
	events := a.events()
	events.Leader = func(int) {
		if runs != nil {
			runs.Leader.Store(true)
		}
	}
	a.board.Store(align.New(align.Config{Plan: a.plan, Tasks: view.Tasks, MaxAhead: a.cfg.MaxAhead, StaleAfter: 3 * a.cfg.SessionTimeout, Now: time.Now}))
	exchange := align.Exchange{Board: a.board.Load(), App: a.cfg.ApplicationID, Admin: kadm.NewClient(cl), Logger: a.cfg.Logger, Input: func(id task.ID) string {
		sub, _ := a.plan.SubTopology(id.Sub)
		if topics := view.Inputs(sub, id.Partition); len(topics) > 0 {
			return topics[0]
		}
		return ""
	}}
	exchanging, endExchange := context.WithCancel(hard)
	defer endExchange()
	group.Go(func() { exchange.Run(exchanging) })
	a.setState(Rebalancing)
	leave := func() { a.leave(cl, dir.Instance().ID) }
	workers := make([]*worker.Worker, a.cfg.Workers)
	siblings := assign.NewSiblings(a.cfg.Workers)
	codec := kgo.SnappyCompression() // the client's own preference, too
	if codecs, _ := cl.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec); len(codecs) > 0 {
		codec = codecs[0]
	}
	fetch, fetchPartition := a.fetchBytes(view)
	var working sync.WaitGroup
	standing := func() []worker.Standing {
		all := make([]worker.Standing, len(workers))
		for i, w := range workers {
			all[i] = w.Standing()
		}
		return all
	}
	for i := range workers {
		workers[i] = worker.New(worker.Config{
			App: a.cfg.ApplicationID, Index: i, Instance: dir.Instance().ID,
			Plan: a.plan, View: view, Dir: dir, Globals: globals, Reread: reread, Client: client, Codec: codec, Siblings: siblings, Board: a.board.Load(),
			Opener: &restore.Opener{Pool: pool, Restorer: restorer, App: a.cfg.ApplicationID, TopicID: view.TopicID, DeleteRetention: view.DeleteRetention, Report: a.onRestore, Now: time.Now, AtLeastOnce: a.cfg.Guarantee == AtLeastOnce, Stateful: restore.Stateful(a.plan), Stores: restore.Stores(a.plan)},

			ExactlyOnce: a.cfg.Guarantee == ExactlyOnce, CommitInterval: a.cfg.CommitInterval, CommitMin: a.cfg.CommitMin,
			UncommittedBytes: memory.uncommitted, HeldBytes: memory.held, QueueBytes: memory.queue, CacheBytes: a.cacheShare(view),
			FetchBytes: fetch, FetchPartitionBytes: fetchPartition,
			SessionTimeout: a.cfg.SessionTimeout, HeartbeatInterval: min(a.cfg.SessionTimeout/3, 300*time.Millisecond), RebalanceTimeout: max(a.cfg.SessionTimeout, a.cfg.TaskTimeout),
			TransactionTimeout: a.cfg.TransactionTimeout,
			IdleAfter:          a.cfg.IdleAfter, LiveWithin: a.cfg.LiveWithin, WatermarkInterval: a.cfg.WatermarkInterval,
			OnError: a.cfg.OnError, Stats: &a.stats, Counters: &a.counters, Clock: a.cfg.Clock, Logger: a.cfg.Logger, Points: points, Events: events, Run: await, Leave: leave,
			KeepConsumed: strings.HasPrefix(view.ID, embeddedCluster+"-"),
		})
		working.Go(func() {
			if err := workers[i].Run(ctx, hard); err != nil {
				fail(err)
			}
		})
	}
	a.mu.Lock()
	a.workers = workers
	a.mu.Unlock()
	if runs != nil {
		group.Go(func() { a.awaitEnd(ctx, stop, runs, fail) })
	} else { // a bounded run reads what was there when it began
		group.Go(func() { a.watchGrowth(ctx, view) })
	}
	group.Go(func() { a.log.follow(ctx, a.Stats, standing) })
	stuck, worked := make(chan struct{}), make(chan struct{})
	group.Go(func() {
		if a.watch(hard, worked, workers, fail) {
			close(stuck)
		}
	})
	go func() { working.Wait(); close(worked) }()
	select {
	case <-worked:
	case <-stuck:
		// A function of the user does not return, and uses what would be closed here: leave it all as it is. The databases hold
		// committed data only.
		for _, w := range workers {
			w.Abandon()
		}
		abandoned = true
	}
	stop()
	endExchange()
	if !a.cfg.StayInGroup {
		leave()
	}
	group.Wait()
	if cause == nil {
		cause = context.Cause(hard)
	}
	return cause
}

// leave takes the workers whose clients are closed out of the group: static members do not leave by themselves. A member must
// not be taken out while its client is joining; the others would meet, and the client wait for the meeting.
func (a *App) leave(cl *kgo.Client, instance string) {
	a.mu.Lock()
	var members []string
	for i := range a.closed {
		members = append(members, worker.Member(instance, i))
	}
	a.mu.Unlock()
	if len(members) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := kadm.NewClient(cl).LeaveGroup(ctx, kadm.LeaveGroup(a.cfg.ApplicationID).InstanceIDs(members...)); err != nil {
		a.cfg.Logger.Warn("could not leave the group: others take over after the session time-out", "err", err)
	}
}

// embeddedCluster begins the cluster id of the embedded broker (franz-go's kfake), whose compaction moves a log's start; Apache
// Kafka's does not.
//
// A suffix says that the broker keeps its data over restarts, as in `kolk dev`. It then forgets where a log was whose records
// were all deleted, so nothing is deleted there.
const embeddedCluster = "kfake"

// fetchBytes is how much one answer to a worker brings at most, of all partitions and of one. It does not grow with their number: what was
// decoded is to be processed before it has left the processor's caches, and a fetch for each of many partitions would fill the
// memory that the garbage collector needs to be cheap. A broker that has more than fits begins with the next partitions the next time.
//
// The embedded broker forgets which transactions were aborted when it cuts an answer short, so there each partition gets a share.
func (a *App) fetchBytes(view *cluster.View) (all, partition int32) {
	all, partition = 512<<10, 256<<10
	if !strings.HasPrefix(view.ID, embeddedCluster) {
		return all, partition
	}
	n := int32(0)
	for _, t := range view.Sources() {
		n += view.Partitions(t)
	}
	n = max(n/int32(a.cfg.Workers), 1)
	return 64 << 20, max(min(all/n, partition), 32<<10)
}

// databases is how many there are if every task that has stores runs here.
func (a *App) databases(view *cluster.View) int {
	n := len(a.plan.Globals())
	for _, sub := range a.plan.SubTopologies() {
		if len(sub.Stores) > 0 {
			n += int(view.Tasks(sub.Name))
		}
	}
	return n
}

// cacheShare is the cache of one store of one task, if every store of every task ran here.
func (a *App) cacheShare(view *cluster.View) int64 {
	n := int64(0)
	for _, sub := range a.plan.SubTopologies() {
		for _, s := range sub.Stores {
			if s.Name != sub.TimeStore { // which has no cache
				n += int64(view.Tasks(sub.Name))
			}
		}
	}
	return a.cfg.shares().cache / max(n, 1)
}

func (a *App) openGlobals(ctx, hard context.Context, dir *restore.Dir, engine *pebblestate.Engine, view *cluster.View, r *changelog.Restorer, group *sync.WaitGroup, fail func(error)) (globals map[string]topology.Global, reread []func(context.Context) error, closeAll func() error, err error) {
	globals = map[string]topology.Global{}
	var open []*restore.Global
	closeAll = func() error {
		var errs []error
		for _, g := range open {
			errs = append(errs, g.Close())
		}
		return errors.Join(errs...)
	}
	var loading sync.WaitGroup
	// Until the workers have ended their last commit the tables are there.
	follow, end := context.WithCancel(hard)
	context.AfterFunc(ctx, end)
	for _, spec := range a.plan.Globals() {
		id := view.TopicID(spec.Topic)
		g, err := restore.OpenGlobal(dir, engine, a.cfg.ApplicationID, spec, id, view.DeleteRetention(spec.Topic), a.cfg.Logger)
		if err != nil {
			return nil, nil, closeAll, err
		}
		open = append(open, g)
		globals[spec.Name], reread = g, append(reread, g.Await)
		loading.Add(1)
		loaded := sync.OnceFunc(loading.Done)
		group.Go(func() {
			defer loaded()
			if err := g.Follow(follow, r, id, view.Partitions(spec.Topic), loaded); err != nil {
				fail(err)
			}
		})
	}
	loading.Wait()
	if err := context.Cause(hard); err != nil {
		return globals, reread, closeAll, err
	}
	return globals, reread, closeAll, ctx.Err()
}

func (a *App) events() worker.Events {
	return worker.Events{
		Assigned: func(w int, ids []task.ID) {
			a.mu.Lock()
			before := a.running[w]
			a.running[w] = ids
			a.mu.Unlock()
			a.settle()
			if slices.Equal(before, ids) {
				return
			}
			a.log.tasks(w, before, ids)
			each(a.cfg.Hooks, func(h TasksHook) { h.OnTasks(w, ids) })
		},
		Committed: func(w int, n int64, took time.Duration) {
			each(a.cfg.Hooks, func(h CommitHook) { h.OnCommit(w, n, took) })
		},
		Closed: func(w int) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.closed[w] = true
		},
		Aborted: func(w int, err error) { each(a.cfg.Hooks, func(h AbortHook) { h.OnAbort(w, err) }) },
		Done: func(int, []task.ID) {
			select {
			case a.ended <- struct{}{}:
			default:
			}
		},
	}
}

func (a *App) onRestore(r restore.Restoration) {
	if r.Done {
		a.restored.Add(r.Records)
	}
	a.log.restore(r)
	each(a.cfg.Hooks, func(h RestoreHook) { h.OnRestore(r) })
}

// awaitEnd ends the application when every task of the bounded run, here and elsewhere, has ended.
func (a *App) awaitEnd(ctx context.Context, stop context.CancelFunc, runs *cluster.Runs, fail func(error)) {
	run, err := runs.Await(ctx)
	if err != nil {
		if ctx.Err() == nil {
			fail(err)
		}
		return
	}
	for {
		// Tasks of this process wake it; those of others are found by asking.
		select {
		case <-ctx.Done():
			return
		case <-a.ended:
		case <-time.After(250 * time.Millisecond):
		}
		done, err := runs.Completed(ctx, run)
		if err != nil && ctx.Err() == nil {
			a.cfg.Logger.Warn("asking whether the bounded run has ended", "err", err)
		}
		if done {
			if err := runs.Finish(ctx, run); err != nil && ctx.Err() == nil {
				a.cfg.Logger.Warn("marking the bounded run as ended", "err", err)
				continue
			}
			stop()
			return
		}
	}
}

const (
	// killWait is how long a function of the topology may go on when everything is to end at once; giveUp is for all the rest:
	// transactions are aborted and clients closed.
	killWait = 3 * time.Second
	giveUp   = 15 * time.Second
)

// watch fails the application when a worker is stuck in a record: its heartbeats would hide it from the group for ever. When
// hard has ended, it waits for nobody for long. It returns false when all workers have ended.
func (a *App) watch(hard context.Context, worked <-chan struct{}, workers []*worker.Worker, fail func(error)) (stuck bool) {
	tick := time.NewTicker(min(max(a.cfg.TaskTimeout/20, 10*time.Millisecond), killWait/4))
	defer tick.Stop()
	var ended time.Time
	for {
		select {
		case <-worked:
			return false
		case <-tick.C:
		}
		if hard.Err() != nil && ended.IsZero() {
			ended = time.Now()
		}
		for _, w := range workers {
			b := w.Busy()
			switch {
			case b == nil:
			case time.Since(b.Since) > a.cfg.TaskTimeout:
				fail(&StuckError{Task: b.ID, Origin: b.Task.Current(), For: a.cfg.TaskTimeout})
				return true
			case !ended.IsZero() && time.Since(ended) > killWait && b.Since.Before(ended):
				o := b.Task.Current()
				a.cfg.Logger.Error("left behind in a function of the topology that does not return", "task", b.ID, "topic", o.Topic, "partition", o.Partition, "offset", o.Offset)
				fail(context.Cause(hard))
				return true
			}
		}
		if !ended.IsZero() && time.Since(ended) > giveUp {
			a.cfg.Logger.Error("workers do not end: left behind")
			fail(context.Cause(hard))
			return true
		}
	}
}

// StuckError is returned when processing a batch of records took longer than [Config.TaskTimeout]. Origin is the record that
// was being processed.
type StuckError struct {
	Task   TaskID
	Origin topology.Origin
	For    time.Duration
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("task %s has been processing %s/%d offset %d for more than %v (config TaskTimeout): a function of the topology does not return, or waits for something slow", e.Task, e.Origin.Topic, e.Origin.Partition, e.Origin.Offset, e.For)
}
