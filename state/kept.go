package state

// Kept are rows of a store that its user has in memory in a form of its own, where it finds them:
// rows that are written once, and of which most are gone before the database needs them. They are
// neither among the store's writes nor seen by its reads. The user gives them to the store when
// they leave the memory ([Store.Put] what the open transaction has added, [Store.Settle] what
// earlier ones have), and else they go to the database by [Overlay.WriteTo].
//
// They belong to the store and outlive the user: after an abort the next one finds them with
// [Store.Kept], as of the last commit.
type Kept interface {
	// Changes calls fn for each row that the open transaction has added, and stops at the first
	// error, which it returns.
	Changes(fn func(key, value []byte) error) error
	// Size is about how many bytes those take, 0 if and only if there are none.
	Size() int64
	// Commit makes what the open transaction has done committed; Reset undoes it.
	Commit()
	Reset()
	// WriteTo calls put for each committed row that the database does not have, also for those that
	// the open transaction has dropped. Written says that it has them now.
	WriteTo(put func(key, value []byte))
	Written()
}

// Keep has k keep rows of the store from now on.
func (s *Store) Keep(k Kept) { s.kept = k }

// Kept returns what keeps rows of the store, nil if nothing does.
func (s *Store) Kept() Kept { return s.kept }

// Settle sets the value of a key that an earlier transaction has written, and Kept has had until
// now. It is no change.
func (s *Store) Settle(key, value []byte) { s.committed.put(s.hash(key), key, value, false) }

// Late says whether the next [Overlay.WriteTo] leaves out the rows that are kept: the database does
// not have all that is committed then.
func (s *Store) Late(late bool) { s.late = late }

// writeKept puts the rows that are kept into a batch.
func (s *Store) writeKept(b Batch) {
	if s.kept == nil || s.late {
		return
	}
	var row []byte
	s.kept.WriteTo(func(key, value []byte) {
		row = s.appendKey(row[:0], key)
		b.Set(row, value)
	})
}
