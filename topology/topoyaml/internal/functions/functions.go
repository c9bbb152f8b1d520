// Package functions is the functions that expressions call. Each is a function of its arguments
// alone: none looks at the clock, the locale, the environment or the files of the host.
package functions

import (
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Value is [value.Value].
type Value = value.Value

// Function is a function of up to four arguments, or of any number.
type Function struct {
	Name     string
	Min, Max int // how many arguments; Max is -1 for any number
	// Call computes it. Arguments that are left out are [Absent].
	Call func(a, b, c, d Value) (Value, error)
	// Many computes it if Max is -1.
	Many func(args []Value) (Value, error)
	// Check looks at arguments that stand in the file before any record comes, each with its
	// number; nil: nothing to see.
	Check func(arg int, v Value) error
}

type absent struct{}

// Absent stands for an argument that is left out.
var Absent Value = absent{}

// Bounds of what one expression makes for one record.
const (
	MaxList = 1_000_000 // elements
	MaxText = 16 << 20  // bytes
)

var (
	errList = fmt.Errorf("a list of more than %d elements", MaxList)
	errText = fmt.Errorf("a text of more than %d bytes", MaxText)
)

// Library is the functions of one file, and what they have loaded for it. It is safe for concurrent
// use.
type Library struct {
	zones    zones
	patterns patterns
	byName   map[string]*Function
}

// NewLibrary returns the functions.
func NewLibrary() *Library {
	l := &Library{byName: map[string]*Function{}}
	for _, list := range [][]Function{numbers(), texts(), lists(), objects(), l.times(), l.matching()} {
		for i := range list {
			l.byName[list[i].Name] = &list[i]
		}
	}
	return l
}

// Find returns the function of that name, or nil.
func (l *Library) Find(name string) *Function { return l.byName[name] }

// text is an argument that has to be a text.
func text(fn string, v Value) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s needs a string, not %s%s", fn, value.Kind(v), value.OfNull(v))
	}
	return s, nil
}

// whole is an argument that has to be a whole number.
func whole(fn string, v Value) (int64, error) {
	i, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("%s needs a whole number, not %s%s", fn, value.Kind(v), value.OfNull(v))
	}
	return i, nil
}

// list is an argument that has to be a list.
func list(fn string, v Value) ([]Value, error) {
	l, ok := v.([]Value)
	if !ok {
		return nil, fmt.Errorf("%s needs a list, not %s%s", fn, value.Kind(v), value.OfNull(v))
	}
	return l, nil
}

// one makes a Function of one that takes one argument.
func one(name string, f func(Value) (Value, error)) Function {
	return Function{Name: name, Min: 1, Max: 1, Call: func(a, _, _, _ Value) (Value, error) { return f(a) }}
}

// ofText makes a Function of one that takes a text.
func ofText(name string, f func(string) (Value, error)) Function {
	return one(name, func(v Value) (Value, error) {
		s, err := text(name, v)
		if err != nil {
			return nil, err
		}
		return f(s)
	})
}

// ofTexts makes a Function of one that takes two texts.
func ofTexts(name string, f func(a, b string) Value) Function {
	return Function{Name: name, Min: 2, Max: 2, Call: func(a, b, _, _ Value) (Value, error) {
		s, err := text(name, a)
		if err != nil {
			return nil, err
		}
		t, err := text(name, b)
		if err != nil {
			return nil, err
		}
		return f(s, t), nil
	}}
}

// ofList makes a Function of one that takes a list.
func ofList(name string, f func([]Value) (Value, error)) Function {
	return one(name, func(v Value) (Value, error) {
		l, err := list(name, v)
		if err != nil {
			return nil, err
		}
		return f(l)
	})
}
