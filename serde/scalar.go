package serde

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrMalformed marks the errors of Decode for bytes that are no encoding of the type.
var ErrMalformed = errors.New("serde: malformed")

// String is the serde of strings: their bytes, UTF-8 or not, as they are. Its name is "string".
func String() Serde[string] { return stringSerde[string]{} }

// StringOf is [String] for a type whose underlying type is string.
func StringOf[T ~string]() Serde[T] { return stringSerde[T]{} }

// Bytes is the serde of byte slices: the bytes as they are. Decode returns a copy, never nil. Its
// name is "bytes".
func Bytes() Serde[[]byte] { return bytesSerde{} }

// Int32 is the serde of 32-bit integers: 4 bytes, big-endian, two's complement. Its name is
// "int32".
func Int32() Serde[int32] { return int32Serde{} }

// Int64 is the serde of 64-bit integers: 8 bytes, big-endian, two's complement. Its name is
// "int64".
func Int64() Serde[int64] { return int64Serde{} }

// Int is the serde of int; it writes what [Int64] writes and has its name.
func Int() Serde[int] { return intSerde{} }

// Float64 is the serde of floating-point numbers: 8 bytes, big-endian, IEEE 754. Its name is
// "float64". All NaNs are written as one, as Kafka does; 0 and -0 are two different keys.
func Float64() Serde[float64] { return float64Serde{} }

// Bool is the serde of booleans: one byte, 1 or 0. Its name is "bool".
func Bool() Serde[bool] { return boolSerde{} }

// For returns the built-in serde of the type T: string, []byte, int, int32, int64, float64 or bool.
// ok is false for all other types, among them those that are only based on one of these.
func For[T any]() (s Serde[T], ok bool) {
	var found any
	// A pointer to T names the type even where T is an interface.
	switch any((*T)(nil)).(type) {
	case *string:
		found = String()
	case *[]byte:
		found = Bytes()
	case *int:
		found = Int()
	case *int32:
		found = Int32()
	case *int64:
		found = Int64()
	case *float64:
		found = Float64()
	case *bool:
		found = Bool()
	}
	s, ok = found.(Serde[T])
	return s, ok
}

type stringSerde[T ~string] struct{}

func (stringSerde[T]) Name() string                           { return "string" }
func (stringSerde[T]) Append(dst []byte, v T) ([]byte, error) { return append(dst, v...), nil }
func (stringSerde[T]) Decode(src []byte) (T, error)           { return T(src), nil }

type bytesSerde struct{}

func (bytesSerde) Name() string                                { return "bytes" }
func (bytesSerde) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (bytesSerde) Decode(src []byte) ([]byte, error) {
	return append(make([]byte, 0, len(src)), src...), nil
}

type int32Serde struct{}

func (int32Serde) Name() string { return "int32" }

func (int32Serde) Append(dst []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
}

func (int32Serde) Decode(src []byte) (int32, error) {
	if len(src) != 4 {
		return 0, wrongLength("int32", 4, src)
	}
	return int32(binary.BigEndian.Uint32(src)), nil
}

type int64Serde struct{}

func (int64Serde) Name() string { return "int64" }

func (int64Serde) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (int64Serde) Decode(src []byte) (int64, error) {
	if len(src) != 8 {
		return 0, wrongLength("int64", 8, src)
	}
	return int64(binary.BigEndian.Uint64(src)), nil
}

type intSerde struct{}

func (intSerde) Name() string { return "int64" }

func (intSerde) Append(dst []byte, v int) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (intSerde) Decode(src []byte) (int, error) {
	v, err := int64Serde{}.Decode(src)
	if err == nil && int64(int(v)) != v {
		return 0, fmt.Errorf("%w: int64 %d does not fit this machine's int", ErrMalformed, v)
	}
	return int(v), err
}

type float64Serde struct{}

// javaNaN is the one NaN that java.lang.Double.doubleToLongBits yields.
const javaNaN = 0x7ff8000000000000

func (float64Serde) Name() string { return "float64" }

func (float64Serde) Append(dst []byte, v float64) ([]byte, error) {
	bits := math.Float64bits(v)
	if v != v {
		bits = javaNaN
	}
	return binary.BigEndian.AppendUint64(dst, bits), nil
}

func (float64Serde) Decode(src []byte) (float64, error) {
	if len(src) != 8 {
		return 0, wrongLength("float64", 8, src)
	}
	return math.Float64frombits(binary.BigEndian.Uint64(src)), nil
}

type boolSerde struct{}

func (boolSerde) Name() string { return "bool" }

func (boolSerde) Append(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (boolSerde) Decode(src []byte) (bool, error) {
	if len(src) != 1 {
		return false, wrongLength("bool", 1, src)
	}
	if src[0] > 1 {
		return false, fmt.Errorf("%w: bool: byte %d", ErrMalformed, src[0])
	}
	return src[0] == 1, nil
}

func wrongLength(name string, want int, src []byte) error {
	return fmt.Errorf("%w: %s: %d bytes instead of %d", ErrMalformed, name, len(src), want)
}
