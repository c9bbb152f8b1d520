package aggregate

import (
	"math"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// TestSubtract takes some of a list out of the state of the whole list, in any order, and compares
// with the state of those that are left.
func TestSubtract(t *testing.T) {
	number := &value.Type{Kind: value.ObjectKind, Fields: []value.TypeField{{Name: "v", Type: value.IntType}}}
	for name, test := range map[string]struct {
		a     *Aggregation
		whole bool
	}{
		"numbers": {a: aggregationOf(t, value.AnyType, "count()", "count(value.v != nil and value.v > 2)", "sum(value.v)", "avg(value.v)")},
		"ints":    {a: aggregationOf(t, number, "sum(value.v)", "avg(value.v)"), whole: true},
	} {
		rnd := seeds.Rand(t)
		a := test.a
		in := func(v value.Value) *expression.Inputs {
			return &expression.Inputs{Value: value.NewObject(value.Named("v", v))}
		}
		next := func(acc value.Value, v value.Value, f func(value.Value, *expression.Inputs) (value.Value, error)) value.Value {
			acc, err := f(acc, in(v))
			if err != nil {
				t.Fatalf("%s: %v: %v", name, v, err)
			}
			return acc
		}
		for range 300 {
			var all, left value.Value = a.start(), a.start()
			var out []value.Value
			for range 1 + rnd.IntN(8) {
				v := draw(rnd)
				if test.whole {
					v = int64(rnd.IntN(20) - 5)
				}
				all = next(all, v, a.Next)
				if rnd.IntN(2) == 0 {
					out = append(out, v)
				} else {
					left = next(left, v, a.Next)
				}
			}
			rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			for _, v := range out {
				all = next(all, v, a.Subtract)
			}
			if got, want := text(t, a, all), text(t, a, left); got != want {
				t.Fatalf("%s: without %v: got %s, want %s", name, out, got, want)
			}
		}
	}
}

// At the ends of whole numbers a sum is exact, or an error that leaves it as it was.
func TestSubtractAtTheEnds(t *testing.T) {
	number := &value.Type{Kind: value.ObjectKind, Fields: []value.TypeField{{Name: "v", Type: value.IntType}}}
	a := aggregationOf(t, number, "sum(value.v)")
	in := func(v int64) *expression.Inputs {
		return &expression.Inputs{Value: value.NewObject(value.Named("v", v))}
	}
	acc, err := a.Next(a.start(), in(math.MinInt64))
	if err == nil {
		acc, err = a.Subtract(acc, in(math.MinInt64))
	}
	if got := text(t, a, acc); err != nil || got != text(t, a, a.start()) {
		t.Errorf("got %s, %v", got, err)
	}
	if acc, err = a.Subtract(acc, in(math.MinInt64)); err == nil || text(t, a, acc) != text(t, a, a.start()) {
		t.Errorf("got %s, %v, want an error", text(t, a, acc), err)
	}
}
