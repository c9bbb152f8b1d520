package state

import "bytes"

// maxHeight bounds the towers: with one in four going a level up, enough for any table that fits in
// memory.
const maxHeight = 14

// skiplist links the entries of a table in the order of their keys. Entries are only ever added.
//
// It is made by hand because it stores no keys: it links entries that the table has, by their
// numbers, as far as somebody has asked for their order. A tree of a library would hold each key,
// or a pointer to it, once more, for the garbage collector to follow.
type skiplist struct {
	heads [maxHeight]int32
	// towers[i] is where the links of entry i begin in links, one for each of its levels.
	towers []int
	links  []int32 // -1: none
	height int
	random uint64
}

func (l *skiplist) reset() {
	for i := range l.heads {
		l.heads[i] = -1
	}
	l.towers, l.links = l.towers[:0], l.links[:0]
	l.height = 1
	l.random = 0x9e3779b97f4a7c15 // the shape needs to be balanced, not secret
}

// len is how many entries are linked: the first ones of the table.
func (l *skiplist) len() int { return len(l.towers) }

func (l *skiplist) size() int64 { return int64(cap(l.towers))*8 + int64(cap(l.links))*4 }

// after returns the entry behind i, or -1.
func (l *skiplist) after(i int32) int32 { return l.links[l.towers[i]] }

func (l *skiplist) next(i int32, level int) int32 {
	if i < 0 {
		return l.heads[level]
	}
	return l.links[l.towers[i]+level]
}

// seek returns the first entry whose key is not below key, or -1.
func (l *skiplist) seek(t *table, key []byte) int32 {
	at := int32(-1)
	for level := l.height - 1; level >= 0; level-- {
		for n := l.next(at, level); n >= 0 && bytes.Compare(t.key(n), key) < 0; n = l.next(at, level) {
			at = n
		}
	}
	return l.next(at, 0)
}

// insert links entry i, which must be the number of entries linked so far. Its key is not in the
// list yet.
func (l *skiplist) insert(t *table, i int32) {
	key := t.key(i)
	var before [maxHeight]int32
	at := int32(-1)
	for level := l.height - 1; level >= 0; level-- {
		for n := l.next(at, level); n >= 0 && bytes.Compare(t.key(n), key) < 0; n = l.next(at, level) {
			at = n
		}
		before[level] = at
	}
	height := 1
	l.random ^= l.random << 13
	l.random ^= l.random >> 7
	l.random ^= l.random << 17
	for r := l.random; r&3 == 0 && height < maxHeight; r >>= 2 {
		height++
	}
	for ; l.height < height; l.height++ {
		before[l.height] = -1
	}
	l.towers = append(l.towers, len(l.links))
	for level := range height {
		p := before[level]
		l.links = append(l.links, l.next(p, level))
		if p < 0 {
			l.heads[level] = i
		} else {
			l.links[l.towers[p]+level] = i
		}
	}
}
