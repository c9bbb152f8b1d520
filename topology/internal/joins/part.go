package joins

import (
	"bytes"
	"unsafe"
)

// row is a record of a part in memory. It has no pointers, so that the garbage collector need
// not look at it.
type row struct {
	ts, ref    int64
	key, value span
	number     uint32
	before     int32 // the row of the key before it by time and number, from 1; 0: none
	waits      bool  // for a match
}

// span is a part of a chunk.
type span struct{ chunk, at, n uint32 }

// part are the rows of a buffer that lie within a quarter of a segment from start on. While it is
// whole, all of them are in memory: the store need not be asked. Parts are shorter than segments,
// because memory is given back, and left to the store, by parts.
type part struct {
	start  int64
	whole  bool
	rows   []*page
	n      int32    // of rows
	chunks [][]byte // what rows have spans of
	// slots find the last row of each key by hash: hash<<32 | row, or 0; a power of two of them, at
	// most three quarters full.
	slots []uint64
	keys  int
}

const (
	pageRows   = 64
	chunkBytes = 16 << 10
	fewSlots   = 64
	// segmentParts is how many parts a segment has.
	segmentParts = 4
	most         = 1 << 30 // rows of a part in memory
)

type page [pageRows]row

// row returns the row of that number, from 1.
func (s *part) row(id int32) *row {
	id--
	return &s.rows[uint32(id)/pageRows][uint32(id)%pageRows]
}

func (s *part) bytes(p span) []byte { return s.chunks[p.chunk][p.at : p.at+p.n : p.at+p.n] }

// last returns where the last row of a key is: its slot, and the row, 0 if there is none.
func (s *part) last(hash uint32, key []byte) (slot int, id int32) {
	mask := len(s.slots) - 1
	for at := int(hash) & mask; ; at = (at + 1) & mask {
		v := s.slots[at]
		if v == 0 {
			return at, 0
		}
		if uint32(v>>32) == hash {
			if id := int32(uint32(v)); bytes.Equal(s.bytes(s.row(id).key), key) {
				return at, id
			}
		}
	}
}

// add adds a row behind all of the key that are not later, and gives it its number among those of
// the same time.
func (s *part) add(p *pool, hash uint32, key []byte, ts, ref int64, value []byte) *row {
	if 4*(s.keys+1) > 3*len(s.slots) {
		s.grow(p)
	}
	slot, id := s.last(hash, key)
	if int(s.n) == len(s.rows)*pageRows {
		s.rows = append(s.rows, p.page())
	}
	s.n++
	r := s.row(s.n)
	*r = row{ts: ts, ref: ref, value: s.keep(p, value)}
	if id == 0 {
		r.key = s.keep(p, key)
		s.keys++
		s.slots[slot] = uint64(hash)<<32 | uint64(s.n)
		return r
	}
	r.key = s.row(id).key
	after := (*row)(nil)
	for id != 0 && s.row(id).ts > ts {
		after = s.row(id)
		id = after.before
	}
	if r.before = id; id != 0 && s.row(id).ts == ts {
		r.number = s.row(id).number + 1
	}
	if after == nil {
		s.slots[slot] = uint64(hash)<<32 | uint64(s.n)
	} else {
		after.before = s.n
	}
	return r
}

// find appends the rows of a key from lo to hi, the latest first.
func (s *part) find(to []int32, hash uint32, key []byte, lo, hi int64) []int32 {
	if s.keys == 0 {
		return to
	}
	for _, id := s.last(hash, key); id != 0; {
		r := s.row(id)
		if r.ts < lo {
			break
		}
		if r.ts <= hi {
			to = append(to, id)
		}
		id = r.before
	}
	return to
}

// keep copies bytes to the part.
func (s *part) keep(p *pool, b []byte) span {
	n := len(s.chunks)
	if n == 0 || len(s.chunks[n-1])+len(b) > cap(s.chunks[n-1]) {
		s.chunks = append(s.chunks, p.chunk(len(b)))
		n++
	}
	c := &s.chunks[n-1]
	at := len(*c)
	*c = append(*c, b...)
	return span{chunk: uint32(n - 1), at: uint32(at), n: uint32(len(b))}
}

// grow makes room for more keys.
func (s *part) grow(p *pool) {
	old := s.slots
	s.slots = p.index(max(fewSlots, 2*len(old)))
	mask := len(s.slots) - 1
	for _, v := range old {
		if v != 0 {
			at := int(v>>32) & mask
			for s.slots[at] != 0 {
				at = (at + 1) & mask
			}
			s.slots[at] = v
		}
	}
	p.giveIndex(old)
}

// forget gives the memory back. What the part has is in the store only from now on.
func (s *part) forget(p *pool) {
	for _, r := range s.rows {
		p.givePage(r)
	}
	for _, c := range s.chunks {
		p.giveChunk(c)
	}
	p.giveIndex(s.slots)
	*s = part{start: s.start}
}

// pool has the memory of the parts of a buffer, to be used again.
type pool struct {
	used    int64 // bytes that parts have
	pages   []*page
	chunks  [][]byte
	indexes [][]uint64
}

const pageSize = int64(unsafe.Sizeof(page{}))

func (p *pool) page() *page {
	p.used += pageSize
	if n := len(p.pages); n > 0 {
		g := p.pages[n-1]
		p.pages = p.pages[:n-1]
		return g
	}
	return new(page)
}

func (p *pool) givePage(g *page) {
	p.used -= pageSize
	p.pages = append(p.pages, g)
}

// chunk returns a chunk that n bytes fit in.
func (p *pool) chunk(n int) []byte {
	if i := len(p.chunks); i > 0 && n <= chunkBytes {
		c := p.chunks[i-1]
		p.chunks = p.chunks[:i-1]
		p.used += int64(cap(c))
		return c
	}
	c := make([]byte, 0, max(n, chunkBytes))
	p.used += int64(cap(c))
	return c
}

func (p *pool) giveChunk(c []byte) {
	p.used -= int64(cap(c))
	if cap(c) == chunkBytes {
		p.chunks = append(p.chunks, c[:0])
	}
}

// index returns n slots that are 0.
func (p *pool) index(n int) []uint64 {
	p.used += int64(n) * 8
	for i, x := range p.indexes {
		if len(x) == n {
			last := len(p.indexes) - 1
			p.indexes[i] = p.indexes[last]
			p.indexes = p.indexes[:last]
			clear(x)
			return x
		}
	}
	return make([]uint64, n)
}

func (p *pool) giveIndex(x []uint64) {
	if len(x) == 0 {
		return
	}
	p.used -= int64(len(x)) * 8
	if len(p.indexes) < spareIndexes {
		p.indexes = append(p.indexes, x)
	}
}

// spareIndexes is how many indexes a pool keeps: those of different sizes that a part grows
// through.
const spareIndexes = 32
