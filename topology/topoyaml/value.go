package topoyaml

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Value is a dynamic value: nil, bool, int64, float64, string, []byte, []Value or *[Object]; the
// result of an aggregation is something that reads like an object.
//
// Values are never changed once they are made, so they may be shared. A number that is whole and
// fits is always an int64, never a float64: that way a number does not change its kind by being
// written and read again. No float64 is infinite or no number.
type Value = value.Value

// Object is a JSON object that keeps the order of its fields. It is immutable, and safe for
// concurrent use. Its methods are
//
//	Len() int                                  // the number of fields
//	Fields() []Field                           // in their order; not to be changed
//	Get(name string) (v Value, ok bool)        // the value of a field
//	MarshalJSON() ([]byte, error)
type Object = value.Object

// Field is one field of an [Object]: a Name and a Value.
type Field = value.Field

// NewObject returns an object of these fields, in this order. It takes the slice over. The last one
// of fields with the same name is the one that counts.
func NewObject(fields ...Field) *Object { return value.NewObject(fields...) }
