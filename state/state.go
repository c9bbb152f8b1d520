package state

import "errors"

var (
	// ErrInUse is returned by Open for a directory that another process, or another part of this
	// one, holds open.
	ErrInUse = errors.New("state: directory is in use")

	// ErrCorrupt marks errors of data that cannot be what was written: a failed checksum, a missing
	// file. The way out is to delete the directory; it is rebuilt from the changelog.
	ErrCorrupt = errors.New("state: corrupt")

	// ErrEmptyKey is returned by Commit of a batch that sets or deletes the empty key. Databases
	// have no such key; stores, whose keys begin with a prefix there, do.
	ErrEmptyKey = errors.New("state: empty key")

	// ErrClosed is returned by every call on a database, batch or snapshot that was closed.
	ErrClosed = errors.New("state: closed")
)

// Engine opens the databases of one process and owns what they share (caches, limits).
// It is safe for concurrent use.
type Engine interface {
	// Open opens the database in dir, and creates it where there is none. It fails with [ErrInUse]
	// or [ErrCorrupt].
	Open(dir string) (DB, error)

	// Close releases what the databases share. All databases must be closed before.
	Close() error
}

// Reader reads a database, or a state of it.
type Reader interface {
	// Get appends the value of key to dst. found is false, and dst returned as it was, if there is
	// none. The result does not alias memory of the database.
	Get(dst, key []byte) (value []byte, found bool, err error)

	// Scan calls fn for each key in [lo, hi), in the order of bytes.Compare, until fn returns false
	// or an error, which Scan then returns. A nil hi means no upper bound. key and value are valid
	// during the call of fn only, and not to be changed. A scan shows one state, the one at its
	// start; fn may read, and commit batches.
	Scan(lo, hi []byte, fn func(key, value []byte) (more bool, err error)) error
}

// DB is an ordered key-value database. Reads and Snapshot may run concurrently with everything but
// Close; batches are committed by one goroutine at a time.
//
// There is no write-ahead log: a committed batch is visible at once and durable after the next
// Flush, or earlier. A crash leaves a prefix of the committed batches, never part of one.
type DB interface {
	Reader

	// NewBatch returns an empty batch.
	NewBatch() Batch

	// Snapshot returns the database as it is now. It must be closed.
	Snapshot() Snapshot

	// Flush makes every committed batch durable.
	Flush() error

	// Unflushed is about how many bytes a crash would lose now: the replay after it. Safe for
	// concurrent use.
	Unflushed() int64

	// Close waits until all snapshots are closed, then flushes and closes the database. From its
	// beginning on no other call succeeds; a Snapshot taken then is closed from the start.
	Close() error
}

// Batch collects writes that become visible, and survive a crash, together or not at all. Later
// writes win. Arguments are copied. Keys must not be empty; bounds may be.
type Batch interface {
	Set(key, value []byte)
	Delete(key []byte)
	// DeleteRange deletes all keys in [lo, hi): none if lo is not below hi.
	DeleteRange(lo, hi []byte)
	// Size is about how many bytes the batch holds.
	Size() int
	// Commit applies the batch. After an error nothing of it is visible. The batch is empty
	// afterwards and can be used again.
	Commit() error
	// Close discards the batch.
	Close() error
}

// Snapshot is an unchanging state of a database. It is safe for concurrent use.
type Snapshot interface {
	Reader
	Close() error
}
