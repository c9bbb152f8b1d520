package async

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits are those of the calls of an operator in one task, of each of its inputs.
type Limits struct {
	// Concurrency is how many calls run at once.
	Concurrency int
	// Timeout is how long one may take.
	Timeout time.Duration
}

// ahead is how many times Concurrency the calls may be that have begun, or wait for that, or have
// ended, of records that are not processed yet: so that a slow one does not hold back those behind
// it.
const ahead = 2

// Grace is how long a call that is given up, because of its time-out or otherwise, is waited for.
// A function that has not returned by then is left behind.
const Grace = 2 * time.Second

// mostLeft is how many calls of an operator may be left behind at a time, in all tasks of the
// process. Each of them has a goroutine, and what its record is made of.
const mostLeft = 64

// Left counts the calls of an operator, in all tasks of the process, that are left behind and have
// not returned since.
type Left struct{ n atomic.Int64 }

// call is a call, from the moment when its record is shown until that has been processed.
type call[In, Out any] struct {
	offset int64 // of the message that the record was made from
	in     In
	result[Out]
	left   bool // the function has not returned, and nobody waits for it any more
	begun  bool
	over   bool
	done   chan struct{} // closed when it is over
	cancel context.CancelFunc
}

// result is what a call has come to.
type result[Out any] struct {
	out    Out
	err    error
	panics any
}

// calls are the calls of one operator in one task. Its goroutines call the function, the rest
// belongs to the goroutine of the task, and mu guards what they share.
type calls[In, Out any] struct {
	limits Limits
	left   *Left
	f      func(context.Context, In) (Out, error)
	ctx    context.Context
	end    context.CancelFunc

	mu     sync.Mutex
	topics map[string]*line[In, Out]
	lost   bool           // some were left behind
	alive  sync.WaitGroup // goroutines, but for those that were left behind
}

// line are the calls for one input, in the order of its records.
type line[In, Out any] struct {
	of      []*call[In, Out]
	waiting []*call[In, Out] // of those: not begun yet
	running int
	// lost are the offsets of messages of which calls were left behind.
	lost []int64
	// wake is called when what lies up to that offset is over.
	upTo int64
	wake func()
}

func newCalls[In, Out any](ctx context.Context, l Limits, left *Left, f func(context.Context, In) (Out, error)) *calls[In, Out] {
	c := &calls[In, Out]{limits: l, left: left, f: f, topics: make(map[string]*line[In, Out])}
	c.ctx, c.end = context.WithCancel(ctx)
	return c
}

// add adds a call, which begins at once or when there is room.
func (c *calls[In, Out]) add(topic string, offset int64, in In) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.topics[topic]
	if l == nil {
		l = new(line[In, Out])
		c.topics[topic] = l
	}
	next := &call[In, Out]{offset: offset, in: in, done: make(chan struct{})}
	l.of = append(l.of, next)
	if l.running == c.limits.Concurrency {
		l.waiting = append(l.waiting, next)
		return
	}
	l.running++
	next.begun = true
	c.begin(l, next)
}

// begin begins a call, in a goroutine that makes those that wait after it.
func (c *calls[In, Out]) begin(l *line[In, Out], k *call[In, Out]) {
	c.alive.Add(1)
	go c.run(l, k)
}

// errExit is the panic of a function that ends its goroutine, as FailNow of a test does.
var errExit = errors.New("the function has ended its goroutine: runtime.Goexit")

// run makes a call, and after it those that wait. If the call is left behind another goroutine has
// taken the place of this one.
func (c *calls[In, Out]) run(l *line[In, Out], k *call[In, Out]) {
	var got result[Out]
	ours := true
	defer func() {
		if k != nil && ours { // the function has ended its goroutine
			if k, ours = c.finish(l, k, got); k != nil {
				c.begin(l, k)
			}
		}
		if ours {
			c.alive.Done()
		}
	}()
	for k != nil && ours {
		got = result[Out]{}
		c.make(l, k, &got)
		k, ours = c.finish(l, k, got)
	}
}

// make makes a call, unless all are given up.
func (c *calls[In, Out]) make(l *line[In, Out], k *call[In, Out], got *result[Out]) {
	if got.err = c.ctx.Err(); got.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.limits.Timeout)
	defer cancel()
	c.mu.Lock()
	k.cancel = cancel
	c.mu.Unlock()
	unwatch := context.AfterFunc(ctx, func() { c.awaitReturn(l, k, context.Cause(ctx)) })
	defer unwatch()
	returned := false
	defer func() {
		if v := recover(); v != nil {
			got.panics = thrown(v)
		} else if !returned {
			got.panics = errExit
		}
	}()
	got.out, got.err = c.f(ctx, k.in)
	returned = true
}

// awaitReturn waits, for as long as the grace is, until a call that was given up is over.
func (c *calls[In, Out]) awaitReturn(l *line[In, Out], k *call[In, Out], why error) {
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	select {
	case <-k.done:
	case <-grace.C:
		c.leave(l, k, why)
	}
}

