package ops

import (
	"context"

	"github.com/kolkstream/kolk/serde"
)

// The steps of the aggregations. What a function starts from when there is no value before is what sets them apart.

// CountStep counts records.
func CountStep[K, V any]() Step[K, V, int64] {
	return func(n int64, _ bool, _ *Record[K, V]) (int64, bool, error) { return n + 1, true, nil }
}

// AggregateStep starts from the zero value of A.
func AggregateStep[K, V, A any](add func(A, V) A) Step[K, V, A] {
	return func(a A, _ bool, r *Record[K, V]) (A, bool, error) { return add(a, r.Value), true, nil }
}

// AggregateFromStep starts from what init returns.
func AggregateFromStep[K, V, A any](init func() A, add func(A, V) A) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has {
			a = init()
		}
		return add(a, r.Value), true, nil
	}
}

// AggregateRecordsStep starts from the zero value of A and sees whole records.
func AggregateRecordsStep[K, V, A any](add func(A, *Record[K, V]) A) Step[K, V, A] {
	return func(a A, _ bool, r *Record[K, V]) (A, bool, error) { return add(a, r), true, nil }
}

// TryAggregateStep is AggregateStep with a function that can fail.
func TryAggregateStep[K, V, A any](task Task, add func(context.Context, A, V) (A, error)) Step[K, V, A] {
	return func(a A, _ bool, r *Record[K, V]) (A, bool, error) {
		a, err := add(task.Context(), a, r.Value)
		return a, true, err
	}
}

// AggregateOptStep is told whether there is a value before, and can decide that there is none after.
func AggregateOptStep[K, V, A any](add func(Opt[A], V) Opt[A]) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		after := add(Opt[A]{Value: a, OK: has}, r.Value)
		if !after.OK {
			var none A
			after.Value = none
		}
		return after.Value, after.OK, nil
	}
}

// ReduceStep starts from the first value. The aggregate may hold on to values, and change them: each gets its own copy where that
// makes a difference. raw says that records bring along their values as s writes them.
func ReduceStep[K, V any](add func(V, V) V, s serde.Serde[V], raw bool) Step[K, V, V] {
	if !Mutable[V]() {
		return func(a V, has bool, r *Record[K, V]) (V, bool, error) {
			if !has {
				return r.Value, true, nil
			}
			return add(a, r.Value), true, nil
		}
	}
	enc := newEncoder(s, raw)
	return func(a V, has bool, r *Record[K, V]) (V, bool, error) {
		v, err := enc.clone(r.RawValue, r.Value)
		if err != nil || !has {
			return v, true, err
		}
		return add(a, v), true, nil
	}
}

// Opt is a value that may be missing.
type Opt[V any] struct {
	Value V // the zero value if OK is false
	OK    bool
}
