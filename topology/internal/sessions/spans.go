package sessions

import "unsafe"

// bounds are the first and the last millisecond of a window. Both belong to it.
type bounds struct{ start, end int64 }

// span is a window of a key. It has no pointers of its own.
type span[A any] struct {
	bounds
	// row are the bounds under which the store has it, if stored says that it has.
	row    bounds
	stored bool
	// indexed says that there is a row by key that is to be deleted with that, or may be.
	indexed bool
	// loaded says that value and ts are here, and not in the store only.
	loaded bool
	// dirty says that the store has not got the value, or the bounds, yet; news that they have not
	// been forwarded yet.
	dirty, news bool
	// told says that it was forwarded with these bounds, in an earlier transaction.
	told bool

	prev, next int32
	bytes      int32 // of the value, as it was encoded last
	ts         int64 // the largest of its records
	value      A
}

// set is the open windows of a key, in the order of end and start, and what has become of others in
// this transaction: windows that have been there, with rows to be deleted (stored) or tombstones to
// be forwarded (told). Windows whose rows do not begin with a time in [from, to) are in the store
// only. due is one more than the end at which the set is looked at, 0 if it is not.
type set struct {
	open, gone chain
	from, to   int64
	due        int64
}

// chain is a list of spans.
type chain struct{ first, last int32 }

// spans hold the windows of all sets in the cache, numbered from 1. They stay where they are.
type spans[A any] struct {
	chunks [][]span[A]
	free   int32 // linked by next
	used   int   // spans that are not free
}

const chunk = 256

func (s *spans[A]) at(id int32) *span[A] { return &s.chunks[uint32(id)/chunk][uint32(id)%chunk] }

// size is what a span takes beside its value.
func (s *spans[A]) size() int { return int(unsafe.Sizeof(span[A]{})) }

// alloc returns a span with nothing in it.
func (s *spans[A]) alloc() int32 {
	if s.free == 0 {
		from := int32(len(s.chunks) * chunk)
		s.chunks = append(s.chunks, make([]span[A], chunk))
		for id := from + chunk - 1; id >= max(from, 1); id-- {
			s.at(id).next = s.free
			s.free = id
		}
	}
	id := s.free
	s.free = s.at(id).next
	s.at(id).next = 0
	s.used++
	return id
}

// recycle frees a span that is in no chain.
func (s *spans[A]) recycle(id int32) {
	*s.at(id) = span[A]{next: s.free}
	s.free = id
	s.used--
}

// insert puts a span where its end and start belong, looking from the end of the chain.
func (s *spans[A]) insert(c *chain, id int32) {
	x := s.at(id)
	after := c.last
	for after != 0 {
		if o := s.at(after); o.end < x.end || o.end == x.end && o.start <= x.start {
			break
		}
		after = s.at(after).prev
	}
	x.prev = after
	if after == 0 {
		x.next, c.first = c.first, id
	} else {
		x.next = s.at(after).next
		s.at(after).next = id
	}
	if x.next == 0 {
		c.last = id
	} else {
		s.at(x.next).prev = id
	}
}

// remove takes a span out of its chain.
func (s *spans[A]) remove(c *chain, id int32) {
	x := s.at(id)
	if x.prev == 0 {
		c.first = x.next
	} else {
		s.at(x.prev).next = x.next
	}
	if x.next == 0 {
		c.last = x.prev
	} else {
		s.at(x.next).prev = x.prev
	}
	x.prev, x.next = 0, 0
}

// find returns the window of a chain with these bounds, 0 if it has none.
func (s *spans[A]) find(c chain, b bounds) int32 {
	for id := c.first; id != 0; id = s.at(id).next {
		if s.at(id).bounds == b {
			return id
		}
	}
	return 0
}

// clear frees all spans of a chain.
func (s *spans[A]) clear(c *chain) {
	for id := c.first; id != 0; {
		next := s.at(id).next
		s.recycle(id)
		id = next
	}
	*c = chain{}
}
