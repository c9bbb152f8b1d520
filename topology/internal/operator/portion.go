package operator

import (
	"fmt"

	"github.com/kolkstream/kolk/state"
)

// Portions read a store in portions, so that who looks at the rows may write stores, that one too,
// which nobody may during a scan.
type Portions struct {
	rows Rows
	more bool // the portion is full
	at   []byte
	keep func(key, value []byte) (bool, error) // made once
}

// A portion has as many rows and bytes at most, and at least one row.
const (
	portionRows  = 256
	portionBytes = 256 << 10
)

// Each calls fn for each row of the store of that name in [lo, hi), in the order of keys, until fn
// returns false; a nil hi is no bound. Rows that fn writes among those to come may be seen or not.
// It must not be called within fn.
func (p *Portions) Each(store *state.Store, name string, lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if p.keep == nil {
		p.keep = p.add
	}
	p.at = append(p.at[:0], lo...)
	for p.more = true; p.more; {
		p.rows.reset()
		p.more = false
		if err := store.Scan(p.at, hi, p.keep); err != nil {
			return fmt.Errorf("store %s: %w", name, err)
		}
		for i := range p.rows.len() {
			key, value := p.rows.at(i)
			if more, err := fn(key, value); !more || err != nil {
				return err
			}
		}
		if n := p.rows.len(); n > 0 {
			key, _ := p.rows.at(n - 1)
			p.at = append(append(p.at[:0], key...), 0)
		}
	}
	return nil
}

// add adds a row to the portion, unless that is full.
func (p *Portions) add(key, value []byte) (bool, error) {
	n := p.rows.len()
	if n == portionRows || n > 0 && len(p.rows.bytes)+len(key)+len(value) > portionBytes {
		p.more = true
		return false, nil
	}
	p.rows.add(key, value)
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
