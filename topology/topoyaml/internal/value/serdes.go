package value

import (
	"fmt"
	"slices"

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

// AppendJSON appends a value as JSON, whatever the serde makes of it.
func (s scalarSerde[T]) AppendJSON(dst []byte, v Value) ([]byte, error) { return AppendJSON(dst, v) }

// ParseJSON reads a value that may be one of the serde.
func (s scalarSerde[T]) ParseJSON(text []byte) (Value, error) { return ParseJSON(text) }

func same[T any](v Value) (T, bool) {
	t, ok := v.(T)
	return t, ok
}

func boxed[T any](t T) Value { return t }

// Format is a serde of dynamic values, and what is known of it when a file is loaded.
type Format struct {
	Serde serde.Serde[Value]
	// Type is that of the values that it reads.
	Type *Type
	// takes are the kinds of values that it writes; nil: all.
	takes []TypeKind
}

// Name is the name of the serde in files.
func (f Format) Name() string { return f.Serde.Name() }

// Takes reports whether the serde writes values of a type. One that is not known may turn out to be
// right.
func (f Format) Takes(t *Type) bool {
	return t.Kind == AnyKind || t.Kind == NullKind || f.takes == nil || slices.Contains(f.takes, t.Kind)
}

// Formats returns the serdes that files may name, in the order of the documentation.
func Formats() []Format {
	return []Format{
		{scalarSerde[string]{serde.String(), same[string], boxed[string]}, StringType, []TypeKind{StringKind}},
		{JSONSerde{}, AnyType, nil},
		{scalarSerde[int64]{serde.Int64(), same[int64], boxed[int64]}, IntType, []TypeKind{IntKind}},
		{scalarSerde[int32]{serde.Int32(), toInt32, fromInt32}, IntType, []TypeKind{IntKind}},
		{scalarSerde[float64]{serde.Float64(), ExactFloat, Whole}, FloatType, []TypeKind{IntKind, FloatKind}},
		{scalarSerde[bool]{serde.Bool(), same[bool], boxed[bool]}, BoolType, []TypeKind{BoolKind}},
		{scalarSerde[[]byte]{serde.Bytes(), toBytes, boxed[[]byte]}, BytesType, []TypeKind{BytesKind, StringKind}},
	}
}

// FormatNames returns the names of the serdes, in the order of the documentation.
func FormatNames() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name())
	}
	return names
}

// FormatOf returns the serde of that name.
func FormatOf(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name() == name {
			return f, true
		}
	}
	return Format{}, false
}

// KeyFormat returns the name of the serde of a key that an expression of this type yields.
func KeyFormat(t *Type) string {
	for _, f := range Formats() {
		if f.Type.Kind == t.Kind && t.Kind != AnyKind {
			return f.Name()
		}
	}
	return "string"
}

func fromInt32(i int32) Value { return int64(i) }

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

// SerdeOf returns a serde by a name that is known to be one.
func SerdeOf(name string) serde.Serde[Value] {
	f, _ := FormatOf(name)
	return f.Serde
}
