package operator

import (
	"reflect"
	"time"
)

// Mutable reports whether values of T hold memory that a holder of a copy could change: pointers,
// maps, slices, channels, functions, interfaces. Such values must not be passed on by somebody who
// changes them later. It is asked once, when a graph is built.
func Mutable[T any]() bool { return mutable(reflect.TypeFor[T]()) }

func mutable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Chan, reflect.Func, reflect.Interface, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return t.Len() > 0 && mutable(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return false // its pointer leads to a location, which nobody changes
		}
		for i := range t.NumField() {
			if mutable(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
