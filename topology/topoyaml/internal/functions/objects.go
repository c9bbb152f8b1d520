package functions

import (
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

func objects() []Function {
	return []Function{
		ofObject("keys", func(f value.Field) Value { return f.Name }),
		ofObject("values", func(f value.Field) Value { return f.Value }),
		ofObject("toPairs", func(f value.Field) Value { return []Value{f.Name, f.Value} }),
		ofList("fromPairs", func(l []Value) (Value, error) {
			var b value.Builder
			for _, v := range l {
				pair, ok := v.([]Value)
				if !ok || len(pair) != 2 {
					return nil, fmt.Errorf("fromPairs needs a list of pairs [name, value]")
				}
				name, err := value.Name(pair[0])
				if err != nil {
					return nil, err
				}
				b.Set(name, pair[1])
			}
			return b.Object(), nil
		}),
	}
}

// ofObject makes a list of an object's fields, in their order.
func ofObject(name string, f func(value.Field) Value) Function {
	return one(name, func(v Value) (Value, error) {
		o, ok := v.(value.Fielder)
		if !ok {
			return nil, fmt.Errorf("%s needs an object, not %s%s", name, value.Kind(v), value.OfNull(v))
		}
		fields := o.Fields()
		l := make([]Value, len(fields))
		for i, field := range fields {
			l[i] = f(field)
		}
		return l, nil
	})
}
