package state

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"
)

// ordered has the entries of a table in the order of their keys, as far as somebody has asked for
// it: a list of blocks of marks, each of which is searched by halves. Entries are only ever added.
//
// It is made by hand because it stores no keys: a mark is the number of an entry that the table
// has, and the sixteen bytes of its key behind what all keys begin with: a time, and what tells
// keys apart. Most comparisons see these, side by side, and not the keys: each of those would be
// two misses of the processor's caches.
type ordered struct {
	blocks [][]mark // none is empty
	firsts []prefix // the head of the first mark of each block
	n      int      // how many entries are in it: the first ones of the table
	common int      // how many bytes all keys begin with alike, and heads leave out
	spare  [][]mark // blocks to be used again, empty
	news   []mark   // of merge, to be used again
	was    [][]mark // the list of blocks before the last merge, to be used again
}

// mark is an entry of a table, and the head of its key.
type mark struct {
	prefix
	i int32
}

// prefix is sixteen bytes, big-endian.
type prefix struct{ hi, lo uint64 }

// place is where a mark is, or where the last block ends.
type place struct{ block, at int }

// blockMarks is how many marks a block has at most: three KiB of them.
const blockMarks = 128

func (o *ordered) reset() {
	for _, b := range o.blocks {
		o.spare = append(o.spare, b[:0])
	}
	clear(o.blocks)
	o.blocks, o.firsts, o.n, o.common = o.blocks[:0], o.firsts[:0], 0, 0
}

func (o *ordered) size() int64 {
	marks := int64(len(o.blocks)+len(o.spare)) * blockMarks * int64(unsafe.Sizeof(mark{}))
	marks += int64(cap(o.news)) * int64(unsafe.Sizeof(mark{}))
	return marks + int64(cap(o.firsts))*int64(unsafe.Sizeof(prefix{})) + int64(cap(o.blocks)+cap(o.was)+cap(o.spare))*int64(unsafe.Sizeof(o.blocks))
}

// entry returns the entry at a place, -1 at the end.
func (o *ordered) entry(p place) int32 {
	if p.block == len(o.blocks) {
		return -1
	}
	return o.blocks[p.block][p.at].i
}

// next returns the place behind p, which is not the end.
func (o *ordered) next(p place) place {
	if p.at++; p.at == len(o.blocks[p.block]) {
		return place{block: p.block + 1}
	}
	return p
}

// seek returns the place of the first entry whose key is not below key.
func (o *ordered) seek(t *table, key []byte) place {
	if o.n == 0 {
		return place{}
	}
	begin := t.key(0)[:o.common]
	if n := commonPrefix(begin, key); n < len(begin) {
		if bytes.Compare(key, begin) < 0 {
			return place{}
		}
		return place{block: len(o.blocks)}
	}
	block, at := o.find(t, key, head(key[o.common:]))
	if block < len(o.blocks) && at == len(o.blocks[block]) {
		return place{block: block + 1}
	}
	return place{block, at}
}

// find returns the block that a key belongs to, and the first mark there whose key is not below it.
// The key begins as all of them.
func (o *ordered) find(t *table, key []byte, head prefix) (block, at int) {
	below := func(m prefix, i int32) bool {
		if m.hi != head.hi {
			return m.hi < head.hi
		}
		return m.lo < head.lo || m.lo == head.lo && bytes.Compare(t.key(i), key) < 0
	}
	lo, hi := 0, len(o.blocks) // the last block that begins below the key, or the first
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); below(o.firsts[mid], o.blocks[mid][0].i) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	block = max(lo-1, 0)
	marks := o.blocks[block]
	lo, hi = 0, len(marks)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); below(marks[mid].prefix, marks[mid].i) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return block, lo
}

// add adds the entries that are not in it yet.
func (o *ordered) add(t *table) {
	common := t.key(0)
	if o.n > 0 {
		common = common[:o.common]
	}
	for i := o.n; i < t.entries.n; i++ {
		common = common[:commonPrefix(common, t.key(int32(i)))]
	}
	if o.n > 0 && len(common) < o.common {
		o.rehead(t, len(common))
	}
	o.common = len(common)
	if few := t.entries.n - o.n; few >= mergeMarks && few >= o.n/mergeRatio {
		o.merge(t)
		return
	}
	if o.n == 0 {
		m := mark{prefix: head(t.key(0)[o.common:])}
		o.blocks, o.firsts, o.n = append(o.blocks, append(o.block(), m)), append(o.firsts, m.prefix), 1
	}
	for ; o.n < t.entries.n; o.n++ {
		o.insert(t, int32(o.n))
	}
}

