package state

// Overlay is what a task has written since its last commit, above its database. It is not safe for concurrent use.
//
// Writes are kept in the order in which they were made; the latest of a key counts. Reads through a [Store] see the overlay
// first and the database below it.
type Overlay struct {
	db DB
}

// NewOverlay returns an empty overlay above db.
func NewOverlay(db DB) *Overlay { return &Overlay{db: db} }

// Store is one store of a task: the keys of its database under one prefix, as bytes, uncommitted writes included.
// It is used by the task's goroutine only. Arguments are copied.
type Store struct {
	o      *Overlay
	prefix uint16
}

// Open returns the store whose keys begin with prefix (big-endian) in the database. Prefix 0 is reserved for metadata.
func (o *Overlay) Open(prefix uint16) *Store { return &Store{o: o, prefix: prefix} }
