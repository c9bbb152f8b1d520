package processor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/worker"
)

// run is Run without the states: what workers stand on is opened, they work, and it is closed.
func (a *App) run(l *life) (err error) {
	b := &base{app: a}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(l.ctx); err != nil {
		return err
	}
	defer l.wait()
	if err := b.openGlobals(l); err != nil {
		return err
	}
	a.board.Store(align.New(align.Config{Plan: a.plan, Tasks: b.view.Tasks, Times: a.cfg.times(), Now: time.Now}))
	c := b.hire(l.ctx)
	a.mu.Lock()
	a.workers = c.workers
	a.mu.Unlock()
	return c.work(l)
}

// work has the workers work until the life ends, and waits for all that ends with it.
func (c *crew) work(l *life) error {
	a := c.app
	exchanging, endExchange := context.WithCancel(l.hard)
	defer endExchange()
	l.group.Go(func() { c.exchange(exchanging) })
	a.setState(Rebalancing)
	var working sync.WaitGroup
	for _, w := range c.workers {
		working.Go(func() {
			if err := w.Run(l.ctx, l.hard); err != nil {
				l.fail(err)
			}
		})
	}
	if c.runs != nil {
		l.group.Go(func() { a.awaitEnd(l, c.runs) })
	} else { // a bounded run reads what was there when it began
		l.group.Go(func() { a.watchGrowth(l.ctx, c.view) })
	}
	l.group.Go(func() { a.log.follow(l.ctx, a.Stats, c.standing) })
	stuck, worked := make(chan struct{}), make(chan struct{})
	l.group.Go(func() {
		if a.watch(l, worked, c.workers) {
			close(stuck)
		}
	})
	go func() { working.Wait(); close(worked) }()
	select {
	case <-worked:
	case <-stuck:
		c.abandon()
	}
	l.stop()
	endExchange()
	if !a.cfg.StayInGroup {
		c.leave()
	}
	l.wait()
	return l.why()
}

// awaitEnd ends the application when every task of the bounded run, here and elsewhere, has ended.
func (a *App) awaitEnd(l *life, runs *cluster.Runs) {
	ctx := l.ctx
	run, err := runs.Await(ctx)
	if err != nil {
		if ctx.Err() == nil {
			l.fail(err)
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
			l.stop()
			return
		}
	}
}

const (
	// killWait is how long a function of the topology may go on when everything is to end at once;
	// giveUp is for all the rest: transactions are aborted and clients closed.
	killWait = 3 * time.Second
	giveUp   = 15 * time.Second
)

// watch fails the application when a worker is stuck in a record: its heartbeats would hide it from
// the group for ever. When hard has ended, it waits for nobody for long. It returns false when all
// workers have ended.
func (a *App) watch(l *life, worked <-chan struct{}, workers []*worker.Worker) (stuck bool) {
	hard, fail := l.hard, l.fail
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
