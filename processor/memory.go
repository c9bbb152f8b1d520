package processor

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
)

const (
	defaultMemory = 256 << 20
	leastMemory   = 16 << 20 // of one worker

	// beside is what an application takes besides Config.Memory: the program itself, the runtime,
	// stacks, and what the Kafka client has of its own; program is the part of it that the Go
	// runtime does not know of, which is the binary.
	beside  = 80 << 20
	program = 24 << 20

	// memtable is the size of a database's table in memory. What comes to it are large sorted
	// batches (held writes, restores), which it writes to files as they are; larger tables would be
	// memory that a database keeps, unused.
	memtable = 64 << 10

	// gcPercent: an application lives on what it keeps in its caches, and makes garbage of what
	// passes through. With 100, Go's own default, that is collected twice as often, where most of
	// Memory is free.
	gcPercent = 200
)

// TuneGC sets the garbage collector for a program that runs nothing but this application: it lets
// the garbage grow to twice what is in use, and works harder before the process takes more than
// [Config.MemoryLimit] allows. `kolk run` calls it. GOGC and GOMEMLIMIT in the environment hold
// instead. The library does not call it, for these settings are the process's, which belongs to the
// program.
func (c Config) TuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(c.MemoryLimit())
	}
}

// MemoryLimit is what to give to [runtime/debug.SetMemoryLimit] in a program that runs nothing but
// this application, as [Config.TuneGC] does: the garbage collector then works harder before the
// process takes more than Memory and 80 MiB.
//
// It holds in a program built without cgo (CGO_ENABLED=0, as kolk's own binary). With cgo Pebble
// takes its blocks and memtables from the C library, whose allocator keeps more than was asked for:
// up to 150 MiB more with the default Memory and millions of keys.
func (c Config) MemoryLimit() int64 {
	c = c.withMemory()
	limit := c.Memory + beside - program
	if outsideHeap {
		s := c.shares()
		limit -= s.blocks + s.memtables
	}
	return limit
}

// withMemory returns c with the defaults of what shares needs.
func (c Config) withMemory() Config {
	def(&c.Memory, defaultMemory)
	def(&c.Workers, max(1, int(min(int64(runtime.GOMAXPROCS(0)), c.Memory/leastMemory))))
	def(&c.CacheBytes, c.Memory/4)
	return c
}

// shares are the parts of Config.Memory. Full, they take at most seven eighths of it; the rest is
// for garbage.
type shares struct {
	cache     int64 // decoded values, of all stores
	blocks    int64 // of the databases
	memtables int64 // and batches that are being written to files

	// Of one worker:
	queue       int64 // fetched and not processed
	uncommitted int64 // of a transaction: changes of stores, and messages that are not acknowledged
	held        int64 // committed, and not in the databases yet
}

func (c Config) shares() shares {
	rest := c.Memory - c.CacheBytes
	return shares{
		cache:       c.CacheBytes,
		blocks:      rest / 6,
		memtables:   rest / 6,
		queue:       rest / 12 / int64(c.Workers),
		uncommitted: rest / 6 / int64(c.Workers),
		held:        rest / 6 / int64(c.Workers),
	}
}
