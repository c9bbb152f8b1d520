package sessions

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kolkstream/kolk/internal/bykey"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// layout is how a store has its windows.
type layout struct {
	// sliding says that rows begin with the start of their window, and values with a timestamp.
	// Those of sessions begin with end and start.
	sliding bool
	length  int64 // of sliding windows
}

// times is how many bytes of time stand before the key.
func (l layout) times() int {
	if !l.sliding {
		return 16
	}
	return 8
}

// append appends what the row of a window begins with.
func (l layout) append(dst []byte, b bounds) []byte {
	if !l.sliding {
		dst = binary.BigEndian.AppendUint64(dst, uint64(b.end))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(b.start))
}

// bounds returns what append has appended.
func (l layout) bounds(times []byte) bounds {
	first := int64(binary.BigEndian.Uint64(times))
	if !l.sliding {
		return bounds{start: int64(binary.BigEndian.Uint64(times[8:])), end: first}
	}
	return bounds{start: first, end: first + l.length}
}

// until returns the key behind the rows of all windows that end by end.
func (l layout) until(dst []byte, end int64) []byte {
	if end == math.MaxInt64 {
		return append(dst, 0xff) // of rows by key
	}
	return binary.BigEndian.AppendUint64(dst, uint64(max(0, end-l.length+1)))
}

// rows are the sets of a store: what its cache reads and writes.
type rows[A any] struct {
	name  string
	store *state.Store
	serde serde.Serde[A]
	layout
	spans spans[A]

	// tells says that what is forwarded at a commit is told in the next transaction.
	tells bool
	// first is the least end of a window, or less. outside is the largest end of those
	// that are in the store only, or more.
	first, outside int64
	due            *due // nil: windows that close are looked for in the store
	// closed is, during a flush, the largest end of windows that it deletes, and so does not save;
	// -1 where they are looked for in the store.
	closed int64

	// from and to say what Load looks for: rows that begin with a time in [from, to), and few
	// behind it. Others stay in the store.
	from, to int64

	prefix, behind, row, value []byte
	found                      []bounds
	wanted                     int64 // of the rows in list
	extra                      int   // rows behind that
	stopped                    int64
	ends                       []int
	visit                      func(key, value []byte) (bool, error)
}

func newRows[A any](name string, store *state.Store, s serde.Serde[A], l layout) *rows[A] {
	r := &rows[A]{name: name, store: store, serde: s, layout: l, first: math.MinInt64, outside: math.MaxInt64, closed: -1, to: math.MaxInt64}
	r.visit = r.note
	return r
}

// open finds out what the store has.
func (r *rows[A]) open() error {
	last := int64(math.MinInt64)
	for lo, hi := int64(0), int64(math.MaxInt64); lo <= hi; {
		// Does a window end at or after the middle?
		mid := lo + (hi-lo)/2
		found := int64(-1)
		err := r.store.Scan(binary.BigEndian.AppendUint64(nil, uint64(mid)), nil, func(key, _ []byte) (bool, error) {
			if !bykey.Is(key) {
				if len(key) < r.times() {
					return false, fmt.Errorf("%w: key %x has no window", state.ErrCorrupt, key)
				}
				found = int64(binary.BigEndian.Uint64(key))
			}
			return false, nil
		})
		switch {
		case err != nil:
			return fmt.Errorf("store %s: %w", r.name, err)
		case found < 0 && mid == 0:
			hi = -1
		case found < 0:
			hi = mid - 1
		default:
			last, lo = found, found+1
		}
		if lo < 0 { // behind the largest time
			break
		}
	}
	if r.outside = last; last >= 0 {
		r.outside += r.length
	} else if r.due != nil {
		r.due.all = true
	}
	return r.seek()
}

// seek finds the first window.
func (r *rows[A]) seek() (err error) {
	r.first, err = r.firstFrom(nil)
	return err
}

// firstFrom returns the end of the first window whose row is not before lo, the largest int64 if
// there is none.
func (r *rows[A]) firstFrom(lo []byte) (end int64, err error) {
	end = math.MaxInt64
	err = r.store.Scan(lo, nil, func(key, _ []byte) (bool, error) {
		if !bykey.Is(key) {
			end = r.bounds(key).end
		}
		return false, nil
	})
	if err != nil {
		err = fmt.Errorf("store %s: %w", r.name, err)
	}
	return end, err
}

