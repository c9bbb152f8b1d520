package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/txn"
	"github.com/kolkstream/kolk/state"
)

// session is the life of one client. The package comment says what its parts are for.
type session struct {
	*Worker
	ctx  context.Context // ends with the worker: clean shutdown
	hard context.Context // ends at once

	cl       *kgo.Client
	balancer *assign.Balancer
	producer *txn.Producer
	group    txn.Group
	align    *align.Worker

	waker
	callbacks callbacks
	notices   notices
	errands   errands
	offsets   offsets
	fences    fences

	tasks    roster
	openings openings
	doubts   doubts
	holes    holes
	purger   purger
	tempo    tempo
	topics   []string // that it subscribes to, sorted

	more  bool // records wait to be processed
	asked int  // how often full was
	lost  int  // partitions that the group's session has lost, until it is said
}

func (w *Worker) session(ctx, hard context.Context) (err error) {
	for _, g := range w.cfg.Reread {
		if g(ctx) != nil {
			w.cfg.Events.Closed(w.cfg.Index)
			return nil // the end of the application
		}
	}
	w.cfg.Plan = w.cfg.View.Plan()
	s := &session{Worker: w, ctx: ctx, hard: hard, callbacks: newCallbacks(), offsets: newOffsets()}
	s.errands.ctx, s.errands.end = context.WithCancel(ctx)
	defer s.errands.end()
	s.align = w.cfg.Board.Worker(s.wake)
	defer s.align.Close()
	if err := s.connect(); err != nil {
		return err
	}
	s.furnish()
	w.current.Store(s)
	s.notices.topics.Store(true) // since the session has looked
	defer func() { s.close(err) }()
	// A rebalance and the shutdown end a poll that waits; see poll for those that come before it
	// waits.
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
				// or its offsets stay pending until it times out, and whoever runs the tasks next
				// waits for that
				s.undo()
			}
			if errors.Is(err, state.ErrCorrupt) || errors.Is(err, restore.ErrReread) {
				err = &errReset{err: err} // the next session finds it rebuilt
			}
			return err
		}
	}
}

// furnish makes the parts of the session that need its client. No callback runs before the first
// poll.
func (s *session) furnish() {
	c := &s.cfg
	s.fences = fences{cl: s.cl, gone: s.balancer.Fence, own: s.group.TransactionalID, timeout: c.Times.Transaction, log: s.log, done: map[string]bool{}}
	s.openings = openings{cfg: c, log: s.log, cl: s.cl, offsets: &s.offsets, fences: &s.fences, errands: &s.errands,
		byID: map[task.ID]*opening{}, opened: inbox[*opening]{wake: s.wake}}
	s.doubts = doubts{view: c.View, cl: s.cl, log: s.log, errands: &s.errands, bySub: map[string]*doubters{}, known: inbox[caughtUp]{wake: s.wake}}
	s.holes = holes{restorer: c.Opener.Restorer, view: c.View, log: s.log, errands: &s.errands, found: inbox[hole]{wake: s.wake}}
	s.purger = purger{cl: s.cl, log: s.log, errands: &s.errands, off: c.View.Quirks.ForgetsEmptyLogs, done: map[topicPartition]int64{}}
	s.tempo = tempo{interval: c.Times.CommitInterval, least: c.Times.CommitMin, last: time.Now()}
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
	if err := s.callbacks.fatal; err != nil {
		return err
	}
	if r := s.notices.refused.Load(); r != nil {
		return refusedPlan(s.cfg.App, s.cfg.Plan.Contract, *r)
	}
	if s.notices.orphans.Swap(false) {
		s.log.Info("the group meets again, for tasks that the instance before this one was to give up")
		s.cl.ForceRebalance()
	}
	if s.notices.behind.Swap(false) {
		s.errands.run(s.look)
	}
	if s.notices.topics.Swap(false) {
		if err := s.follow(); err != nil {
			return err
		}
	}
	if err := s.adopt(); err != nil {
		return err
	}
	if err := s.doubts.resolve(&s.tasks); err != nil {
		return err
	}
	s.holes.look(&s.tasks, time.Now())
	if err := s.process(); err != nil {
		return err
	}
	s.standings.note(&s.tasks, time.Now())
	if s.ctx.Err() != nil {
		return errStop
	}
	return nil
}

