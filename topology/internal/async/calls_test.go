package async

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running, most := 0, 0
		room := make(chan struct{}, 1)
		room <- struct{}{}
		c := newCalls(t.Context(), Limits{4, time.Minute}, new(Left), func(_ context.Context, n int) (int, error) {
			<-room
			running++
			most = max(most, running)
			room <- struct{}{}
			time.Sleep(time.Second)
			<-room
			running--
			room <- struct{}{}
			return 2 * n, nil
		})
		defer c.stop()
		begun := time.Now()
		for i := range 12 {
			if !c.wants("t") && i < 8 || c.wants("t") && i >= 8 {
				t.Errorf("with %d calls, more are wanted or not: %v", i, c.wants("t"))
			}
			c.add("t", int64(i), i)
		}
		for i := range 12 {
			c.await("t", int64(i))
			k := c.take("t", int64(i))
			if k == nil || k.out != 2*i || k.err != nil {
				t.Fatalf("call %d is %+v", i, k)
			}
		}
		if took := time.Since(begun); most != 4 || took != 3*time.Second {
			t.Errorf("%d ran at once, which took %v", most, took)
		}
	})
}

func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(t.Context(), Limits{4, time.Minute}, new(Left), func(_ context.Context, d time.Duration) (int, error) {
			time.Sleep(d)
			return 0, nil
		})
		defer c.stop()
		for i, d := range []time.Duration{3, 1, 2, 1} {
			c.add("t", int64(i), d*time.Second)
		}
		woken := make(chan time.Duration, 10)
		begun := time.Now()
		wake := func() { woken <- time.Since(begun) }
		if c.ready("t", 0, wake) || !c.ready("other", 0, wake) {
			t.Error("a call is ready before it is over, or one that was not made is not")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(woken) != 0 {
			t.Errorf("woken after %v", <-woken)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(woken) != 1 || <-woken != 3*time.Second || !c.ready("t", 3, wake) {
			t.Error("woken not once, or not after the first call")
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(t.Context(), Limits{1, time.Second}, new(Left), func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		defer c.stop()
		c.add("t", 7, 0)
		c.await("t", 7)
		if k := c.take("t", 7); !errors.Is(k.err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", k.err)
		}
	})
}

// Calls of records that are passed over are given up: those that run end, the others do not begin.
func TestPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var called, given []int
		c := newCalls(t.Context(), Limits{1, time.Minute}, new(Left), func(ctx context.Context, n int) (int, error) {
			called = append(called, n)
			select {
			case <-ctx.Done():
				given = append(given, n)
			case <-time.After(time.Second):
			}
			return n, ctx.Err()
		})
		defer c.stop()
		for i := range 4 {
			c.add("t", int64(i/2), i) // two of each message
		}
		synctest.Wait()
		c.passed("t", 0)
		c.await("t", 1)
		if k := c.take("t", 1); k == nil || k.out != 2 {
			t.Errorf("the first call of the second message is %+v", k)
		}
		if k := c.take("t", 0); k != nil {
			t.Errorf("a call that was given up is there: %+v", k)
		}
		if k := c.take("t", 1); k == nil || k.out != 3 {
			t.Errorf("the second call of the second message is %+v", k)
		}
		if fmt.Sprint(called, given) != "[0 2 3] [0]" {
			t.Errorf("called %v, given up %v", called, given)
		}
	})
}

// After stop no goroutine is left: synctest would say so.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var called atomic.Int32
		c := newCalls(t.Context(), Limits{2, time.Minute}, new(Left), func(ctx context.Context, _ int) (int, error) {
			called.Add(1)
			<-ctx.Done()
			time.Sleep(time.Second) // it is waited for
			return 0, ctx.Err()
		})
		for i := range 4 {
			c.add("t", int64(i), i)
		}
		synctest.Wait()
		begun := time.Now()
		c.stop()
		if called.Load() != 2 || time.Since(begun) != time.Second {
			t.Errorf("%d calls, stopped after %v", called.Load(), time.Since(begun))
		}
	})
}

