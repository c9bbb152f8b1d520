package joins

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// buffer has the records of one side, by key and time. Those of parts that fit in the budget are in
// memory, all others in the store.
type buffer struct {
	*rows
	name   string
	store  *state.Store
	budget func() int64

	key, value []byte
	cursor     operator.Cursor
	ids        []int32
	match      match
}

// match is a record of a buffer that was found.
type match struct {
	ts, ref int64
	number  uint32
	value   []byte // encoded; good during the call
	row     *row   // nil if it is in the store only
}

// open finds the rows in memory, or else the segments in the store. A new buffer hashes by seed.
func (b *buffer) open(name string, store *state.Store, width int64, seed maphash.Seed, budget func() int64) error {
	b.name, b.store, b.budget = name, store, budget
	if kept, ok := store.Kept().(*rows); ok {
		b.rows = kept
		return nil
	}
	b.rows = newRows(width, seed)
	for from := []byte(nil); ; {
		start := noTime
		err := store.Scan(from, nil, func(key, value []byte) (bool, error) {
			if len(key) < startSize+timeSize || timeOf(key) < 0 {
				return false, fmt.Errorf("%w: key %x", state.ErrCorrupt, key)
			}
			start = timeOf(key)
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("store %s: %w", name, err)
		}
		if start == noTime {
			store.Keep(b.rows)
			return nil
		}
		b.inDatabase(start)
		for at := start; at < start+width; at += b.length {
			b.parts = append(b.parts, &part{start: at})
		}
		from = appendTime(from[:0], start+1)
	}
}

// add adds a record. row is nil if it is in the store only.
func (b *buffer) add(hash uint32, key []byte, ts, ref int64, value []byte) (number uint32, r *row, err error) {
	s, segment := b.part(ts), b.segment(ts)
	if !s.whole {
		if number, err = b.next(segment, key, ts); err != nil {
			return 0, nil, err
		}
		b.inStore(segment)
		b.key = appendRow(b.key[:0], segment, key, ts, number)
		b.value = append(binary.BigEndian.AppendUint64(b.value[:0], uint64(ref)), value...)
		b.store.Put(b.key, b.value)
		return number, nil, nil
	}
	r = b.rows.add(s, hash, key, ts, ref, value)
	number = r.number
	if b.pool.used > b.budget() || s.n == most {
		b.evict()
		if !s.whole {
			r = nil
		}
	}
	return number, r, nil
}

// next returns the number of the next row of a key and time. Rows of one time are numbered from 0
// on, without gaps: it is looked for in steps that double, and then halve.
func (b *buffer) next(segment int64, key []byte, ts int64) (uint32, error) {
	free := uint32(0)
	for step, doubles := uint32(1), true; step > 0; {
		b.key = appendRow(b.key[:0], segment, key, ts, free+step-1)
		value, found, err := b.store.Get(b.value[:0], b.key)
		b.value = value[:0]
		switch {
		case err != nil:
			return 0, fmt.Errorf("store %s: %w", b.name, err)
		case found:
			free += step
		default:
			doubles = false
		}
		if doubles {
			step *= 2
		} else {
			step /= 2
		}
	}
	return free, nil
}

// evict leaves parts to the store, the earliest first, until the rest fits in the budget.
func (b *buffer) evict() {
	for _, s := range b.parts {
		if b.pool.used <= b.budget() && s.n < most {
			return
		}
		if s.whole {
			b.leave(s, b.store)
		}
	}
}

// each calls fn for each record of a key from lo to hi, in the order of time and number, until fn
// returns an error. fn may write stores, but add nothing to the buffer.
func (b *buffer) each(hash uint32, key []byte, lo, hi int64, fn func(*match) error) error {
	i := len(b.parts)
	for i > 0 && b.parts[i-1].start > lo-b.length {
		i--
	}
	for ; i < len(b.parts) && b.parts[i].start <= hi; i++ {
		s := b.parts[i]
		if !s.whole {
			from, segment := max(lo, s.start), b.segment(s.start)
			for i+1 < len(b.parts) && !b.parts[i+1].whole && b.segment(b.parts[i+1].start) == segment {
				i++
			}
			to := min(hi, b.parts[i].start+b.length-1, segment+b.width-1)
			if from > to {
				continue
			}
			if err := b.stored(segment, key, from, to, fn); err != nil {
				return err
			}
			continue
		}
		b.ids = s.find(b.ids[:0], hash, key, lo, hi)
		for _, id := range slices.Backward(b.ids) {
			r := s.row(id)
			value := s.bytes(r.value)
			b.match = match{ts: r.ts, ref: timeOf(value), number: r.number, value: value[refSize:], row: r}
			if err := fn(&b.match); err != nil {
				return err
			}
		}
	}
	return nil
}

// stored is each for what is of one segment, and in the store only.
func (b *buffer) stored(segment int64, key []byte, lo, hi int64, fn func(*match) error) error {
	b.key = appendRow(b.key[:0], segment, key, lo, 0)
	n := len(b.key)
	b.key = append(appendRow(b.key, segment, key, hi, last), 0)
	for c := b.reads(b.key[:n], b.key[n:]); ; {
		k, v, ok, err := c.Next()
		if !ok || err != nil {
			return err
		}
		if len(k) != startSize+len(key)+timeSize {
			continue // of a longer key
		}
		if len(v) < refSize {
			return fmt.Errorf("store %s: %w: a value of %d bytes", b.name, state.ErrCorrupt, len(v))
		}
		_, ts, number := split(k[startSize:])
		b.match = match{ts: ts, ref: timeOf(v), number: number, value: v[refSize:]}
		if err := fn(&b.match); err != nil {
			return err
		}
	}
}

func (b *buffer) reads(lo, hi []byte) *operator.Cursor {
	b.cursor.Start(b.store, b.name, lo, hi)
	return &b.cursor
}

// get returns the encoded value of a record; it is good until the next call of a method.
func (b *buffer) get(key []byte, ts int64, number uint32) (value []byte, err error) {
	start := b.start(ts)
	for _, s := range slices.Backward(b.parts) {
		if s.start != start || !s.whole {
			continue
		}
		b.ids = s.find(b.ids[:0], b.hash(key), key, ts, ts)
		for _, id := range b.ids {
			if r := s.row(id); r.number == number {
				return s.bytes(r.value)[refSize:], nil
			}
		}
	}
	b.key = appendRow(b.key[:0], b.segment(ts), key, ts, number)
	v, found, err := b.store.Get(b.value[:0], b.key)
	b.value = v
	switch {
	case err != nil:
		return nil, fmt.Errorf("store %s: %w", b.name, err)
	case !found || len(v) < refSize:
		return nil, fmt.Errorf("store %s: %w: a record that waits is missing: %x", b.name, state.ErrCorrupt, b.key)
	}
	return v[refSize:], nil
}

// expire says that rows that are earlier than before are not asked for any more: with the
// transaction their memory is given back, and segments are deleted. did says that there were some.
func (b *buffer) expire(before int64) (did bool) {
	n := 0
	for n < len(b.parts) && b.start(b.parts[n].start+b.length) <= before {
		b.gone = append(b.gone, b.parts[n])
		n++
	}
	b.parts = slices.Delete(b.parts, 0, n)
	if b.oldest == noTime || b.oldest > before-b.width {
		return n > 0
	}
	b.key, b.value = appendTime(b.key[:0], b.oldest), appendTime(b.value[:0], b.segment(before))
	b.store.DeleteRange(b.key, b.value)
	b.oldest = b.segment(before)
	return true
}

// clear deletes everything.
func (b *buffer) clear() {
	b.gone = append(b.gone, b.parts...)
	if b.oldest != noTime {
		b.store.DeleteRange(appendTime(nil, 0), nil)
	}
	b.parts, b.oldest = b.parts[:0], noTime
}

// latest returns the largest time of a row, noTime if there is none.
func (b *buffer) latest() (int64, error) {
	most := noTime
	if len(b.parts) == 0 {
		return most, nil
	}
	s := b.parts[len(b.parts)-1]
	if s.whole {
		for id := range s.n {
			most = max(most, s.row(id+1).ts)
		}
		return most, nil
	}
	for c := b.reads(appendTime(nil, b.segment(s.start)), nil); ; {
		k, _, ok, err := c.Next()
		if !ok || err != nil {
			return most, err
		}
		if len(k) < startSize+timeSize {
			return most, fmt.Errorf("store %s: %w: key %x", b.name, state.ErrCorrupt, k)
		}
		_, ts, _ := split(k[startSize:])
		most = max(most, ts)
	}
}
