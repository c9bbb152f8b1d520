package value

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
)

// JSONSerde is the serde of values as JSON. Its name is that of the Go serde, "json".
type JSONSerde struct{}

func (JSONSerde) Name() string { return "json" }

func (JSONSerde) Append(dst []byte, v Value) ([]byte, error) { return AppendJSON(dst, v) }

func (JSONSerde) Decode(src []byte) (Value, error) { return ParseJSON(src) }

// scalarSerde makes a typed serde one of values.
type scalarSerde[T any] struct {
	serde.Serde[T]
	from func(Value) (T, bool)
	to   func(T) Value
}

func (s scalarSerde[T]) Append(dst []byte, v Value) ([]byte, error) {
	t, ok := s.from(v)
	if !ok {
		return nil, fmt.Errorf("topoyaml: the serde is %q, the value is of type %s", s.Name(), Kind(v))
	}
	return s.Serde.Append(dst, t)
}

func (s scalarSerde[T]) Decode(src []byte) (Value, error) {
	t, err := s.Serde.Decode(src)
	if err != nil {
		return nil, err
	}
	return s.to(t), nil
}

func same[T any](v Value) (T, bool) {
	t, ok := v.(T)
	return t, ok
}

func boxed[T any](t T) Value { return t }

// Format is a serde by name, with the static type of what it yields.
type Format struct {
	Serde serde.Serde[Value]
	Type  *Type
}

// FormatNames are the names of the serdes, in the order of the documentation.
var FormatNames = []string{"string", "json", "int64", "int32", "float64", "bool", "bytes"}

// FormatOf returns the serde of that name.
func FormatOf(name string) (Format, bool) {
	switch name {
	case "string":
		return Format{scalarSerde[string]{serde.String(), same[string], boxed[string]}, StringType}, true
	case "json":
		return Format{JSONSerde{}, AnyType}, true
	case "int64":
		return Format{scalarSerde[int64]{serde.Int64(), same[int64], boxed[int64]}, IntType}, true
	case "int32":
		return Format{scalarSerde[int32]{serde.Int32(), toInt32, func(i int32) Value { return int64(i) }}, IntType}, true
	case "float64":
		return Format{scalarSerde[float64]{serde.Float64(), ExactFloat, Whole}, FloatType}, true
	case "bool":
		return Format{scalarSerde[bool]{serde.Bool(), same[bool], boxed[bool]}, BoolType}, true
	case "bytes":
		return Format{scalarSerde[[]byte]{serde.Bytes(), toBytes, boxed[[]byte]}, BytesType}, true
	}
	return Format{}, false
}

func toInt32(v Value) (int32, bool) {
	i, ok := v.(int64)
	return int32(i), ok && int64(int32(i)) == i
}

func toBytes(v Value) ([]byte, bool) {
	switch v := v.(type) {
	case []byte:
		return v, true
	case string:
		return []byte(v), true
	}
	return nil, false
}

// KeyFormat is the serde of a key that an expression of this type yields.
func KeyFormat(t *Type) string {
	switch t.Kind {
	case IntKind:
		return "int64"
	case FloatKind:
		return "float64"
	case BoolKind:
		return "bool"
	case BytesKind:
		return "bytes"
	}
	return "string"
}

// SerdeOf returns a serde by a name that is known to be one.
func SerdeOf(name string) serde.Serde[Value] {
	f, _ := FormatOf(name)
	return f.Serde
}
