package pebblestate

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestGate: after a failure nothing changes on the disk any more, by whatever operation.
func TestGate(t *testing.T) {
	mem := vfs.NewMem()
	f := newFailure()
	g := newGate(mem, f)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(g.MkdirAll("d", 0o755))
	file, err := g.Create("d/a", vfs.WriteCategoryUnspecified)
	must(err)
	rw, err := g.OpenReadWrite("d/b", vfs.WriteCategoryUnspecified)
	must(err)
	dir, err := g.OpenDir("d")
	must(err)
	_, err = file.Write([]byte("before"))
	must(err)
	must(errors.Join(file.Sync(), dir.Sync()))
	before := mem.String()
	f.fail(syscall.ENOSPC, false)
	for name, operation := range map[string]func() error{
		"write":      func() error { _, err := file.Write([]byte("after")); return err },
		"write at":   func() error { _, err := rw.WriteAt([]byte("after"), 0); return err },
		"sync":       func() error { return file.Sync() },
		"sync data":  func() error { return file.SyncData() },
		"sync to":    func() error { _, err := file.SyncTo(1); return err },
		"create":     func() error { _, err := g.Create("d/c", vfs.WriteCategoryUnspecified); return err },
		"open":       func() error { _, err := g.OpenReadWrite("d/c", vfs.WriteCategoryUnspecified); return err },
		"reuse":      func() error { _, err := g.ReuseForWrite("d/a", "d/c", vfs.WriteCategoryUnspecified); return err },
		"link":       func() error { return g.Link("d/a", "d/c") },
		"rename":     func() error { return g.Rename("d/a", "d/c") },
		"remove":     func() error { return g.Remove("d/a") },
		"remove all": func() error { return g.RemoveAll("d") },
		"mkdir":      func() error { return g.MkdirAll("e", 0o755) },
	} {
		if err := operation(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v, want %v", name, err, syscall.ENOSPC)
		}
	}
	if err := dir.Sync(); err != nil {
		t.Errorf("sync of a directory: %v; Pebble would panic", err)
	}
	if after := mem.String(); after != before {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
	// Once a database is open its flushes wait, so that they are not tried again in a loop, until
	// it is closed.
	g.opened.Store(true)
	done := make(chan error)
	go func() {
		_, err := g.Create("d/c", vfs.WriteCategoryUnspecified)
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("create came back before the close: %v", err)
	default:
	}
	close(g.stop)
	if err := <-done; !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("create: %v", err)
	}
}
