package restore

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
)

// engine counts opens and closes, and lets a test hold flushes.
type engine struct {
	state.Engine
	opens, closes atomic.Int64
	hold          chan struct{} // nil: do not
	flushing      chan struct{}
	flushErr      error
}

type heldDB struct {
	state.DB
	e       *engine
	inFlush atomic.Bool
}

func (e *engine) Open(path string) (state.DB, error) {
	db, err := e.Engine.Open(path)
	if err != nil {
		return nil, err
	}
	e.opens.Add(1)
	return &heldDB{DB: db, e: e}, nil
}

func (d *heldDB) Flush() error {
	if d.e.hold != nil {
		d.inFlush.Store(true)
		d.e.flushing <- struct{}{}
		<-d.e.hold
		d.inFlush.Store(false)
	}
	return errors.Join(d.e.flushErr, d.DB.Flush())
}

func (d *heldDB) Close() error {
	d.e.closes.Add(1)
	if d.inFlush.Load() {
		return errors.New("closed while it was flushed")
	}
	return d.DB.Close()
}

func newPool(t *testing.T) (*Pool, *engine) {
	t.Helper()
	pebble, err := pebblestate.New(pebblestate.Options{CacheBytes: 1 << 20, MemTableBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t, t.TempDir())
	t.Cleanup(func() { _ = errors.Join(pebble.Close(), dir.Close()) })
	e := &engine{Engine: pebble, flushing: make(chan struct{}, 10)}
	p := NewPool(PoolConfig{Dir: dir, Engine: e, Application: "app", Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), FlushBytes: 1, Times: timing.Settings{Flush: time.Hour}})
	return p, e
}