func TestPanic(t *testing.T) {
	cause := errors.New("cause")
	c := newCalls(t.Context(), Limits{1, time.Minute}, new(Left), func(_ context.Context, v any) (int, error) { panic(v) })
	defer c.stop()
	c.add("t", 0, "oops")
	c.add("t", 1, cause)
	c.await("t", 1)
	text := fmt.Sprint(c.take("t", 0).panics)
	if !strings.Contains(text, "oops") || !strings.Contains(text, "calls_test.go:") {
		t.Errorf("the panic is %q", text)
	}
	if err, ok := c.take("t", 1).panics.(error); !ok || !errors.Is(err, cause) {
		t.Errorf("the panic is %v", err)
	}
}

// A function that ends its goroutine fails, and those that wait go on.
func TestGoexit(t *testing.T) {
	c := newCalls(t.Context(), Limits{1, time.Minute}, new(Left), func(_ context.Context, n int) (int, error) {
		if n%2 == 0 {
			runtime.Goexit()
		}
		return n, nil
	})
	defer c.stop()
	for i := range 4 {
		c.add("t", int64(i), i)
	}
	for i := range 4 {
		c.await("t", int64(i))
		if k := c.take("t", int64(i)); i%2 == 0 && k.panics != errExit || i%2 == 1 && (k.panics != nil || k.out != i) {
			t.Errorf("call %d is %+v", i, k)
		}
	}
}

// A function that does not heed its context is left behind when the grace is over: its call fails,
// those that wait go on, and the memory of its message is lost. It is counted until it returns.
func TestLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, left := make(chan struct{}), new(Left)
		c := newCalls(t.Context(), Limits{1, time.Second}, left, func(_ context.Context, n int) (int, error) {
			if n == 0 {
				<-release
			}
			return n, nil
		})
		begun := time.Now()
		for i := range 3 {
			c.add("t", int64(i), i)
		}
		for i := range 3 {
			c.await("t", int64(i))
			k := c.take("t", int64(i))
			if lost := c.passed("t", int64(i)); lost != (i == 0) {
				t.Errorf("the memory of message %d is lost: %v", i, lost)
			}
			if failed := errors.Is(k.err, context.DeadlineExceeded); failed != (i == 0) || !failed && k.out != i {
				t.Errorf("call %d: %d, %v", i, k.out, k.err)
			}
		}
		if took := time.Since(begun); took != time.Second+Grace || left.n.Load() != 1 {
			t.Errorf("%d left behind after %v", left.n.Load(), took)
		}
		if !c.stop() || time.Since(begun) != time.Second+Grace {
			t.Error("the end of all does not say that memory was lost, or waits for what was left behind")
		}
		close(release)
		synctest.Wait()
		if left.n.Load() != 0 {
			t.Errorf("%d are left behind, and all have returned", left.n.Load())
		}
	})
}

// The end of a task, and of a message whose call nobody has asked for, wait for the grace.
func TestGivenUpAndLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, left := make(chan struct{}), new(Left)
		c := newCalls(t.Context(), Limits{2, time.Minute}, left, func(context.Context, int) (int, error) {
			<-release
			runtime.Goexit()
			return 0, nil
		})
		for i := range 3 {
			c.add("t", int64(i), i)
		}
		synctest.Wait()
		begun := time.Now()
		if !c.passed("t", 0) || time.Since(begun) != Grace {
			t.Errorf("given up after %v, or its memory is not lost", time.Since(begun))
		}
		synctest.Wait()
		if !c.stop() || time.Since(begun) != 2*Grace || left.n.Load() != 3 {
			t.Errorf("stopped after %v, %d left behind", time.Since(begun), left.n.Load())
		}
		close(release)
		synctest.Wait()
		if left.n.Load() != 0 {
			t.Errorf("%d are left behind, and all have ended", left.n.Load())
		}
	})
}
