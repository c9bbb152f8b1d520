package worker

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// slabs is the memory that a client unpacks fetched batches into, and which it uses again once all
// records of a batch have been processed: tasks recycle each when they are done with it. Otherwise
// half of all garbage would be that.
//
// Free memory belongs to [sync.Pool], so that the garbage collector gets what is not used again
// soon.
type slabs struct {
	bytes   sizes[byte]
	records sizes[kgo.Record]
	// ratio is how many times larger batches became when they were unpacked, by codec: the largest
	// of late, in units of ratioUnit. There is no more than mostRatio, or after one batch that
	// holds nothing but zeros the next ones would take hundreds of times what they need.
	ratio [8]atomic.Int64
}

const (
	ratioUnit = 1024
	mostRatio = 4 * ratioUnit
	// ratioFade is over how many batches a larger ratio is forgotten: one that finds too little
	// room is copied while it is unpacked, and batches differ.
	ratioFade = 512
)

var _ interface {
	kgo.PoolDecompressBytes
	kgo.PoolRecords
	kgo.HookFetchBatchRead
} = (*slabs)(nil)

// GetDecompressBytes implements [kgo.PoolDecompressBytes]. The client takes more if it has to.
func (s *slabs) GetDecompressBytes(packed []byte, codec kgo.CompressionCodecType) []byte {
	const look = 512 // readers of streams look for the end with as much room
	return s.bytes.get(len(packed)*int(max(s.ratio[codec&7].Load(), ratioUnit))/ratioUnit + look)
}

// PutDecompressBytes implements [kgo.PoolDecompressBytes].
func (s *slabs) PutDecompressBytes(b []byte) { s.bytes.put(b) }

// GetRecords implements [kgo.PoolRecords].
func (s *slabs) GetRecords(n int) []kgo.Record { return s.records.get(n) }

// PutRecords implements [kgo.PoolRecords].
func (s *slabs) PutRecords(r []kgo.Record) { s.records.put(r) }

// OnFetchBatchRead implements [kgo.HookFetchBatchRead].
func (s *slabs) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	if m.CompressedBytes == 0 {
		return
	}
	ratio := &s.ratio[m.CompressionType&7]
	now := min(int64(m.UncompressedBytes)*ratioUnit/int64(m.CompressedBytes)+1, mostRatio)
	before := ratio.Load()
	ratio.Store(max(now, before-before/ratioFade))
}

// sizes are free slices by capacity: four sizes for each power of two, so that no more than a fifth
// of a slice is more than was asked for.
type sizes[T any] [4 * 22]sync.Pool

// size returns the smallest size that is not below n, and its place. The largest there is is 16 M.
func size(n int) (place, capacity int) {
	n = max(n, 8)
	shift := bits.Len(uint(n-1)) - 3 // three bits remain: 4 to 7
	quarter := (n - 1) >> shift
	return shift*4 + quarter - 4, (quarter + 1) << shift
}

// get returns an empty slice with room for n.
func (f *sizes[T]) get(n int) []T {
	place, capacity := size(n)
	if place >= len(f) {
		return make([]T, 0, n)
	}
	if s, ok := f[place].Get().(*[]T); ok {
		return (*s)[:0]
	}
	return make([]T, 0, capacity)
}

// put takes a slice back that nobody uses any more, or one that somebody else has made.
func (f *sizes[T]) put(s []T) {
	place, capacity := size(cap(s))
	if capacity > cap(s) {
		place-- // it is as good as the next smaller size
	}
	if place >= 0 && place < len(f) {
		f[place].Put(&s)
	}
}
