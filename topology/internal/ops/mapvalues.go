package ops

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// MapValues replaces each value. Tombstones pass, and Map does not see them.
type MapValues[K, V, V2 any] struct {
	Map  func(V) V2
	Next Receiver[K, V2]
	out  Record[K, V2]
}

// Receive implements Receiver.
func (m *MapValues[K, V, V2]) Receive(r *Record[K, V]) error {
	out := &m.out
	operator.InheritKey(out, r)
	out.NoValue = r.NoValue
	if r.NoValue {
		var none V2
		out.Value = none
	} else {
		out.Value = m.Map(r.Value)
	}
	return m.Next.Receive(out)
}

// FlatMapValues replaces each value by any number of values. Tombstones are dropped and counted.
type FlatMapValues[K, V, V2 any] struct {
	Node
	Map  func(V) []V2
	Next Receiver[K, V2]
	out  Record[K, V2]
}

// Receive implements Receiver.
func (m *FlatMapValues[K, V, V2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		m.Drop(record.NullValue, r.Origin)
		return nil
	}
	return sendValues(r, &m.out, m.Map(r.Value), m.Next)
}

// TryFlatMapValues is FlatMapValues with a function that can fail.
type TryFlatMapValues[K, V, V2 any] struct {
	Node
	Map  func(context.Context, V) ([]V2, error)
	Next Receiver[K, V2]
	out  Record[K, V2]
}

// Receive implements Receiver.
func (m *TryFlatMapValues[K, V, V2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		m.Drop(record.NullValue, r.Origin)
		return nil
	}
	values, err := m.Map(m.Task.Context(), r.Value)
	if err != nil {
		return m.Fail(r.Origin, err)
	}
	return sendValues(r, &m.out, values, m.Next)
}

// sendValues sends one record like r for each value.
func sendValues[K, V, V2 any](r *Record[K, V], out *Record[K, V2], values []V2, next Receiver[K, V2]) error {
	operator.InheritKey(out, r)
	for _, v := range values {
		out.Value = v
		if err := next.Receive(out); err != nil {
			return err
		}
	}
	return nil
}

// FlatMapValuesRecords is FlatMapValues with a function that sees the whole record, tombstones too,
// and may make any.
type FlatMapValuesRecords[K, V, V2 any] struct {
	Map  func(*Record[K, V]) []Opt[V2]
	Next Receiver[K, V2]
	out  Record[K, V2]
}

// Receive implements Receiver.
func (m *FlatMapValuesRecords[K, V, V2]) Receive(r *Record[K, V]) error {
	out := &m.out
	operator.InheritKey(out, r)
	for _, v := range m.Map(r) {
		out.NoValue = !v.OK
		if out.Value = v.Value; !v.OK {
			var none V2
			out.Value = none
		}
		if err := m.Next.Receive(out); err != nil {
			return err
		}
	}
	return nil
}
