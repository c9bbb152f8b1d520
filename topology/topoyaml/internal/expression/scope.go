package expression

import (
	"slices"
	"strings"

	"github.com/kolkstream/kolk/topology/record"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// root is a variable of an expression.
type root uint8

const (
	RootKey root = iota
	RootValue
	rootLeft
	rootRight
	RootTime
	rootWindow
	rootHeaders
)

// RootSet says which variables an expression uses.
type RootSet uint8

func (s RootSet) Has(r root) bool { return s&(1<<r) != 0 }

// WholeRecord says that an expression needs more than the value.
func (s RootSet) WholeRecord() bool { return s.Has(RootKey) || s.Has(RootTime) || s.Has(rootHeaders) }

// variable is a name that an expression may use, and its static type.
type variable struct {
	name string
	root root
	typ  *value.Type
}

// Scope is what an expression may refer to.
type Scope []variable

func (s Scope) find(name string) (variable, bool) {
	for _, v := range s {
		if v.name == name {
			return v, true
		}
	}
	return variable{}, false
}

func (s Scope) names() []string {
	names := make([]string, len(s))
	for i, v := range s {
		names[i] = v.name
	}
	return names
}

// RecordScope is what the expressions of most steps see.
func RecordScope(key, of *value.Type) Scope {
	return Scope{{"value", RootValue, of}, {"key", RootKey, key}, {"time", RootTime, value.IntType}, {"headers", rootHeaders, value.AnyType}}
}

// RowScope is what steps of a table's rows see.
func RowScope(key, of *value.Type) Scope {
	return Scope{{"value", RootValue, of}, {"key", RootKey, key}}
}

// ValueScope is what conditions of branches, lists and look-ups see.
func ValueScope(value *value.Type) Scope { return Scope{{"value", RootValue, value}} }

// JoinScope is what the value of a join and a reducer see.
func JoinScope(left, right *value.Type) Scope {
	return Scope{{"left", rootLeft, left}, {"right", rootRight, right}}
}

var typWindow = &value.Type{Kind: value.ObjectKind, Fields: []value.TypeField{{Name: "start", Type: value.IntType}, {Name: "end", Type: value.IntType}}}

// WindowScope is what the result of a windowed aggregation sees.
func WindowScope(key, value *value.Type) Scope {
	return Scope{{"value", RootValue, value}, {"key", RootKey, key}, {"window", rootWindow, typWindow}}
}

// Inputs are the values of the variables, for one evaluation. A caller fills in those of its scope.
type Inputs struct {
	Key, Value, Left, Right value.Value
	Time                    int64
	Start, End              int64
	Headers                 []record.Header
}

// get returns what path leads to from a variable.
func (in *Inputs) get(r root, path []string) value.Value {
	var v value.Value
	switch r {
	case RootKey:
		v = in.Key
	case RootValue:
		v = in.Value
	case rootLeft:
		v = in.Left
	case rootRight:
		v = in.Right
	case RootTime:
		v = in.Time
	case rootHeaders:
		if len(path) == 0 {
			fields := make([]value.Field, len(in.Headers))
			for i, h := range in.Headers {
				fields[i] = value.Named(h.Key, headerText(h))
			}
			return value.NewObject(fields...)
		}
		for _, h := range slices.Backward(in.Headers) {
			if h.Key == path[0] {
				v = headerText(h)
				break
			}
		}
		path = path[1:]
	case rootWindow:
		switch {
		case len(path) == 0:
			return value.NewObject(value.Named("start", in.Start), value.Named("end", in.End))
		case len(path) == 1 && path[0] == "start":
			return in.Start
		case len(path) == 1 && path[0] == "end":
			return in.End
		}
		return nil
	}
	for _, name := range path {
		v = value.Get(v, name)
	}
	return v
}

// headerText returns the value of a header as text, or null. Bytes that are no UTF-8 are replaced.
func headerText(h record.Header) value.Value {
	if h.Value == nil {
		return nil
	}
	return strings.ToValidUTF8(string(h.Value), "\uFFFD")
}
