package joins

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// row is a record of a part in memory. It has no pointers, so that the garbage collector need
// not look at it.
type row struct {
	ts         int64
	key, value span // the value with the ref before it
	number     uint32
	before     int32 // the row of the key before it by time and number, from 1; 0: none
	waits      waits
}

// waits says whether a record waits for a match.
type waits uint8

const (
	no waits = iota
	yes
	ask // the store knows
)

// span is a part of a chunk.
type span struct{ chunk, at, n uint32 }

// part are the rows of a buffer that lie within a quarter of a segment from start on. While it is
// whole, all of them are in memory: the store need not be asked. Parts are shorter than segments,
// because memory is given back, and left to the store, by parts.
type part struct {
	start  int64
	whole  bool
	rows   []*page
	n      int32 // of rows: first those that the database has, then those that are committed
	saved  int32
	done   int32    // committed
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
	if int(s.n) == len(s.rows)*pageRows {
		s.rows = append(s.rows, p.page())
	}
	slot, id := s.last(hash, key)
	s.n++
	r := s.row(s.n)
	*r = row{ts: ts, value: s.keep(p, ref, value)}
	if id == 0 {
		r.key = s.keepKey(p, key)
	} else {
		r.key = s.row(id).key
	}
	s.chain(slot, id, hash, s.n)
	return r
}

// chain puts the row n among those of its key, of which id is the last; 0: there is none.
func (s *part) chain(slot int, id int32, hash uint32, n int32) {
	r := s.row(n)
	if id == 0 {
		s.keys++
	}
	after := (*row)(nil)
	for id != 0 && s.row(id).ts > r.ts {
		after = s.row(id)
		id = after.before
	}
	if r.before = id; id != 0 && s.row(id).ts == r.ts {
		r.number = s.row(id).number + 1
	}
	if after == nil {
		s.slots[slot] = uint64(hash)<<32 | uint64(n)
	} else {
		after.before = n
	}
}

// undo forgets the rows that are not committed.
func (s *part) undo(hash func(key []byte) uint32) {
	if s.n == s.done {
		return
	}
	s.n, s.keys = s.done, 0
	clear(s.slots)
	for n := int32(1); n <= s.n; n++ {
		key := s.bytes(s.row(n).key)
		h := hash(key)
		slot, id := s.last(h, key)
		s.chain(slot, id, h, n)
	}
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

// keep copies a value to the part, with its ref.
func (s *part) keep(p *pool, ref int64, value []byte) span {
	c, at := s.room(p, refSize+len(value))
	*c = append(binary.BigEndian.AppendUint64(*c, uint64(ref)), value...)
	return s.span(at)
}

// keepKey copies a key to the part.
func (s *part) keepKey(p *pool, key []byte) span {
	c, at := s.room(p, len(key))
	*c = append(*c, key...)
	return s.span(at)
}

// room returns the last chunk, which has room for n bytes, and where these begin.
func (s *part) room(p *pool, n int) (c *[]byte, at int) {
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last])+n > cap(s.chunks[last]) {
		s.chunks = append(s.chunks, p.chunk(n))
		last++
	}
	return &s.chunks[last], len(s.chunks[last])
}

// span returns what the last chunk has from at on.
func (s *part) span(at int) span {
	last := len(s.chunks) - 1
	return span{chunk: uint32(last), at: uint32(at), n: uint32(len(s.chunks[last]) - at)}
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
