package ops

import (
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// SelectKey gives each record the key that is computed from its value. Tombstones are dropped and
// counted: they have nothing to compute a key from.
type SelectKey[K, V, K2 any] struct {
	Node
	Key  func(V) K2
	Next Receiver[K2, V]
	out  Record[K2, V]
}

// Receive implements Receiver.
func (s *SelectKey[K, V, K2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		s.Drop(record.NullValue, r.Origin)
		return nil
	}
	return sendRekeyed(r, &s.out, s.Key(r.Value), s.Next)
}

// SelectKeyRecords gives each record the key that is computed from all of it. Tombstones are
// dropped and counted.
type SelectKeyRecords[K, V, K2 any] struct {
	Node
	Key  func(*Record[K, V]) K2
	Next Receiver[K2, V]
	out  Record[K2, V]
}

// Receive implements Receiver.
func (s *SelectKeyRecords[K, V, K2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		s.Drop(record.NullValue, r.Origin)
		return nil
	}
	return sendRekeyed(r, &s.out, s.Key(r), s.Next)
}

// sendRekeyed sends a record like r with another key.
func sendRekeyed[K, V, K2 any](r *Record[K, V], out *Record[K2, V], key K2, next Receiver[K2, V]) error {
	operator.Inherit(out, r)
	out.Key = key
	out.Value, out.RawValue = r.Value, r.RawValue
	return next.Receive(out)
}

// MapRecords replaces each record. Ref and origin stay those of the input, whatever the function
// returns.
type MapRecords[K, V, K2, V2 any] struct {
	Node
	Map  func(*Record[K, V]) Record[K2, V2]
	Next Receiver[K2, V2]
	out  Record[K2, V2]
}

// Receive implements Receiver.
func (m *MapRecords[K, V, K2, V2]) Receive(r *Record[K, V]) error {
	m.out = m.Map(r)
	return sendOwned(&m.Node, &m.out, r, m.Next)
}

// FlatMapRecords replaces each record by any number of records. Ref and origin stay those of the
// input.
type FlatMapRecords[K, V, K2, V2 any] struct {
	Node
	Map  func(*Record[K, V]) []Record[K2, V2]
	Next Receiver[K2, V2]
	out  Record[K2, V2]
}

// Receive implements Receiver.
func (m *FlatMapRecords[K, V, K2, V2]) Receive(r *Record[K, V]) error {
	for _, out := range m.Map(r) {
		m.out = out
		if err := sendOwned(&m.Node, &m.out, r, m.Next); err != nil {
			return err
		}
	}
	return nil
}

// sendOwned sends a record that a user's function returned: what the function may not decide is as
// in r, a missing key or value has the zero value, and bytes that may belong to another value are
// gone.
func sendOwned[K, V, K2, V2 any](n *Node, out *Record[K2, V2], r *Record[K, V], next Receiver[K2, V2]) error {
	out.Ref, out.Origin, out.Place = r.Ref, r.Origin, r.Place
	tidy(out)
	if err := operator.CheckTime(out.Timestamp); err != nil {
		return n.Fail(r.Origin, err)
	}
	return next.Receive(out)
}

// tidy clears the bytes, and keys and values that are said to be missing.
func tidy[K, V any](out *Record[K, V]) {
	out.RawKey, out.RawValue = nil, nil
	if out.NoKey {
		var none K
		out.Key = none
	}
	if out.NoValue {
		var none V
		out.Value = none
	}
}
