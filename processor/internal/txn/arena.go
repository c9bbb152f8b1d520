package txn

import (
	"sync/atomic"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	chunkRecords = 512
	blockBytes   = 128 << 10
	keepChunks   = 128 // of each kind, between transactions

	chunkBytes = int64(unsafe.Sizeof(chunk{}))
)

// arena is the memory of messages on their way out: records, and the bytes of their keys, values
// and headers.
//
// A chunk is used again once the broker has acknowledged all of its records and those before them:
// while it is still in the processor's caches, and long before the transaction ends. An arena
// belongs to one goroutine; only the promises of its chunks are called by others.
type arena struct {
	current *chunk
	flying  []*chunk // handed out entirely, in this order
	free    []*chunk
	block   []byte   // the one being filled
	blocks  [][]byte // free
	held    int64    // bytes of chunks and blocks that are not free
	failed  func(*kgo.Record, error)
	settle  func(*chunk) // the chunk's records are going to be used again
}

// chunk is a number of records that are used again together.
type chunk struct {
	records [chunkRecords]kgo.Record
	headers []kgo.RecordHeader
	used    int
	blocks  [][]byte // filled while this was the current chunk
	large   int64    // bytes of what did not fit into a block
	acked   atomic.Int32
	promise func(*kgo.Record, error)
}

func (a *arena) newChunk() *chunk {
	c := &chunk{}
	c.promise = func(r *kgo.Record, err error) {
		if err != nil {
			// and the chunk is not used again: the message may still be on its way out
			a.failed(r, err)
			return
		}
		c.acked.Add(1)
	}
	return c
}

// record returns a record and its chunk. Whoever asks sets all of the record.
func (a *arena) record() (*kgo.Record, *chunk) {
	c := a.current
	if c == nil || c.used == chunkRecords {
		c = a.next()
	}
	c.used++
	return &c.records[c.used-1], c
}

// next makes another chunk the current one.
func (a *arena) next() *chunk {
	if a.current != nil {
		a.flying = append(a.flying, a.current)
	}
	landed := 0
	for landed < len(a.flying) && a.flying[landed].acked.Load() == chunkRecords {
		a.settle(a.flying[landed])
		a.release(a.flying[landed])
		landed++
	}
	a.flying = append(a.flying[:0], a.flying[landed:]...)
	if n := len(a.free); n > 0 {
		a.current, a.free = a.free[n-1], a.free[:n-1]
	} else {
		a.current = a.newChunk()
	}
	a.held += chunkBytes
	return a.current
}

// release makes a chunk free. Those handed out before it are free already, so that nothing lies in
// its blocks any more.
func (a *arena) release(c *chunk) {
	for _, b := range c.blocks {
		a.blocks = append(a.blocks, b[:0])
	}
	a.held -= chunkBytes + int64(len(c.blocks))*blockBytes + c.large
	clear(c.blocks)
	c.headers, c.blocks, c.used, c.large = c.headers[:0], c.blocks[:0], 0, 0
	c.acked.Store(0)
	a.free = append(a.free, c)
}

// copy returns a copy of b that lives as long as the current chunk. nil stays nil; the result is
// never nil otherwise. A record comes first.
func (a *arena) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	if len(b) > blockBytes/4 {
		a.current.large += int64(len(b))
		a.held += int64(len(b))
		return append(make([]byte, 0, len(b)), b...)
	}
	if cap(a.block)-len(a.block) < len(b) || a.block == nil {
		if a.block != nil {
			a.current.blocks = append(a.current.blocks, a.block)
		}
		if n := len(a.blocks); n > 0 {
			a.block, a.blocks = a.blocks[n-1], a.blocks[:n-1]
		} else {
			a.block = make([]byte, 0, blockBytes)
		}
		a.held += blockBytes
	}
	n := len(a.block)
	a.block = append(a.block, b...)
	return a.block[n:len(a.block):len(a.block)]
}

// copyHeaders returns a copy of headers that lives as long as the chunk, which is the current one.
func (a *arena) copyHeaders(c *chunk, headers []kgo.RecordHeader) []kgo.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	n := len(c.headers)
	for _, h := range headers {
		c.headers = append(c.headers, kgo.RecordHeader{Key: h.Key, Value: a.copy(h.Value)})
	}
	return c.headers[n:len(c.headers):len(c.headers)]
}

// reset makes everything free. It is called when no message is on its way any more. What a
// transaction took that was far larger than usual is let go.
func (a *arena) reset() {
	for _, c := range a.flying {
		a.release(c)
	}
	clear(a.flying)
	a.flying = a.flying[:0]
	if a.current != nil {
		a.release(a.current)
		a.current = nil
	}
	if a.block != nil {
		a.blocks, a.block = append(a.blocks, a.block[:0]), nil
		a.held -= blockBytes
	}
	a.free, a.blocks = keep(a.free), keep(a.blocks)
}

func keep[T any](s []T) []T {
	n := min(len(s), keepChunks)
	clear(s[n:])
	return s[:n]
}

// forget lets go of everything: after an abort a message may still be on its way out.
func (a *arena) forget() {
	a.current, a.flying, a.free, a.block, a.blocks, a.held = nil, nil, nil, nil, nil, 0
}
