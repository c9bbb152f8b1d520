package state

import (
	"bytes"
	"hash/maphash"
	"unsafe"
)

// What a table keeps of its memory however small its transactions are.
const (
	keepBytes   = 64 << 10
	keepEntries = 1 << 10
)

// table is writes of one store: entries in an arena, found by an open-addressing hash index, linked
// in the order of their last write, and, as far as it was needed since the last reset, in the order
// of their keys.
type table struct {
	arena   arena
	entries entries
	// index holds hash<<32 | entry+1, or 0; a power of two, at most half full, linear probing. No
	// slot is ever freed.
	index       []uint64
	first, last int32 // of the order of writes; -1: none
	ordered     ordered
	ranges      rangeSet
	dropped     int // how many entries are
	indexed     bool

	peakBytes, peakEntries int
}

// entryState says what an entry's last write was.
type entryState uint8

const (
	written entryState = iota
	deleted
	// forgotten entries are deleted ones that are no changes.
	forgotten
	// dropped entries count no more: what lies below the table does, or a range that was deleted.
	// They are not in the order of writes, and stay where they are for a write that brings their
	// key back.
	dropped
)

type entry struct {
	koff, voff       ref
	klen, vlen, vcap uint32
	hash             uint32 // of the key
	prev, next       int32
	state            entryState
	// fresh says that what lies below the table, less its ranges, has no such key: when the entry
	// is deleted there is nothing to hide.
	fresh bool
}

// entries are entries by number, in pages.
type entries struct {
	pages [][]entry
	n     int
}

const entriesPage = 256 // a power of two

func (e *entries) at(i int32) *entry { return &e.pages[i/entriesPage][i%entriesPage] }

// add adds an entry that is zero.
func (e *entries) add() (int32, *entry) {
	at := e.n / entriesPage
	if at == len(e.pages) {
		if at == 0 {
			e.pages = append(e.pages, nil)
		} else {
			e.pages = append(e.pages, make([]entry, 0, entriesPage))
		}
	}
	e.pages[at] = append(e.pages[at], entry{})
	i := int32(e.n)
	e.n++
	return i, e.at(i)
}

func (e *entries) cap() int {
	if len(e.pages) == 0 {
		return 0
	}
	return cap(e.pages[0]) + (len(e.pages)-1)*entriesPage
}

func (e *entries) reset() {
	for i := range e.pages[:(e.n+entriesPage-1)/entriesPage] {
		e.pages[i] = e.pages[i][:0]
	}
	e.n = 0
}

func (t *table) init() {
	t.first, t.last = -1, -1
	t.ordered.reset()
}

func (s *Store) hash(key []byte) uint32 { return uint32(maphash.Bytes(s.o.seed, key)) }

func (t *table) key(i int32) []byte {
	e := t.entries.at(i)
	return t.arena.get(e.koff, e.klen)
}

func (t *table) value(i int32) []byte {
	e := t.entries.at(i)
	return t.arena.get(e.voff, e.vlen)
}

// size is 0 only if the table is empty.
func (t *table) size() int64 {
	return int64(t.arena.used) + int64(t.entries.n)*int64(unsafe.Sizeof(entry{})+2*unsafe.Sizeof(uint64(0))) + t.ranges.size()
}

// held is how much memory the table has, used or not. It is 0 for a new one.
func (t *table) held() int64 {
	return int64(t.arena.bytes) + int64(t.entries.cap())*int64(unsafe.Sizeof(entry{})) + int64(cap(t.index))*8 + t.ordered.size() + t.ranges.size()
}

func (t *table) empty() bool { return t.entries.n == 0 && len(t.ranges.all) == 0 }

// find returns the entry of key, or -1.
func (t *table) find(hash uint32, key []byte) int32 {
	if t.entries.n == 0 {
		return -1
	}
	mask := uint32(len(t.index) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := t.index[at]
		if slot == 0 {
			return -1
		}
		if uint32(slot>>32) == hash {
			if i := int32(uint32(slot)) - 1; bytes.Equal(t.key(i), key) {
				return i
			}
		}
	}
}

// get appends the value of key to dst. known says that the table decides what it is: that what lies
// below does not count.
func (t *table) get(dst []byte, hash uint32, key []byte) (value []byte, found, known bool) {
	if i := t.find(hash, key); i >= 0 && t.entries.at(i).state != dropped {
		if t.entries.at(i).state != written {
			return dst, false, true
		}
		return append(dst, t.value(i)...), true, true
	}
	return dst, false, t.ranges.covers(key)
}

// touch makes the entry i of key, or a new one if i is -1, the last one in the order of writes, and
// returns which one it is.
func (t *table) touch(i int32, hash uint32, key []byte) int32 {
	switch {
	case i < 0:
		i = t.add(hash, key)
	case i == t.last:
		return i
	case t.entries.at(i).state == dropped:
		t.dropped--
	default:
		t.unlink(i)
	}
	e := t.entries.at(i)
	e.prev, e.next = t.last, -1
	if t.last >= 0 {
		t.entries.at(t.last).next = i
	} else {
		t.first = i
	}
	t.last = i
	return i
}

