package state

import (
	"errors"
	"hash/maphash"
)

// Overlay is what a task has written and its database does not have yet, in two layers: the writes
// of the open transaction, and below them what earlier ones have committed.
//
// Of the writes to one key the latest counts; keys keep the order of their last write in the
// transaction, so that a changelog gets them in the order in which they happened. Reads through a
// [Store] see the open transaction first, then what is committed, then the database.
// [Overlay.Commit] makes the open transaction committed, [Overlay.Reset] forgets it: after an
// abort. [Overlay.WriteTo] puts all that is committed in a batch, each key once however many
// transactions have written it; [Overlay.Written] drops it when the database has the batch.
//
// The memory of the open transaction is kept for the next one: in the steady state a write does not
// allocate. What a single large transaction has claimed is given back over the next ones.
//
// An Overlay and its stores belong to the goroutine of their task.
type Overlay struct {
	db     DB
	seed   maphash.Seed
	stores []*Store
	key    []byte // the key of a Get, with its prefix
	free   []*scanner
	damage error
}

// NewOverlay returns an empty overlay above db.
func NewOverlay(db DB) *Overlay {
	return &Overlay{db: db, seed: maphash.MakeSeed()}
}

// Open returns the store whose keys begin with prefix (big-endian) in the database: always the same
// one for the same prefix. Prefixes 0 (metadata) and 65535 (the end) are reserved.
func (o *Overlay) Open(prefix uint16) *Store {
	for _, s := range o.stores {
		if s.prefix == prefix {
			return s
		}
	}
	s := &Store{o: o, prefix: prefix}
	s.open.init()
	s.committed.init()
	o.stores = append(o.stores, s)
	return s
}

// Damage returns the error of the last read that has found the database corrupt, whatever its
// caller has made of it; nil if none has.
func (o *Overlay) Damage() error { return o.damage }

// note keeps the error of a read that has found the database corrupt.
func (o *Overlay) note(err error) error {
	if err != nil && errors.Is(err, ErrCorrupt) {
		o.damage = err
	}
	return err
}

// Size is about how many bytes of memory the writes of the open transaction take. It is 0 if and
// only if there are none.
func (o *Overlay) Size() int64 {
	var n int64
	for _, s := range o.stores {
		n += s.open.size()
		if s.kept != nil {
			n += s.kept.Size()
		}
	}
	return n
}

// Held is how many bytes of memory the committed writes take, about. It is 0 if there are none.
func (o *Overlay) Held() int64 {
	var n int64
	for _, s := range o.stores {
		n += s.committed.held()
	}
	return n
}

// Commit makes the writes of the open transaction committed ones.
func (o *Overlay) Commit() {
	for _, s := range o.stores {
		t := &s.open
		// A range deletion took with it what had been written before it; what is left was written
		// after it.
		for _, r := range t.ranges.all {
			if r.open {
				s.committed.deleteRange(t.ranges.bytes(r.lo), nil)
			} else {
				s.committed.deleteRange(t.ranges.bytes(r.lo), t.ranges.bytes(r.hi))
			}
		}
		for i := t.first; i >= 0; i = t.entries.at(i).next {
			if e := t.entries.at(i); e.state == written {
				s.committed.put(e.hash, t.key(i), t.value(i), e.fresh)
			} else {
				s.committed.delete(e.hash, t.key(i), deleted)
			}
		}
		t.reset()
		if s.kept != nil {
			s.kept.Commit()
		}
		if n := s.committed.dropped; n > keepEntries && n > s.committed.entries.n/3 {
			s.committed.compact()
		}
	}
}

// Reset forgets the writes of the open transaction.
func (o *Overlay) Reset() {
	for _, s := range o.stores {
		s.open.reset()
		if s.kept != nil {
			s.kept.Reset()
		}
	}
}

// WriteTo adds all committed writes to b, those of each store in the order of their keys: engines
// take them faster. The overlay stays as it is: call Written when b has been committed.
func (o *Overlay) WriteTo(b Batch) {
	var lo, hi []byte
	for _, s := range o.stores {
		t := &s.committed
		for _, r := range t.ranges.all {
			lo = s.appendKey(lo[:0], t.ranges.bytes(r.lo))
			if r.open {
				hi = s.appendEnd(hi[:0])
			} else {
				hi = s.appendKey(hi[:0], t.ranges.bytes(r.hi))
			}
			b.DeleteRange(lo, hi)
		}
		t.order()
		var more seconds
		for _, marks := range t.ordered.blocks {
			for _, m := range marks {
				state := t.entries.at(m.i).state
				if state == dropped || s.index != nil && more.take(s, t.key(m.i), state == written) {
					continue
				}
				if lo = s.appendKey(lo[:0], t.key(m.i)); state == written {
					b.Set(lo, t.value(m.i))
				} else {
					b.Delete(lo)
				}
			}
		}
		more.writeTo(b)
		s.writeKept(b)
	}
}

// Written forgets the committed writes: the database has them. Their memory is given back.
func (o *Overlay) Written() {
	for _, s := range o.stores {
		s.committed = table{indexed: s.index != nil}
		s.committed.init()
		if s.kept != nil && !s.late {
			s.kept.Written()
		}
	}
}
