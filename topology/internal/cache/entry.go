package cache

import (
	"encoding/binary"
	"iter"
	"unsafe"
)

// Entry is one key of a store in its cache. It has no pointers of its own, so that the garbage
// collector need not look at a cache of plain values; the order of fields is that of their use.
type Entry[A any] struct {
	// key is the store key, up to len(key) bytes of it; a longer one lies in the slab's arena, and
	// its place is here.
	klen uint32
	key  [20]byte

	// has says that the key has a value. loaded says that value holds it; a stub (not loaded) has
	// its value in the store.
	Has, Loaded bool
	// dirty says that value has not been written to the store yet, pending that it has not been
	// forwarded yet.
	Dirty, Pending bool
	hot            bool // read since eviction last looked at it
	used           bool // not free

	Last  Last
	seq   uint64 // of the last update since the flush, 0 if there was none
	TS    int64  // of the value, or of the update that deleted it while that is pending
	Value A

	ID   int32  // in its slab
	Cost uint32 // bytes counted against the budget; loaded entries only
	at   [lists]links
}

// links is an entry's place in one list.
type links struct {
	prev, next int32
	in         bool
}

const (
	byAge    = iota // the loaded entries of a cache, as eviction looks at them
	byWindow        // the entries of a window
	lists
)

// slab holds entries, numbered from 1. They stay where they are.
type slab[A any] struct {
	chunks [][]Entry[A]
	free   int32 // linked by at[0].next
	// long holds the keys that do not fit into their entries; idle bytes of it belong to no entry
	// any more.
	long []byte
	idle int
}

const (
	slabChunk = 256 // entries
	keepIdle  = 64 << 10
)

// entry returns the entry of that number.
func (s *slab[A]) entry(id int32) *Entry[A] {
	return &s.chunks[uint32(id)/slabChunk][uint32(id)%slabChunk]
}

// alloc returns an entry with a key and nothing else.
func (s *slab[A]) alloc(key []byte) *Entry[A] {
	if s.free == 0 {
		from := int32(len(s.chunks) * slabChunk)
		s.chunks = append(s.chunks, make([]Entry[A], slabChunk))
		for id := from + slabChunk - 1; id >= max(from, 1); id-- {
			e := s.entry(id)
			e.ID = id
			e.at[0].next = s.free
			s.free = id
		}
	}
	e := s.entry(s.free)
	s.free = e.at[0].next
	e.at[0].next = 0
	e.used = true
	e.klen = uint32(len(key))
	if len(key) > len(e.key) {
		if s.idle > keepIdle && s.idle > len(s.long)/2 {
			s.pack()
		}
		binary.LittleEndian.PutUint64(e.key[:], uint64(len(s.long)))
		s.long = append(s.long, key...)
	} else {
		copy(e.key[:], key)
	}
	return e
}

// key returns the entry's key: good as long as the entry, and until the next alloc.
func (s *slab[A]) key(e *Entry[A]) []byte {
	n := int(e.klen)
	if n > len(e.key) {
		from := int(binary.LittleEndian.Uint64(e.key[:]))
		return s.long[from : from+n : from+n]
	}
	return e.key[:n:n]
}

// recycle frees an entry.
func (s *slab[A]) recycle(e *Entry[A]) {
	if int(e.klen) > len(e.key) {
		s.idle += int(e.klen)
	}
	*e = Entry[A]{ID: e.ID}
	e.at[0].next = s.free
	s.free = e.ID
}

// pack leaves the idle bytes of the arena behind.
func (s *slab[A]) pack() {
	long := make([]byte, 0, len(s.long)-s.idle+keepIdle)
	for _, chunk := range s.chunks {
		for i := range chunk {
			e := &chunk[i]
			if int(e.klen) <= len(e.key) || !e.used {
				continue
			}
			k := s.key(e)
			binary.LittleEndian.PutUint64(e.key[:], uint64(len(long)))
			long = append(long, k...)
		}
	}
	s.long, s.idle = long, 0
}

// overhead is about what an entry costs beside its value, a long key included.
func (s *slab[A]) overhead(e *Entry[A]) int64 {
	n := int64(unsafe.Sizeof(*e)) + 16 // in the index
	if int(e.klen) > len(e.key) {
		n += int64(e.klen)
	}
	return n
}

// list is a doubly linked list through the links of that number of its entries.
type list struct {
	first, last int32
	which       int
}

// push puts e at the end, from wherever in the list it is.
func (s *slab[A]) push(l *list, e *Entry[A]) {
	s.remove(l, e)
	e.at[l.which] = links{prev: l.last, in: true}
	if l.last == 0 {
		l.first = e.ID
	} else {
		s.entry(l.last).at[l.which].next = e.ID
	}
	l.last = e.ID
}

// remove takes e out of the list, if it is in it.
func (s *slab[A]) remove(l *list, e *Entry[A]) {
	at := &e.at[l.which]
	if !at.in {
		return
	}
	if at.prev == 0 {
		l.first = at.next
	} else {
		s.entry(at.prev).at[l.which].next = at.next
	}
	if at.next == 0 {
		l.last = at.prev
	} else {
		s.entry(at.next).at[l.which].prev = at.prev
	}
	*at = links{}
}

// At returns the entry of that number, which need not be in use: then it is empty.
func (c *Cache[A]) At(id int32) *Entry[A] { return c.slab.entry(id) }

// All returns the entries, in no order. None may be made or dropped in the loop.
func (c *Cache[A]) All() iter.Seq[*Entry[A]] {
	return func(yield func(*Entry[A]) bool) {
		for _, chunk := range c.slab.chunks {
			for i := range chunk {
				if e := &chunk[i]; e.used && !yield(e) {
					return
				}
			}
		}
	}
}
