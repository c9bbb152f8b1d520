package worker

import (
	"context"
	"sync"
	"sync/atomic"
)

// The session's goroutine asks nobody and waits for nobody but its poll. What takes longer runs on
// goroutines of its own, the errands; they leave what they find in an inbox and wake the session.

// errands are the goroutines of a session. They end with it.
type errands struct {
	ctx context.Context
	end context.CancelFunc
	all sync.WaitGroup
}

// run does something on a goroutine of its own, which is to give up when ctx ends.
func (e *errands) run(do func(ctx context.Context)) {
	e.all.Go(func() { do(e.ctx) })
}

// close ends them, and waits for that.
func (e *errands) close() {
	e.end()
	e.all.Wait()
}

// inbox is what errands hand over to the session. It is safe for concurrent use.
type inbox[T any] struct {
	wake func()

	mu  sync.Mutex
	all []T
}

// put adds v and wakes the session.
func (b *inbox[T]) put(v T) {
	b.mu.Lock()
	b.all = append(b.all, v)
	b.mu.Unlock()
	b.wake()
}

// next takes the first of what is there.
func (b *inbox[T]) next() (v T, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) == 0 {
		return v, false
	}
	v, b.all = b.all[0], b.all[1:]
	return v, true
}

// empty reports whether nothing is there.
func (b *inbox[T]) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all) == 0
}

// waker ends a poll that waits. It is safe for concurrent use.
type waker struct {
	poll atomic.Pointer[context.CancelFunc] // of the one that waits; nil if none does
}

func (w *waker) wake() {
	if cancel := w.poll.Load(); cancel != nil {
		(*cancel)()
	}
}
