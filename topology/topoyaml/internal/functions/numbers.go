package functions

import (
	"fmt"
	"math"
	"slices"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

func numbers() []Function {
	return []Function{
		one("ceil", func(v Value) (Value, error) { return value.Rounded(v, math.Ceil) }),
		one("floor", func(v Value) (Value, error) { return value.Rounded(v, math.Floor) }),
		one("round", func(v Value) (Value, error) { return value.Rounded(v, math.Round) }),
		one("int", value.ToInt),
		one("float", value.ToNumber),
		{Name: "max", Min: 1, Max: -1, Many: func(args []Value) (Value, error) { return extreme("max", args, 1) }},
		{Name: "min", Min: 1, Max: -1, Many: func(args []Value) (Value, error) { return extreme("min", args, -1) }},
		{Name: "mean", Min: 1, Max: -1, Many: func(args []Value) (Value, error) {
			all, err := allNumbers("mean", nil, args)
			if err != nil {
				return nil, err
			}
			return value.Mean(all)
		}},
		{Name: "median", Min: 1, Max: -1, Many: median},
		bits("bitand", func(x, y int64) (Value, error) { return x & y, nil }),
		bits("bitor", func(x, y int64) (Value, error) { return x | y, nil }),
		bits("bitxor", func(x, y int64) (Value, error) { return x ^ y, nil }),
		bits("bitnand", func(x, y int64) (Value, error) { return x &^ y, nil }),
		shift("bitshl", func(x int64, n uint) (Value, error) {
			if shifted := x << n; shifted>>n == x {
				return shifted, nil
			}
			return nil, fmt.Errorf("bitshl(%d, %d) exceeds the range of whole numbers (64 bits)", x, n)
		}),
		shift("bitshr", func(x int64, n uint) (Value, error) { return x >> n, nil }),
		shift("bitushr", func(x int64, n uint) (Value, error) { return int64(uint64(x) >> n), nil }),
		one("bitnot", func(v Value) (Value, error) {
			x, err := whole("bitnot", v)
			return ^x, err
		}),
	}
}

func bits(name string, f func(x, y int64) (Value, error)) Function {
	return Function{Name: name, Min: 2, Max: 2, Call: func(a, b, _, _ Value) (Value, error) {
		x, err := whole(name, a)
		if err != nil {
			return nil, err
		}
		y, err := whole(name, b)
		if err != nil {
			return nil, err
		}
		return f(x, y)
	}}
}

func shift(name string, f func(x int64, n uint) (Value, error)) Function {
	return bits(name, func(x, y int64) (Value, error) {
		if y < 0 {
			return nil, fmt.Errorf("%s needs a number of bits from 0, not %d", name, y)
		}
		return f(x, uint(min(y, 64)))
	})
}

// allNumbers appends the numbers in the arguments and in lists within them.
func allNumbers(fn string, to, args []Value) ([]Value, error) {
	var err error
	for _, v := range args {
		switch v := v.(type) {
		case int64, float64:
			to = append(to, v)
		case []Value:
			if to, err = allNumbers(fn, to, v); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s needs numbers, not %s%s", fn, value.Kind(v), value.OfNull(v))
		}
	}
	return to, nil
}

// extreme is the largest number for sign 1, the smallest for -1, and null if there is none.
func extreme(fn string, args []Value, sign int) (Value, error) {
	var found Value
	for _, v := range args {
		switch l := v.(type) {
		case int64, float64:
		case []Value:
			var err error
			if v, err = extreme(fn, l, sign); err != nil {
				return nil, err
			}
			if v == nil {
				continue
			}
		default:
			return nil, fmt.Errorf("%s needs numbers, not %s%s", fn, value.Kind(v), value.OfNull(v))
		}
		if order, ok := value.Compare(v, found); !ok || order*sign > 0 {
			found = v
		}
	}
	return found, nil
}

func median(args []Value) (Value, error) {
	all, err := allNumbers("median", nil, args)
	if err != nil || len(all) == 0 {
		return int64(0), err
	}
	slices.SortFunc(all, compareNumbers)
	if n := len(all); n%2 == 0 {
		return value.Mean(all[n/2-1 : n/2+1])
	}
	return all[len(all)/2], nil
}

func compareNumbers(a, b Value) int {
	order, _ := value.Compare(a, b)
	return order
}
