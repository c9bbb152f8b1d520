package align

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/topology"
)

// DefaultBound is how far a task may be ahead where nothing else is said, or what the slowest
// covers in a moment if that is more.
const DefaultBound = time.Hour

// A bound that nobody has chosen costs no throughput: it is never less than what the least task
// covers in the time that the news of it takes. That is next to nothing within a worker, which has
// all of its tasks at hand in each of its turns, and a commit or two and the exchange between
// others.
const (
	slackWithin  = 10 * time.Millisecond
	slackBetween = 300 * time.Millisecond
)

// Config is what a [Board] is made from.
type Config struct {
	Plan *flow.Plan
	// Tasks returns how many tasks a sub-topology has.
	Tasks func(sub string) int32
	// Times have the bound, MaxAhead, and how long a task is waited for of which nothing is heard,
	// Stale.
	Times timing.Settings
	// Now is the clock for waiting. Event time has nothing to do with it.
	Now func() time.Time
}

// Board knows how far the tasks are that are to keep together. It is safe for concurrent use.
type Board struct {
	cfg   Config
	bound int64

	mu      sync.Mutex
	groups  []*group
	tasks   map[task.ID]*entry
	workers []*Worker
	foreign int           // entries that belong to other processes
	kick    chan struct{} // wakes the exchange
}

type group struct {
	subs    []member
	entries []*entry
	version uint64 // counts changes
	pace    pace
}

// entry is a task.
type entry struct {
	id    task.ID
	group *group
	delay int64

	owner     *Worker // nil: it is not of this process
	fresh     bool    // the owner has not said where it is
	now, sent place   // of a task of this process: as it is, and as of the last commit
	told      place   // what the group was told of it, or told by another process
	beat      uint64  // of told
	heard     time.Time

	held  bool // it waits
	since time.Time
	waits time.Duration // the sum of those that are over
	whom  task.ID
}

// place is where a task is in time.
type place struct {
	rest bool // nobody is to wait for it
	time int64
}

var unknown = place{time: topology.NoTime}

// New returns a board. It has no entries if no two tasks of the plan are to keep together.
func New(cfg Config) *Board {
	b := &Board{cfg: cfg, bound: cfg.Times.MaxAhead.Milliseconds(), tasks: map[task.ID]*entry{}, kick: make(chan struct{}, 1)}
	if cfg.Times.MaxAhead == 0 {
		b.bound = DefaultBound.Milliseconds()
	}
	if cfg.Times.MaxAhead < 0 {
		return b
	}
	for _, members := range groupsOf(cfg.Plan) {
		g := &group{subs: members}
		for _, m := range members {
			for p := range cfg.Tasks(m.sub) {
				g.entries = append(g.entries, &entry{id: task.ID{Sub: m.sub, Partition: p}, group: g, delay: m.delay, told: unknown, heard: cfg.Now()})
			}
		}
		if len(g.entries) < 2 {
			continue
		}
		b.groups = append(b.groups, g)
		for _, e := range g.entries {
			b.tasks[e.id] = e
		}
		b.foreign += len(g.entries)
	}
	return b
}

// Worker is a worker of this process, as the board knows it.
type Worker struct {
	b    *Board
	wake func()
	news atomic.Bool // since a task has begun to wait

	// Guarded by Board.mu:
	held   bool // one of its tasks waits
	limits map[*group]*limit
}

// limit is how far a worker's tasks of a group may go on, and for whose sake no further. It is a
// lower bound when the group has changed since.
type limit struct {
	time    int64
	whom    *entry
	version uint64
	at      time.Time
}

// limitFor is how long a limit is used that more may be known of by now.
const limitFor = 5 * time.Millisecond

// Worker adds a worker. wake is called, with the board locked, when a task of it that waits may
// perhaps go on.
func (b *Board) Worker(wake func()) *Worker {
	w := &Worker{b: b, wake: wake, limits: map[*group]*limit{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers = append(b.workers, w)
	return w
}

// News reports whether a task that has waited may perhaps go on, since the last call of Turn.
func (w *Worker) News() bool { return w.news.Load() }

// Turn says that all tasks of the worker are going to be asked.
func (w *Worker) Turn() { w.news.Store(false) }

// Take says that a task is the worker's. Until it says where it is, it is where it was last.
func (w *Worker) Take(id task.ID) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	e := w.b.tasks[id]
	if e == nil || e.owner == w {
		return
	}
	if e.owner == nil {
		e.now = unknown
		if !e.told.rest {
			e.now = e.told
		}
		e.sent = e.now
		w.b.foreign--
	}
	e.owner, e.fresh, e.heard = w, true, w.b.cfg.Now()
	e.group.version++
	w.b.exchange()
}

// Drop says that a task is not the worker's any more.
func (w *Worker) Drop(id task.ID) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if e := w.b.tasks[id]; e != nil && e.owner == w {
		w.drop(e)
	}
}

func (w *Worker) drop(e *entry) {
	e.release(w.b.cfg.Now())
	e.owner, e.told, e.heard = nil, e.sent, w.b.cfg.Now()
	w.b.foreign++
	e.group.version++
	w.b.exchange()
}

