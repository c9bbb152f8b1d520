// Package failpoint names the places at which tests make a process die or an operation fail.
//
// A [Points] travels in the context that an application runs under. A program that sets none (every
// program but the tests) pays one nil check at each place; there is no global, no build tag and no
// exported configuration.
package failpoint

import "context"

// Name says where in the life of a worker or a task a failpoint lies.
type Name string

// The steps of a commit, in their order. Each is hit once per commit, except those of applying,
// which are hit once per task, and those of flushing, which are hit when a flush is due.
const (
	// BeforeFlush: a commit is due; caches, changelog records and announcements have not been
	// written.
	BeforeFlush Name = "before-flush"
	// AfterFlush: all output and changelog records of the transaction are acknowledged by the
	// broker.
	AfterFlush Name = "after-flush"
	// BeforeOffsetCommit: next comes TxnOffsetCommit (or the plain offset commit of an interval
	// that wrote nothing).
	BeforeOffsetCommit Name = "before-offset-commit"
	// AfterOffsetCommit: the broker has accepted the offsets.
	AfterOffsetCommit Name = "after-offset-commit"
	// BeforeEndTxn: next comes EndTransaction, committing or aborting.
	BeforeEndTxn Name = "before-end-txn"
	// AfterEndTxn: the broker has confirmed the end of the transaction; no database knows it yet.
	AfterEndTxn Name = "after-end-txn"
	// BeforeApply: next a task takes note that its transaction is committed.
	BeforeApply Name = "before-apply"
	// AfterApply: it has, in memory.
	AfterApply Name = "after-apply"
	// BeforeMemtableFlush: what a task has committed since the last flush is in its database as one
	// batch; next it is made durable.
	BeforeMemtableFlush Name = "before-memtable-flush"
	// AfterMemtableFlush: it is durable.
	AfterMemtableFlush Name = "after-memtable-flush"
)

// The steps around a commit.
const (
	// InRevoke: partitions are being taken away; their tasks are committed and not closed yet.
	InRevoke Name = "in-revoke"
	// InLost: the worker was thrown out of the group; its tasks are not closed yet.
	InLost Name = "in-lost"
	// InAssign: a task was assigned; its database is not open yet.
	InAssign Name = "in-assign"
	// InRestore: a batch of changelog records was applied to a database that is not complete yet.
	InRestore Name = "in-restore"
	// AfterRestore: a database is complete; its memtable is not flushed and no record was
	// processed.
	AfterRestore Name = "after-restore"
	// InAbort: a transaction is aborted; overlays are not dropped yet.
	InAbort Name = "in-abort"
	// InClose: the last commit of a clean shutdown is done; databases are still open.
	InClose Name = "in-close"
)

// All lists every failpoint, in the order above.
func All() []Name {
	return []Name{
		BeforeFlush, AfterFlush, BeforeOffsetCommit, AfterOffsetCommit, BeforeEndTxn, AfterEndTxn, BeforeApply, AfterApply,
		BeforeMemtableFlush, AfterMemtableFlush, InRevoke, InLost, InAssign, InRestore, AfterRestore, InAbort, InClose,
	}
}

// Points is called wherever a failpoint lies. It returns nil to go on, or the error with which the
// step fails; it may also end the process or block. It is called by many goroutines. The nil Points
// is off.
type Points func(Name) error

// Hit calls p, unless it is nil.
func (p Points) Hit(n Name) error {
	if p == nil {
		return nil
	}
	return p(n)
}

type contextKey struct{}

// With returns a context that carries p.
func With(ctx context.Context, p Points) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns the Points that ctx carries, or nil. It is meant to be called once, when an
// application starts.
func From(ctx context.Context) Points {
	p, _ := ctx.Value(contextKey{}).(Points)
	return p
}
