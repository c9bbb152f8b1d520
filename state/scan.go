package state

import "bytes"

// scanner is one scan of a table and of what lies below it: for the open transaction the committed
// writes, for these the database. Scans nest, so an overlay keeps as many scanners as were ever at
// work at once; the callbacks are bound once, because a closure for each scan would be an
// allocation for each scan.
type scanner struct {
	s      *Store
	t      *table
	fn     func(key, value []byte) (bool, error)
	merge  func(key, value []byte) (bool, error) // with the keys of the store
	visit  func(key, value []byte) (bool, error) // with those of the database
	lo, hi []byte                                // of the database, with prefix
	at     int32                                 // the next entry of the table, -1: none left
	place  place                                 // where it is in the order of keys
	done   bool                                  // fn has returned false
}

func (o *Overlay) scanner() *scanner {
	if n := len(o.free); n > 0 {
		c := o.free[n-1]
		o.free = o.free[:n-1]
		return c
	}
	c := new(scanner)
	c.merge = c.below
	c.visit = func(key, value []byte) (bool, error) { return c.below(key[2:], value) }
	return c
}

// scan scans t and what lies below it.
func (s *Store) scan(t *table, lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	c := s.o.scanner()
	c.s, c.t, c.fn, c.at, c.done = s, t, fn, -1, false
	err := c.run(lo, hi)
	c.s, c.t, c.fn = nil, nil, nil
	s.o.free = append(s.o.free, c)
	return err
}

// run merges what lies below in the gaps between the deleted ranges with what the table has.
func (c *scanner) run(lo, hi []byte) error {
	t := c.t
	if t.entries.n > 0 {
		t.order()
		c.place = t.ordered.seek(t, lo)
		c.at = t.ordered.entry(c.place)
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
	// What is left of the table lies behind all keys below it.
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

// gap scans what lies below from lo to hi.
func (c *scanner) gap(lo, hi []byte) error {
	if committed := &c.s.committed; c.t != committed && !committed.empty() {
		return c.s.scan(committed, lo, hi, c.merge)
	}
	c.lo = c.s.appendKey(c.lo[:0], lo)
	if hi != nil {
		c.hi = c.s.appendKey(c.hi[:0], hi)
	} else {
		c.hi = c.s.appendEnd(c.hi[:0])
	}
	return c.s.o.note(c.s.o.db.Scan(c.lo, c.hi, c.visit))
}

// below is called with what lies below.
func (c *scanner) below(key, value []byte) (bool, error) {
	for c.at >= 0 {
		switch order := bytes.Compare(c.t.key(c.at), key); {
		case order > 0:
			return c.emit(key, value)
		case order == 0:
			return c.above() // it hides what lies below
		}
		if more, err := c.above(); err != nil || !more {
			return more, err
		}
	}
	return c.emit(key, value)
}

// above passes on the next entry of the table, if there is something to pass on.
func (c *scanner) above() (bool, error) {
	t, i := c.t, c.at
	c.place = t.ordered.next(c.place)
	c.at = t.ordered.entry(c.place)
	if t.entries.at(i).state != written {
		return true, nil
	}
	return c.emit(t.key(i), t.value(i))
}

func (c *scanner) emit(key, value []byte) (bool, error) {
	more, err := c.fn(key, value)
	c.done = !more
	return more, err
}