// Close drops all tasks of the worker and forgets it.
func (w *Worker) Close() {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	for _, e := range w.b.tasks {
		if e.owner == w {
			w.drop(e)
		}
	}
	w.b.workers = slices.DeleteFunc(w.b.workers, func(o *Worker) bool { return o == w })
}

// Committed says that all that the worker's tasks have done is committed.
func (w *Worker) Committed() {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	changed := false
	for _, g := range w.b.groups {
		for _, e := range g.entries {
			if e.owner == w && e.sent != e.now {
				e.sent = e.now
				g.version++
				changed = true
			}
		}
	}
	if changed {
		w.b.tell(w)
		w.b.exchange()
	}
}

// Aborted says that the worker's tasks are where they were at the last commit.
func (w *Worker) Aborted() {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	for _, g := range w.b.groups {
		for _, e := range g.entries {
			if e.owner == w {
				e.now = e.sent
			}
		}
		g.version++
	}
}

// tell wakes the workers that wait, but for one.
func (b *Board) tell(but *Worker) {
	for _, w := range b.workers {
		if w != but && w.held {
			w.held = false
			w.news.Store(true)
			w.wake()
		}
	}
}

// exchange wakes the exchange, if anybody is there to exchange with.
func (b *Board) exchange() {
	if b.foreign == 0 {
		return
	}
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

// Task returns the task's side of the board, nil if it need not keep together with others.
func (w *Worker) Task(id task.ID) task.Alignment {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if e := w.b.tasks[id]; e != nil {
		return &side{w, e}
	}
	return nil
}

// side is a task's side of the board.
type side struct {
	w *Worker
	e *entry
}

// Limit implements task.Alignment.
func (s *side) Limit(next int64) int64 {
	b, e := s.w.b, s.e
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.owner != s.w {
		return topology.EndOfTime
	}
	now := b.cfg.Now()
	next = less(next, e.delay)
	if e.fresh || e.now.rest || next > e.now.time {
		if e.fresh || e.now.rest {
			b.exchange()
		}
		e.now, e.fresh = place{time: next}, false
		e.group.version++
	}
	l := b.limit(s.w, e.group, next, now)
	if next <= l.time {
		e.release(now)
		return sum(l.time, e.delay)
	}
	if !e.held {
		e.held, e.since = true, now
	}
	e.whom = l.whom.id
	s.w.held = true
	b.exchange()
	return sum(l.time, e.delay)
}

// Rest implements task.Alignment.
func (s *side) Rest() {
	b, e := s.w.b, s.e
	b.mu.Lock()
	defer b.mu.Unlock()
	e.release(b.cfg.Now())
	if e.owner == s.w && !e.now.rest {
		e.now.rest, e.fresh = true, false
		e.group.version++
	}
}

// release ends the task's wait.
func (e *entry) release(now time.Time) {
	if e.held {
		e.held = false
		e.waits += now.Sub(e.since)
	}
}

// seen is the place of a task as the worker knows it; rest if it is not to be waited for.
func (b *Board) seen(e *entry, by *Worker, now time.Time) place {
	switch {
	case e.owner != nil && e.fresh && now.Sub(e.heard) > b.cfg.Times.Stale():
		return place{rest: true} // it does not even say that it has nothing
	case e.owner == by:
		return e.now
	case e.owner != nil:
		return e.sent
	case now.Sub(e.heard) > b.cfg.Times.Stale():
		return place{rest: true}
	}
	return e.told
}

// limit is how far the worker's tasks in the group may go on, looked at anew if next is beyond what
// it was.
func (b *Board) limit(w *Worker, g *group, next int64, now time.Time) *limit {
	l := w.limits[g]
	if l == nil {
		l = &limit{time: topology.NoTime}
		w.limits[g] = l
	} else if l.version == g.version && now.Sub(l.at) < everyBeat || next <= l.time && now.Sub(l.at) < limitFor {
		return l
	}
	*l = limit{time: math.MaxInt64, version: g.version, at: now}
	within, between := b.bound, b.bound
	if b.cfg.Times.MaxAhead == 0 {
		within = max(within, g.pace.covers(slackWithin))
		between = max(between, g.pace.covers(slackBetween))
	}
	least := int64(math.MaxInt64)
	for _, e := range g.entries {
		p := b.seen(e, w, now)
		if p.rest {
			continue
		}
		if p.time == topology.NoTime {
			l.time, l.whom = topology.NoTime, e
			return l
		}
		least = min(least, p.time)
		bound := between
		if e.owner == w {
			bound = within
		}
		if t := sum(p.time, bound); t < l.time {
			l.time, l.whom = t, e
		}
	}
	if least != math.MaxInt64 {
		g.pace.saw(now, least)
	}
	return l
}

// sum is a + b, or the largest number if that is too large; b is not negative.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// less is a - b, or the smallest time that is one.
func less(a, b int64) int64 {
	if a < topology.NoTime+1+b {
		return topology.NoTime + 1
	}
	return a - b
}
