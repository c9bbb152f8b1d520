package functions

import (
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

func lists() []Function {
	return []Function{
		one("first", func(v Value) (Value, error) { return end("first", v, 0) }),
		one("last", func(v Value) (Value, error) { return end("last", v, -1) }),
		{Name: "get", Min: 2, Max: 2, Call: func(a, b, _, _ Value) (Value, error) {
			v, _, err := value.At(a, b)
			return v, err
		}},
		{Name: "take", Min: 2, Max: 2, Call: func(a, b, _, _ Value) (Value, error) {
			l, err := list("take", a)
			if err != nil {
				return nil, err
			}
			n, err := whole("take", b)
			if err != nil {
				return nil, err
			}
			if n < 0 {
				return nil, fmt.Errorf("take needs a number from 0, not %d", n)
			}
			n = min(n, int64(len(l)))
			return l[:n:n], nil
		}},
		ofList("reverse", func(l []Value) (Value, error) {
			l = slices.Clone(l)
			slices.Reverse(l)
			return l, nil
		}),
		ofList("uniq", uniq),
		{Name: "concat", Min: 1, Max: -1, Many: func(args []Value) (Value, error) {
			out := []Value{}
			for _, v := range args {
				l, err := list("concat", v)
				if err != nil {
					return nil, err
				}
				if len(out)+len(l) > MaxList {
					return nil, errList
				}
				out = append(out, l...)
			}
			return out, nil
		}},
		ofList("flatten", func(l []Value) (Value, error) { return flatten([]Value{}, l), nil }),
		{Name: "sort", Min: 1, Max: 2, Check: checkOrder, Call: func(a, b, _, _ Value) (Value, error) {
			l, err := list("sort", a)
			if err != nil {
				return nil, err
			}
			return Sort(l, l, b)
		}},
	}
}

// end is an element of a list, or null if there is none.
func end(fn string, v Value, at int64) (Value, error) {
	if v == nil {
		return nil, nil
	}
	l, err := list(fn, v)
	if err != nil {
		return nil, err
	}
	v, _, err = value.At(l, at)
	return v, err
}

// Sort returns the elements of a list in the order of their keys, "asc" or "desc" (or [Absent]).
// Those with equal keys keep their order.
func Sort(list, keys []Value, order Value) (Value, error) {
	if err := checkOrder(2, order); err != nil {
		return nil, err
	}
	places := make([]int, len(list))
	for i, k := range keys {
		places[i] = i
		if _, ok := value.Compare(keys[0], k); !ok {
			return nil, fmt.Errorf("%s and %s have no order; what is sorted is all numbers or all texts", value.Kind(keys[0]), value.Kind(k))
		}
	}
	slices.SortStableFunc(places, func(i, j int) int {
		if order == "desc" {
			i, j = j, i
		}
		return compareNumbers(keys[i], keys[j])
	})
	out := make([]Value, len(list))
	for i, at := range places {
		out[i] = list[at]
	}
	return out, nil
}

func checkOrder(arg int, v Value) error {
	if arg == 0 || v == Absent || v == "asc" || v == "desc" {
		return nil
	}
	return fmt.Errorf(`the order is "asc" or "desc", not %v`, v)
}

func flatten(to, l []Value) []Value {
	for _, v := range l {
		if inner, ok := v.([]Value); ok {
			to = flatten(to, inner)
		} else {
			to = append(to, v)
		}
	}
	return to
}

// uniq keeps the first of equal elements.
func uniq(l []Value) (Value, error) {
	seen, out := map[string]bool{}, []Value{}
	var key []byte
	for _, v := range l {
		var err error
		if key, err = canonical(key[:0], v); err != nil {
			return nil, err
		}
		if !seen[string(key)] {
			seen[string(key)] = true
			out = append(out, v)
		}
	}
	return out, nil
}

// canonical appends what is the same for values that are equal, and for no others.
func canonical(dst []byte, v Value) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case string: // it may not be UTF-8, which JSON refuses
		return fmt.Appendf(dst, "%q", v), nil
	case []byte:
		return fmt.Appendf(dst, "b%q", v), nil
	case []Value:
		dst = append(dst, '[')
		for _, e := range v {
			if dst, err = canonical(dst, e); err != nil {
				return nil, err
			}
			dst = append(dst, ',')
		}
		return append(dst, ']'), nil
	case value.Fielder:
		fields := slices.SortedFunc(slices.Values(v.Fields()), func(a, b value.Field) int { return compareNumbers(a.Name, b.Name) })
		dst = append(dst, '{')
		for _, f := range fields {
			if dst, err = canonical(fmt.Appendf(dst, "%q:", f.Name), f.Value); err != nil {
				return nil, err
			}
			dst = append(dst, ',')
		}
		return append(dst, '}'), nil
	}
	return value.AppendJSON(dst, v)
}
