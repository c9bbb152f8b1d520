package stores

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kolkstream/kolk/internal/bykey"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Times are those of a row: the start of a window, or end and start of a session. The first one is
// that by which the row expires.
type Times [2]int64

// Rows are rows by time and key, which expire. All views of a store in a task share one.
type Rows struct {
	name  string
	store *state.Store
	task  Task
	rule  Rule
	size  int // bytes of time before a key

	least int64 // no row is earlier
	puts  int   // since rows were deleted
	end   []byte
	row   []byte
	has   bool
	note  func(key, value []byte) (bool, error) // made once
	// cursors are those of calls that are under way, one within the other.
	cursors []*operator.Cursor
	depth   int
}

// How many rows go with a commit, at most: a few, and two for each that has come. So what goes
// never takes much longer than what comes.
const (
	fewGo   = 1024
	goPerIn = 2
)

// NewRows returns the rows of the task's store of that name. times is how many times a row has.
func NewRows(task Task, name string, times int, r Rule) *Rows {
	rows := &Rows{name: name, store: task.Store(name), task: task, rule: r, size: 8 * times}
	rows.note = func(_, _ []byte) (bool, error) {
		rows.has = true
		return false, nil
	}
	return rows
}

// append appends the times of a row.
func (r *Rows) append(dst []byte, t Times) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(t[0]))
	if r.size > 8 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(t[1]))
	}
	return dst
}

// split returns the times that b begins with, and the rest.
func (r *Rows) split(b []byte) (t Times, rest []byte, err error) {
	if len(b) < r.size {
		return t, nil, fmt.Errorf("store %s: %w: key %x has no time", r.name, state.ErrCorrupt, b)
	}
	for i := range r.size / 8 {
		t[i] = int64(binary.BigEndian.Uint64(b[8*i:]))
	}
	return t, b[r.size:], nil
}

// Get appends the value of a row to dst. found is false if there is none, or if it is too old for
// ref.
func (r *Rows) Get(dst []byte, t Times, key []byte, ref int64) (value []byte, found bool, err error) {
	if t[0] <= r.rule.past(ref) {
		return dst, false, nil
	}
	return r.get(dst, t, key)
}

func (r *Rows) get(dst []byte, t Times, key []byte) (value []byte, found bool, err error) {
	r.row = append(r.append(r.row[:0], t), key...)
	value, found, err = r.store.Get(dst, r.row)
	if err != nil {
		err = fmt.Errorf("store %s: %w", r.name, err)
	}
	return value, found, err
}

// Put stores a row. It reports whether it is not too old for ref: then it is not stored.
func (r *Rows) Put(t Times, key, value []byte, ref int64) (fits bool) {
	r.rule.see(t[0])
	if t[0] <= r.rule.past(ref) {
		return false
	}
	r.row = append(r.append(r.row[:0], t), key...)
	r.store.Put(r.row, value)
	r.row = r.append(bykey.Prefix(r.row[:0], key), t)
	r.store.Put(r.row, nil)
	r.least = min(r.least, t[0])
	r.puts++
	return true
}

// Delete deletes a row, if it is there.
func (r *Rows) Delete(t Times, key []byte) {
	r.row = append(r.append(r.row[:0], t), key...)
	r.store.Delete(r.row)
	r.deleteByKey(t, key)
}

func (r *Rows) deleteByKey(t Times, key []byte) {
	r.row = r.append(bykey.Prefix(r.row[:0], key), t)
	r.store.Delete(r.row)
}

// Has reports whether a key has a row whose first time is from lo to hi and not too old for ref.
func (r *Rows) Has(key []byte, lo, hi, ref int64) (bool, error) {
	lo = max(lo, r.rule.past(ref)+1)
	if hi < lo {
		return false, nil
	}
	r.row = binary.BigEndian.AppendUint64(bykey.Prefix(r.row[:0], key), uint64(lo))
	r.end = binary.BigEndian.AppendUint64(bykey.Prefix(r.end[:0], key), uint64(hi)+1)
	r.has = false
	if err := r.store.Scan(r.row, r.end, r.note); err != nil {
		return false, fmt.Errorf("store %s: %w", r.name, err)
	}
	return r.has, nil
}

// Each calls fn with the times of each row of a key whose first time is from lo to hi and not too
// old for ref, in their order, until fn returns false. fn may do with the rows what it likes: what
// it writes among those to come may be seen or not.
func (r *Rows) Each(key []byte, lo, hi, ref int64, fn func(Times) (bool, error)) error {
	lo = max(lo, r.rule.past(ref)+1)
	if hi < lo {
		return nil
	}
	c := r.enter()
	defer r.leave()
	prefix := bykey.Prefix(nil, key)
	n := len(prefix)
	from := binary.BigEndian.AppendUint64(prefix, uint64(lo))
	to := binary.BigEndian.AppendUint64(append([]byte(nil), prefix[:n]...), uint64(hi)+1)
	return c.Each(r.store, r.name, from, to, func(b, _ []byte) (bool, error) {
		t, rest, err := r.split(b[n:])
		if err == nil && len(rest) != 0 {
			err = fmt.Errorf("store %s: %w: a row by key %x", r.name, state.ErrCorrupt, b)
		}
		if err != nil {
			return false, err
		}
		return fn(t)
	})
}

// All is Each for the rows of all keys, with values, in the order of times and keys.
func (r *Rows) All(lo, hi, ref int64, fn func(t Times, key, value []byte) (bool, error)) error {
	lo = max(lo, r.rule.past(ref)+1)
	if hi < lo {
		return nil
	}
	c := r.enter()
	defer r.leave()
	from := binary.BigEndian.AppendUint64(nil, uint64(lo))
	to := binary.BigEndian.AppendUint64(nil, uint64(hi)+1)
	return c.Each(r.store, r.name, from, to, func(b, value []byte) (bool, error) {
		t, key, err := r.split(b)
		if err != nil {
			return false, err
		}
		return fn(t, key, value)
	})
}

// enter returns a cursor for a call that others may be made within.
func (r *Rows) enter() *operator.Cursor {
	if r.depth == len(r.cursors) {
		r.cursors = append(r.cursors, new(operator.Cursor))
	}
	r.depth++
	return r.cursors[r.depth-1]
}

func (r *Rows) leave() { r.depth-- }

// Flush implements operator.Flusher: it deletes rows that are too old for whatever comes.
func (r *Rows) Flush() (bool, error) {
	gone, n := r.rule.gone(), fewGo+goPerIn*r.puts
	r.puts = 0
	if gone < r.least {
		return false, nil
	}
	c := r.enter()
	defer r.leave()
	// Not one key beyond what is gone: deletions of this transaction would be lost.
	r.end = binary.BigEndian.AppendUint64(r.end[:0], uint64(gone)+1)
	r.least = math.MaxInt64
	did := false
	err := c.Each(r.store, r.name, nil, []byte{0xff}, func(b, _ []byte) (bool, error) {
		t, key, err := r.split(b)
		if err != nil {
			return false, err
		}
		if t[0] > gone {
			r.least = t[0]
			return false, nil
		}
		if n == 0 {
			r.end, r.least = append(r.end[:0], b...), t[0]
			return false, nil
		}
		n--
		did = true
		r.deleteByKey(t, key)
		return true, nil
	})
	if err != nil || !did {
		return false, err
	}
	r.store.DeleteRange(nil, r.end)
	if r.rule.marks() {
		r.task.SetMark(r.name, binary.BigEndian.AppendUint64(nil, uint64(min(gone, r.least-1)+1)), record.EndOfTime)
	}
	return false, nil
}
