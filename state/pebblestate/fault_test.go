package pebblestate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
)

// fault makes operations fail while it is on.
type fault struct {
	on    atomic.Bool
	hits  atomic.Int64
	match func(op errorfs.Op) bool
	err   syscall.Errno
}

func (f *fault) MaybeError(op errorfs.Op) error {
	if f.on.Load() && f.match(op) {
		f.hits.Add(1)
		return &fs.PathError{Op: "fault", Path: op.Path, Err: f.err}
	}
	return nil
}

func (f *fault) String() string { return f.err.Error() }

func isWrite(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpRename:
		return true
	}
	return false
}

func of(suffixOrPrefix string) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool {
		name := filepath.Base(op.Path)
		return isWrite(op) && (strings.HasPrefix(name, suffixOrPrefix) || strings.HasSuffix(name, suffixOrPrefix))
	}
}

func faults() map[string]*fault {
	return map[string]*fault{
		"disk full":             {match: isWrite, err: syscall.ENOSPC},
		"no new file":           {match: func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate }, err: syscall.ENOSPC},
		"table":                 {match: of(".sst"), err: syscall.ENOSPC},
		"manifest":              {match: of("MANIFEST-"), err: syscall.ENOSPC},
		"sync":                  {match: func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData }, err: syscall.EIO},
		"sync of the directory": {match: func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync && filepath.Base(op.Path) == "task" }, err: syscall.EIO},
		"quota on a table":      {match: func(op errorfs.Op) bool { return of(".sst")(op) && op.Kind == errorfs.OpFileWrite }, err: syscall.EDQUOT},
		"read-only":             {match: of(".sst"), err: syscall.EROFS},
	}
}

// TestDiskFull: from the failure on Commit and Flush say what it was, nothing hangs, nobody ends
// the process, and the directory holds what a crash would have left.
func TestDiskFull(t *testing.T) {
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) { diskFull(t, f, 30) })
		// The first flush after an open begins a new manifest.
		t.Run(name+" at the first flush", func(t *testing.T) { diskFull(t, f, 0) })
	}
}

