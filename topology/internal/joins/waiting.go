package joins

import (
	"fmt"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// waiting are the records that have found nothing so far, in the order in which they come out: by
// what they are closed behind, then side, key and time. Their values are in the buffers.
type waiting struct {
	name  string
	store *state.Store
	least int64 // no record is closed behind an earlier time
	key   []byte
	at    []byte // behind what came out last
	found []byte // the key of the record that comes out
	lo    []byte
	operator.Cursor
}

// put adds a record.
func (w *waiting) put(closes int64, s Side, key []byte, ts int64, number uint32) {
	w.key = appendWaiting(w.key[:0], closes, s, key, ts, number)
	w.store.Put(w.key, nil)
	w.least = min(w.least, closes)
}

// remove takes a record out.
func (w *waiting) remove(closes int64, s Side, key []byte, ts int64, number uint32) {
	w.key = appendWaiting(w.key[:0], closes, s, key, ts, number)
	w.store.Delete(w.key)
}

// has reports whether a record waits.
func (w *waiting) has(closes int64, s Side, key []byte, ts int64, number uint32) (bool, error) {
	w.key = appendWaiting(w.key[:0], closes, s, key, ts, number)
	_, found, err := w.store.Get(nil, w.key)
	if err != nil {
		return false, fmt.Errorf("store %s: %w", w.name, err)
	}
	return found, nil
}

// due begins to read the records that are closed behind an earlier time than now, EndOfTime for
// all. It reports whether there may be any.
func (w *waiting) due(now int64) bool {
	if w.store == nil || w.least >= now {
		return false
	}
	w.lo = appendTime(w.lo[:0], max(0, w.least))
	w.at = append(w.at[:0], w.lo...)
	w.Start(w.store, w.name, w.lo, bound(now))
	return true
}

// row takes the key of a row apart, and appends the key of its record to dst.
func (w *waiting) row(dst, b []byte) (s Side, key []byte, ts int64, number uint32, err error) {
	s, key, ts, number, ok := splitWaiting(dst, b)
	if !ok {
		err = fmt.Errorf("store %s: %w: key %x", w.name, state.ErrCorrupt, b)
	}
	return s, key, ts, number, err
}

// bound returns the key that rows earlier than now lie before, nil for EndOfTime.
func bound(now int64) []byte {
	if now == endOfTime {
		return nil
	}
	return appendTime(nil, now)
}
