package pebblestate

import (
	"fmt"
	"log/slog"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options configures an [Engine]. The zero value works. CacheBytes and MemTableBytes together are
// the memory that all databases of the engine take, whatever their size; a few megabytes for open
// files and for flushes in progress come on top.
type Options struct {
	// CacheBytes is the size of the block cache that all databases share. Default: 64 MiB.
	CacheBytes int64

	// MemTableBytes is how much all databases together hold in memory before it is written to
	// files. When it is reached, the database that holds most is flushed. Default: 128 MiB.
	//
	// Where the tables of all databases take more, the block cache gives way: see Databases.
	MemTableBytes int64

	// Databases is how many are open at a time, about. Default: 4.
	Databases int

	// MemTableSize is how much a single database holds before it begins to be flushed. Batches wait
	// while more than two such tables of one database are being written, so three of them bound
	// what a crash makes it replay. Default, and at most: what MemTableBytes has for each of the
	// Databases if each takes two, the one in use and one that Pebble keeps to use it again. If
	// they took more, there would be no block cache left, and each read would read an index. But at
	// least 256 KiB, and at most 64 MiB.
	MemTableSize int64

	// MaxOpenFiles is how many files all databases together keep open. Default: 1000.
	MaxOpenFiles int

	// Compactions is how many compactions run at a time, over all databases. Default: half of
	// GOMAXPROCS, at least 1.
	Compactions int

	// Logger gets what Pebble has to say: errors as errors, all else at debug level. Default:
	// nobody.
	Logger *slog.Logger

	// FS is the file system. Default: the one of the machine. Tests inject faults here.
	FS vfs.FS
}

const (
	minMemTable = 256 << 10
	maxMemTable = 64 << 20

	// Pebble stalls a writer inside of itself, with no way out if the flush that it waits for
	// fails. So its limits are out of reach, and batches wait for ours, which give up when the
	// database has failed.
	neverStall = 1 << 20

	// maxSublevels of level 0 make batches wait for compactions: each one is read by every Get.
	maxSublevels = 24

	// maxPending flushes of one database make its batches wait.
	maxPending = 2
)

// withDefaults returns o with a value for everything.
func (o Options) withDefaults() (Options, error) {
	for name, v := range map[string]int64{
		"CacheBytes": o.CacheBytes, "MemTableBytes": o.MemTableBytes, "MemTableSize": o.MemTableSize,
		"Databases": int64(o.Databases), "MaxOpenFiles": int64(o.MaxOpenFiles), "Compactions": int64(o.Compactions),
	} {
		if v < 0 {
			return o, fmt.Errorf("pebblestate: %s is negative: %d", name, v)
		}
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 128 << 20
	}
	if o.Databases == 0 {
		o.Databases = 4
	}
	share := min(max(o.MemTableBytes/int64(2*o.Databases), minMemTable), maxMemTable)
	if o.MemTableSize == 0 {
		o.MemTableSize = share
	}
	if o.MemTableSize < 64<<10 || o.MemTableSize > 1<<30 {
		return o, fmt.Errorf("pebblestate: MemTableSize is %d; want 64 KiB to 1 GiB", o.MemTableSize)
	}
	o.MemTableSize = min(o.MemTableSize, share)
	if o.MaxOpenFiles == 0 {
		o.MaxOpenFiles = 1000
	}
	if o.Compactions == 0 {
		o.Compactions = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return o, nil
}

// pebbleOptions are those of one database.
func (e *Engine) pebbleOptions(f *failure, fs vfs.FS, m *member, logger *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		Cache:        e.cache,
		FileCache:    e.files,
		FS:           fs,
		Logger:       pebbleLogger{logger, f},
		DisableWAL:   true,
		MemTableSize: uint64(e.o.MemTableSize),
		// Level 0 is where flushed tables go; a compaction pays off from a few of them on.
		L0CompactionThreshold:       4,
		L0CompactionFileThreshold:   500,
		L0StopWritesThreshold:       neverStall,
		MemTableStopWritesThreshold: neverStall,
		LBaseMaxBytes:               64 << 20,
		FormatMajorVersion:          pebble.FormatNewest,
		CompactionConcurrencyRange:  func() (int, int) { return 1, e.o.Compactions },
		MaxOpenFiles:                e.o.MaxOpenFiles,
		EventListener:               f.listener(logger),
	}
	o.Experimental.CompactionScheduler = m
	for i := range o.Levels {
		// Most reads of a new key find nothing: the filter spares them the block, at 10 bits a key.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 4 << 10
		o.Levels[i].IndexBlockSize = 256 << 10
	}
	o.TargetFileSizes[0] = 4 << 20
	return o
}