func diskFull(t *testing.T, f *fault, before int) {
	seed := seeds.New(t)
	mem := vfs.NewMem()
	e := newEngine(t, small(errorfs.Wrap(mem, f)))
	s, err := openStore(e)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < before; n++ {
		if err := s.commit(newModel(seed), n+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	flushed := n
	f.on.Store(true)
	for err == nil {
		if n == 10_000 {
			t.Fatal("10000 batches without a failure")
		}
		if err = s.commit(newModel(seed), n+1); err == nil {
			n++
		}
	}
	want := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, f.err) || errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%s: %v, want %v", what, err, f.err)
		}
	}
	want("commit", err)
	want("commit again", s.commit(newModel(seed), n+1))
	want("flush", s.db.Flush())
	// Reads are right, or say that they cannot be.
	s.o.Reset()
	if at, err := s.version(seed); err != nil {
		want("read", err)
	} else if at != n {
		t.Errorf("%d batches, want %d", at, n)
	}
	// The disk has room again: that is too late for this database.
	f.on.Store(false)
	want("commit with room", s.commit(newModel(seed), n+1))
	files, err := mem.List("task")
	if err != nil {
		t.Fatal(err)
	}
	want("close", s.db.Close())
	after, err := mem.List("task")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(after) {
		t.Errorf("files were made or removed after the failure: %q, then %q", files, after)
	}
	if s, err = openStore(e); err != nil {
		t.Fatal(err)
	}
	if at, err := s.version(seed); err != nil || at < flushed || at > n {
		t.Errorf("%d batches after the failure, want %d to %d: %v", at, flushed, n, err)
	}
	if err := s.commit(newModel(seed), int(s.c.Seq())+1); err != nil {
		t.Errorf("commit after the failure: %v", err)
	}
	if err := errors.Join(s.db.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestManifestSyncFails: Pebble panics, in a goroutine of its own, when it cannot sync the
// directory after it has made a new manifest, which it does in the first flush of a database that
// was there before.
func TestManifestSyncFails(t *testing.T) {
	seed := seeds.New(t)
	mem := vfs.NewMem()
	var made atomic.Bool
	f := &fault{err: syscall.EIO, match: func(op errorfs.Op) bool {
		if op.Kind == errorfs.OpCreate && strings.HasPrefix(filepath.Base(op.Path), "marker.manifest.") {
			made.Store(true)
		}
		return made.Load() && op.Kind == errorfs.OpFileSync && filepath.Base(op.Path) == "task"
	}}
	e := newEngine(t, small(errorfs.Wrap(mem, f)))
	for _, on := range []bool{false, true, false} {
		s, err := openStore(e)
		if err != nil {
			t.Fatal(err)
		}
		made.Store(false)
		f.on.Store(on)
		n, err := s.version(seed)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(s.commit(newModel(seed), n+1), s.db.Flush())
		if closeErr := s.db.Close(); err == nil {
			err = closeErr
		}
		if on != errors.Is(err, syscall.EIO) || !on && err != nil {
			t.Errorf("fault %v: %v", on, err)
		}
		f.on.Store(false)
	}
	if f.hits.Load() == 0 {
		t.Error("no sync of the directory failed")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOpenFails: what the operating system refuses is not corruption, and hurts nothing. The fault
// hits each operation of an open in turn.
func TestOpenFails(t *testing.T) {
	seed := seeds.New(t)
	for _, batches := range []int{0, 30} {
		mem := vfs.NewMem()
		var skip atomic.Int64
		f := &fault{err: syscall.ENOSPC}
		f.match = func(op errorfs.Op) bool { return isWrite(op) && skip.Add(-1) < 0 }
		e := newEngine(t, small(errorfs.Wrap(mem, f)))
		if batches > 0 {
			s, err := openStore(e)
			if err != nil {
				t.Fatal(err)
			}
			for n := range batches {
				if err := s.commit(newModel(seed), n+1); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		failed := 0
		for n := int64(0); ; n++ {
			skip.Store(n)
			f.on.Store(true)
			db, err := e.Open("task")
			f.on.Store(false)
			if err == nil {
				if err := db.Close(); err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
				if f.hits.Swap(0) == 0 {
					break
				}
				continue // the operation did not matter to the open
			}
			failed++
			f.hits.Store(0)
			if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, state.ErrCorrupt) {
				t.Errorf("open with operation %d failing: %v", n, err)
			}
		}
		if failed < 3 {
			t.Errorf("only %d opens failed", failed)
		}
		s, err := openStore(e)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.version(seed); err != nil || n != batches {
			t.Errorf("%d batches, want %d: %v", n, batches, err)
		}
		if err := errors.Join(s.db.Close(), e.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadFails: a read that the disk refuses is an error, but no corruption, and no end.
func TestReadFails(t *testing.T) {
	seed := seeds.New(t)
	mem := vfs.NewMem()
	f := &fault{err: syscall.EIO, match: func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".sst")
	}}
	for range 2 {
		e := newEngine(t, small(errorfs.Wrap(mem, f)))
		s, err := openStore(e)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := s.commit(newModel(seed), int(s.c.Seq())+1); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
		f.on.Store(true)
		_, err = s.version(seed)
		if err != nil && (!errors.Is(err, syscall.EIO) || errors.Is(err, state.ErrCorrupt)) {
			t.Errorf("read: %v", err)
		}
		// A compaction that cannot read fails the database.
		for n := 0; err == nil || n == 0; n++ {
			if n == 10_000 {
				t.Fatal("10000 batches, and no compaction has failed")
			}
			err = s.commit(newModel(seed), int(s.c.Seq())+1)
		}
		if !errors.Is(err, syscall.EIO) || errors.Is(err, state.ErrCorrupt) {
			t.Errorf("commit: %v", err)
		}
		f.on.Store(false)
		if err := errors.Join(s.db.Close(), e.Close()); err != nil && !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
	}
	if f.hits.Load() == 0 {
		t.Error("no read failed")
	}
}

// TestNewerFormat: a directory of a newer Pebble is refused, and not for corruption: nobody shall
// delete it.
func TestNewerFormat(t *testing.T) {
	mem := vfs.NewMem()
	e := newEngine(t, small(mem))
	s, err := openStore(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := mem.List("task")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.format-version.") {
			if err := mem.Rename("task/"+name, "task/"+name[:len(name)-3]+"999"); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = e.Open("task")
	if err == nil || errors.Is(err, state.ErrCorrupt) || !strings.Contains(err.Error(), "999") {
		t.Errorf("open: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestInUseByAnotherProcess starts this test binary again; that one finds the directory held.
func TestInUseByAnotherProcess(t *testing.T) {
	const key = "PEBBLESTATE_TEST_DIR"
	if dir := os.Getenv(key); dir != "" {
		e := newEngine(t, small(vfs.Default))
		db, err := e.Open(dir)
		fmt.Printf("in use: %v\n", errors.Is(err, state.ErrInUse))
		if err == nil {
			err = db.Close()
		} else if errors.Is(err, state.ErrInUse) {
			err = nil
		}
		if err := errors.Join(err, e.Close()); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	e := newEngine(t, small(vfs.Default))
	other := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), key+"="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		first, _, _ := strings.Cut(string(out), "\n")
		return first
	}
	db, err := e.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := other(); got != "in use: true" {
		t.Errorf("the other process: %q", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := other(); got != "in use: false" {
		t.Errorf("the other process, after the close: %q", got)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// A directory that cannot be made is not one in use.
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e = newEngine(t, small(vfs.Default))
	if _, err := e.Open(filepath.Join(file, "sub")); err == nil || errors.Is(err, state.ErrInUse) || errors.Is(err, state.ErrCorrupt) {
		t.Errorf("open below a file: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