func acquire(t *testing.T, p *Pool) *Handle {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	h, err := p.Acquire(ctx, "sub", 0)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func put(t *testing.T, h *Handle, key string) {
	t.Helper()
	b := h.DB.NewBatch()
	b.Set([]byte("\x00\x07"+key), []byte("v"))
	if err := errors.Join(b.Commit(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, h *Handle, key string) bool {
	t.Helper()
	_, ok, err := h.DB.Get(nil, []byte("\x00\x07"+key))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestHandOver: the database goes from one user to the next without being closed, and the next one
// waits for it.
func TestHandOver(t *testing.T) {
	p, e := newPool(t)
	h := acquire(t, p)
	put(t, h, "k")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Acquire(ctx, "sub", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("acquired twice: %v", err)
	}
	next := make(chan *Handle)
	for range 2 { // two wait; each gets it
		go func() { h, _ := p.Acquire(t.Context(), "sub", 0); next <- h }()
	}
	p.Release(h)
	for range 2 {
		h2 := <-next
		if h2 == nil || !has(t, h2, "k") {
			t.Fatal("not the same database")
		}
		p.Release(h2)
	}
	if e.opens.Load() != 1 || e.closes.Load() != 0 {
		t.Errorf("%d opens, %d closes", e.opens.Load(), e.closes.Load())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if e.closes.Load() != 1 {
		t.Errorf("%d closes at the end", e.closes.Load())
	}
}

// TestIdle: nobody uses the database for a while, so it is closed; who comes then opens it again.
func TestIdle(t *testing.T) {
	p, e := newPool(t)
	p.idle = time.Millisecond
	h := acquire(t, p)
	put(t, h, "k")
	p.Release(h)
	p.tasks.Wait()
	if e.closes.Load() != 1 {
		t.Fatalf("%d closes", e.closes.Load())
	}
	h = acquire(t, p)
	if !has(t, h, "k") || e.opens.Load() != 2 {
		t.Errorf("after %d opens the key is there: %v", e.opens.Load(), has(t, h, "k"))
	}
	if err := p.Close(); err != nil { // a handle that was not released
		t.Error(err)
	}
}

// TestFlush runs beside the user, reports its failure to him, and is waited for before the database
// is closed.
func TestFlush(t *testing.T) {
	for name, end := range map[string]func(p *Pool, h *Handle) error{
		"close":   func(p *Pool, h *Handle) error { p.Release(h); return p.Close() },
		"discard": func(p *Pool, h *Handle) error { p.Discard(h); return p.Close() },
		"reset":   func(p *Pool, h *Handle) error { return errors.Join(p.Reset(h), p.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			p, e := newPool(t)
			h := acquire(t, p)
			put(t, h, "k")
			hold := make(chan struct{})
			e.hold = hold
			for i := range 2 { // the second one finds the first
				if due, _, err := h.FlushDue(0, 0); err != nil || due == (i > 0) {
					t.Fatalf("flush %d: due %v, %v", i, due, err)
				}
				h.Flush(0)
			}
			<-e.flushing
			db := h.DB.(*heldDB)
			ended := make(chan error)
			go func() { ended <- end(p, h) }()
			select {
			case err := <-ended:
				t.Fatalf("ended during a flush: %v", err)
			case <-time.After(20 * time.Millisecond): // what must not happen has no event
			}
			if !db.inFlush.Load() || e.closes.Load() != 0 {
				t.Error("closed during a flush")
			}
			close(hold)
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if len(e.flushing) != 0 {
				t.Error("flushed twice")
			}
		})
	}
	t.Run("fails", func(t *testing.T) {
		p, e := newPool(t)
		h := acquire(t, p)
		put(t, h, "k")
		e.flushErr = errors.New("disk full")
		h.Flush(0)
		p.tasks.Wait()
		if _, _, err := h.FlushDue(0, 0); !errors.Is(err, e.flushErr) {
			t.Errorf("the failure is reported as %v", err)
		}
		p.Release(h)
		if _, err := p.Acquire(t.Context(), "sub", 0); !errors.Is(err, e.flushErr) {
			t.Errorf("the next user gets %v", err)
		}
		e.flushErr = nil
		acquire(t, p) // it has been closed, and is opened again
		if e.opens.Load() != 2 {
			t.Errorf("%d opens", e.opens.Load())
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestFlushDue: by size, by time, and where a flush costs little.
func TestFlushDue(t *testing.T) {
	p := NewPool(PoolConfig{FlushBytes: 64 << 20, Times: timing.Settings{Flush: 5 * time.Minute}})
	for _, c := range []struct {
		n     int64
		since time.Duration
		want  bool
	}{
		{0, time.Hour, false},
		{1, 5*time.Minute - 1, false},
		{1, 5 * time.Minute, true},
		{64<<20 - 1, flushPause - 1, false},
		{64 << 20, 0, true},
		{flushWorth - 1, flushPause, false},
		{flushWorth, flushPause - 1, false},
		{flushWorth, flushPause, true},
	} {
		if got := p.flushDue(c.n, c.since); got != c.want {
			t.Errorf("%d bytes after %v: %v", c.n, c.since, got)
		}
	}
}

// TestFlushDueOfAll: what a task keeps in memory is written when a crash would make it read too
// much of that again, or has not been for too long.
func TestFlushDueOfAll(t *testing.T) {
	p, _ := newPool(t)
	p.flushBytes, p.flushEvery = 1000, time.Hour
	h := acquire(t, p)
	check := func(late int64, want bool) {
		t.Helper()
		if due, all, err := h.FlushDue(0, late); err != nil || all != want || all && !due {
			t.Errorf("%d bytes late: due %t, all %t, %v", late, due, all, err)
		}
	}
	check(0, false)
	check(999, false)
	check(1000, true)
	h.entire = time.Now().Add(-time.Hour)
	check(0, false)
	check(1, true)
	check(1, false)
	p.Release(h)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestCorrupt: a database that cannot be read is put aside and begun anew.
func TestCorrupt(t *testing.T) {
	p, _ := newPool(t)
	h := acquire(t, p)
	put(t, h, "k")
	path := h.path
	p.Discard(h)
	files, err := filepath.Glob(filepath.Join(path, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if fi, err := os.Stat(f); err == nil && fi.Mode().IsRegular() && fi.Size() > 0 {
			if err := os.WriteFile(f, []byte("garbage"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	h = acquire(t, p)
	if has(t, h, "k") {
		t.Error("the key has survived")
	}
	if _, err := os.Stat(path + ".unusable"); !os.IsNotExist(err) {
		t.Errorf("what was put aside is still there: %v", err)
	}
	p.Release(h)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