// Entries are sorted and merged, and not put in one by one, if there are mergeMarks of them or
// more, and one for mergeRatio of those that are there: so much faster is it to go over a mark than
// to look for a place.
const (
	mergeMarks = 32
	mergeRatio = 16
)

// merge adds the entries that are not in it yet, and begin as all of them.
func (o *ordered) merge(t *table) {
	below := func(a, b mark) bool {
		switch {
		case a.hi != b.hi:
			return a.hi < b.hi
		case a.lo != b.lo:
			return a.lo < b.lo
		}
		return bytes.Compare(t.key(a.i), t.key(b.i)) < 0
	}
	news := slices.Grow(o.news[:0], t.entries.n-o.n)
	for i := int32(o.n); int(i) < t.entries.n; i++ {
		news = append(news, mark{head(t.key(i)[o.common:]), i})
	}
	o.n, o.news = t.entries.n, news[:0]
	slices.SortFunc(news, func(a, b mark) int {
		if below(a, b) {
			return -1
		}
		return 1
	})
	old := o.blocks
	o.blocks, o.firsts = o.was[:0], o.firsts[:0]
	for _, b := range old {
		if len(news) == 0 || below(b[len(b)-1], news[0]) {
			o.blocks, o.firsts = append(o.blocks, b), append(o.firsts, b[0].prefix)
			continue
		}
		to := -1
		for _, m := range b {
			for len(news) > 0 && below(news[0], m) {
				to = o.append(to, news[0])
				news = news[1:]
			}
			to = o.append(to, m)
		}
		o.spare = append(o.spare, b[:0])
	}
	for to := -1; len(news) > 0; news = news[1:] {
		to = o.append(to, news[0])
	}
	clear(old)
	o.was = old[:0]
}

// append appends a mark to a block, or to a new one if that is nearly full or there is none, and
// returns which one it is in.
func (o *ordered) append(block int, m mark) int {
	if block < 0 || len(o.blocks[block]) >= blockMarks*3/4 {
		block = len(o.blocks)
		o.blocks, o.firsts = append(o.blocks, o.block()), append(o.firsts, m.prefix)
	}
	o.blocks[block] = append(o.blocks[block], m)
	return block
}

// rehead computes the heads of all marks for a shorter beginning that all keys have.
func (o *ordered) rehead(t *table, common int) {
	for b, marks := range o.blocks {
		for j := range marks {
			marks[j].prefix = head(t.key(marks[j].i)[common:])
		}
		o.firsts[b] = marks[0].prefix
	}
}

// insert adds an entry whose key is not in it yet, and begins as all of them.
func (o *ordered) insert(t *table, i int32) {
	key := t.key(i)
	m := mark{head(key[o.common:]), i}
	block, at := o.find(t, key, m.prefix)
	if len(o.blocks[block]) == blockMarks {
		half := blockMarks / 2
		if block == len(o.blocks)-1 && at == blockMarks {
			half = at // keys that rise fill whole blocks
		}
		o.split(block, half)
		if at > half || at == blockMarks {
			block, at = block+1, at-half
		}
	}
	o.blocks[block] = slices.Insert(o.blocks[block], at, m)
	if at == 0 {
		o.firsts[block] = m.prefix
	}
}

// split moves what a block has from at on to a new one behind it.
func (o *ordered) split(block, at int) {
	marks := o.blocks[block]
	more, first := append(o.block(), marks[at:]...), prefix{}
	if len(more) > 0 {
		first = more[0].prefix
	}
	o.blocks[block] = marks[:at]
	o.blocks = slices.Insert(o.blocks, block+1, more)
	o.firsts = slices.Insert(o.firsts, block+1, first)
}

// block returns an empty block.
func (o *ordered) block() []mark {
	if n := len(o.spare); n > 0 {
		b := o.spare[n-1]
		o.spare = o.spare[:n-1]
		return b
	}
	return make([]mark, 0, blockMarks)
}

// commonPrefix returns how many bytes a and b begin with alike.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	if bytes.Equal(a[:n], b[:n]) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// head returns the first sixteen bytes of b, filled up with zeros.
func head(b []byte) prefix {
	if len(b) < 16 {
		var all [16]byte
		copy(all[:], b)
		b = all[:]
	}
	return prefix{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}
