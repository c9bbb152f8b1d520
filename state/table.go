package state

import (
	"bytes"
	"hash/maphash"
	"slices"
	"unsafe"
)

// What a table keeps of its memory however small its transactions are.
const (
	keepBytes   = 64 << 10
	keepEntries = 1 << 10
)

// table is writes of one store: entries in an arena, found by an open-addressing hash index, linked in the order of their
// last write, and, as far as it was needed since the last reset, by a skip list in the order of their keys.
type table struct {
	arena   []byte
	entries []entry
	// index holds hash<<32 | entry+1, or 0; a power of two, at most half full, linear probing. No slot is ever freed.
	index       []uint64
	first, last int32 // of the order of writes; -1: none
	list        skiplist
	ranges      rangeSet

	peakBytes, peakEntries int
}

// entryState says what an entry's last write was.
type entryState uint8

const (
	written entryState = iota
	deleted
	// dropped entries were written and then deleted by range: they are not in the order of writes, and stay where they are
	// for a write that brings their key back.
	dropped
)

type entry struct {
	koff, voff       int
	klen, vlen, vcap uint32
	prev, next       int32
	state            entryState
}

func (t *table) init() {
	t.first, t.last, t.arena = -1, -1, []byte{} // keys and values are never nil
	t.list.reset()
}

func (s *Store) hash(key []byte) uint32 { return uint32(maphash.Bytes(s.o.seed, key)) }

func (t *table) key(i int32) []byte {
	e := &t.entries[i]
	return t.arena[e.koff : e.koff+int(e.klen) : e.koff+int(e.klen)]
}

func (t *table) value(i int32) []byte {
	e := &t.entries[i]
	return t.arena[e.voff : e.voff+int(e.vlen) : e.voff+int(e.vlen)]
}

// size is 0 only if the table is empty.
func (t *table) size() int64 {
	return int64(len(t.arena)) + int64(len(t.entries))*int64(unsafe.Sizeof(entry{})+2*unsafe.Sizeof(uint64(0))) + t.ranges.size()
}

// held is how much memory a table has that is not kept for the next writes. It is 0 if it is empty.
func (t *table) held() int64 {
	return int64(cap(t.arena)) + int64(cap(t.entries))*int64(unsafe.Sizeof(entry{})) + int64(cap(t.index))*8 + t.list.size() + t.ranges.size()
}

func (t *table) empty() bool { return len(t.entries) == 0 && len(t.ranges.all) == 0 }

// find returns the entry of key, or -1.
func (t *table) find(hash uint32, key []byte) int32 {
	if len(t.entries) == 0 {
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

// get appends the value of key to dst. known says that the table decides what it is: that what lies below does not count.
func (t *table) get(dst []byte, hash uint32, key []byte) (value []byte, found, known bool) {
	if i := t.find(hash, key); i >= 0 && t.entries[i].state != dropped {
		if t.entries[i].state == deleted {
			return dst, false, true
		}
		return append(dst, t.value(i)...), true, true
	}
	return dst, false, t.ranges.covers(key)
}

// touch returns the entry of key, new or not, as the last one in the order of writes.
func (t *table) touch(hash uint32, key []byte) int32 {
	i := t.find(hash, key)
	if i < 0 {
		i = t.add(hash, key)
	} else if i == t.last {
		return i
	} else if t.entries[i].state != dropped {
		t.unlink(i)
	}
	e := &t.entries[i]
	e.prev, e.next = t.last, -1
	if t.last >= 0 {
		t.entries[t.last].next = i
	} else {
		t.first = i
	}
	t.last = i
	return i
}

func (t *table) unlink(i int32) {
	e := &t.entries[i]
	if e.prev >= 0 {
		t.entries[e.prev].next = e.next
	} else {
		t.first = e.next
	}
	if e.next >= 0 {
		t.entries[e.next].prev = e.prev
	} else {
		t.last = e.prev
	}
}

func (t *table) add(hash uint32, key []byte) int32 {
	if 2*(len(t.entries)+1) > len(t.index) {
		t.grow()
	}
	i := int32(len(t.entries))
	t.entries = append(t.entries, entry{koff: len(t.arena), klen: uint32(len(key))})
	t.arena = append(t.arena, key...)
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

func (t *table) put(hash uint32, key, value []byte) int32 {
	i := t.touch(hash, key)
	e := &t.entries[i]
	e.state = written
	if len(value) <= int(e.vcap) {
		e.vlen = uint32(len(value))
		copy(t.arena[e.voff:], value)
		return i
	}
	// A value that grows again and again (a list) gets room to do so: what it leaves behind in the arena stays in proportion.
	room := len(value)
	if e.vcap > 0 {
		room += room / 2
	}
	e.voff, e.vlen, e.vcap = len(t.arena), uint32(len(value)), uint32(room)
	t.arena = append(slices.Grow(t.arena, room), value...)[:len(t.arena)+room]
	return i
}

func (t *table) delete(hash uint32, key []byte) int32 {
	i := t.touch(hash, key)
	t.entries[i].state = deleted
	return i
}

func (t *table) deleteRange(lo, hi []byte) {
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return
	}
	t.order()
	for i := t.list.seek(t, lo); i >= 0; i = t.list.after(i) {
		if hi != nil && bytes.Compare(t.key(i), hi) >= 0 {
			break
		}
		if t.entries[i].state != dropped {
			t.unlink(i)
			t.entries[i].state = dropped
		}
	}
	t.ranges.add(lo, hi)
}

// order links the entries that the skip list does not have yet.
func (t *table) order() {
	for i := t.list.len(); i < len(t.entries); i++ {
		t.list.insert(t, int32(i))
	}
}

func (t *table) reset() {
	if t.size() == 0 {
		return
	}
	// The peaks sink slowly, so that a pause between two bursts does not cost new memory.
	t.peakBytes = max(len(t.arena), t.peakBytes-t.peakBytes/8)
	t.peakEntries = max(len(t.entries), t.peakEntries-t.peakEntries/8)
	if cap(t.arena) > keepBytes && cap(t.arena) > 4*t.peakBytes {
		t.arena = []byte{}
	}
	if cap(t.entries) > keepEntries && cap(t.entries) > 4*t.peakEntries {
		t.entries, t.index, t.list = nil, nil, skiplist{}
	}
	t.arena, t.entries = t.arena[:0], t.entries[:0]
	clear(t.index)
	t.first, t.last = -1, -1
	t.list.reset()
	t.ranges.reset()
}
