package versions

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/kolkstream/kolk/state"
)

// History is a store of versions that have ended: what a key had from one time, and until another.
// The versions of a key do not overlap. docs/format/state.md has its bytes.
//
// Its rows lie in segments, by the time at which versions ended, so that those that are too old lie
// together; within a segment, by key and that time. There are only a few segments, which the
// history knows: a look-up reads one row of each that may have it.
type History struct {
	name     string
	store    *state.Store
	span     int64   // how long a segment of a new row is
	segments []int64 // the starts of segments that may have rows, sorted
	oldest   []byte  // no row of the store is before it
	due      int64   // when the first row from oldest on can go; none is there, or known: 0
	lo, hi   []byte
	value    []byte
	found    version
	find     func(key, value []byte) (bool, error) // made once
}

// version is what a key had in [from, to). Without has that was nothing: its row had been deleted,
// or was not there yet. A version with from equal to to only says that there was a deletion then.
type version struct {
	from, to int64
	has      bool
	value    []byte
	// segment is where its row lies; a new one has none yet.
	segment int64
}

const (
	hasValue  = 1
	valueHead = 9  // of the value of a row: from, and whether there is a value
	noSegment = -1 // of a version that has no row yet
	// halves is how many segments a history is as long as. With those that are not empty yet there
	// are four.
	halves = 2
	// goes is how many rows that are too old go with one that comes.
	goes = 4
)

// NewHistory returns the history in the task's store of that name. keeps is for how long versions
// are kept.
func NewHistory(task Task, name string, keeps int64) (*History, error) {
	h := &History{name: name, store: task.Store(name), span: max(1, keeps/halves)}
	h.find = h.note
	var from []byte
	for {
		start, found := int64(0), false
		err := h.store.Scan(from, nil, func(key, _ []byte) (bool, error) {
			if len(key) < 8 {
				return false, h.corrupt(key)
			}
			start, found = int64(binary.BigEndian.Uint64(key)), true
			return false, nil
		})
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", name, err)
		}
		if !found {
			return h, nil
		}
		h.segments = append(h.segments, start)
		if start == math.MaxInt64 {
			return h, nil
		}
		from = binary.BigEndian.AppendUint64(from[:0], uint64(start+1))
	}
}

func (h *History) corrupt(key []byte) error {
	return fmt.Errorf("store %s: %w: key %x is none of a history", h.name, state.ErrCorrupt, key)
}

// appendKey appends the key of a row.
func appendKey(dst []byte, segment int64, key []byte, to int64) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(segment))
	dst = append(binary.AppendUvarint(dst, uint64(len(key))), key...)
	return binary.BigEndian.AppendUint64(dst, uint64(to))
}

// next returns the first version of a key that ended after t. It is good until the next call of the
// history.
func (h *History) next(key []byte, t int64) (v version, ok bool, err error) {
	for _, segment := range h.segments {
		if ok && segment > v.to {
			break // what is in it ended later
		}
		h.lo = appendKey(h.lo[:0], segment, key, t+1)
		h.hi = append(h.hi[:0], h.lo...)
		binary.BigEndian.PutUint64(h.hi[len(h.hi)-8:], 1<<63)
		h.found.to = noSegment
		before := len(h.value)
		if !ok {
			before = 0
		}
		h.value = h.value[:before]
		if err := h.store.Scan(h.lo, h.hi, h.find); err != nil {
			return v, false, fmt.Errorf("store %s: %w", h.name, err)
		}
		if h.found.to < 0 || ok && h.found.to >= v.to {
			continue
		}
		v, ok = h.found, true
		v.segment = segment
		v.value = h.value[before:]
	}
	return v, ok, nil
}

// note notes the row that a scan has found.
func (h *History) note(key, value []byte) (bool, error) {
	if len(value) < valueHead {
		return false, h.corrupt(key)
	}
	h.value = append(h.value, value[valueHead:]...)
	h.found = version{
		from: int64(binary.BigEndian.Uint64(value)), to: int64(binary.BigEndian.Uint64(key[len(key)-8:])), has: value[8] == hasValue,
	}
	return false, nil
}

// put stores a version of a key, in the place of the row that it has or of a new one.
func (h *History) put(key []byte, v version) {
	if v.segment == noSegment {
		v.segment = v.to - v.to%h.span
		if i, ok := slices.BinarySearch(h.segments, v.segment); !ok {
			h.segments = slices.Insert(h.segments, i, v.segment)
		}
	}
	h.lo = appendKey(h.lo[:0], v.segment, key, v.to)
	h.hi = binary.BigEndian.AppendUint64(h.hi[:0], uint64(v.from))
	if v.has {
		h.hi = append(append(h.hi, hasValue), v.value...)
	} else {
		h.hi = append(h.hi, 0)
	}
	h.store.Put(h.lo, h.hi)
	if h.due == math.MaxInt64 || bytes.Compare(h.lo, h.oldest) < 0 {
		h.oldest, h.due = append(h.oldest[:0], h.lo...), v.to
	}
}

// expire deletes a few of the versions that ended by limit, the oldest ones.
func (h *History) expire(limit int64) error {
	if limit < h.due {
		return nil
	}
	h.due = math.MaxInt64 // nothing is left
	h.hi = h.hi[:0]       // keys of rows that go, each behind its length
	first, n := int64(math.MaxInt64), 0
	err := h.store.Scan(h.oldest, nil, func(key, _ []byte) (bool, error) {
		if len(key) < 16 {
			return false, h.corrupt(key)
		}
		to := int64(binary.BigEndian.Uint64(key[len(key)-8:]))
		if n == goes || to > limit {
			first, h.due = int64(binary.BigEndian.Uint64(key)), to
			h.oldest = append(h.oldest[:0], key...)
			return false, nil
		}
		n++
		h.hi = append(binary.AppendUvarint(h.hi, uint64(len(key))), key...)
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", h.name, err)
	}
	for rest := h.hi; len(rest) > 0; {
		size, at := binary.Uvarint(rest)
		h.store.Delete(rest[at : at+int(size)])
		rest = rest[at+int(size):]
	}
	i, _ := slices.BinarySearch(h.segments, first)
	h.segments = slices.Delete(h.segments, 0, i)
	return nil
}
