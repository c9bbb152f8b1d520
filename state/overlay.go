package state

import "hash/maphash"

// Overlay is what a task has written since its last commit, above its database.
//
// Of the writes to one key the latest counts; keys keep the order of their last write, so that a changelog gets them in the
// order in which they happened. Reads through a [Store] see the overlay first and the database below it. After a commit
// [Overlay.WriteTo] puts everything in the batch and, once the batch is in the database, [Overlay.Reset] empties the overlay;
// after an abort Reset alone forgets it all. The memory is kept for the next transaction: in the steady state a write does
// not allocate. What a single large transaction has claimed is given back over the next ones.
//
// An Overlay and its stores belong to the goroutine of their task.
type Overlay struct {
	db     DB
	seed   maphash.Seed
	stores []*Store
	key    []byte // the key of a Get, with its prefix
	free   []*scanner
	sorter sorter
}

// NewOverlay returns an empty overlay above db.
func NewOverlay(db DB) *Overlay {
	return &Overlay{db: db, seed: maphash.MakeSeed()}
}

// Open returns the store whose keys begin with prefix (big-endian) in the database: always the same one for the same prefix.
// Prefixes 0 (metadata) and 65535 (the end) are reserved.
func (o *Overlay) Open(prefix uint16) *Store {
	for _, s := range o.stores {
		if s.prefix == prefix {
			return s
		}
	}
	s := &Store{o: o, prefix: prefix}
	s.t.init()
	o.stores = append(o.stores, s)
	return s
}

// Size is about how many bytes of memory the writes take. It is 0 if and only if there are none.
func (o *Overlay) Size() int64 {
	var n int64
	for _, s := range o.stores {
		n += s.t.size()
	}
	return n
}

// WriteTo adds all writes to b, those of each store in the order of their keys: engines take them faster. The overlay stays as it is:
// Reset it when b has been committed.
func (o *Overlay) WriteTo(b Batch) {
	var lo, hi []byte
	for _, s := range o.stores {
		t := &s.t
		// A range deletion took with it what had been written before it; what is left was written after it.
		for _, r := range t.ranges.all {
			lo = s.appendKey(lo[:0], t.ranges.bytes(r.lo))
			if r.open {
				hi = s.appendEnd(hi[:0])
			} else {
				hi = s.appendKey(hi[:0], t.ranges.bytes(r.hi))
			}
			b.DeleteRange(lo, hi)
		}
		for _, m := range o.sorter.sort(t) {
			lo = s.appendKey(lo[:0], t.key(m.i))
			if t.entries[m.i].state == deleted {
				b.Delete(lo)
			} else {
				b.Set(lo, t.value(m.i))
			}
		}
	}
}

// Reset forgets all writes.
func (o *Overlay) Reset() {
	for _, s := range o.stores {
		s.t.reset()
	}
}
