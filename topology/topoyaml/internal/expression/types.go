package expression

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/types"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// exprType is a type as package expr knows it.
func exprType(t *value.Type) types.Type {
	switch t.Kind {
	case value.NullKind:
		return types.Nil
	case value.BoolKind:
		return types.Bool
	case value.IntKind:
		return types.Int64
	case value.FloatKind:
		return types.Float64
	case value.StringKind:
		return types.String
	case value.BytesKind:
		return types.TypeOf([]byte(nil))
	case value.ListKind:
		return types.Array(exprType(t.Elem))
	case value.ObjectKind:
		m := types.Map{}
		for _, f := range t.Fields {
			m[f.Name] = exprType(f.Type)
		}
		return m
	}
	return types.Any
}

// typeOf is the static type of the result of a checked expression.
func typeOf(n *nature.Nature) *value.Type {
	if n == nil {
		return value.AnyType
	}
	if n.Nil {
		return value.NullType
	}
	if n.Type == nil {
		return value.AnyType
	}
	switch {
	case n.IsInteger:
		return value.IntType
	case n.IsFloat:
		return value.FloatType
	case n.Type == reflect.TypeFor[[]byte]():
		return value.BytesType
	}
	switch n.Kind {
	case reflect.String:
		return value.StringType
	case reflect.Bool:
		return value.BoolType
	case reflect.Slice, reflect.Array:
		if n.Ref != nil {
			return &value.Type{Kind: value.ListKind, Elem: typeOf(n.Ref)}
		}
		elem := nature.FromType(n.Type.Elem())
		return &value.Type{Kind: value.ListKind, Elem: typeOf(&elem)}
	case reflect.Map:
		if n.TypeData == nil || !n.Strict || len(n.Fields) == 0 {
			return value.AnyType
		}
		t := &value.Type{Kind: value.ObjectKind}
		for name, f := range n.Fields {
			t.Fields = append(t.Fields, value.TypeField{Name: name, Type: typeOf(&f)})
		}
		slices.SortFunc(t.Fields, func(a, b value.TypeField) int { return strings.Compare(a.Name, b.Name) })
		return t
	}
	return value.AnyType
}