func (t *table) unlink(i int32) {
	e := t.entries.at(i)
	if e.prev >= 0 {
		t.entries.at(e.prev).next = e.next
	} else {
		t.first = e.next
	}
	if e.next >= 0 {
		t.entries.at(e.next).prev = e.prev
	} else {
		t.last = e.prev
	}
}

func (t *table) add(hash uint32, key []byte) int32 {
	if 2*(t.entries.n+1) > len(t.index) {
		t.grow()
	}
	i, e := t.entries.add()
	var b []byte
	e.koff, b = t.arena.alloc(len(key))
	e.klen, e.hash = uint32(copy(b, key)), hash
	t.insert(hash, i)
	return i
}

func (t *table) insert(hash uint32, i int32) {
	mask := uint32(len(t.index) - 1)
	at := hash & mask
	for t.index[at] != 0 {
		at = (at + 1) & mask
	}
	t.index[at] = uint64(hash)<<32 | uint64(uint32(i+1))
}

func (t *table) grow() {
	old := t.index
	t.index = make([]uint64, max(64, 2*len(old)))
	for _, slot := range old {
		if slot != 0 {
			t.insert(uint32(slot>>32), int32(uint32(slot))-1)
		}
	}
}

// put sets the value of key. fresh says that what lies below has no such key.
func (t *table) put(hash uint32, key, value []byte, fresh bool) int32 {
	i := t.find(hash, key)
	added := i < 0
	i = t.touch(i, hash, key)
	e := t.entries.at(i)
	e.state = written
	if added {
		e.fresh = fresh
	}
	if len(value) <= int(e.vcap) {
		e.vlen = uint32(len(value))
		copy(t.arena.get(e.voff, e.vlen), value)
		return i
	}
	// A value that grows again and again (a list) gets room to do so: what it leaves behind in the
	// arena stays in proportion.
	room := len(value)
	if e.vcap > 0 {
		room += room / 2
	}
	var b []byte
	e.voff, b = t.arena.alloc(room)
	e.vlen, e.vcap = uint32(copy(b, value)), uint32(room)
	return i
}

// delete deletes key: as is deleted or forgotten.
func (t *table) delete(hash uint32, key []byte, as entryState) int32 {
	i := t.find(hash, key)
	if i >= 0 && t.entries.at(i).fresh {
		t.drop(i)
		return i
	}
	i = t.touch(i, hash, key)
	t.entries.at(i).state = as
	return i
}

// drop makes an entry dropped.
func (t *table) drop(i int32) {
	if e := t.entries.at(i); e.state != dropped {
		t.unlink(i)
		e.state = dropped
		t.dropped++
	}
}

// compact leaves dropped entries behind.
func (t *table) compact() {
	n := table{ranges: t.ranges, indexed: t.indexed}
	n.init()
	for i := t.first; i >= 0; i = t.entries.at(i).next {
		if e := t.entries.at(i); e.state == written {
			n.put(e.hash, t.key(i), t.value(i), e.fresh)
		} else {
			n.delete(e.hash, t.key(i), e.state)
		}
	}
	*t = n
}

func (t *table) deleteRange(lo, hi []byte) {
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return
	}
	t.order()
	for p := t.ordered.seek(t, lo); ; p = t.ordered.next(p) {
		i := t.ordered.entry(p)
		if i < 0 {
			break
		}
		if hi != nil && bytes.Compare(t.key(i), hi) >= 0 {
			break
		}
		if e := t.entries.at(i); t.indexed && e.state != written && e.state != dropped {
			e.state = forgotten // for its second row
		} else {
			t.drop(i)
		}
	}
	t.ranges.add(lo, hi)
}

// order puts the entries in order that are not yet.
func (t *table) order() {
	if t.ordered.n < t.entries.n {
		t.ordered.add(t)
	}
}

func (t *table) reset() {
	if t.size() == 0 {
		return
	}
	// The peaks sink slowly, so that a pause between two bursts does not cost new memory.
	t.peakBytes = max(t.arena.used, t.peakBytes-t.peakBytes/8)
	t.peakEntries = max(t.entries.n, t.peakEntries-t.peakEntries/8)
	t.arena.reset()
	t.entries.reset()
	if t.arena.bytes > keepBytes && t.arena.bytes > 4*t.peakBytes {
		t.arena = arena{}
	}
	if n := t.entries.cap(); n > keepEntries && n > 4*t.peakEntries {
		t.entries, t.index, t.ordered = entries{}, nil, ordered{}
	}
	clear(t.index)
	t.first, t.last, t.dropped = -1, -1, 0
	t.ordered.reset()
	t.ranges.reset()
}
