package operator

// Change is an update of a row of a table: what the table has handed on for the key before, and
// what it hands on now. Either may be missing. It is the value of the records that go to those who
// ask a table for old values; their RawValue is that of New, if it comes along at all.
type Change[V any] struct {
	Old, New Opt[V]
	// Older says that the update is older than what the table has, so that its row stays as it was,
	// Old: only the table's history has it now. Those that keep something of rows leave it out.
	Older bool
}

// Row is what a table has for a key.
type Row[V any] struct {
	Opt[V]
	Timestamp int64
}

// Lookup finds rows of a table by the bytes of their keys.
type Lookup[V any] interface {
	// Row returns the row of a key, for a record from o. It is the one that the table has now, or,
	// with handedOn, the one that it has handed on last: they differ while an update waits for the
	// commit. ok is false if the record goes no further: then err is what Receive is to return.
	Row(key []byte, handedOn bool, o Origin) (row Row[V], ok bool, err error)
}

// Versions finds rows of a table that keeps their history.
type Versions[V any] interface {
	// At returns the row of a key as it was at time ts, for a record of that ref. It is missing if
	// there was none, or if that time is too long ago.
	At(key []byte, ts, ref int64) (Row[V], error)
}

// plain makes updates of changes, for those who do not ask for old values.
type plain[K, V any] struct {
	next Receiver[K, V]
	out  Record[K, V]
}

// Plain returns a receiver of changes that hands what is new on to next; a row that is gone is a
// tombstone.
func Plain[K, V any](next Receiver[K, V]) Receiver[K, Change[V]] { return &plain[K, V]{next: next} }

// Receive implements Receiver.
func (p *plain[K, V]) Receive(r *Record[K, Change[V]]) error {
	out := &p.out
	InheritKey(out, r)
	out.Value, out.NoValue, out.RawValue = r.Value.New.Value, !r.Value.New.OK, r.RawValue
	return p.next.Receive(out)
}
