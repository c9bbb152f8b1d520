package topoyaml

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// jsonSerde is the serde of values as JSON. Its name is that of the Go serde, "json".
type jsonSerde struct{}

func (jsonSerde) Name() string                               { return "json" }
func (jsonSerde) Append(dst []byte, v Value) ([]byte, error) { return appendJSON(dst, v) }
func (jsonSerde) Decode(src []byte) (Value, error)           { return parseJSON(src) }

// scalarSerde makes a typed serde one of values.
type scalarSerde[T any] struct {
	serde.Serde[T]
	from func(Value) (T, bool)
	to   func(T) Value
}

func (s scalarSerde[T]) Append(dst []byte, v Value) ([]byte, error) {
	t, ok := s.from(v)
	if !ok {
		return nil, fmt.Errorf("topoyaml: the serde is %q, the value is of type %s", s.Name(), kindOf(v))
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

// format is a serde by name, with the static type of what it yields.
type format struct {
	serde serde.Serde[Value]
	typ   *typ
}

// formatNames are the names of the serdes, in the order of the documentation.
var formatNames = []string{"string", "json", "int64", "int32", "float64", "bool", "bytes"}

// formatOf returns the serde of that name.
func formatOf(name string) (format, bool) {
	switch name {
	case "string":
		return format{scalarSerde[string]{serde.String(), same[string], boxed[string]}, typString}, true
	case "json":
		return format{jsonSerde{}, typAny}, true
	case "int64":
		return format{scalarSerde[int64]{serde.Int64(), same[int64], boxed[int64]}, typInt}, true
	case "int32":
		return format{scalarSerde[int32]{serde.Int32(), toInt32, func(i int32) Value { return int64(i) }}, typInt}, true
	case "float64":
		return format{scalarSerde[float64]{serde.Float64(), value.ExactFloat, wholeNumber}, typFloat}, true
	case "bool":
		return format{scalarSerde[bool]{serde.Bool(), same[bool], boxed[bool]}, typBool}, true
	case "bytes":
		return format{scalarSerde[[]byte]{serde.Bytes(), toBytes, boxed[[]byte]}, typBytes}, true
	}
	return format{}, false
}

func toInt32(v Value) (int32, bool) {
	i, ok := v.(int64)
	return int32(i), ok && int64(int32(i)) == i
}

func toFloat(v Value) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
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

// keyFormat is the serde of a key that an expression of this type yields.
func keyFormat(t *typ) string {
	switch t.kind {
	case intKind:
		return "int64"
	case floatKind:
		return "float64"
	case boolKind:
		return "bool"
	case bytesKind:
		return "bytes"
	}
	return "string"
}
