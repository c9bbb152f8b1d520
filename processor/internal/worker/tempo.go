package worker

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/topology"
)

// With nothing left to process a commit comes early, if that costs little: a worker that spends
// less than a fifth of its time on records, and less than half on commits, which is waiting,
// commits at once, but not more often than CommitMin. Under load each commit more would make
// batches smaller and transactions more.
const (
	processingShare = 5
	committingShare = 2
)

// tempo says when the transaction is to be committed, by what it knows of it and of the last one.
// It belongs to the session's goroutine.
type tempo struct {
	interval, least time.Duration // of the settings: CommitInterval, CommitMin

	dirtySince time.Time // zero: there is nothing to commit
	opened     time.Time // at the earliest: the turn had begun that made it dirty
	records    int64     // of the transaction
	slowest    turn      // of the transaction
	last       time.Time // when the last commit began
	committing time.Duration
	processing time.Duration // since the last commit
}

// dirty reports whether there is something to commit.
func (t *tempo) dirty() bool { return !t.dirtySince.IsZero() }

// turn is a task's.
type turn struct {
	task task.ID
	last topology.Origin // of its records
	took time.Duration
}

// soil notes that there is something to commit as of now, and that it may have been on its way
// since the present turn began.
func (t *tempo) soil(began, now time.Time) {
	if !t.dirty() {
		t.opened, t.dirtySince = began, now
	}
}

// worked notes that a task has processed n records, and how long that took.
func (t *tempo) worked(r *task.Task, n int, took time.Duration) {
	t.records += int64(n)
	t.processing += took
	if took > t.slowest.took {
		t.slowest = turn{r.ID(), r.Current(), took}
	}
}

// outlived returns an error if the transaction has been open for longer than a broker lets it, with
// what took so long; nil if it has not.
func (t *tempo) outlived(now time.Time, most time.Duration, cause error) error {
	open := now.Sub(t.opened)
	if !t.dirty() || open <= most {
		return nil
	}
	return &outlivedError{open: open, most: most, slowest: t.slowest, err: cause}
}

// outlivedError is a transaction that the broker has ended, because it was open for too long.
type outlivedError struct {
	open, most time.Duration
	slowest    turn
	err        error
}

func (e *outlivedError) Error() string {
	o := e.slowest.last
	return fmt.Sprintf("the transaction was open for %v, longer than TransactionTimeout (%v), and the broker has ended it (task %s worked for %v, up to %s/%d offset %d; where a function waits for something slow, TransactionTimeout is to be longer than that): %v",
		e.open.Round(time.Millisecond), e.most, e.slowest.task, e.slowest.took.Round(time.Millisecond), o.Topic, o.Partition, o.Offset, e.err)
}

func (e *outlivedError) Unwrap() error { return e.err }

// clean notes that the transaction has ended: begun is when its commit began, now when it was done.
func (t *tempo) clean(begun, now time.Time) {
	t.last, t.dirtySince, t.records, t.slowest = begun, time.Time{}, 0, turn{}
	t.committing, t.processing = now.Sub(begun), 0
}

// due returns how long the commit has time. With nothing left to process, which drained says, it
// may be early.
func (t *tempo) due(now time.Time, drained bool) time.Duration {
	due := t.dirtySince.Add(t.interval).Sub(now)
	if drained {
		early := max(t.least, committingShare*t.committing, processingShare*t.processing)
		due = min(due, t.last.Add(early).Sub(now))
	}
	return due
}
