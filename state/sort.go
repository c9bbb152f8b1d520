package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// sorter sorts the entries of a table by key. Most comparisons see the eight bytes behind what all
// keys begin with, side by side, and not the keys: sorting by the keys alone takes a miss of the
// processor's caches for each.
type sorter struct {
	marks []sortMark
}

type sortMark struct {
	head uint64 // big-endian, filled up with zeros
	i    int32
}

// sort returns the entries that the table has to write, by key. The result is good until the next
// call.
func (s *sorter) sort(t *table) []sortMark {
	marks := s.marks[:0]
	if t.first < 0 {
		return nil
	}
	common := t.key(t.first)
	for i := t.first; i >= 0; i = t.entries.at(i).next {
		marks = append(marks, sortMark{i: i})
		common = common[:commonPrefix(common, t.key(i))]
	}
	for j := range marks {
		marks[j].head = head(t.key(marks[j].i)[len(common):])
	}
	slices.SortFunc(marks, func(a, b sortMark) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return bytes.Compare(t.key(a.i), t.key(b.i))
	})
	s.marks = marks
	if cap(marks) > keepEntries && len(marks) < cap(marks)/8 {
		s.marks = nil
	}
	return marks
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

func head(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var h [8]byte
	copy(h[:], b)
	return binary.BigEndian.Uint64(h[:])
}
