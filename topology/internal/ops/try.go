package ops

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// The twins of operators of whole records whose functions can fail. An error goes to the error
// policy, and the record no further.

// OfValue makes a function of a record's value one of the record.
func OfValue[K, V, R any](f func(context.Context, V) (R, error)) func(context.Context, *Record[K, V]) (R, error) {
	return func(ctx context.Context, r *Record[K, V]) (R, error) { return f(ctx, r.Value) }
}

// TryFilterRecords is FilterRecords with a function that can fail.
type TryFilterRecords[K, V any] struct {
	Node
	Keep func(context.Context, *Record[K, V]) (bool, error)
	Next Receiver[K, V]
}

// Receive implements Receiver.
func (f *TryFilterRecords[K, V]) Receive(r *Record[K, V]) error {
	keep, err := f.Keep(f.Task.Context(), r)
	if err != nil {
		return f.Fail(r.Origin, err)
	}
	if !keep {
		return nil
	}
	return f.Next.Receive(r)
}

// TryMap gives each record a key and a value that are computed from all of it. Tombstones are
// dropped and counted.
type TryMap[K, V, K2, V2 any] struct {
	Node
	Map  func(context.Context, *Record[K, V]) (K2, V2, error)
	Next Receiver[K2, V2]
	out  Record[K2, V2]
}

// Receive implements Receiver.
func (m *TryMap[K, V, K2, V2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		m.Drop(record.NullValue, r.Origin)
		return nil
	}
	key, value, err := m.Map(m.Task.Context(), r)
	if err != nil {
		return m.Fail(r.Origin, err)
	}
	operator.Inherit(&m.out, r)
	m.out.Key, m.out.Value = key, value
	return m.Next.Receive(&m.out)
}

// TryMapValues is MapValues with a function that can fail and sees the whole record. Tombstones
// pass, and Map does not see them.
type TryMapValues[K, V, V2 any] struct {
	Node
	Map  func(context.Context, *Record[K, V]) (V2, error)
	Next Receiver[K, V2]
	out  Record[K, V2]
}

// Receive implements Receiver.
func (m *TryMapValues[K, V, V2]) Receive(r *Record[K, V]) error {
	out := &m.out
	operator.InheritKey(out, r)
	out.NoValue = r.NoValue
	if r.NoValue {
		var none V2
		out.Value = none
	} else {
		v, err := m.Map(m.Task.Context(), r)
		if err != nil {
			return m.Fail(r.Origin, err)
		}
		out.Value = v
	}
	return m.Next.Receive(out)
}

// TrySelectKey is SelectKeyRecords with a function that can fail.
type TrySelectKey[K, V, K2 any] struct {
	Node
	Key  func(context.Context, *Record[K, V]) (K2, error)
	Next Receiver[K2, V]
	out  Record[K2, V]
}

// Receive implements Receiver.
func (s *TrySelectKey[K, V, K2]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		s.Drop(record.NullValue, r.Origin)
		return nil
	}
	key, err := s.Key(s.Task.Context(), r)
	if err != nil {
		return s.Fail(r.Origin, err)
	}
	return sendRekeyed(r, &s.out, key, s.Next)
}

// TrySplit is Split with predicates that can fail.
type TrySplit[K, V any] struct {
	Node
	When     []func(context.Context, V) (bool, error)
	Branches []Receiver[K, V] // one for each predicate
	Rest     Receiver[K, V]
}

// Receive implements Receiver.
func (s *TrySplit[K, V]) Receive(r *Record[K, V]) error {
	if r.NoValue {
		for _, to := range s.Branches {
			if err := to.Receive(r); err != nil {
				return err
			}
		}
		return s.Rest.Receive(r)
	}
	for i, when := range s.When {
		ok, err := when(s.Task.Context(), r.Value)
		if err != nil {
			return s.Fail(r.Origin, err)
		}
		if ok {
			return s.Branches[i].Receive(r)
		}
	}
	return s.Rest.Receive(r)
}

// TryReduceStep is ReduceStep with a function that can fail.
func TryReduceStep[K, V any](task Task, add func(context.Context, V, V) (V, error), s serde.Serde[V], raw bool) Step[K, V, V] {
	copies := operator.Mutable[V]()
	enc := operator.NewEncoder("value", s, raw)
	return func(a V, has bool, r *Record[K, V]) (V, bool, error) {
		v := r.Value
		if copies {
			var err error
			if v, err = enc.Clone(r.RawValue, v); err != nil {
				return a, true, err
			}
		}
		if !has {
			return v, true, nil
		}
		v, err := add(task.Context(), a, v)
		return v, true, err
	}
}
