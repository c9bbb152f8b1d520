package pebblestate

import (
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is the file system as one database sees it. Its first write that fails is the failure of the
// database, and from any failure on every write is refused: Pebble's own retries could otherwise
// put a second version of a file beside one that is half written, or remove files that the last
// good manifest needs.
type gate struct {
	vfs.FS
	f *failure
	// opened says that the database is open. From then on a Create after a failure waits for stop
	// before it is refused: it belongs to a flush or compaction that Pebble would begin again at
	// once, in a loop that takes a whole processor.
	opened atomic.Bool
	stop   chan struct{}
}

func newGate(fs vfs.FS, f *failure) *gate {
	return &gate{FS: fs, f: f, stop: make(chan struct{})}
}

// note makes a failed write the failure of the database.
func (g *gate) note(err error) error {
	if err != nil {
		g.f.fail(err, false)
	}
	return err
}

func (g *gate) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, g.note(err)
	}
	return &gateFile{File: f, g: g}, nil
}

func (g *gate) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.f.get(); err != nil {
		if g.opened.Load() {
			<-g.stop
		}
		return nil, err
	}
	return g.wrap(g.FS.Create(name, category))
}

func (g *gate) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := g.f.get(); err != nil {
		return nil, err
	}
	return g.wrap(g.FS.OpenReadWrite(name, category, opts...))
}

func (g *gate) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.f.get(); err != nil {
		return nil, err
	}
	return g.wrap(g.FS.ReuseForWrite(oldname, newname, category))
}

// OpenDir opens a directory to sync it.
func (g *gate) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &gateDir{File: f, g: g}, nil
}

func (g *gate) Link(oldname, newname string) error {
	if err := g.f.get(); err != nil {
		return err
	}
	return g.note(g.FS.Link(oldname, newname))
}

func (g *gate) Rename(oldname, newname string) error {
	if err := g.f.get(); err != nil {
		return err
	}
	return g.note(g.FS.Rename(oldname, newname))
}

// Remove may fail: Pebble tries again when it opens the directory.
func (g *gate) Remove(name string) error {
	if err := g.f.get(); err != nil {
		return err
	}
	return g.FS.Remove(name)
}

func (g *gate) RemoveAll(name string) error {
	if err := g.f.get(); err != nil {
		return err
	}
	return g.FS.RemoveAll(name)
}

func (g *gate) MkdirAll(dir string, perm os.FileMode) error {
	if err := g.f.get(); err != nil {
		return err
	}
	return g.note(g.FS.MkdirAll(dir, perm))
}

// GetDiskUsage never fails with an error that Pebble would report as one of the database: it is for
// pacing only.
func (g *gate) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	usage, err := g.FS.GetDiskUsage(path)
	if err != nil {
		return vfs.DiskUsage{}, vfs.ErrUnsupported
	}
	return usage, nil
}

func (g *gate) Unwrap() vfs.FS { return g.FS }

// gateFile is a file that is written.
type gateFile struct {
	vfs.File
	g *gate
}

func (f *gateFile) Write(p []byte) (int, error) {
	if err := f.g.f.get(); err != nil {
		return 0, err
	}
	n, err := f.File.Write(p)
	return n, f.g.note(err)
}

func (f *gateFile) WriteAt(p []byte, at int64) (int, error) {
	if err := f.g.f.get(); err != nil {
		return 0, err
	}
	n, err := f.File.WriteAt(p, at)
	return n, f.g.note(err)
}

func (f *gateFile) Sync() error {
	if err := f.g.f.get(); err != nil {
		return err
	}
	return f.g.note(f.File.Sync())
}

func (f *gateFile) SyncData() error {
	if err := f.g.f.get(); err != nil {
		return err
	}
	return f.g.note(f.File.SyncData())
}

func (f *gateFile) SyncTo(length int64) (bool, error) {
	if err := f.g.f.get(); err != nil {
		return false, err
	}
	full, err := f.File.SyncTo(length)
	return full, f.g.note(err)
}

// gateDir is a directory that is synced.
type gateDir struct {
	vfs.File
	g *gate
}

// Sync says that all went well even if it did not: Pebble panics, in a goroutine of its own, when
// it cannot sync the directory after a new manifest. The failure is noted all the same, and nothing
// that builds on this sync gets through.
func (f *gateDir) Sync() error {
	if f.g.f.get() == nil {
		_ = f.g.note(f.File.Sync())
	}
	return nil
}
