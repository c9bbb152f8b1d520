package pebblestate_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/state"
)

// damage is a way to spoil a file.
type damage struct {
	name  string
	spoil func(r *rand.Rand, b []byte) []byte // nil: the file is deleted
}

func damages() []damage {
	return []damage{
		{"flip a bit", func(r *rand.Rand, b []byte) []byte {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			return b
		}},
		{"flip a bit near the end", func(r *rand.Rand, b []byte) []byte {
			b[len(b)-1-r.IntN(min(len(b), 100))] ^= 1 << r.IntN(8)
			return b
		}},
		{"zeroes", func(r *rand.Rand, b []byte) []byte {
			from := r.IntN(len(b))
			clear(b[from:min(len(b), from+1+r.IntN(5000))])
			return b
		}},
		{"noise", func(r *rand.Rand, b []byte) []byte {
			for i := r.IntN(len(b)); i < len(b) && r.IntN(1000) > 0; i++ {
				b[i] = byte(r.Uint32())
			}
			return b
		}},
		{"truncate", func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] }},
		{"append", func(_ *rand.Rand, b []byte) []byte { return append(b, "more"...) }},
		{"delete", nil},
	}
}

func readFile(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t *testing.T, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCorruption: whatever happens to a file, a store either is that of a prefix of the batches or
// says that it is corrupt: when it is opened, when it is read, or when it is written and compacted.
// It never gives a wrong answer, and no other error.
func TestCorruption(t *testing.T) {
	seed := seeds.New(t)
	r := rand.New(rand.NewPCG(seed, 0))
	good := vfs.NewMem()
	e := newEngine(t, small(good))
	s, err := openStore(e)
	if err != nil {
		t.Fatal(err)
	}
	const batches = 80
	for n := 1; n <= batches; n++ {
		if err := s.commit(newModel(seed), n); err != nil {
			t.Fatal(err)
		}
		if n%15 == 0 {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(s.db.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := good.List("task")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	// Of each kind of file as many trials, however many there are of them.
	kinds := map[string][]string{}
	for _, name := range names {
		kind, _, _ := strings.Cut(name, "-")
		switch {
		case strings.HasSuffix(name, ".sst"):
			kind = "sst"
		case strings.HasSuffix(name, ".log"):
			kind = "log"
		case strings.HasPrefix(name, "marker."):
			kind = strings.Join(strings.Split(name, ".")[:2], ".")
		case name == "LOCK":
			continue
		}
		kinds[kind] = append(kinds[kind], name)
	}
	if len(kinds["sst"]) == 0 || len(kinds["MANIFEST"]) == 0 {
		t.Fatalf("the database is too small: %q", names)
	}
	outcomes := map[string]map[string]int{}
	for kind, files := range kinds {
		outcomes[kind] = map[string]int{}
		for _, d := range damages() {
			trials := 1
			if kind == "sst" || kind == "MANIFEST" {
				trials = 5
			}
			for range trials {
				name := "task/" + files[r.IntN(len(files))]
				fs := vfs.NewMem()
				if _, err := vfs.Clone(good, fs, "task", "task"); err != nil {
					t.Fatal(err)
				}
				if b := readFile(t, fs, name); d.spoil == nil {
					if err := fs.Remove(name); err != nil {
						t.Fatal(err)
					}
				} else if len(b) > 0 {
					writeFile(t, fs, name, d.spoil(r, b))
				}
				outcomes[kind][judge(t, fs, seed, d.name+" of "+name)]++
			}
		}
	}
	for kind, o := range outcomes {
		t.Logf("%s: %v", kind, o)
	}
	if o := outcomes["sst"]; o["corrupt at open"]+o["corrupt at read"] == 0 {
		t.Errorf("no table was ever found corrupt: %v", o)
	}
}

// judge opens, reads, writes and closes a store that was spoilt.
func judge(t *testing.T, fs vfs.FS, seed uint64, what string) string {
	t.Helper()
	e := newEngine(t, small(fs))
	defer func() {
		if err := e.Close(); err != nil {
			t.Errorf("%s: close of the engine: %v", what, err)
		}
	}()
	corrupt := func(when string, err error) string {
		if !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%s: %s: %v, which is not %v", what, when, err, state.ErrCorrupt)
		}
		return "corrupt at " + when
	}
	s, err := openStore(e)
	if err != nil {
		return corrupt("open", err)
	}
	n, err := s.version(seed)
	if err != nil {
		closeErr := s.db.Close()
		if errors.Is(closeErr, state.ErrInUse) {
			t.Errorf("%s: %v", what, closeErr)
		}
		return corrupt("read", err)
	}
	for i := n + 1; i <= n+20; i++ {
		err := s.commit(newModel(seed), i)
		if err == nil && i%10 == 0 {
			err = s.db.Flush()
		}
		if err != nil {
			_ = s.db.Close()
			return corrupt("write", err)
		}
	}
	if _, err := s.version(seed); err != nil {
		_ = s.db.Close()
		return corrupt("second read", err)
	}
	if err := s.db.Close(); err != nil {
		return corrupt("close", err)
	}
	return fmt.Sprintf("batch %d", n)
}
