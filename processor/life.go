package processor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// life is how a run comes to its end. It ends in peace when ctx does: what is in hand is committed.
// It ends at once when hard does: when something has failed, or the peace took too long. It is safe
// for concurrent use.
type life struct {
	ctx  context.Context
	stop context.CancelFunc
	hard context.Context // outlives ctx, and whatever ctx is made from
	kill context.CancelCauseFunc

	unwatch func() bool // nothing is to follow the end of ctx

	group sync.WaitGroup // of what ends with ctx, or soon after it

	log   *reporter
	first sync.Once
	cause error // of the first failure
}

// newLife returns one that ends in peace with ctx. stopping is called then. shutdown bounds the
// peace.
func newLife(ctx context.Context, shutdown time.Duration, stopping func(), log *reporter) *life {
	l := &life{log: log}
	l.hard, l.kill = context.WithCancelCause(context.WithoutCancel(ctx))
	l.ctx, l.stop = context.WithCancel(ctx)
	l.unwatch = context.AfterFunc(l.ctx, func() {
		stopping()
		t := time.AfterFunc(shutdown, func() { l.kill(fmt.Errorf("the shutdown took longer than %v", shutdown)) })
		context.AfterFunc(l.hard, func() { t.Stop() })
	})
	return l
}

// fail ends it at once. The first failure is the cause of those that follow: nothing uncommitted is
// worth a wait.
func (l *life) fail(err error) {
	l.first.Do(func() {
		if c := context.Cause(l.hard); c != nil {
			err = c // the shutdown took too long: what a worker says is a consequence
		}
		l.log.failed(err)
		l.cause = err
		l.kill(err)
		l.stop()
	})
}

// why returns what has ended it, nil if that was peace. It is called when nothing runs any more.
func (l *life) why() error {
	if l.cause != nil {
		return l.cause
	}
	return context.Cause(l.hard)
}

// asked reports whether err says no more than that ctx has ended, before there was anything to end.
func (l *life) asked(err error) bool {
	return l.ctx.Err() != nil && errors.Is(err, l.ctx.Err()) && context.Cause(l.hard) == nil
}

// end releases what it holds, when nothing runs any more.
func (l *life) end() {
	l.unwatch()
	l.stop()
	l.kill(nil)
}

// wait ends it, in peace if it has not failed, and waits for what ends with it.
func (l *life) wait() {
	l.stop()
	l.group.Wait()
}
