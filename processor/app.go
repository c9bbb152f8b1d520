package processor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/worker"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/topology"
)

// Clock tells the time. Implementations must be safe for concurrent use.
type Clock interface {
	Now() time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// App is one instance of an application.
//
//	Created -> Starting -> Rebalancing <-> Running -> Stopping -> Stopped
//	            \___________\_____________\___________\_____> Failed
//
// It is safe for concurrent use. Run is called once.
type App struct {
	plan  *flow.Plan
	cfg   Config
	given Config // before the defaults

	state    atomic.Int32
	stateMu  sync.Mutex // orders hook calls
	started  atomic.Bool
	stats    task.Stats
	counters worker.Counters
	restored atomic.Int64
	board    atomic.Pointer[align.Board] // nil before Run

	mu      sync.Mutex
	running map[int][]TaskID
	workers []*worker.Worker
	closed  map[int]bool  // workers whose client is closed
	ended   chan struct{} // wakes the end of a bounded run
	log     reporter
}

// State is where an [App] is in its life.
type State int32

const (
	// Created: made, not run.
	Created State = iota
	// Starting: waits for brokers, checks topics, loads global tables.
	Starting
	// Rebalancing: no worker runs a task yet, or again.
	Rebalancing
	// Running: tasks run here.
	Running
	// Stopping: Run's context has ended; what is in hand is committed.
	Stopping
	// Stopped: Run has returned nil.
	Stopped
	// Failed: Run has returned an error.
	Failed
)

func (s State) String() string {
	return [...]string{"created", "starting", "rebalancing", "running", "stopping", "stopped", "failed"}[s]
}

// New makes an instance that runs plan. It returns everything that is wrong with cfg.
func New(plan *topology.Plan, cfg Config) (*App, error) {
	if plan == nil {
		return nil, errors.New("config: no plan: build a topology first")
	}
	given := cfg
	cfg = cfg.WithDefaults(plan)
	made := plan.ForRuntime(flow.Key{})
	if err := errors.Join(cfg.Validate(), checkMetadata(made, cfg), checkNames(made, cfg.ApplicationID)); err != nil {
		return nil, err
	}
	return &App{plan: made, cfg: cfg, given: given, running: map[int][]TaskID{}, closed: map[int]bool{}, ended: make(chan struct{}, 1), log: reporter{Logger: cfg.Logger}}, nil
}

// checkMetadata checks that the ends of all changelogs of a task fit beside an offset, however
// large they become. A commit that found out might come after days, with the first write to the
// last store.
func checkMetadata(plan *flow.Plan, cfg Config) error {
	var errs []error
	for _, sub := range plan.SubTopologies {
		m := checkpoint.Metadata{
			TransactionalID: worker.TransactionalID(cfg.ApplicationID, restore.LongestInstance, cfg.Workers),
			Seq:             math.MaxUint64, Ref: math.MinInt64, Ended: math.MaxUint64,
		}
		for _, s := range sub.Stores {
			if s.Logged {
				m.Changelogs = append(m.Changelogs, checkpoint.ChangelogEnd{Store: s.Name, Offset: math.MaxInt64, Shape: s.Shape.String()})
			}
		}
		if _, err := m.Encode(); err != nil {
			errs = append(errs, fmt.Errorf("sub-topology %s has too many stores, or their names are too long: %w. Divide it with Repartition, or choose shorter names", sub.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Run runs the application until ctx ends, and then commits what is in hand and leaves the group; a
// bounded run ends by itself when everything is processed. It returns nil for both, and otherwise
// the error that stopped it.
func (a *App) Run(ctx context.Context) error {
	if !a.started.CompareAndSwap(false, true) {
		return errors.New("processor: Run was called before")
	}
	l := newLife(ctx, a.cfg.ShutdownTimeout, func() { a.setState(Stopping) }, &a.log)
	defer l.end()
	a.setState(Starting)
	a.log.started(a.plan, a.given, a.cfg)
	err := a.run(l)
	if err != nil && l.asked(err) {
		err = nil // to stop before it had started
	}
	if err != nil {
		a.log.failed(err)
		a.log.ended("failed", a.Stats())
		a.setState(Failed)
		return err
	}
	a.log.ended("stopped", a.Stats())
	a.setState(Stopping) // the function above may not have run yet
	a.setState(Stopped)
	return nil
}

// State returns where the application is in its life.
func (a *App) State() State { return State(a.state.Load()) }

// setState moves on, never back from an end.
func (a *App) setState(to State) {
	a.stateMu.Lock()
	defer a.stateMu.Unlock()
	a.moveTo(to)
}

// settle sets the state by whether tasks run here. Several workers report at a time: the last one
// to look has to be the one that counts all of them.
func (a *App) settle() {
	a.stateMu.Lock()
	defer a.stateMu.Unlock()
	a.mu.Lock()
	n := 0
	for _, ids := range a.running {
		n += len(ids)
	}
	a.mu.Unlock()
	if n > 0 {
		a.moveTo(Running)
	} else {
		a.moveTo(Rebalancing)
	}
}

// moveTo is called with stateMu held.
func (a *App) moveTo(to State) {
	from := a.State()
	if from == to || from >= Stopping && to < from || from >= Stopped {
		return
	}
	a.state.Store(int32(to))
	each(a.cfg.Hooks, func(h StateHook) { h.OnState(from, to) })
}

// Stats is what the application has done since it was started.
type Stats struct {
	report.Counts
	// Transactions: committed, aborted, of unknown outcome (resolved by a new client), and how
	// often a worker began anew.
	Commits, Aborts, Unknown, Resets int64
	// Restored is the number of changelog records that were replayed.
	Restored int64
	// Tasks that run here now.
	Tasks []TaskID
	// Alignment is how tasks keep together in event time whose records meet behind repartition
	// topics; see [Config.MaxAhead].
	Alignment []Alignment
}

// Alignment is how a group of tasks keeps together in event time.
type Alignment = report.Alignment

// Stats returns the counters. It is cheap.
func (a *App) Stats() Stats {
	s := Stats{Counts: a.stats.Snapshot(), Commits: a.counters.Commits.Load(), Aborts: a.counters.Aborts.Load(), Unknown: a.counters.Unknown.Load(), Resets: a.counters.Resets.Load(), Restored: a.restored.Load()}
	if b := a.board.Load(); b != nil {
		s.Alignment = b.Snapshot()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, ids := range a.running {
		s.Tasks = append(s.Tasks, ids...)
	}
	return s
}
