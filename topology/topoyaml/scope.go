package topoyaml

import (
	"time"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// root is a variable of an expression.
type root uint8

const (
	rootKey root = iota
	rootValue
	rootLeft
	rootRight
	rootTime
	rootWindow
)

// rootSet says which variables an expression uses.
type rootSet uint8

func (s rootSet) has(r root) bool { return s&(1<<r) != 0 }

// variable is a name that an expression may use, and its static type.
type variable struct {
	name string
	root root
	typ  *typ
}

// scope is what an expression may refer to.
type scope []variable

func (s scope) find(name string) (variable, bool) {
	for _, v := range s {
		if v.name == name {
			return v, true
		}
	}
	return variable{}, false
}

func (s scope) names() []string {
	names := make([]string, len(s))
	for i, v := range s {
		names[i] = v.name
	}
	return names
}

// recordScope is what the expressions of most steps see.
func recordScope(key, value *typ) scope {
	return scope{{"value", rootValue, value}, {"key", rootKey, key}, {"time", rootTime, typInt}}
}

// valueScope is what conditions of branches, lists and look-ups see.
func valueScope(value *typ) scope { return scope{{"value", rootValue, value}} }

// joinScope is what the value of a join and a reducer see.
func joinScope(left, right *typ) scope {
	return scope{{"left", rootLeft, left}, {"right", rootRight, right}}
}

var typWindow = &typ{kind: objectKind, fields: []typeField{{"start", typInt}, {"end", typInt}}}

// windowScope is what the result of a windowed aggregation sees.
func windowScope(key, value *typ) scope {
	return scope{{"value", rootValue, value}, {"key", rootKey, key}, {"window", rootWindow, typWindow}}
}

// inputs are the values of the variables, for one evaluation. A caller fills in those of its scope.
type inputs struct {
	key, value, left, right Value
	time                    int64
	start, end              int64
}

// get returns what path leads to from a variable.
func (in *inputs) get(r root, path []string) Value {
	var v Value
	switch r {
	case rootKey:
		v = in.key
	case rootValue:
		v = in.value
	case rootLeft:
		v = in.left
	case rootRight:
		v = in.right
	case rootTime:
		v = in.time
	case rootWindow:
		switch {
		case len(path) == 0:
			return NewObject(named("start", in.start), named("end", in.end))
		case len(path) == 1 && path[0] == "start":
			return in.start
		case len(path) == 1 && path[0] == "end":
			return in.end
		}
		return nil
	}
	for _, name := range path {
		v = value.Get(v, name)
	}
	return v
}

func millis(t time.Time) int64 { return t.UnixMilli() }
