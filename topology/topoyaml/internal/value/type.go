package value

import (
	"fmt"
	"slices"
	"strings"
)

// TypeKind is what a value is known to be when the file is loaded.
type TypeKind uint8

const (
	AnyKind TypeKind = iota // not known
	NullKind
	BoolKind
	IntKind
	FloatKind
	StringKind
	BytesKind
	ListKind
	ObjectKind
)

// Type is a static type. Any value may also be null or missing.
type Type struct {
	Kind   TypeKind
	Elem   *Type       // of a list
	Fields []TypeField // of an object, in order
}

type TypeField struct {
	Name string
	Type *Type
}

var (
	AnyType    = &Type{Kind: AnyKind}
	NullType   = &Type{Kind: NullKind}
	BoolType   = &Type{Kind: BoolKind}
	IntType    = &Type{Kind: IntKind}
	FloatType  = &Type{Kind: FloatKind}
	StringType = &Type{Kind: StringKind}
	BytesType  = &Type{Kind: BytesKind}
)

// TypeNames returns the names of types that a schema may use.
func TypeNames() []string { return []string{"string", "int", "float", "bool", "any"} }

// TypeNamed returns the type of that name.
func TypeNamed(name string) (*Type, bool) {
	for _, t := range []*Type{StringType, IntType, FloatType, BoolType, AnyType} {
		if t.String() == name {
			return t, true
		}
	}
	return nil, false
}

// Field returns the type of a field of an object.
func (t *Type) Field(name string) (*Type, bool) {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type, true
		}
	}
	return nil, false
}

func (t *Type) FieldNames() []string {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return names
}

// String names the type as error messages do.
func (t *Type) String() string {
	switch t.Kind {
	case NullKind:
		return "null"
	case BoolKind:
		return "bool"
	case IntKind:
		return "int"
	case FloatKind:
		return "float"
	case StringKind:
		return "string"
	case BytesKind:
		return "bytes"
	case ListKind:
		return "[" + t.Elem.String() + "]"
	case ObjectKind:
		var b strings.Builder
		b.WriteByte('{')
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.Name + ": " + f.Type.String())
		}
		b.WriteByte('}')
		return b.String()
	}
	return "any"
}

func (t *Type) IsNumber() bool { return t.Kind == IntKind || t.Kind == FloatKind }

// Holds reports whether a value may be of the type: null may be anything, an int may be a float.
func (t *Type) Holds(v Value) bool {
	switch v.(type) {
	case nil:
		return true
	case bool:
		return t.Kind == BoolKind || t.Kind == AnyKind
	case int64:
		return t.Kind == IntKind || t.Kind == FloatKind || t.Kind == AnyKind
	case float64:
		return t.Kind == FloatKind || t.Kind == AnyKind
	case string:
		return t.Kind == StringKind || t.Kind == AnyKind
	case []byte:
		return t.Kind == BytesKind || t.Kind == AnyKind
	case []Value:
		return t.Kind == ListKind || t.Kind == AnyKind
	}
	return t.Kind == ObjectKind || t.Kind == AnyKind
}

// Common is a type that holds what both hold: of streams that are merged.
func Common(a, b *Type) *Type {
	switch {
	case a.Kind == NullKind:
		return b
	case b.Kind == NullKind || SameType(a, b):
		return a
	case a.IsNumber() && b.IsNumber():
		return FloatType
	}
	return AnyType
}

func SameType(a, b *Type) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case ListKind:
		return SameType(a.Elem, b.Elem)
	case ObjectKind:
		// The order of fields does not matter to expressions.
		return len(a.Fields) == len(b.Fields) && !slices.ContainsFunc(a.Fields, func(f TypeField) bool {
			t, ok := b.Field(f.Name)
			return !ok || !SameType(f.Type, t)
		})
	}
	return true
}

// Mismatch names the first part of a value that is not of its type. Fields that are missing or null
// are of any type, and so are those that the type does not name.
func (t *Type) Mismatch(path string, v Value) error {
	if !t.Holds(v) {
		if path == "" {
			path = "the row"
		}
		return fmt.Errorf("topoyaml: %s is of type %s; the schema says %s", path, Kind(v), t)
	}
	switch v := v.(type) {
	case []Value:
		if t.Kind != ListKind {
			return nil
		}
		for i, e := range v {
			if err := t.Elem.Mismatch(fmt.Sprintf("%s[%d]", path, i), e); err != nil {
				return err
			}
		}
	case *Object:
		for _, f := range v.Fields() {
			if of, ok := t.Field(f.Name); ok {
				if err := of.Mismatch(strings.TrimPrefix(path+"."+f.Name, "."), f.Value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
