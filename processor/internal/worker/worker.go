// Package worker runs tasks: one goroutine with one Kafka client, consumer and transactional
// producer in one, one member of the group, and one transaction at a time over all its tasks.
//
// A [Worker] lives as long as the application; its session lives as long as a client, and is made
// anew when that can no longer be trusted. The session's goroutine polls, has the tasks process,
// and commits (session.go, poll.go, commit.go). What it knows of one thing is in one place:
//
//	roster     the tasks that run
//	openings   tasks on their way: offsets and state are being fetched
//	offsets    what the group has committed
//	fences     transactions of members that are gone
//	doubts     tasks whose writers may have a backlog
//	holes      offsets that no record has
//	tempo      when the next commit is due
//	suspects   records that make transactions fail
//	trouble    what went wrong, and how often
//	callbacks  when the client may call back
//	notices    what the group has for the session
//	standings  how far the tasks are, for the log
//	purger     what nobody needs any more in internal topics
//	errands    goroutines that ask brokers, and leave what they find in an inbox
//
// Rebalance callbacks run only between [kgo.Client.AllowRebalance] and the next poll, and the
// worker allows a rebalance only when nothing is uncommitted. So no callback ever meets an open
// transaction, and what belongs to the session's goroutine needs no lock: a callback runs either
// before the poll that follows has returned, or not at all.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
)

// Config is what the workers of an application share, and who this one is.
type Config struct {
	// Shared is what all tasks have in common: plan, time settings, error policy.
	task.Shared
	// Index is the worker's number in the process.
	Index int
	// Instance is the instance's id; with the index it is the static member name, and with the
	// application's name before it the transactional id.
	Instance string

	View   *cluster.View
	Opener *restore.Opener
	Dir    *restore.Dir
	// Reread wait until global tables are whole, each one.
	Reread []func(context.Context) error
	Client []kgo.Opt
	// Codec is what Client prefers for produced batches.
	Codec kgo.CompressionCodec
	// Board is for tasks that keep together in event time.
	Board *align.Board
	// Siblings are the workers of the process as members of the group.
	Siblings *assign.Siblings

	ExactlyOnce bool
	Memory      Memory

	Counters *Counters
	Points   failpoint.Points
	Events   Events
	// Leave takes those workers of the process out of the group that have closed.
	Leave func()
	// Run waits for the bounded run; nil for an unbounded one.
	Run func(ctx context.Context) (*cluster.Run, error)
}

// Memory is what a worker may use, in bytes.
type Memory struct {
	Uncommitted int64 // of a transaction, beyond which a commit is due
	Held        int64 // committed and not in the databases yet, of all tasks
	Queue       int64 // of all tasks, beyond which partitions are paused
	// Fetch and FetchPartition limit an answer of a broker.
	Fetch, FetchPartition int32
}

// Events are told to the application. They are called on worker goroutines.
type Events struct {
	Assigned  func(worker int, tasks []task.ID) // every change of what runs here
	Committed func(worker int, records int64, took time.Duration)
	Aborted   func(worker int, err error)
	Done      func(worker int, tasks []task.ID) // bounded: these have ended and committed
	Leader    func(worker int)                  // this worker leads the group
	Closed    func(worker int)                  // the client is closed
}

// Counters count what happened to transactions. They are safe for concurrent use.
type Counters struct {
	Commits, Aborts atomic.Int64
	// Unknown counts commits that the broker did not answer: the next session found out.
	Unknown atomic.Int64
	// Resets counts sessions that were begun anew, with a new client.
	Resets atomic.Int64
}

// Worker runs tasks. It is made by [New] and lives for one call of Run.
type Worker struct {
	cfg Config
	log *slog.Logger

	seq       uint64 // of the last transaction
	trouble   trouble
	suspects  suspects
	standings standings

	busy    atomic.Pointer[Busy]    // for the watchdog
	current atomic.Pointer[session] // for Abandon and Grown
}

// Busy is what a worker is doing: which task has been processing since when.
type Busy struct {
	Task  *task.Task
	ID    task.ID
	Since time.Time
}

// New returns a worker.
func New(cfg Config) *Worker {
	return &Worker{cfg: cfg, log: cfg.Logger.With("worker", cfg.Index)}
}

// Busy returns what the worker is processing, or nil. It is safe for concurrent use.
func (w *Worker) Busy() *Busy { return w.busy.Load() }

// Abandon closes the client of a worker that does not return, so that the group gives its tasks to
// others. The worker's tasks and their databases are left as they are: whoever does not return may
// still use them.
func (w *Worker) Abandon() {
	if s := w.current.Load(); s != nil {
		go func() {
			s.callbacks.end()
			s.cl.CloseAllowingRebalance()
		}()
	}
}

func (w *Worker) transactionalID() string {
	return TransactionalID(w.cfg.App, w.cfg.Instance, w.cfg.Index)
}

// TransactionalID is the one of a worker of an instance.
func TransactionalID(app, instance string, index int) string {
	return fmt.Sprintf("%s-%s-%d", app, instance, index)
}

// Member is the static name of a worker in the group.
func Member(instance string, index int) string { return fmt.Sprintf("%s-%d", instance, index) }

func (w *Worker) member() string { return Member(w.cfg.Instance, w.cfg.Index) }

// Run runs tasks until ctx ends, then finishes what is in hand, commits and leaves. hard cancels
// everything at once.
func (w *Worker) Run(ctx, hard context.Context) error {
	for {
		err := w.session(ctx, hard)
		var reset *errReset
		if err == nil || hard.Err() != nil || !errors.As(err, &reset) {
			return err
		}
		w.cfg.Counters.Resets.Add(1)
		if reset.meant {
			w.log.Debug("starting over with a new client", "err", reset.err)
			continue
		}
		if n := w.trouble.failed(time.Now()); fenced(err) && n > mostFenced {
			return fmt.Errorf("another producer took over transactional id %q %d times within a minute: two processes share instance %q (is a state directory copied?): %w", w.transactionalID(), n, w.cfg.Instance, err)
		}
		w.log.Warn("starting over with a new client", "err", reset.err)
		select {
		case <-time.After(w.trouble.pause()):
		case <-ctx.Done():
			w.cfg.Events.Closed(w.cfg.Index)
			return nil
		}
	}
}
