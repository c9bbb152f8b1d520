package processor

import (
	"math"
	"runtime/debug"
	"testing"
)

// TestShares: whatever is dealt out, all of it together leaves a part of the budget to garbage.
func TestShares(t *testing.T) {
	for _, workers := range []int{1, 2, 7} {
		for _, memory := range []int64{112 << 20, defaultMemory, 8 << 30} {
			for _, cache := range []int64{1, memory / 4, memory / 2} {
				s := Config{Memory: memory, CacheBytes: cache, Workers: workers}.shares()
				all := s.cache + s.blocks + s.memtables + int64(workers)*(s.queue+s.uncommitted+s.held)
				if all > memory*7/8 {
					t.Errorf("%d workers, %d cache: %d of %d are dealt out", workers, cache, all, memory)
				}
				for name, n := range map[string]int64{"blocks": s.blocks, "memtables": s.memtables, "queue": s.queue, "uncommitted": s.uncommitted, "held": s.held} {
					if n < 256<<10 {
						t.Errorf("%d workers, %d of %d cache: %d bytes for %s", workers, cache, memory, n, name)
					}
				}
			}
		}
	}
}

// TestMemoryLimit: the limit leaves room for the program, and for what is not in Go's heap.
func TestMemoryLimit(t *testing.T) {
	limit := Config{}.MemoryLimit()
	outside := int64(0)
	if outsideHeap {
		s := Config{}.withMemory().shares()
		outside = s.blocks + s.memtables
	}
	if got, want := limit+outside+program, int64(defaultMemory+beside); got != want {
		t.Errorf("limit %d, outside %d: %d in all, want %d", limit, outside, got, want)
	}
	if less := (Config{Memory: 128 << 20}).MemoryLimit(); less >= limit {
		t.Errorf("limit %d for half of the memory, %d for all", less, limit)
	}
}

// TestTuneGC: the settings follow from the configuration, unless the environment has them.
func TestTuneGC(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }()
	t.Setenv("GOGC", "")
	c := Config{Memory: 512 << 20}
	c.TuneGC()
	if got := debug.SetMemoryLimit(-1); got != c.MemoryLimit() {
		t.Errorf("limit %d, want %d", got, c.MemoryLimit())
	}
	if got := debug.SetGCPercent(50); got != gcPercent {
		t.Errorf("%d %%, want %d", got, gcPercent)
	}
	debug.SetMemoryLimit(1 << 30)
	t.Setenv("GOGC", "50")
	c.TuneGC()
	if got := debug.SetMemoryLimit(-1); got != 1<<30 {
		t.Errorf("limit %d instead of the environment's", got)
	}
	if got := debug.SetGCPercent(100); got != 50 {
		t.Errorf("%d %% instead of the environment's", got)
	}
}
