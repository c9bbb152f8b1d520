package state

import (
	"bytes"
	"slices"
)

// seconds are the second rows of a store with an index, as a batch is to get them.
type seconds struct {
	keys []byte
	all  []second
}

// second is a second row: a place in keys, and what is to be done with it. Those that have been put
// one by one count less than what follows from the rows that they belong to.
type second struct {
	from, to        int
	written, itself bool
}

// take notes the second row of a row, or one that has been put by itself, which it reports.
func (x *seconds) take(s *Store, key []byte, written bool) (itself bool) {
	from := len(x.keys)
	x.keys = s.appendKey(x.keys, nil)
	prefix := len(x.keys)
	if x.keys = s.index(x.keys, key); len(x.keys) == prefix {
		itself = true
		x.keys = append(x.keys, key...)
	}
	x.all = append(x.all, second{from, len(x.keys), written, itself})
	return itself
}

func (x *seconds) key(i second) []byte { return x.keys[i.from:i.to] }

// writeTo puts the rows into a batch, in the order of their keys.
func (x *seconds) writeTo(b Batch) {
	slices.SortFunc(x.all, func(a, b second) int {
		if c := bytes.Compare(x.key(a), x.key(b)); c != 0 || a.itself == b.itself {
			return c
		} else if a.itself {
			return 1
		}
		return -1
	})
	for i, s := range x.all {
		if i > 0 && bytes.Equal(x.key(x.all[i-1]), x.key(s)) {
			continue
		}
		if s.written {
			b.Set(x.key(s), nil)
		} else {
			b.Delete(x.key(s))
		}
	}
}
