package ops

import (
	"context"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// The steps of the aggregations. What a function starts from when there is no value before is what
// sets them apart.

// CountStep counts records.
func CountStep[K, V any]() Step[K, V, int64] {
	return func(n int64, _ bool, _ *Record[K, V]) (int64, bool, error) { return n + 1, true, nil }
}

// FoldStep adds values. It starts from what init returns, or from the zero value of A if init is
// nil.
func FoldStep[K, V, A any](init func() A, add func(A, V) A) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has && init != nil {
			a = init()
		}
		return add(a, r.Value), true, nil
	}
}

// FoldRecordsStep is FoldStep of whole records.
func FoldRecordsStep[K, V, A any](init func() A, add func(A, *Record[K, V]) A) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has && init != nil {
			a = init()
		}
		return add(a, r), true, nil
	}
}

// TryFoldStep is FoldStep with a function that can fail.
func TryFoldStep[K, V, A any](task Task, init func() A, add func(context.Context, A, V) (A, error)) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has && init != nil {
			a = init()
		}
		a, err := add(task.Context(), a, r.Value)
		return a, true, err
	}
}

// TryFoldRecordsStep is TryFoldStep of whole records.
func TryFoldRecordsStep[K, V, A any](task Task, init func() A, add func(context.Context, A, *Record[K, V]) (A, error)) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has && init != nil {
			a = init()
		}
		a, err := add(task.Context(), a, r)
		return a, true, err
	}
}

// FoldOptStep tells add whether there is a value before; add decides whether there is one after. If
// init is not nil there is always one before.
func FoldOptStep[K, V, A any](init func() A, add func(Opt[A], V) Opt[A]) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has && init != nil {
			a, has = init(), true
		}
		return there(add(Opt[A]{Value: a, OK: has}, r.Value))
	}
}

// FoldOptRecordsStep is FoldOptStep of whole records.
func FoldOptRecordsStep[K, V, A any](init func() A, add func(Opt[A], *Record[K, V]) Opt[A]) Step[K, V, A] {
	return func(a A, has bool, r *Record[K, V]) (A, bool, error) {
		if !has && init != nil {
			a, has = init(), true
		}
		return there(add(Opt[A]{Value: a, OK: has}, r))
	}
}

// there returns a value as steps do: none is the zero value.
func there[A any](v Opt[A]) (A, bool, error) {
	if !v.OK {
		var none A
		return none, false, nil
	}
	return v.Value, true, nil
}

// ReduceStep starts from the first value. The aggregate may hold on to values, and change them:
// each gets its own copy where that makes a difference. raw says that records bring along their
// values as s writes them.
func ReduceStep[K, V any](add func(V, V) V, s serde.Serde[V], raw bool) Step[K, V, V] {
	if !operator.Mutable[V]() {
		return func(a V, has bool, r *Record[K, V]) (V, bool, error) {
			if !has {
				return r.Value, true, nil
			}
			return add(a, r.Value), true, nil
		}
	}
	enc := operator.NewEncoder("value", s, raw)
	return func(a V, has bool, r *Record[K, V]) (V, bool, error) {
		v, err := enc.Clone(r.RawValue, r.Value)
		if err != nil || !has {
			return v, true, err
		}
		return add(a, v), true, nil
	}
}
