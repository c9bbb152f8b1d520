package ops

import "context"

// Filter passes on the records whose value Keep accepts. Tombstones pass.
type Filter[K, V any] struct {
	Keep func(V) bool
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (f *Filter[K, V]) Receive(r *Record[K, V]) error {
	if r.NoValue || f.Keep(r.Value) {
		return f.Next.Receive(r)
	}
	return nil
}

// FilterNot passes on the records whose value Drop does not accept. Tombstones pass.
type FilterNot[K, V any] struct {
	Drop func(V) bool
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (f *FilterNot[K, V]) Receive(r *Record[K, V]) error {
	if r.NoValue || !f.Drop(r.Value) {
		return f.Next.Receive(r)
	}
	return nil
}

// FilterRecords passes on the records that Keep accepts, tombstones like all others.
type FilterRecords[K, V any] struct {
	Keep func(*Record[K, V]) bool
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (f *FilterRecords[K, V]) Receive(r *Record[K, V]) error {
	if f.Keep(r) {
		return f.Next.Receive(r)
	}
	return nil
}

// TryFilter is Filter with a function that can fail.
type TryFilter[K, V any] struct {
	Node
	Keep func(context.Context, V) (bool, error)
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (f *TryFilter[K, V]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		return f.Next.Receive(r)
	}
	keep, err := f.Keep(f.Task.Context(), r.Value)
	if err != nil {
		return f.Fail(r.Origin, err)
	}
	if !keep {
		return nil
	}
	return f.Next.Receive(r)
}

// Peek shows the values of the records that pass. Tombstones pass unseen.
type Peek[K, V any] struct {
	Look func(V)
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (p *Peek[K, V]) Receive(r *Record[K, V]) error {
	if !r.NoValue {
		p.Look(r.Value)
	}
	return p.Next.Receive(r)
}

// PeekRecords shows the records that pass.
type PeekRecords[K, V any] struct {
	Look func(*Record[K, V])
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (p *PeekRecords[K, V]) Receive(r *Record[K, V]) error {
	p.Look(r)
	return p.Next.Receive(r)
}

// Forget passes records on without the bytes of their keys or values: where streams meet whose
// serdes differ, bytes mean nothing to those behind.
type Forget[K, V any] struct {
	Key, Value bool
	Next       Receiver[K, V]
	out        Record[K, V]
}

// Receive implements Receiver.
func (f *Forget[K, V]) Receive(r *Record[K, V]) error {
	f.out = *r
	if f.Key {
		f.out.RawKey = nil
	}
	if f.Value {
		f.out.RawValue = nil
	}
	return f.Next.Receive(&f.out)
}
