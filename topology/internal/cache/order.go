package cache

// order is the order of last update of the entries of a slab. Each update appends; what a later
// update of the same entry has overtaken is skipped, and swept out when it is the larger part.
type order[A any] struct {
	log  []mark
	head int // of the log: what has been taken
	live int
	seq  uint64
}

type mark struct {
	seq uint64
	id  int32
}

// add makes e the last.
func (o *order[A]) add(s *slab[A], e *Entry[A]) {
	if e.seq == 0 {
		o.live++
	} else if o.seq == e.seq {
		return
	}
	o.seq++
	e.seq = o.seq
	if len(o.log) == cap(o.log) && len(o.log) > 2*o.live {
		o.sweep(s)
	}
	o.log = append(o.log, mark{seq: o.seq, id: e.ID})
}

// forget takes e out.
func (o *order[A]) forget(e *Entry[A]) {
	if e.seq != 0 {
		e.seq = 0
		o.live--
	}
}

// take returns the first entry and takes it out; nil if there is none.
func (o *order[A]) take(s *slab[A]) *Entry[A] {
	for o.head < len(o.log) {
		u := o.log[o.head]
		o.head++
		if e := s.entry(u.id); e.seq == u.seq {
			o.forget(e)
			return e
		}
	}
	o.log, o.head = o.log[:0], 0
	return nil
}

func (o *order[A]) sweep(s *slab[A]) {
	kept := o.log[:0]
	for _, u := range o.log[o.head:] {
		if s.entry(u.id).seq == u.seq {
			kept = append(kept, u)
		}
	}
	o.log, o.head = kept, 0
}
