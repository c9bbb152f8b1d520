// Package backoff is the pause between two attempts: short at first, twice as long each time, and
// never longer than a limit.
package backoff

import (
	"context"
	"time"
)

// Backoff is a pause that grows. It belongs to one goroutine.
type Backoff struct {
	first, most, next time.Duration
}

// New returns pauses that begin with first and double up to most.
func New(first, most time.Duration) Backoff {
	return Backoff{first: first, most: most, next: min(first, most)}
}

// Next returns the pause that is due, for callers that wait for more than the time, and makes the
// one behind it longer.
func (b *Backoff) Next() time.Duration {
	pause := b.next
	b.next = min(2*pause, b.most)
	return pause
}

// Wait pauses. It returns the cause of the context's end, at once, if ctx ends before or meanwhile.
func (b *Backoff) Wait(ctx context.Context) error {
	timer := time.NewTimer(b.Next())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Reset makes the next pause the first one again.
func (b *Backoff) Reset() { b.next = min(b.first, b.most) }
