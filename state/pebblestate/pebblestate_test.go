package pebblestate_test

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
	"github.com/kolkstream/kolk/state/statetest"
)

// inDir opens directories below a root.
type inDir struct {
	state.Engine
	root string
}

func (e inDir) Open(dir string) (state.DB, error) { return e.Engine.Open(filepath.Join(e.root, dir)) }

func newEngine(t *testing.T, o pebblestate.Options) *pebblestate.Engine {
	t.Helper()
	e, err := pebblestate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.Engine {
		return inDir{newEngine(t, pebblestate.Options{}), t.TempDir()}
	})
}

// TestConformanceSmall: tables so small that all is flushed, compacted and waited for all the time.
func TestConformanceSmall(t *testing.T) {
	statetest.Run(t, func(t *testing.T) state.Engine {
		return newEngine(t, pebblestate.Options{
			FS: vfs.NewMem(), CacheBytes: 64 << 10, MemTableBytes: 128 << 10, MemTableSize: 64 << 10, MaxOpenFiles: 10, Compactions: 1,
		})
	})
}
