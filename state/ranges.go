package state

import (
	"bytes"
	"slices"
	"sort"
)

// rangeSet is a set of keys made of ranges: sorted, disjoint, not touching each other.
type rangeSet struct {
	arena []byte
	all   []keyRange
}

type keyRange struct {
	lo, hi span
	open   bool // no upper bound; hi is not used
}

// span is a place in the arena.
type span struct{ from, to int }

// bytes is never nil: as a bound, nil would mean none.
func (s *rangeSet) bytes(p span) []byte {
	if p.from == p.to {
		return []byte{}
	}
	return s.arena[p.from:p.to:p.to]
}

func (s *rangeSet) size() int64 { return int64(len(s.arena)) + int64(len(s.all))*40 }

func (s *rangeSet) reset() {
	if cap(s.arena) > keepBytes {
		s.arena = nil
	}
	s.arena, s.all = s.arena[:0], s.all[:0]
}

func (s *rangeSet) save(b []byte) span {
	from := len(s.arena)
	s.arena = append(s.arena, b...)
	return span{from, len(s.arena)}
}

// endsBefore says whether the range ends at or before key.
func (s *rangeSet) endsBefore(r keyRange, key []byte) bool {
	return !r.open && bytes.Compare(s.bytes(r.hi), key) <= 0
}

// search returns the index of the first range that reaches beyond key.
func (s *rangeSet) search(key []byte) int {
	if len(s.all) == 0 {
		return 0
	}
	return sort.Search(len(s.all), func(i int) bool { return !s.endsBefore(s.all[i], key) })
}

// covers says whether key is in the set.
func (s *rangeSet) covers(key []byte) bool {
	i := s.search(key)
	return i < len(s.all) && bytes.Compare(s.bytes(s.all[i].lo), key) <= 0
}

// add adds [lo, hi), which is not empty; a nil hi means no upper bound.
func (s *rangeSet) add(lo, hi []byte) {
	// from: the first range that reaches lo or more; to: the first that begins behind hi.
	from := sort.Search(len(s.all), func(i int) bool {
		return s.all[i].open || bytes.Compare(s.bytes(s.all[i].hi), lo) >= 0
	})
	to := len(s.all)
	if hi != nil {
		to = from + sort.Search(len(s.all)-from, func(i int) bool {
			return bytes.Compare(s.bytes(s.all[from+i].lo), hi) > 0
		})
	}
	var r keyRange
	if from < to && bytes.Compare(s.bytes(s.all[from].lo), lo) <= 0 {
		r.lo = s.all[from].lo
	} else {
		r.lo = s.save(lo)
	}
	switch {
	case hi == nil || from < to && s.all[to-1].open:
		r.open = true
	case from < to && bytes.Compare(s.bytes(s.all[to-1].hi), hi) >= 0:
		r.hi = s.all[to-1].hi
	default:
		r.hi = s.save(hi)
	}
	if from < to {
		s.all[from] = r
		s.all = slices.Delete(s.all, from+1, to)
		return
	}
	s.all = slices.Insert(s.all, from, r)
}
