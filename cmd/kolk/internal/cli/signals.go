package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// errSignal is the cause of a context that a signal ended.
var errSignal = errors.New("interrupted")

// notes writes to what is the right place at the time. It is safe for concurrent use.
type notes struct {
	mu sync.Mutex
	w  io.Writer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.w.Write(p)
}

// to changes the place.
func (n *notes) to(w io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.w = w
}

// signals returns a context that the first SIGINT or SIGTERM ends: work in hand is committed. The
// second one ends the process at once; what it had not committed is aborted by the broker and
// processed again.
func signals(ctx context.Context, stderr io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-ch:
			fmt.Fprintln(stderr, "kolk: stopping; once more to abort")
			cancel(errSignal)
		case <-done:
			return
		}
		select {
		case <-ch:
			fmt.Fprintln(stderr, "kolk: aborted")
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(done)
		cancel(nil)
	}
}
