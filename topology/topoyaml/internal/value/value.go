// Package value is what expressions of topologies in YAML compute with: dynamic values, their JSON,
// their order and arithmetic that is exact or an error.
package value

import (
	"fmt"
	"slices"
	"strings"
)

// Value is a dynamic value: nil, bool, int64, float64, string, []byte, []Value or *[Object]; the
// result of an aggregation is another [Fielder].
//
// Values are never changed once they are made, so they may be shared. A number that is whole and
// fits is always an int64, never a float64: that way a number does not change its kind by being
// written and read again. No float64 is infinite or no number.
type Value = any

// Object is a JSON object that keeps the order of its fields. It is immutable, and safe for
// concurrent use. It is made by hand: Go's maps have no order, and the ordered ones of libraries
// can be changed by whoever has them.
type Object struct {
	fields []Field
}

// Field is one field of an [Object].
type Field struct {
	Name  string
	Value Value
}

// NewObject returns an object of these fields, in this order. It takes the slice over. The last one
// of fields with the same name is the one that counts.
func NewObject(fields ...Field) *Object { return &Object{fields: fields} }

// Named returns a field.
func Named(name string, v Value) Field { return Field{Name: name, Value: v} }

// Len returns the number of fields.
func (o *Object) Len() int { return len(o.fields) }

// Fields returns the fields in their order. The slice is the object's own: it is not to be changed.
func (o *Object) Fields() []Field { return o.fields }

// Get returns the value of the field name; ok is false if there is none.
func (o *Object) Get(name string) (v Value, ok bool) {
	for i := len(o.fields) - 1; i >= 0; i-- {
		if o.fields[i].Name == name {
			return o.fields[i].Value, true
		}
	}
	return nil, false
}

// MarshalJSON writes the object with its fields in order.
func (o *Object) MarshalJSON() ([]byte, error) { return AppendJSON(nil, o) }

// Fielder is what [Object] and an aggregation's state have in common.
type Fielder interface {
	Get(name string) (Value, bool)
	Fields() []Field
}

// Get returns the value of a field, or nil: of nil, of other values that have no fields, and where
// it is missing.
func Get(v Value, name string) Value {
	switch o := v.(type) {
	case *Object:
		f, _ := o.Get(name)
		return f
	case Fielder:
		f, _ := o.Get(name)
		return f
	}
	return nil
}

// Builder makes an object of which a name may come twice: the last value counts, at the first one's
// place.
type Builder struct {
	fields []Field
	at     map[string]int
}

// Set adds a field, or gives it another value.
func (b *Builder) Set(name string, v Value) {
	if i, ok := b.at[name]; ok {
		b.fields[i].Value = v
		return
	}
	if b.at == nil {
		b.at = map[string]int{}
	}
	b.at[name] = len(b.fields)
	b.fields = append(b.fields, Field{name, v})
}

// Get returns the value of a field so far.
func (b *Builder) Get(name string) (v Value, ok bool) {
	i, ok := b.at[name]
	if !ok {
		return nil, false
	}
	return b.fields[i].Value, true
}

// Object returns the object. The builder is used up.
func (b *Builder) Object() *Object { return NewObject(b.fields...) }

// Snapshot returns v, or an object with the fields that it has now: the state of an aggregation is
// changed with the next record.
func Snapshot(v Value) Value {
	switch o := v.(type) {
	case *Object:
		return o
	case Fielder:
		return NewObject(o.Fields()...)
	}
	return v
}

// FromGo makes a value of one that Go code has returned.
func FromGo(v any) (Value, error) {
	switch v := v.(type) {
	case nil, bool, int64, string, []byte, *Object:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		return Float(v)
	}
	return nil, fmt.Errorf("a result of type %T is no value; convert it to a string or a number", v)
}

// Kind names the kind of a value, as error messages and schemas do.
func Kind(v Value) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "string"
	case []byte:
		return "bytes"
	case []Value:
		return "list"
	case Fielder:
		return "object"
	}
	return fmt.Sprintf("%T", v)
}

// Scalar reports whether v is neither a list nor an object nor bytes: Go compares such values as
// [Equal] does.
func Scalar(v Value) bool {
	switch v.(type) {
	case nil, bool, int64, float64, string:
		return true
	}
	return false
}

// Equal reports whether two values are the same. Numbers are the same if they are exactly as large,
// objects if they have the same fields, in whatever order.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case int64:
		if b, ok := b.(int64); ok {
			return a == b
		}
		order, ok := Compare(a, b)
		return ok && order == 0
	case float64:
		order, ok := Compare(a, b)
		return ok && order == 0
	case []byte:
		b, ok := b.([]byte)
		return ok && string(a) == string(b)
	case []Value:
		b, ok := b.([]Value)
		return ok && slices.EqualFunc(a, b, Equal)
	case Fielder:
		b, ok := b.(Fielder)
		if !ok {
			return false
		}
		x, y := a.Fields(), b.Fields()
		if len(x) != len(y) {
			return false
		}
		for _, f := range x {
			if v, ok := b.Get(f.Name); !ok || !Equal(f.Value, v) {
				return false
			}
		}
		return true
	}
	return false
}

// Compare orders numbers by their exact size, and texts by their bytes, which is the order of their
// characters. ok is false for other values, and for a number and a text.
func Compare(a, b Value) (order int, ok bool) {
	switch a := a.(type) {
	case int64:
		switch b := b.(type) {
		case int64:
			return compareOrdered(a, b), true
		case float64:
			return CompareIntFloat(a, b), true
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return -CompareIntFloat(b, a), true
		case float64:
			return compareOrdered(a, b), true
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true
		}
	}
	return 0, false
}

func compareOrdered[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// CompareIntFloat orders an int and a float, without making either the kind of the other, which may
// round it.
func CompareIntFloat(i int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -(1 << 63):
		return 1
	}
	whole := int64(f)
	if i != whole {
		return compareOrdered(i, whole)
	}
	return compareOrdered(0, f-float64(whole))
}
