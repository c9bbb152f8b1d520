package joins

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/kolkstream/kolk/state"
)

// rows are the rows of a buffer that are in memory, and what is known of those that are in the
// store: what an abort takes back, and a buffer that is made after it finds as of the last commit.
//
// A row is in memory only until the database gets it with all others, or its part leaves the
// memory. Most are never in the database: nobody needs them any more when that gets what is there.
type rows struct {
	seed   maphash.Seed
	width  int64 // of a segment
	length int64 // of a part; the last one of a segment may be shorter
	// parts are all that have rows that may be found, in the order of their starts.
	parts []*part
	// gone are those of which nothing is found any more in this transaction.
	gone []*part
	// touched have rows of this transaction.
	touched []*part
	size    int64 // of the rows of this transaction
	// oldest is the earliest segment that the store may have rows of, was that of the last commit;
	// noTime: none.
	oldest, was int64
	pool        pool
	key         []byte
}

func newRows(width int64, seed maphash.Seed) *rows {
	return &rows{seed: seed, width: width, length: (width + segmentParts - 1) / segmentParts, oldest: noTime, was: noTime}
}

func (r *rows) hash(key []byte) uint32 { return uint32(maphash.Bytes(r.seed, key)) }

// segment returns where the segment of a time begins.
func (r *rows) segment(ts int64) int64 { return ts - ts%r.width }

// start returns where the part of a time begins.
func (r *rows) start(ts int64) int64 {
	within := ts % r.width
	return ts - within + within/r.length*r.length
}

// part returns the part of a time, which may be a new one.
func (r *rows) part(ts int64) *part {
	start, i := r.start(ts), len(r.parts)
	for i > 0 && r.parts[i-1].start > start { // most records are late by little
		i--
	}
	if i > 0 && r.parts[i-1].start == start {
		return r.parts[i-1]
	}
	s := &part{start: start, whole: true}
	r.parts = slices.Insert(r.parts, i, s)
	return s
}

// add adds a row to a part.
func (r *rows) add(s *part, hash uint32, key []byte, ts, ref int64, value []byte) *row {
	if s.n == s.done {
		r.touched = append(r.touched, s)
	}
	r.size += startSize + int64(len(key)) + timeSize + refSize + int64(len(value))
	return s.add(&r.pool, hash, key, ts, ref, value)
}

// inStore notes that the store has rows of a segment.
func (r *rows) inStore(segment int64) {
	if r.oldest == noTime || segment < r.oldest {
		r.oldest = segment
	}
}

// inDatabase notes that it has them whatever becomes of this transaction.
func (r *rows) inDatabase(segment int64) {
	r.inStore(segment)
	if r.was == noTime || segment < r.was {
		r.was = segment
	}
}

// leave leaves the rows of a part to the store.
func (r *rows) leave(s *part, store *state.Store) {
	segment := r.segment(s.start)
	for id := s.saved + 1; id <= s.n; id++ {
		key, value := r.row(s, id)
		if id <= s.done {
			r.inDatabase(segment)
			store.Settle(key, value)
		} else {
			r.inStore(segment)
			store.Put(key, value)
		}
	}
	s.forget(&r.pool)
}

// row returns a row as the store has it.
func (r *rows) row(s *part, id int32) (key, value []byte) {
	x := s.row(id)
	r.key = appendRow(r.key[:0], r.segment(s.start), s.bytes(x.key), x.ts, x.number)
	return r.key, s.bytes(x.value)
}

// Changes implements Kept.
func (r *rows) Changes(fn func(key, value []byte) error) error {
	for _, s := range r.touched {
		for id := s.done + 1; id <= s.n; id++ {
			if err := fn(r.row(s, id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Size implements Kept.
func (r *rows) Size() int64 { return r.size }

// Commit implements Kept.
func (r *rows) Commit() {
	for _, s := range r.touched {
		s.done = s.n
	}
	for i, s := range r.gone {
		s.forget(&r.pool)
		r.gone[i] = nil
	}
	r.touched, r.gone, r.size, r.was = r.touched[:0], r.gone[:0], 0, r.oldest
}

// Reset implements Kept.
func (r *rows) Reset() {
	for _, s := range r.touched {
		s.undo(r.hash)
	}
	r.parts = slices.DeleteFunc(append(r.gone, r.parts...), func(s *part) bool {
		if s.whole && s.n == 0 {
			s.forget(&r.pool)
			return true
		}
		for id := range s.n {
			s.row(id + 1).waits = ask
		}
		return false
	})
	// Where a part was gone and there is another one of its time, that came after it.
	slices.SortStableFunc(r.parts, func(a, b *part) int { return cmp.Compare(a.start, b.start) })
	r.parts = slices.CompactFunc(r.parts, func(a, b *part) bool { return a.start == b.start })
	r.touched, r.gone, r.size, r.oldest = r.touched[:0], nil, 0, r.was
}

// WriteTo implements Kept.
func (r *rows) WriteTo(put func(key, value []byte)) {
	for _, parts := range [...][]*part{r.gone, r.parts} {
		for _, s := range parts {
			for id := s.saved + 1; id <= s.done; id++ {
				put(r.row(s, id))
			}
		}
	}
}

// Written implements Kept.
func (r *rows) Written() {
	for _, parts := range [...][]*part{r.gone, r.parts} {
		for _, s := range parts {
			if s.done > s.saved {
				r.inDatabase(r.segment(s.start))
			}
			s.saved = s.done
		}
	}
}