// commitDue returns how long the next commit has time.
func (s *session) commitDue(now time.Time) time.Duration {
	switch {
	case !s.tempo.dirty():
		return time.Hour
	case s.notices.meets.Load(), s.ctx.Err() != nil:
		return 0
	case s.uncommitted() >= s.cfg.Memory.Uncommitted, s.room() == 0, s.postponed():
		return 0
	}
	return s.tempo.due(now, !s.more && !s.behind())
}

// room returns how many records more the transaction may have.
func (s *session) room() int64 { return s.suspects.room(s.tempo.records) }

// behind says that a task is going to have more to process as soon as it is fetched.
func (s *session) behind() bool {
	return slices.ContainsFunc(s.tasks.all, func(r *running) bool { return !r.halted && r.task.Behind() })
}

// uncommitted is about how much memory the transaction takes: writes to stores, once more as the
// messages to the changelogs that they become with the commit, and messages on their way. What the
// broker has acknowledged of it takes none.
func (s *session) uncommitted() (n int64) {
	for _, r := range s.tasks.all {
		n += 2 * r.task.Uncommitted()
	}
	return n + s.producer.Held()
}

// postponed reports whether a task has to commit before it goes on.
func (s *session) postponed() bool {
	return slices.ContainsFunc(s.tasks.all, func(r *running) bool { return r.task.Postponed() })
}

// What is due goes out until the transaction takes as much as makes a commit due, or a task has
// worked on it for portionTime. It is looked at once in a while.
const (
	portionTime = time.Second
	fullEvery   = 32 // records
)

// full is asked by the task that is at work, after each record that was due; see [task.Options].
func (s *session) full() bool {
	if s.asked++; s.asked%fullEvery != 0 {
		return false
	}
	if s.uncommitted() >= s.cfg.Memory.Uncommitted {
		return true
	}
	b := s.Worker.busy.Load()
	return b != nil && time.Since(b.Since) >= portionTime
}

// process lets the tasks process what is queued, until nothing can go on, a commit is due, or there
// is room for more.
func (s *session) process() error {
	s.notices.called.Store(false)
	for s.more = true; ; {
		progress := false
		s.align.Turn()
		for _, r := range s.tasks.all {
			if r.halted {
				continue
			}
			limit := int(min(int64(r.quantum), s.room()))
			if limit == 0 {
				progress = true // after the commit that is due
				break
			}
			began := time.Now()
			n, err := s.turn(r, limit, began)
			if err != nil {
				return s.taskFailed(r, err)
			}
			if n > 0 {
				progress = true
			}
			if !s.tempo.dirty() && r.task.Dirty() {
				s.tempo.soil(began, time.Now())
			}
		}
		if !s.tempo.dirty() {
			s.align.Committed() // what has changed is what they have to process
		}
		if !progress {
			s.more = false
			return nil
		}
		if s.commitDue(time.Now()) <= 0 {
			return s.commit() // records may have arrived meanwhile, and a rebalance may wait
		}
		if s.wants() {
			return nil
		}
	}
}

// called tells the session that calls are over that a task has waited for. Any goroutine may call
// it.
func (s *session) called() {
	s.notices.called.Store(true)
	s.wake()
}

// turn has a task process up to limit records.
func (s *session) turn(r *running, limit int, began time.Time) (n int, err error) {
	s.busy.Store(&Busy{Task: r.task, ID: r.id, Since: began})
	n, err = r.task.Process(limit)
	if err == nil {
		err = r.task.Tick()
	}
	s.busy.Store(nil)
	took := time.Since(began)
	if limit == r.quantum {
		r.adapt(n, took)
	}
	s.tempo.worked(r.task, n, took)
	return n, err
}
