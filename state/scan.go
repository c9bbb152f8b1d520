package state

import "bytes"

// scanner is one scan of a store. Scans nest, so an overlay keeps as many scanners as were ever at work at once; visit is
// bound once, because a closure for each scan would be an allocation for each scan.
type scanner struct {
	s      *Store
	fn     func(key, value []byte) (bool, error)
	visit  func(key, value []byte) (bool, error)
	lo, hi []byte // of the database, with prefix
	at     int32  // the next entry of the overlay, -1: none left
	done   bool   // fn has returned false
}

func (o *Overlay) scanner() *scanner {
	if n := len(o.free); n > 0 {
		c := o.free[n-1]
		o.free = o.free[:n-1]
		return c
	}
	c := new(scanner)
	c.visit = c.below
	return c
}

func (s *Store) scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	c := s.o.scanner()
	c.s, c.fn, c.at, c.done = s, fn, -1, false
	err := c.run(lo, hi)
	c.s, c.fn = nil, nil
	s.o.free = append(s.o.free, c)
	return err
}

// run merges what the database has in the gaps between the deleted ranges with what the overlay has.
func (c *scanner) run(lo, hi []byte) error {
	t := &c.s.t
	if len(t.entries) > 0 {
		t.order()
		c.at = t.list.seek(t, lo)
	}
	for i := t.ranges.search(lo); ; i++ {
		last := i >= len(t.ranges.all) // no deleted range behind lo: the rest is one gap
		end := hi
		if !last {
			if from := t.ranges.bytes(t.ranges.all[i].lo); hi == nil || bytes.Compare(from, hi) < 0 {
				end = from
			} else {
				last = true
			}
		}
		if end == nil || bytes.Compare(lo, end) < 0 {
			if err := c.gap(lo, end); err != nil || c.done {
				return err
			}
		}
		if last || t.ranges.all[i].open {
			break
		}
		lo = t.ranges.bytes(t.ranges.all[i].hi)
		if hi != nil && bytes.Compare(lo, hi) >= 0 {
			break
		}
	}
	// What is left of the overlay lies behind all keys of the database.
	for c.at >= 0 {
		if hi != nil && bytes.Compare(t.key(c.at), hi) >= 0 {
			break
		}
		if more, err := c.above(); err != nil || !more {
			return err
		}
	}
	return nil
}

// gap scans the database from lo to hi.
func (c *scanner) gap(lo, hi []byte) error {
	c.lo = c.s.appendKey(c.lo[:0], lo)
	if hi != nil {
		c.hi = c.s.appendKey(c.hi[:0], hi)
	} else {
		c.hi = c.s.appendEnd(c.hi[:0])
	}
	return c.s.o.db.Scan(c.lo, c.hi, c.visit)
}

// below is called with what the database has.
func (c *scanner) below(key, value []byte) (bool, error) {
	key = key[2:]
	for c.at >= 0 {
		switch order := bytes.Compare(c.s.t.key(c.at), key); {
		case order > 0:
			return c.emit(key, value)
		case order == 0:
			return c.above() // it hides what the database has
		}
		if more, err := c.above(); err != nil || !more {
			return more, err
		}
	}
	return c.emit(key, value)
}

// above passes on the next entry of the overlay, if there is something to pass on.
func (c *scanner) above() (bool, error) {
	t, i := &c.s.t, c.at
	c.at = t.list.after(i)
	if t.entries[i].state != written {
		return true, nil
	}
	return c.emit(t.key(i), t.value(i))
}

func (c *scanner) emit(key, value []byte) (bool, error) {
	more, err := c.fn(key, value)
	c.done = !more
	return more, err
}