// key appends the key of a row in the order of time.
func (r *rows[A]) key(dst []byte, b bounds, key []byte) []byte {
	return append(r.append(dst, b), key...)
}

// byKey appends the key of the row that leads to it.
func (r *rows[A]) byKey(dst []byte, b bounds, key []byte) []byte {
	return r.append(bykey.Prefix(dst, key), b)
}

// extras is how many rows behind the wanted ones are worth a scan less for the records to come.
const extras = 16

// note notes the window that a row by key leads to.
func (r *rows[A]) note(key, _ []byte) (bool, error) {
	if len(key) != len(r.prefix)+r.times() {
		return false, fmt.Errorf("%w: a row by key of %d bytes", state.ErrCorrupt, len(key))
	}
	times := key[len(r.prefix):]
	if first := int64(binary.BigEndian.Uint64(times)); first >= r.wanted {
		if r.extra++; r.extra > extras {
			r.stopped = first
			return false, nil
		}
	}
	r.found = append(r.found, r.bounds(times))
	return true, nil
}

// Load finds the windows of a key, not their values; of a set that Unload has left it reads the
// values that have not been forwarded yet.
func (r *rows[A]) Load(key []byte, s *set, unloaded bool) (size int, err error) {
	if !unloaded {
		s.from = r.from
		if s.to, err = r.list(key, s, r.from, r.to, math.MaxInt64); err != nil {
			return 0, err
		}
	}
	for id := s.open.first; unloaded && id != 0; id = r.spans.at(id).next {
		if x := r.spans.at(id); x.news {
			if err := r.need(x, key); err != nil {
				return 0, err
			}
		}
	}
	return r.size(s), nil
}

// list adds to a set the windows of a key whose rows begin with a time in [from, to), and those
// behind it up to end, which it returns, or up to what it returns instead.
func (r *rows[A]) list(key []byte, s *set, from, to, end int64) (until int64, err error) {
	r.prefix = bykey.Prefix(r.prefix[:0], key)
	r.row = binary.BigEndian.AppendUint64(append(r.row[:0], r.prefix...), uint64(from))
	r.behind = binary.BigEndian.AppendUint64(append(r.behind[:0], r.prefix...), uint64(end))
	r.found, r.wanted, r.extra, r.stopped = r.found[:0], to, 0, end
	if err := r.store.Scan(r.row, r.behind, r.visit); err != nil {
		return 0, fmt.Errorf("store %s: %w", r.name, err)
	}
	for _, b := range r.found {
		id := r.spans.alloc()
		x := r.spans.at(id)
		x.bounds, x.row, x.stored, x.indexed, x.told = b, b, true, true, r.tells
		if r.due != nil {
			if found, err := r.get(x, key); !found {
				r.spans.recycle(id)
				if err != nil {
					return 0, err
				}
				continue
			}
		}
		r.spans.insert(&s.open, id)
	}
	return r.stopped, nil
}

// need reads the value of a window that has none here.
func (r *rows[A]) need(x *span[A], key []byte) error {
	if x.loaded {
		return nil
	}
	return r.read(x, key)
}

// size is about what a set takes.
func (r *rows[A]) size(s *set) (size int) {
	for id := s.open.first; id != 0; id = r.spans.at(id).next {
		size += int(r.spans.at(id).bytes) + r.spans.size()
	}
	for id := s.gone.first; id != 0; id = r.spans.at(id).next {
		size += r.spans.size()
	}
	return size
}

// read reads the value of a window.
func (r *rows[A]) read(x *span[A], key []byte) error {
	found, err := r.get(x, key)
	if err == nil && !found {
		err = fmt.Errorf("store %s: %w: there is a row by key, and no row %x", r.name, state.ErrCorrupt, r.row)
	}
	return err
}

// get reads the value of a window, if that is there.
func (r *rows[A]) get(x *span[A], key []byte) (found bool, err error) {
	r.row = r.key(r.row[:0], x.row, key)
	b, found, err := r.store.Get(r.value[:0], r.row)
	if err != nil {
		return false, fmt.Errorf("store %s: %w", r.name, err)
	}
	if r.value = b; !found {
		return false, nil
	}
	x.value, x.ts, err = r.decode(b, x.row)
	x.loaded, x.bytes = err == nil, int32(min(len(b), math.MaxInt32))
	return err == nil, err
}

