package sessions

// drop deletes the rows of a window.
func (r *rows[A]) drop(x *span[A], key []byte) {
	r.row = r.key(r.row[:0], x.row, key)
	r.store.Delete(r.row)
	if x.indexed {
		r.dropByKey(key, x.row)
	}
}

// leadTo writes the row by key of a window that is new, unless the cache has all of them: then it
// has time until the window leaves that, or is written to the database.
func (r *rows[A]) leadTo(x *span[A], key []byte) {
	x.indexed = r.due == nil || !r.due.all
	r.row = r.byKey(r.row[:0], x.bounds, key)
	switch {
	case r.due == nil:
		r.store.PutNew(r.row, nil)
	case x.indexed: // the database may have one of a row that is gone
		r.store.Put(r.row, nil)
	}
}

// lead writes the rows by key of windows that were not written before: those of a chain that are in
// the store.
func (r *rows[A]) lead(key []byte, c chain) {
	for id := c.first; id != 0; id = r.spans.at(id).next {
		if x := r.spans.at(id); x.stored && !x.indexed {
			r.row = r.byKey(r.row[:0], x.row, key)
			r.store.Put(r.row, nil)
		}
	}
}

// skip does not save a window that goes at the flush.
func (r *rows[A]) skip(x *span[A], key []byte) {
	if x.stored {
		r.forget(x, key)
	}
	x.stored, x.dirty = false, false
}

// forget deletes the rows of a window that has closed.
func (r *rows[A]) forget(x *span[A], key []byte) {
	if x.indexed {
		r.dropByKey(key, x.row)
	}
	r.row = r.key(r.row[:0], x.row, key)
	r.store.Forget(r.row)
}

// dropByKey deletes the row by key of a window.
func (r *rows[A]) dropByKey(key []byte, b bounds) {
	r.row = r.byKey(r.row[:0], b, key)
	r.store.Delete(r.row)
}
