package operator

import (
	"fmt"

	"github.com/kolkstream/kolk/state"
)

// Cursor reads rows of a store in portions: who looks at them may write stores, that one too, which
// nobody may during a scan. Rows that are written among those to come may be seen or not.
type Cursor struct {
	store *state.Store
	name  string
	from  []byte
	hi    []byte
	open  bool // no upper bound
	more  bool // the store may have more
	rows  Rows
	at    int                                   // the next row
	keep  func(key, value []byte) (bool, error) // made once
}

// A portion has as many rows and bytes at most, and at least one row.
const (
	portionRows  = 256
	portionBytes = 256 << 10
)

// Start goes to the first row in [lo, hi) of the store of that name; a nil hi is no bound.
func (c *Cursor) Start(store *state.Store, name string, lo, hi []byte) {
	if c.keep == nil {
		c.keep = c.add
	}
	c.store, c.name, c.open, c.more = store, name, hi == nil, true
	c.from, c.hi = append(c.from[:0], lo...), append(c.hi[:0], hi...)
	c.rows.reset()
	c.at = 0
}

// Next returns the next row in the order of keys. It is good until the next call. ok is false if
// there is none.
func (c *Cursor) Next() (key, value []byte, ok bool, err error) {
	if c.at == c.rows.len() {
		if !c.more {
			return nil, nil, false, nil
		}
		if err := c.fill(); err != nil || c.rows.len() == 0 {
			return nil, nil, false, err
		}
	}
	key, value = c.rows.at(c.at)
	c.at++
	return key, value, true, nil
}

// Each starts, and calls fn for each row until fn returns false. It must not be called within fn.
func (c *Cursor) Each(store *state.Store, name string, lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	for c.Start(store, name, lo, hi); ; {
		key, value, ok, err := c.Next()
		if !ok || err != nil {
			return err
		}
		if more, err := fn(key, value); !more || err != nil {
			return err
		}
	}
}

// fill reads the next portion.
func (c *Cursor) fill() error {
	c.rows.reset()
	c.at, c.more = 0, false
	var hi []byte
	if !c.open {
		hi = Present(c.hi) // nil would be no bound
	}
	if err := c.store.Scan(c.from, hi, c.keep); err != nil {
		return fmt.Errorf("store %s: %w", c.name, err)
	}
	if n := c.rows.len(); n > 0 {
		key, _ := c.rows.at(n - 1)
		c.from = append(append(c.from[:0], key...), 0)
	}
	return nil
}

// add adds a row to the portion, unless that is full.
func (c *Cursor) add(key, value []byte) (bool, error) {
	n := c.rows.len()
	if n == portionRows || n > 0 && len(c.rows.bytes)+len(key)+len(value) > portionBytes {
		c.more = true
		return false, nil
	}
	c.rows.add(key, value)
	return true, nil
}

// Rows are keys and values read from a store.
type Rows struct {
	bytes []byte
	ends  []int // of key and value in turn
}

func (r *Rows) reset()   { r.bytes, r.ends = r.bytes[:0], r.ends[:0] }
func (r *Rows) len() int { return len(r.ends) / 2 }

func (r *Rows) add(key, value []byte) {
	r.bytes = append(r.bytes, key...)
	r.ends = append(r.ends, len(r.bytes))
	r.bytes = append(r.bytes, value...)
	r.ends = append(r.ends, len(r.bytes))
}

func (r *Rows) at(i int) (key, value []byte) {
	from := 0
	if i > 0 {
		from = r.ends[2*i-1]
	}
	mid, end := r.ends[2*i], r.ends[2*i+1]
	return r.bytes[from:mid:mid], r.bytes[mid:end:end]
}
