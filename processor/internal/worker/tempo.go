package worker

import "time"

// With nothing left to process a commit comes early, if that costs little: a worker that spends less
// than a fifth of its time on records, and less than half on commits, which is waiting, commits at
// once, but not more often than CommitMin. Under load each commit more would make batches smaller and
// transactions more.
const (
	processingShare = 5
	committingShare = 2
)

// tempo says when the transaction is to be committed, by what it knows of it and of the last one. It
// belongs to the session's goroutine.
type tempo struct {
	interval, least time.Duration // of the settings: CommitInterval, CommitMin

	dirtySince time.Time // zero: there is nothing to commit
	records    int64     // of the transaction
	last       time.Time // when the last commit began
	committing time.Duration
	processing time.Duration // since the last commit
}

// dirty reports whether there is something to commit.
func (t *tempo) dirty() bool { return !t.dirtySince.IsZero() }

// soil notes that there is something to commit, as of now.
func (t *tempo) soil(now time.Time) {
	if !t.dirty() {
		t.dirtySince = now
	}
}

// worked notes that n records were processed, and how long that took.
func (t *tempo) worked(n int, took time.Duration) {
	t.records += int64(n)
	t.processing += took
}

// clean notes that the transaction has ended: begun is when its commit began, now when it was done.
func (t *tempo) clean(begun, now time.Time) {
	t.last, t.dirtySince, t.records = begun, time.Time{}, 0
	t.committing, t.processing = now.Sub(begun), 0
}

// due returns how long the commit has time. With nothing left to process, which drained says, it may be
// early.
func (t *tempo) due(now time.Time, drained bool) time.Duration {
	due := t.dirtySince.Add(t.interval).Sub(now)
	if drained {
		early := max(t.least, committingShare*t.committing, processingShare*t.processing)
		due = min(due, t.last.Add(early).Sub(now))
	}
	return due
}