// decode decodes a row's value. Failing is fatal: the serde is not the one that wrote it.
func (r *rows[A]) decode(b []byte, at bounds) (v A, ts int64, err error) {
	ts = at.end
	if r.sliding {
		if len(b) < 8 {
			return v, 0, fmt.Errorf("store %s: %w: a value of %d bytes has no timestamp", r.name, state.ErrCorrupt, len(b))
		}
		ts, b = int64(binary.BigEndian.Uint64(b)), b[8:]
	}
	if v, err = r.serde.Decode(operator.Present(b)); err != nil {
		err = fmt.Errorf("store %s: %w", r.name, operator.DecodeError("a stored value", r.serde.Name(), err))
	}
	return v, ts, err
}

// Save writes what of a set the store has not got yet. After an error, which is one of encoding a
// value, the store is as it was.
func (r *rows[A]) Save(key []byte, s *set) (size int, err error) {
	r.value, r.ends = r.value[:0], r.ends[:0]
	for id := s.open.first; id != 0; id = r.spans.at(id).next {
		x := r.spans.at(id)
		if !x.dirty || x.end <= r.closed {
			continue
		}
		if r.sliding {
			r.value = binary.BigEndian.AppendUint64(r.value, uint64(x.ts))
		}
		if r.value, err = r.serde.Append(r.value, x.value); err != nil {
			return 0, operator.EncodeError("value", r.serde.Name(), err)
		}
		r.ends = append(r.ends, len(r.value))
	}
	for id := s.gone.first; id != 0; {
		x, next := r.spans.at(id), r.spans.at(id).next
		if x.stored && x.row.end <= r.closed {
			r.forget(x, key)
		} else if x.stored {
			r.drop(x, key)
		}
		if x.stored = false; !x.told {
			r.spans.remove(&s.gone, id)
			r.spans.recycle(id)
		}
		id = next
	}
	i, from := 0, 0
	for id := s.open.first; id != 0; id = r.spans.at(id).next {
		x := r.spans.at(id)
		if !x.dirty {
			continue
		}
		if x.end <= r.closed {
			r.skip(x, key)
			continue
		}
		if x.stored && x.row != x.bounds {
			r.drop(x, key)
			x.stored = false
		}
		if r.row = r.key(r.row[:0], x.bounds, key); x.stored {
			r.store.Put(r.row, r.value[from:r.ends[i]])
		} else {
			r.store.PutNew(r.row, r.value[from:r.ends[i]])
			r.leadTo(x, key)
		}
		x.row, x.stored, x.dirty, x.bytes = x.bounds, true, false, int32(min(r.ends[i]-from, math.MaxInt32))
		i, from = i+1, r.ends[i]
	}
	if r.sliding {
		r.shed(s)
	}
	return r.size(s), nil
}

// shed leaves to the store what no record finds that is about as late as those before: windows that
// begin three lengths before the last one. Everything has been saved.
func (r *rows[A]) shed(s *set) {
	if s.open.last == 0 {
		return
	}
	to := r.spans.at(s.open.last).start - 3*r.length
	for id := s.open.first; ; id = s.open.first {
		x := r.spans.at(id)
		if x.start >= to || x.news {
			return
		}
		s.from, r.outside = x.start+1, max(r.outside, x.end)
		r.spans.remove(&s.open, id)
		r.spans.recycle(id)
	}
}

// Unload forgets the values of a set, which the store has.
func (r *rows[A]) Unload(s *set) {
	var none A
	for id := s.open.first; id != 0; id = r.spans.at(id).next {
		x := r.spans.at(id)
		x.value, x.loaded = none, false
	}
}

// Free forgets the set of a key. Who looks for the key in the store finds it there.
func (r *rows[A]) Free(key []byte, s *set) {
	r.lead(key, s.open)
	r.lead(key, s.gone)
	if s.open.last != 0 {
		r.outside = max(r.outside, r.spans.at(s.open.last).end)
		if r.due != nil {
			r.due.lose()
		}
	}
	r.spans.clear(&s.open)
	r.spans.clear(&s.gone)
}
