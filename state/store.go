package state

import "encoding/binary"

// Store is one store of a task: the keys of its database under one prefix, as bytes, with all that
// the overlay has.
//
// It is used by the task's goroutine only. Arguments are copied. Keys may be empty; a nil value is
// an empty one.
type Store struct {
	o      *Overlay
	prefix uint16
	// open has the writes of the open transaction, committed those below them that the database
	// does not have yet.
	open, committed table
	index           func(dst, key []byte) []byte
	kept            Kept
	late            bool // WriteTo leaves kept out
}

// Index has the database have a second row, without a value, for each row that index returns one
// for: index appends its key to dst, or nothing. They are written and deleted with the rows that
// they belong to, and not one by one. Until then nobody sees them, but for those of rows that are
// committed by now: their second rows are written at once.
//
// Who needs a second row earlier may put it, and delete it, as any other. Rows that are deleted by
// range keep theirs. So a scan may find one whose row is gone.
func (s *Store) Index(index func(dst, key []byte) []byte) {
	s.index, s.open.indexed, s.committed.indexed = index, true, true
	var second []byte
	t := &s.committed
	for i, last := t.first, t.last; i >= 0; i = t.entries.at(i).next {
		if t.entries.at(i).state == written {
			if second = index(second[:0], t.key(i)); len(second) > 0 {
				t.put(s.hash(second), second, nil, false)
			}
		}
		if i == last {
			break
		}
	}
}

// Prefix is what the store's keys begin with in the database.
func (s *Store) Prefix() uint16 { return s.prefix }

// Get appends the value of key to dst. found is false, and dst returned as it was, if there is
// none.
func (s *Store) Get(dst, key []byte) (value []byte, found bool, err error) {
	if open, committed := !s.open.empty(), !s.committed.empty(); open || committed {
		hash := s.hash(key)
		if open {
			if value, found, known := s.open.get(dst, hash, key); known {
				return value, found, nil
			}
		}
		if committed {
			if value, found, known := s.committed.get(dst, hash, key); known {
				return value, found, nil
			}
		}
	}
	s.o.key = s.appendKey(s.o.key[:0], key)
	value, found, err = s.o.db.Get(dst, s.o.key)
	return value, found, s.o.note(err)
}

// Put sets the value of key. It returns the key's number: the keys written in the open transaction
// are numbered from 0 on, and one that is written again keeps its number.
func (s *Store) Put(key, value []byte) (number int) {
	return int(s.open.put(s.hash(key), key, value, false))
}

// PutNew is Put for a key that the store does not have, as the caller knows. If it is deleted in
// the same transaction nothing has changed, and if that is before the database has it nothing is
// deleted there.
func (s *Store) PutNew(key, value []byte) (number int) {
	return int(s.open.put(s.hash(key), key, value, true))
}

// Delete deletes key, and returns its number as Put does. It is a change even if there was no such
// key, unless [Store.PutNew] says so: the store does not look.
func (s *Store) Delete(key []byte) (number int) {
	return int(s.open.delete(s.hash(key), key, deleted))
}

// Forget deletes a key that cannot come back, as DeleteRange does: it is no change, and neither is
// what was written to the key before it.
func (s *Store) Forget(key []byte) { s.open.delete(s.hash(key), key, forgotten) }

// Number returns the number of key, as Put does, if the open transaction has written it.
func (s *Store) Number(key []byte) (number int, ok bool) {
	if s.open.empty() {
		return 0, false
	}
	i := s.open.find(s.hash(key), key)
	if i < 0 || s.open.entries.at(i).state == dropped {
		return 0, false
	}
	return int(i), true
}

// DeleteRange deletes all keys in [lo, hi); a nil hi means all from lo on. It is meant for keys
// that cannot come back, the ones of closed windows: Changes reports neither the deletion nor what
// was written in the range before it, so that a changelog still holds them. Writes after it count
// as always.
func (s *Store) DeleteRange(lo, hi []byte) { s.open.deleteRange(lo, hi) }

// Scan calls fn for each key in [lo, hi), in the order of bytes.Compare, until fn returns false or
// an error, which Scan then returns. A nil hi means no upper bound. key and value are valid during
// the call of fn only, and not to be changed.
//
// fn may read stores, this one too, but must not write the one that is scanned: collect the keys
// and write them after it. Whether the scan would show such a write is not defined.
func (s *Store) Scan(lo, hi []byte, fn func(key, value []byte) (more bool, err error)) error {
	if s.open.empty() {
		return s.scan(&s.committed, lo, hi, fn)
	}
	return s.scan(&s.open, lo, hi, fn)
}

// Changes calls fn with the number of each key written in the open transaction, in the order of the
// last write to each, and then, as number -1, each row that was added to those that are kept. It
// stops at the first error, which it returns. key and value are valid during the call of fn only;
// fn must not write the store.
func (s *Store) Changes(fn func(number int, key, value []byte, deleted bool) error) error {
	for i := s.open.first; i >= 0; i = s.open.entries.at(i).next {
		var err error
		switch s.open.entries.at(i).state {
		case deleted:
			err = fn(int(i), s.open.key(i), nil, true)
		case written:
			err = fn(int(i), s.open.key(i), s.open.value(i), false)
		}
		if err != nil {
			return err
		}
	}
	if s.kept == nil {
		return nil
	}
	return s.kept.Changes(func(key, value []byte) error { return fn(-1, key, value, false) })
}

// appendKey appends key as it is in the database.
func (s *Store) appendKey(dst, key []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, s.prefix), key...)
}

// appendEnd appends the first key behind those of the store.
func (s *Store) appendEnd(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(dst, s.prefix+1)
}
