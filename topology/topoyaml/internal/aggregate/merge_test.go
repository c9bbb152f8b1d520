package aggregate

import (
	"math/rand/v2"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// TestMerge compares the merged states of two parts of a list with the state of the whole list.
func TestMerge(t *testing.T) {
	a := aggregationOf(t, value.AnyType, "count()", "count(value.v != nil and value.v > 2)", "sum(value.v)", "avg(value.v)", "min(value.v)", "max(value.v)", "first(value.v)", "last(value.v)", "top(2, value.v)", "bottom(3, value.v, value.v > 3)")
	rnd := seeds.Rand(t)
	of := func(list []value.Value) (acc value.Value) {
		for _, v := range list {
			var err error
			if acc, err = a.Next(acc, &expression.Inputs{Value: value.NewObject(value.Named("v", v))}); err != nil {
				t.Fatal(err)
			}
		}
		return acc
	}
	for range 300 {
		list := make([]value.Value, 2+rnd.IntN(8))
		for i := range list {
			list[i] = draw(rnd)
		}
		cut := 1 + rnd.IntN(len(list)-1)
		got, err := a.Merge(of(list[:cut]), of(list[cut:]))
		if err != nil {
			t.Fatal(err)
		}
		g, w := text(t, a, got), text(t, a, of(list))
		if g != w {
			t.Fatalf("%v, cut at %d: got %s, want %s", list, cut, g, w)
		}
	}
}

func draw(rnd *rand.Rand) value.Value {
	switch rnd.IntN(6) {
	case 0:
		return nil
	case 1:
		return 0.1 * float64(rnd.IntN(100))
	case 2:
		return 1e300
	}
	return int64(rnd.IntN(20) - 5)
}

func text(t *testing.T, a *Aggregation, v value.Value) string {
	b, err := a.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
