package pebblestate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/kolkstream/kolk/state"
)

// failure is the first thing that went wrong in the background of one database: a flush without
// disk space, a file with a wrong checksum. Pebble tries again for ever, or ends the process; kolk
// closes the database. From the failure on nothing is written to its directory any more (see gate),
// so that it stays what a crash would have left: a prefix of the committed batches.
type failure struct {
	// failed is closed when there is one.
	failed chan struct{}
	// broken is set if reads cannot be trusted any more either.
	broken atomic.Bool
	// level0 is set when level 0 may have grown.
	level0 atomic.Bool
	// compacted gets a token after each compaction, if there is room.
	compacted chan struct{}

	mu  sync.Mutex
	err error
}

func newFailure() *failure {
	return &failure{failed: make(chan struct{}), compacted: make(chan struct{}, 1)}
}

func (f *failure) fail(err error, broken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = classify(err)
		close(f.failed)
	}
	if broken {
		f.broken.Store(true)
	}
}

// get returns the failure, or nil.
func (f *failure) get() error {
	select {
	case <-f.failed:
	default:
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// readable returns the failure if it makes reads worthless.
func (f *failure) readable() error {
	if f.broken.Load() {
		return f.get()
	}
	return nil
}

// listener hears what Pebble does in the background. Its functions are called with Pebble's locks
// held.
func (f *failure) listener(logger *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { f.fail(err, isCorrupt(err)) },
		// By default this ends the process.
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			f.fail(fmt.Errorf("%w: file %s: %w", state.ErrCorrupt, filepath.Base(info.Path), info.Details), true)
		},
		FlushEnd: func(pebble.FlushInfo) { f.level0.Store(true) },
		CompactionEnd: func(pebble.CompactionInfo) {
			select {
			case f.compacted <- struct{}{}:
			default:
			}
		},
		DiskSlow: func(info pebble.DiskSlowInfo) { logger.Warn("slow disk", "event", info.String()) },
	}
}

// pebbleLogger passes on what Pebble logs.
type pebbleLogger struct {
	logger *slog.Logger
	f      *failure
}

func (l pebbleLogger) Infof(format string, args ...any) {
	if l.logger.Enabled(context.Background(), slog.LevelDebug) {
		l.logger.Debug(fmt.Sprintf(format, args...))
	}
}

// Errorf is called for what goes wrong in the background, which is the failure of the database in
// most cases: whoever uses it next says so. Pebble's own words come with pages of stack.
func (l pebbleLogger) Errorf(format string, args ...any) {
	level := slog.LevelError
	if l.f.get() != nil {
		level = slog.LevelDebug
	}
	l.logger.Log(context.Background(), level, firstLine(fmt.Sprintf(format, args...)))
}

// Fatalf is called where Pebble cannot go on: the manifest could not be written, an invariant does
// not hold. Pebble expects the process to end. Instead the database fails for good: every call on
// it from now on is an error, what the current one returns is thrown away, and no byte is written
// any more.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		// Pebble formats errors with %s: the cause (a full disk) shall not be lost.
		if cause, ok := a.(error); ok {
			err = cause
		}
	}
	l.f.fail(err, true) // whoever uses the database next says so
}

// isCorrupt says whether an error of reading or writing an open database means that its files are
// not what was written.
func isCorrupt(err error) bool {
	return pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, state.ErrCorrupt) ||
		// a file that has become shorter
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// plainError is an error of Pebble, in one line: its own formatting adds the stack, and hints.
type plainError struct{ error }

func (e plainError) Error() string { return firstLine(e.error.Error()) }
func (e plainError) Unwrap() error { return e.error }

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// classify marks errors with [state.ErrCorrupt] where that is what they mean.
func classify(err error) error {
	if err == nil {
		return nil
	}
	if isCorrupt(err) && !errors.Is(err, state.ErrCorrupt) {
		return fmt.Errorf("pebblestate: %w: %w", state.ErrCorrupt, plainError{err})
	}
	return fmt.Errorf("pebblestate: %w", plainError{err})
}

// classifyOpen is classify for errors of opening a directory that could be locked and is of a known
// format. What the operating system refuses (permission, space, I/O) is no corruption; all else
// comes from what the files say.
func classifyOpen(err error) error {
	var errno syscall.Errno
	if !isCorrupt(err) && !errors.As(err, &errno) {
		return fmt.Errorf("pebblestate: %w: %w", state.ErrCorrupt, plainError{err})
	}
	return classify(err)
}
