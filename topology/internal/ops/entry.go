package ops

// entry is one key of a store in its cache.
type entry[A any] struct {
	key   string // the store key
	value A
	// has says that the key has a value. loaded says that value holds it; a stub (not loaded) has its value in the store.
	has, loaded bool
	// dirty says that value has not been written to the store yet, pending that it has not been forwarded yet.
	dirty, pending bool
	hot            bool // read since eviction last looked at it

	ts  int64  // of the value, or of the update that deleted it while that is pending
	seq uint64 // of the last update since the flush, 0 if there was none

	// Of the last update, for what is forwarded at the commit.
	ref     int64
	origin  Origin
	headers *headers // nil: none

	// copied is a copy of value for others than its owner, if it is not nil.
	copied *A

	cost   int64 // bytes counted against the budget; loaded entries only
	window *window[A]

	at [lists]links[A]
}

// headers is the copy of a record's headers.
type headers struct {
	list  []Header
	bytes []byte // holds the values
}

const (
	byAge    = iota // the loaded entries of a cache, as eviction looks at them
	byWindow        // the entries of a window
	lists
)

// links is an entry's place in one list.
type links[A any] struct {
	prev, next *entry[A]
	in         bool
}

// list is a doubly linked list through the links of that number of its entries.
type list[A any] struct {
	first, last *entry[A]
	which       int
}

// push puts e at the end, from wherever in the list it is.
func (l *list[A]) push(e *entry[A]) {
	l.remove(e)
	e.at[l.which] = links[A]{prev: l.last, in: true}
	if l.last == nil {
		l.first = e
	} else {
		l.last.at[l.which].next = e
	}
	l.last = e
}

// remove takes e out of the list, if it is in it.
func (l *list[A]) remove(e *entry[A]) {
	at := &e.at[l.which]
	if !at.in {
		return
	}
	if at.prev == nil {
		l.first = at.next
	} else {
		at.prev.at[l.which].next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		at.next.at[l.which].prev = at.prev
	}
	*at = links[A]{}
}

// order is the order of last update. Each update appends; what a later update of the same entry has overtaken is skipped, and
// swept out when it is the larger part.
type order[A any] struct {
	log  []mark[A]
	head int // of the log: what has been taken
	live int
	seq  uint64
}

type mark[A any] struct {
	e   *entry[A]
	seq uint64
}

// add makes e the last.
func (o *order[A]) add(e *entry[A]) {
	if e.seq == 0 {
		o.live++
	} else if o.seq == e.seq {
		return
	}
	o.seq++
	e.seq = o.seq
	if len(o.log) == cap(o.log) && len(o.log) > 2*o.live {
		o.sweep()
	}
	o.log = append(o.log, mark[A]{e: e, seq: o.seq})
}

// forget takes e out.
func (o *order[A]) forget(e *entry[A]) {
	if e.seq != 0 {
		e.seq = 0
		o.live--
	}
}

// take returns the first entry and takes it out; nil if there is none.
func (o *order[A]) take() *entry[A] {
	for o.head < len(o.log) {
		u := o.log[o.head]
		o.log[o.head].e = nil
		o.head++
		if u.e.seq == u.seq {
			o.forget(u.e)
			return u.e
		}
	}
	o.log, o.head = o.log[:0], 0
	return nil
}

func (o *order[A]) sweep() {
	kept := o.log[:0]
	for _, u := range o.log[o.head:] {
		if u.e.seq == u.seq {
			kept = append(kept, u)
		}
	}
	clear(o.log[len(kept):])
	o.log, o.head = kept, 0
}
