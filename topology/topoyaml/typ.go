package topoyaml

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/types"
)

// kind is what a value is known to be when the file is loaded.
type kind uint8

const (
	anyKind kind = iota // not known
	nullKind
	boolKind
	intKind
	floatKind
	stringKind
	bytesKind
	listKind
	objectKind
)

// typ is a static type. Any value may also be null or missing.
type typ struct {
	kind   kind
	elem   *typ        // of a list
	fields []typeField // of an object, in order
}

type typeField struct {
	name string
	typ  *typ
}

var (
	typAny    = &typ{kind: anyKind}
	typNull   = &typ{kind: nullKind}
	typBool   = &typ{kind: boolKind}
	typInt    = &typ{kind: intKind}
	typFloat  = &typ{kind: floatKind}
	typString = &typ{kind: stringKind}
	typBytes  = &typ{kind: bytesKind}
)

// scalarTypes are the names that a schema may use.
var scalarTypes = map[string]*typ{
	"string": typString, "int": typInt, "float": typFloat, "bool": typBool, "any": typAny,
}

var scalarTypeNames = []string{"string", "int", "float", "bool", "any"}

// field returns the type of a field of an object.
func (t *typ) field(name string) (*typ, bool) {
	for _, f := range t.fields {
		if f.name == name {
			return f.typ, true
		}
	}
	return nil, false
}

func (t *typ) fieldNames() []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.name
	}
	return names
}

// String names the type as error messages do.
func (t *typ) String() string {
	switch t.kind {
	case nullKind:
		return "null"
	case boolKind:
		return "bool"
	case intKind:
		return "int"
	case floatKind:
		return "float"
	case stringKind:
		return "string"
	case bytesKind:
		return "bytes"
	case listKind:
		return "[" + t.elem.String() + "]"
	case objectKind:
		var b strings.Builder
		b.WriteByte('{')
		for i, f := range t.fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.name + ": " + f.typ.String())
		}
		b.WriteByte('}')
		return b.String()
	}
	return "any"
}

func (t *typ) number() bool { return t.kind == intKind || t.kind == floatKind }

// holds reports whether a value may be of the type: null may be anything, an int may be a float.
func (t *typ) holds(v Value) bool {
	switch v.(type) {
	case nil:
		return true
	case bool:
		return t.kind == boolKind || t.kind == anyKind
	case int64:
		return t.kind == intKind || t.kind == floatKind || t.kind == anyKind
	case float64:
		return t.kind == floatKind || t.kind == anyKind
	case string:
		return t.kind == stringKind || t.kind == anyKind
	case []byte:
		return t.kind == bytesKind || t.kind == anyKind
	case []Value:
		return t.kind == listKind || t.kind == anyKind
	}
	return t.kind == objectKind || t.kind == anyKind
}

// expr is the type as package expr knows it.
func (t *typ) expr() types.Type {
	switch t.kind {
	case nullKind:
		return types.Nil
	case boolKind:
		return types.Bool
	case intKind:
		return types.Int64
	case floatKind:
		return types.Float64
	case stringKind:
		return types.String
	case bytesKind:
		return types.TypeOf([]byte(nil))
	case listKind:
		return types.Array(t.elem.expr())
	case objectKind:
		m := types.Map{}
		for _, f := range t.fields {
			m[f.name] = f.typ.expr()
		}
		return m
	}
	return types.Any
}

// typeOf is the static type of the result of a checked expression.
func typeOf(n *nature.Nature) *typ {
	if n == nil {
		return typAny
	}
	if n.Nil {
		return typNull
	}
	if n.Type == nil {
		return typAny
	}
	switch {
	case n.IsInteger:
		return typInt
	case n.IsFloat:
		return typFloat
	case n.Type == reflect.TypeFor[[]byte]():
		return typBytes
	}
	switch n.Kind {
	case reflect.String:
		return typString
	case reflect.Bool:
		return typBool
	case reflect.Slice, reflect.Array:
		if n.Ref != nil {
			return &typ{kind: listKind, elem: typeOf(n.Ref)}
		}
		elem := nature.FromType(n.Type.Elem())
		return &typ{kind: listKind, elem: typeOf(&elem)}
	case reflect.Map:
		if n.TypeData == nil || !n.Strict || len(n.Fields) == 0 {
			return typAny
		}
		t := &typ{kind: objectKind}
		for name, f := range n.Fields {
			t.fields = append(t.fields, typeField{name, typeOf(&f)})
		}
		slices.SortFunc(t.fields, func(a, b typeField) int { return strings.Compare(a.name, b.name) })
		return t
	}
	return typAny
}

// common is a type that holds what both hold: of streams that are merged.
func common(a, b *typ) *typ {
	switch {
	case a.kind == nullKind:
		return b
	case b.kind == nullKind || sameType(a, b):
		return a
	case a.number() && b.number():
		return typFloat
	}
	return typAny
}

func sameType(a, b *typ) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case listKind:
		return sameType(a.elem, b.elem)
	case objectKind:
		// The order of fields does not matter to expressions.
		return len(a.fields) == len(b.fields) && !slices.ContainsFunc(a.fields, func(f typeField) bool {
			t, ok := b.field(f.name)
			return !ok || !sameType(f.typ, t)
		})
	}
	return true
}
