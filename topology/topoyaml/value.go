package topoyaml

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Value is a dynamic value: nil, bool, int64, float64, string, []byte, []Value or *[Object]; the result of an aggregation is
// something that reads like an object.
//
// Values are never changed once they are made, so they may be shared. A number that is whole and fits is always an int64, never a
// float64: that way a number does not change its kind by being written and read again.
type Value = any

// Object is a JSON object that keeps the order of its fields. It is immutable, and safe for concurrent use.
type Object struct {
	fields []Field
}

// Field is one field of an [Object].
type Field struct {
	Name  string
	Value Value
}

// NewObject returns an object of these fields, in this order. It takes the slice over. The last one of fields with the same
// name is the one that counts.
func NewObject(fields ...Field) *Object { return &Object{fields: fields} }

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
func (o *Object) MarshalJSON() ([]byte, error) { return appendJSON(nil, o) }

// object is what [Object] and an aggregation's state have in common.
type object interface {
	Get(name string) (Value, bool)
	Fields() []Field
}

// field returns the value of a field, or nil: of nil, of other values that have no fields, and where it is missing.
func field(v Value, name string) Value {
	switch o := v.(type) {
	case *Object:
		f, _ := o.Get(name)
		return f
	case object:
		f, _ := o.Get(name)
		return f
	}
	return nil
}

// wholeNumber returns the int64 that f is, or f.
func wholeNumber(f float64) Value {
	// 1<<63 itself does not fit; -1<<63 does.
	if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return f
}

// plain turns a value into what package expr knows: objects become maps.
func plain(v Value) any {
	switch v := v.(type) {
	case object:
		fields := v.Fields()
		m := make(map[string]any, len(fields))
		for _, f := range fields {
			m[f.Name] = plain(f.Value)
		}
		return m
	case []Value:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	}
	return v
}

// fromPlain turns the result of an expression, or a value that a registered function returned, into a Value. Maps become
// objects with their fields sorted by name.
func fromPlain(v any) (Value, error) {
	switch v := v.(type) {
	case nil, bool, int64, string, []byte, *Object:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("the result is %v, which is no value", v)
		}
		return wholeNumber(v), nil
	case float32:
		return fromPlain(float64(v))
	case int32:
		return int64(v), nil
	case []any:
		return fromList(v)
	case []int:
		list := make([]Value, len(v))
		for i, e := range v {
			list[i] = int64(e)
		}
		return list, nil
	case []string:
		list := make([]Value, len(v))
		for i, e := range v {
			list[i] = e
		}
		return list, nil
	case map[string]any:
		fields := make([]Field, 0, len(v))
		for name, e := range v {
			e, err := fromPlain(e)
			if err != nil {
				return nil, err
			}
			fields = append(fields, Field{name, e})
		}
		slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
		return NewObject(fields...), nil
	case map[any][]any: // groupBy
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[fmt.Sprint(k)] = e
		}
		return fromPlain(m)
	case object:
		return v, nil
	}
	return nil, fmt.Errorf("a result of type %T is no value; convert it to a string or a number", v)
}

// fromList copies only if an element changes.
func fromList(list []any) (Value, error) {
	out := list
	for i, e := range list {
		c, err := fromPlain(e)
		if err != nil {
			return nil, err
		}
		if !identical(c, e) {
			if &out[0] == &list[0] {
				out = slices.Clone(list)
			}
			out[i] = c
		}
	}
	return []Value(out), nil
}

// identical says that converting has left a value alone. Only scalars are compared: lists and objects count as changed.
func identical(a, b any) bool {
	switch a.(type) {
	case nil, bool, int64, float64, string:
		return a == b
	}
	return false
}

// kindOf names the kind of a value, as error messages and schemas do.
func kindOf(v Value) string {
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
	case object:
		return "object"
	}
	return fmt.Sprintf("%T", v)
}
