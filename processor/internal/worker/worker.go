// Package worker runs tasks: one goroutine with one Kafka client, consumer and transactional producer in one, one member of
// the group, and one transaction at a time over all its tasks.
//
// Rebalance callbacks run only between [kgo.Client.AllowRebalance] and the next poll, and the worker allows a rebalance only
// when nothing is uncommitted. So no callback ever meets an open transaction, and the worker's fields need no lock: a callback
// runs either before the poll that follows has returned, or not at all.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/txn"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// Config is what the workers of an application share, and who this one is.
type Config struct {
	App   string
	Index int
	// Instance is the instance's id; with the index it is the static member name, and with the application's name before it
	// the transactional id.
	Instance string

	Plan    *topology.Plan
	View    *cluster.View
	Opener  *restore.Opener
	Dir     *restore.Dir
	Globals map[string]topology.Global
	// Reread wait until global tables are whole, each one.
	Reread []func(context.Context) error
	Client []kgo.Opt
	// Codec is what Client prefers for produced batches.
	Codec kgo.CompressionCodec
	// Board is for tasks that keep together in event time.
	Board *align.Board
	// Siblings are the workers of the process as members of the group.
	Siblings *assign.Siblings

	ExactlyOnce        bool
	CommitInterval     time.Duration
	CommitMin          time.Duration
	UncommittedBytes   int64 // of a transaction, beyond which a commit is due
	HeldBytes          int64 // committed and not in the databases yet, of all tasks of the worker
	QueueBytes         int64 // of all tasks of the worker, beyond which partitions are paused
	CacheBytes         int64 // of one store of one task
	SessionTimeout     time.Duration
	HeartbeatInterval  time.Duration
	RebalanceTimeout   time.Duration
	TransactionTimeout time.Duration
	ShutdownTimeout    time.Duration

	// FetchBytes and FetchPartitionBytes limit an answer of a broker.
	FetchBytes, FetchPartitionBytes int32

	IdleAfter, LiveWithin, WatermarkInterval time.Duration

	OnError  task.Policy
	Stats    *task.Stats
	Counters *Counters
	Clock    task.Clock
	Logger   *slog.Logger
	Points   failpoint.Points
	Events   Events
	// KeepConsumed leaves in internal topics what nobody needs any more.
	KeepConsumed bool
	// Leave takes those workers of the process out of the group that have closed.
	Leave func()
	// Run waits for the bounded run; nil for an unbounded one.
	Run func(ctx context.Context) (*cluster.Run, error)
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

// Worker runs tasks. It is made by [New] and lives for one call of Run.
type Worker struct {
	cfg Config
	log *slog.Logger

	seq      uint64
	failures []time.Time       // of sessions, in the last minute
	aborts   int               // since the last commit
	skips    []topology.Origin // records that failed and are left out from now on
	// most is how many records a transaction may have, 0 for any number: see narrow.
	most int64

	// busy says for the watchdog which task has been processing since when.
	busy atomic.Pointer[Busy]
	// current is the session, for Abandon.
	current atomic.Pointer[session]
	// standing is what Standing returns.
	standing atomic.Pointer[Standing]
}

// Counters count what happened to transactions. They are safe for concurrent use.
type Counters struct {
	Commits, Aborts atomic.Int64
	// Unknown counts commits that the broker did not answer: the next session found out.
	Unknown atomic.Int64
	// Resets counts sessions that were begun anew, with a new client.
	Resets atomic.Int64
}

// Busy is what a worker is doing.
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

// Abandon closes the client of a worker that does not return, so that the group gives its tasks to others. The worker's tasks
// and their databases are left as they are: whoever does not return may still use them.
func (w *Worker) Abandon() {
	if s := w.current.Load(); s != nil {
		go func() {
			s.endCallbacks()
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

// errReset ends a session whose client can no longer be trusted: the outcome of a transaction is unknown, the producer is
// fenced, the membership is gone. The next session begins with a new client, which completes or aborts what the old one left;
// the tasks' databases hold committed data only, and what a committed transaction did not reach is restored from the changelog.
type errReset struct {
	err error
	// meant says that nothing is wrong with client and broker: the next session need not wait.
	meant bool
}

func (e *errReset) Error() string { return e.err.Error() }
func (e *errReset) Unwrap() error { return e.err }

// Run runs tasks until ctx ends, then finishes what is in hand, commits and leaves. hard cancels everything at once.
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
		now := time.Now()
		w.failures = append(w.failures, now)
		for len(w.failures) > 0 && now.Sub(w.failures[0]) > time.Minute {
			w.failures = w.failures[1:]
		}
		if fenced(err) && len(w.failures) > 3 {
			return fmt.Errorf("another producer took over transactional id %q %d times within a minute: two processes share instance %q (is a state directory copied?): %w", w.transactionalID(), len(w.failures), w.cfg.Instance, err)
		}
		w.log.Warn("starting over with a new client", "err", reset.err)
		select {
		case <-time.After(min(time.Duration(len(w.failures)*len(w.failures))*50*time.Millisecond, 2*time.Second)):
		case <-ctx.Done():
			w.cfg.Events.Closed(w.cfg.Index)
			return nil
		}
	}
}

// session is the life of one client.
type session struct {
	*Worker
	ctx  context.Context // ends with the worker: clean shutdown
	hard context.Context // ends at once

	began chan struct{} // closed by begin, before the first poll; callbacks wait for it
	begin func()

	callbackMu sync.Mutex // held by callbacks
	over       bool       // guarded by callbackMu: callbacks do nothing any more

	cl       *kgo.Client
	balancer *assign.Balancer
	producer *txn.Producer
	group    txn.Group
	align    *align.Worker

	tasks    map[task.ID]*running
	order    []*running
	openings map[task.ID]*opening

	opening sync.WaitGroup
	openMu  sync.Mutex
	opened  []*opening // by their goroutines; adopt takes them

	doubts    map[string]*doubts // by sub-topology
	holes     []hole             // guarded by openMu; lookForHoles takes them
	looked    time.Time          // for inputs that lack records
	caughtUp  []caughtUp         // guarded by openMu; ask takes them
	asking    context.Context    // ends with the session
	askNoMore context.CancelFunc

	// offsets is what the group has committed, as of the client's stable fetch after an assignment.
	offMu      sync.Mutex
	offsets    map[topicPartition]restore.Committed
	offChanged chan struct{}
	fenced     map[string]bool // guarded by offMu

	rebalance  atomic.Bool // one waits
	pollCancel atomic.Pointer[context.CancelFunc]

	dirtySince time.Time // zero: nothing uncommitted
	lastCommit time.Time
	committing time.Duration // how long the last commit took
	processing time.Duration // since then
	processed  int64
	more       bool      // records wait to be processed
	stood      time.Time // when standing was noted
	lost       int       // partitions that the group's session has lost, until it is said
	purged     time.Time
	purgedTo   map[topicPartition]int64 // belongs to the one that has set purging
	purging    atomic.Bool
	fatal      error // from a callback
	refused    atomic.Pointer[assign.Refusal]
	orphans    atomic.Bool // there are tasks that nobody has until the group meets
}

type topicPartition struct {
	topic     string
	partition int32
}

// running is a task in this session.
type running struct {
	id     task.ID
	task   *task.Task
	handle *restore.Handle
	sub    *topology.SubTopology
	topics []string
	paused map[string]bool
	done   bool
	lacks  map[string]lack // by topic
	halted bool            // its input has grown, and keys have moved: it processes no more

	quantum int // records per turn

	waiting      string // the topic of the input that the task waits for
	waitingSince time.Time
}

func (w *Worker) session(ctx, hard context.Context) (err error) {
	s := &session{
		Worker: w, ctx: ctx, hard: hard,
		tasks: map[task.ID]*running{}, openings: map[task.ID]*opening{}, doubts: map[string]*doubts{},
		offsets: map[topicPartition]restore.Committed{}, offChanged: make(chan struct{}), fenced: map[string]bool{}, purgedTo: map[topicPartition]int64{},
		lastCommit: time.Now(), began: make(chan struct{}),
	}
	s.asking, s.askNoMore = context.WithCancel(ctx)
	for _, g := range w.cfg.Reread {
		if g(ctx) != nil {
			w.cfg.Events.Closed(w.cfg.Index)
			return nil // the end of the application
		}
	}
	s.begin = sync.OnceFunc(func() { close(s.began) })
	s.align = w.cfg.Board.Worker(s.wake)
	defer s.align.Close()
	defer s.askNoMore()
	if err := s.connect(); err != nil {
		return err
	}
	defer func() { s.close(err) }()
	// A rebalance and the shutdown end a poll that waits; see poll for those that come before it waits.
	defer context.AfterFunc(ctx, s.wake)()
	if err := s.recover(); err != nil {
		if s.ctx.Err() != nil {
			return nil
		}
		return err
	}
	for {
		if err := s.step(); err != nil {
			if errors.Is(err, errStop) {
				return s.leave()
			}
			var reset *errReset
			if !errors.As(err, &reset) && s.producer.Open() {
				s.undo() // or its offsets stay pending until it times out, and whoever runs the tasks next waits for that
			}
			if errors.Is(err, state.ErrCorrupt) || errors.Is(err, restore.ErrReread) {
				err = &errReset{err: err} // the next session finds it rebuilt
			}
			return err
		}
	}
}

var errStop = errors.New("stop")

// step is one turn: poll, process, commit.
func (s *session) step() error {
	if s.wants() {
		fetches, err := s.poll()
		if err != nil {
			return err
		}
		if err := s.enqueue(fetches); err != nil {
			return err
		}
	}
	if s.fatal != nil {
		return s.fatal
	}
	if r := s.refused.Load(); r != nil {
		return refusedPlan(s.cfg.App, s.cfg.Plan.Contract(), *r)
	}
	if s.orphans.Swap(false) {
		s.log.Info("the group meets again, for tasks that the instance before this one was to give up")
		s.cl.ForceRebalance()
	}
	if err := s.adopt(); err != nil {
		return err
	}
	if err := s.ask(); err != nil {
		return err
	}
	s.lookForHoles()
	if err := s.process(); err != nil {
		return err
	}
	s.stand()
	if s.ctx.Err() != nil {
		return errStop
	}
	return nil
}

// With nothing left to process a commit comes early, if that costs little: a worker that spends less than a fifth of its
// time on records, and less than half on commits, which is waiting, commits at once, but not more often than CommitMin. Under load each
// commit more would make batches smaller and transactions more.
const (
	processingShare = 5
	committingShare = 2
)

// commitDue returns how long the next commit has time.
func (s *session) commitDue(now time.Time) time.Duration {
	if s.dirtySince.IsZero() {
		return time.Hour
	}
	if s.rebalance.Load() || s.ctx.Err() != nil {
		return 0
	}
	if s.uncommitted() >= s.cfg.UncommittedBytes || s.room() == 0 {
		return 0
	}
	due := s.dirtySince.Add(s.cfg.CommitInterval).Sub(now)
	if !s.more && !s.behind() {
		early := max(s.cfg.CommitMin, committingShare*s.committing, processingShare*s.processing)
		due = min(due, s.lastCommit.Add(early).Sub(now))
	}
	return due
}

// behind says that a task is going to have more to process as soon as it is fetched.
func (s *session) behind() bool {
	return slices.ContainsFunc(s.order, func(r *running) bool { return !r.halted && r.task.Behind() })
}

// uncommitted is about how much memory the transaction takes: writes to stores, once more as the messages to the changelogs that they become
// with the commit, and messages on their way. What the broker has acknowledged of it takes none.
func (s *session) uncommitted() (n int64) {
	for _, r := range s.order {
		n += 2 * r.task.Uncommitted()
	}
	return n + s.producer.Held()
}

// Between two looks at the clock a task processes as many records as take about quantumTime.
const (
	quantumTime  = 5 * time.Millisecond
	firstQuantum = 32
	mostQuantum  = 1024
)

// adapt sets the number of records of the next turn by how long n took.
func (r *running) adapt(n int, took time.Duration) {
	switch {
	case took > quantumTime:
		r.quantum = max(r.quantum/2, 1)
	case n == r.quantum && took < quantumTime/2:
		r.quantum = min(r.quantum*2, mostQuantum)
	}
}

// process lets the tasks process what is queued, until nothing can go on, a commit is due, or there is room for more.
func (s *session) process() error {
	for s.more = true; ; {
		progress := false
		s.align.Turn()
		for _, r := range s.order {
			if r.halted {
				continue
			}
			limit := int(min(int64(r.quantum), s.room()))
			if limit == 0 {
				progress = true // after the commit that is due
				break
			}
			start := time.Now()
			s.busy.Store(&Busy{Task: r.task, ID: r.id, Since: start})
			n, err := r.task.Process(limit)
			if err == nil {
				err = r.task.Tick()
			}
			s.busy.Store(nil)
			took := time.Since(start)
			s.processing += took
			if limit == r.quantum {
				r.adapt(n, took)
			}
			s.processed += int64(n)
			if err != nil {
				return s.taskFailed(r, err)
			}
			if n > 0 {
				progress = true
			}
			if s.dirtySince.IsZero() && r.task.Dirty() {
				s.dirtySince = time.Now()
			}
		}
		if s.dirtySince.IsZero() {
			s.align.Committed() // what has changed is what they have to process
		}
		if !progress {
			s.more = false
			return nil
		}
		if s.commitDue(time.Now()) <= 0 {
			if err := s.commit(); err != nil {
				return err
			}
			return nil // records may have arrived meanwhile, and a rebalance may wait
		}
		if s.wants() {
			return nil
		}
	}
}
