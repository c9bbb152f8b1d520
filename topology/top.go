package topology

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// Top returns the aggregator that keeps the n largest values by compare, the largest one first: n
// is 1 or more, and compare returns a number below 0, 0, or above 0 as a is smaller than b, as
// large, or larger. For the smallest ones turn compare round.
//
//	byAmount := func(a, b Sale) int { return cmp.Compare(a.Amount, b.Amount) }
//	sales.GroupBy("by-shop", Sale.ShopOf).AggregateWith("best-sales", topology.Top(10, byAmount))
//
// Which values are in it, and their order, is a function of the values alone, in whatever order
// they come: values that compare as equally large are in the order of their bytes, as the serde of
// the stream writes them, which therefore has to write equal values alike. A value that comes twice
// is in it twice.
//
// It serves groups, windows and sessions; its accumulators are merged by themselves. It keeps n
// values for each key, or key and window, and nothing else; so it cannot say what comes next when a
// value is taken out again, and does not serve a [GroupedTable], whose rows change. Nor does it
// serve AggregateRecords: a record must not be kept. Without [ValueSerde] its lists are stored as
// JSON.
//
// A value costs a binary search in the n, and bytes are compared only where compare returns 0. If
// the serde fails there, the value goes to the error policy.
func Top[V any](n int, compare func(a, b V) int) Aggregator[V, []V] {
	a := Aggregator[V, []V]{form: topFold}
	a = a.need("the function that compares", compare == nil)
	if n < 1 {
		a = a.is(fmt.Sprintf("the number of values is %d: Top keeps at least one", n))
	}
	a.byBytes = func(s serde.Serde[V]) Aggregator[V, []V] {
		t := &top[V]{n: n, compare: compare, x: operator.NewEncoder("value", s, false), y: operator.NewEncoder("value", s, false)}
		return Aggregator[V, []V]{form: tryFold, try: t.add, tryMerge: t.merge}
	}
	return a
}

// top is a Top in one task.
type top[V any] struct {
	n       int
	compare func(a, b V) int
	x, y    operator.Encoder[V]
	failed  error // of the last search
}

// order is below 0 if a comes before b.
func (t *top[V]) order(a, b V) int {
	if c := t.compare(b, a); c != 0 {
		return c
	}
	x, err := t.x.Bytes(nil, a)
	if err == nil {
		var y []byte
		if y, err = t.y.Bytes(nil, b); err == nil {
			return bytes.Compare(x, y)
		}
	}
	t.failed = err
	return 0
}

// add adds a value to a list, which it changes.
func (t *top[V]) add(_ context.Context, list []V, v V) ([]V, error) {
	t.failed = nil
	i, _ := slices.BinarySearchFunc(list, v, t.order)
	if t.failed != nil || i == t.n {
		return list, t.failed
	}
	if len(list) == t.n {
		copy(list[i+1:], list[i:])
		list[i] = v
		return list, nil
	}
	return slices.Insert(list, i, v), nil
}

// merge makes one list of two.
func (t *top[V]) merge(_ context.Context, a, b []V) ([]V, error) {
	t.failed = nil
	all := make([]V, 0, min(t.n, len(a)+len(b)))
	for len(all) < cap(all) {
		if len(b) == 0 || len(a) != 0 && t.order(a[0], b[0]) <= 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return all, t.failed
}
