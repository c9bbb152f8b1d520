package joins

import (
	"fmt"

	"github.com/kolkstream/kolk/state"
)

// cursor reads rows of a store in portions: who looks at them may write stores, that one too, which
// nobody may during a scan. Rows that are written among those to come may be seen or not.
type cursor struct {
	store  *state.Store
	name   string
	lo, hi []byte
	open   bool // no upper bound
	more   bool // the store may have more
	bytes  []byte
	ends   []int // of key and value in turn
	at     int   // the next row
	keep   func(key, value []byte) (bool, error)
}

// A portion has as many rows and bytes at most, and at least one row.
const (
	portionRows  = 256
	portionBytes = 256 << 10
)

// start goes to the first row in [lo, hi); a nil hi is no bound.
func (c *cursor) start(store *state.Store, name string, lo, hi []byte) {
	if c.keep == nil {
		c.keep = c.add
	}
	c.store, c.name, c.open, c.more = store, name, hi == nil, true
	c.lo, c.hi = append(c.lo[:0], lo...), append(c.hi[:0], hi...)
	c.bytes, c.ends, c.at = c.bytes[:0], c.ends[:0], 0
}

// next returns the next row. It is good until the next call.
func (c *cursor) next() (key, value []byte, ok bool, err error) {
	if 2*c.at == len(c.ends) {
		if !c.more {
			return nil, nil, false, nil
		}
		if err := c.fill(); err != nil || len(c.ends) == 0 {
			return nil, nil, false, err
		}
	}
	from := 0
	if c.at > 0 {
		from = c.ends[2*c.at-1]
	}
	mid, end := c.ends[2*c.at], c.ends[2*c.at+1]
	c.at++
	return c.bytes[from:mid:mid], c.bytes[mid:end:end], true, nil
}

// fill reads the next portion.
func (c *cursor) fill() error {
	c.bytes, c.ends, c.at, c.more = c.bytes[:0], c.ends[:0], 0, false
	var hi []byte
	if !c.open {
		hi = c.hi
	}
	if err := c.store.Scan(c.lo, hi, c.keep); err != nil {
		return fmt.Errorf("store %s: %w", c.name, err)
	}
	if n := len(c.ends); n > 0 {
		from := 0
		if n > 2 {
			from = c.ends[n-3]
		}
		c.lo = append(append(c.lo[:0], c.bytes[from:c.ends[n-2]]...), 0)
	}
	return nil
}

// add adds a row to the portion, unless that is full.
func (c *cursor) add(key, value []byte) (bool, error) {
	if n := len(c.ends) / 2; n == portionRows || n > 0 && len(c.bytes)+len(key)+len(value) > portionBytes {
		c.more = true
		return false, nil
	}
	c.bytes = append(c.bytes, key...)
	c.ends = append(c.ends, len(c.bytes))
	c.bytes = append(c.bytes, value...)
	c.ends = append(c.ends, len(c.bytes))
	return true, nil
}