// leave leaves a call behind. Those that wait go on in another goroutine.
func (c *calls[In, Out]) leave(l *line[In, Out], k *call[In, Out], why error) {
	c.mu.Lock()
	if k.over {
		c.mu.Unlock()
		return
	}
	k.left, c.lost = true, true
	l.lost = append(l.lost, k.offset)
	c.left.n.Add(1)
	k.err = fmt.Errorf("the function has not returned %v after its context had ended (time-out %v): %w; it is left behind: have it heed its context", Grace, c.limits.Timeout, why)
	next, wake := c.over(l, k)
	c.mu.Unlock()
	if next != nil {
		c.begin(l, next)
	}
	if wake != nil {
		wake()
	}
	c.alive.Done() // for the goroutine that is left
}

// thrown is what a panic in a call becomes in the task: with the place where it began.
func thrown(v any) any {
	at := ""
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			at = fmt.Sprintf(" (in a call ahead of the record, at %s:%d)", f.File, f.Line)
			break
		}
		if !more {
			break
		}
	}
	if err, ok := v.(error); ok {
		return fmt.Errorf("%w%s", err, at)
	}
	return fmt.Errorf("%v%s", v, at)
}

// finish notes that a call has returned, and returns the one to be made next, nil for none. ours is
// false if it was left behind.
func (c *calls[In, Out]) finish(l *line[In, Out], k *call[In, Out], got result[Out]) (next *call[In, Out], ours bool) {
	c.mu.Lock()
	if k.left {
		c.mu.Unlock()
		c.left.n.Add(-1)
		return nil, false
	}
	k.result = got
	next, wake := c.over(l, k)
	c.mu.Unlock()
	if wake != nil {
		wake()
	}
	return next, true
}

// over notes that a call is over. It returns the one to be made next, and who is to be woken, nil
// for none. The caller holds mu.
func (c *calls[In, Out]) over(l *line[In, Out], k *call[In, Out]) (next *call[In, Out], wake func()) {
	k.over = true
	close(k.done)
	if len(l.waiting) > 0 {
		next, l.waiting = l.waiting[0], l.waiting[1:]
		next.begun = true
	} else {
		l.running--
	}
	if l.wake != nil && l.ready(l.upTo) {
		wake, l.wake = l.wake, nil
	}
	return next, wake
}

// ready reports whether the calls of messages up to an offset are over.
func (l *line[In, Out]) ready(offset int64) bool {
	for _, k := range l.of {
		if k.offset > offset {
			break
		}
		if !k.over {
			return false
		}
	}
	return true
}

// wants reports whether there is room for more calls of an input.
func (c *calls[In, Out]) wants(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.topics[topic]
	return l == nil || len(l.of) < ahead*c.limits.Concurrency
}

// ready reports whether the calls of messages up to an offset are over. If they are not, wake is
// called when they are, by another goroutine.
func (c *calls[In, Out]) ready(topic string, offset int64, wake func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.topics[topic]
	if l == nil || l.ready(offset) {
		return true
	}
	l.upTo, l.wake = offset, wake
	return false
}

// await waits until the calls of messages up to an offset are over.
func (c *calls[In, Out]) await(topic string, offset int64) {
	for {
		var first *call[In, Out]
		c.mu.Lock()
		if l := c.topics[topic]; l != nil && !l.ready(offset) {
			for _, k := range l.of {
				if !k.over {
					first = k
					break
				}
			}
		}
		c.mu.Unlock()
		if first == nil {
			return
		}
		<-first.done
	}
}

// take takes the call of the next record that is made from a message. It is over, or none was made.
func (c *calls[In, Out]) take(topic string, offset int64) *call[In, Out] {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.topics[topic]
	if l == nil || len(l.of) == 0 || l.of[0].offset != offset || !l.of[0].over {
		return nil
	}
	k := l.of[0]
	l.drop(1)
	return k
}

// drop forgets the first calls.
func (l *line[In, Out]) drop(n int) {
	rest := copy(l.of, l.of[n:])
	clear(l.of[rest:])
	l.of = l.of[:rest]
}

// passed gives up what is left of messages up to an offset: calls of records that were not needed
// after all. It waits for those that run, for the memory of their records is used again: unless it
// was lost, to calls that were left behind.
func (c *calls[In, Out]) passed(topic string, offset int64) (lost bool) {
	var left []*call[In, Out]
	c.mu.Lock()
	l := c.topics[topic]
	if l != nil {
		n := 0
		for n < len(l.of) && l.of[n].offset <= offset {
			switch k := l.of[n]; {
			case k.over:
			case !k.begun:
				l.waiting = l.waiting[1:] // the first of those that wait
			default:
				left = append(left, k)
				if k.cancel != nil {
					k.cancel()
				}
			}
			n++
		}
		if n > 0 {
			l.drop(n)
		}
	}
	c.mu.Unlock()
	for _, k := range left {
		<-k.done
	}
	if l == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(l.lost)
	l.lost = slices.DeleteFunc(l.lost, func(o int64) bool { return o <= offset })
	return len(l.lost) < n
}

// stop gives up all calls, and waits for those that run. It reports whether some were left behind.
func (c *calls[In, Out]) stop() (lost bool) {
	c.end()
	c.alive.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}
