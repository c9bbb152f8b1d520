package pebblestate_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/kolkstream/kolk/state"
)

// lines collects what is logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func flipKey(i int) string { return fmt.Sprintf("key-%06d", i) }

const (
	flipKeys  = 10_000
	flipBatch = 2_500
)

// flipDB makes a database of 10,000 keys with a few files.
func flipDB(t *testing.T) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	e := newEngine(t, small(fs))
	db, err := e.Open("task")
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	for i := range flipKeys {
		b.Set([]byte(flipKey(i)), fmt.Appendf(nil, "value %d", i))
		if i%flipBatch == flipBatch-1 {
			if err := errors.Join(b.Commit(), db.Flush()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(b.Close(), db.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	return fs
}

// TestFlipEveryBlock flips one bit after the other in every file of a database, of every block of
// the tables and of each part of what lies between them, before it is opened and while it is open.
// Whatever is read then is right, or an error that says so in one line; nothing panics, nothing
// hangs, and the log has no stack traces.
func TestFlipEveryBlock(t *testing.T) {
	good := flipDB(t)
	names, err := good.List("task")
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]int{}
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		path := "task/" + name
		content := readFile(t, good, path)
		size := len(content)
		for at := 0; at < size; at += step(name, at, size) {
			for _, late := range []bool{false, true} {
				fs := vfs.NewMem()
				if _, err := vfs.Clone(good, fs, "task", "task"); err != nil {
					t.Fatal(err)
				}
				log := new(lines)
				o := small(fs)
				o.Logger = slog.New(slog.NewTextHandler(log, nil))
				flip := func() {
					if _, err := fs.Stat(path); err != nil {
						return // an old log, or a manifest that the opening has replaced
					}
					f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
					if err != nil {
						t.Fatal(err)
					}
					_, err = f.WriteAt([]byte{content[at] ^ 0x40}, int64(at))
					if err := errors.Join(err, f.Close()); err != nil {
						t.Fatal(err)
					}
				}
				what := fmt.Sprintf("%s at %d of %d, late %v", name, at, size, late)
				e := newEngine(t, o)
				if !late {
					flip()
				}
				db, err := e.Open("task")
				outcome := "open"
				if err == nil {
					if late {
						flip()
					}
					outcome, err = use(t, db, what)
					if closeErr := db.Close(); err == nil && closeErr != nil {
						outcome, err = "close", closeErr
					}
				}
				if err != nil && (!errors.Is(err, state.ErrCorrupt) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500) {
					t.Errorf("%s: %v", what, err)
				}
				outcomes[outcome]++
				if err := e.Close(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if text := log.buf.String(); strings.Count(text, "\n") > 5 || strings.Contains(text, ".go:") {
					t.Errorf("%s: %d lines:\n%.2000s", what, strings.Count(text, "\n"), text)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
	t.Log(outcomes)
	if outcomes["get"]+outcomes["scan"] == 0 || outcomes["open"] == 0 {
		t.Error("not every kind of damage was met")
	}
}

// step goes through the data of a table by less than a block, and through all else by a few bytes.
func step(name string, at, size int) int {
	if strings.HasSuffix(name, ".sst") && at < size-1500 {
		return 3900
	}
	return 41
}

// use reads all of a database, which holds a prefix of the batches, and writes so much that it is
// flushed and compacted.
func use(t *testing.T, db state.DB, what string) (string, error) {
	t.Helper()
	probe := func(i int) (found bool, err error) {
		v, found, err := db.Get(nil, []byte(flipKey(i)))
		if want := fmt.Sprintf("value %d", i); err == nil && found && string(v) != want {
			t.Errorf("%s: %s is %q", what, flipKey(i), v)
		}
		return found, err
	}
	n := 0 // how many keys there are: a torn manifest has the tables before it
	for i := 0; i < flipKeys; i += 37 {
		found, err := probe(i)
		if err != nil {
			return "get", err
		}
		if found && i > 0 && n == 0 {
			t.Errorf("%s: %s is there, and the first key is not", what, flipKey(i))
		}
		if found {
			n = i/flipBatch*flipBatch + flipBatch
		} else if i < n {
			t.Errorf("%s: %s is not there", what, flipKey(i))
		}
	}
	at := 0
	err := db.Scan(nil, nil, func(k, v []byte) (bool, error) {
		if want := fmt.Sprintf("value %d", at); string(k) != flipKey(at) || string(v) != want {
			t.Errorf("%s: %s is %q", what, k, v)
			return false, nil
		}
		at++
		return true, nil
	})
	if err != nil {
		return "scan", err
	}
	if at != n {
		t.Errorf("%s: %d keys, and then %d", what, n, at)
	}
	b := db.NewBatch()
	defer b.Close()
	for round := range 5 {
		for i := round; i < flipKeys; i += 100 {
			b.Set([]byte(flipKey(i)), fmt.Appendf(nil, "value %d", i))
		}
		if err := errors.Join(b.Commit(), db.Flush()); err != nil {
			return "write", err
		}
	}
	if n < flipKeys {
		return "a prefix", nil
	}
	return "well", nil
}
