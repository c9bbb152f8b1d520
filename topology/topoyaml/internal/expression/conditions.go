package expression

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// test is eval for conditions: null counts as false.
func (n *code) test(in *Inputs, fr *frame) (bool, error) {
	switch n.op {
	case opAnd, opOr:
		ok, err := n.a.test(in, fr)
		if err != nil || ok == (n.op == opOr) {
			return ok, err
		}
		return n.b.test(in, fr)
	case opNot:
		ok, err := n.a.test(in, fr)
		return !ok, err
	case opEqual, opUnequal, opLess, opLessEqual, opGreater, opGreaterEqual, opIn, opContains, opStartsWith, opEndsWith, opMatches:
		return n.compared(in, fr)
	}
	v, err := n.eval(in, fr)
	if err != nil {
		return false, err
	}
	return truth(v)
}

func truth(v value.Value) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	}
	return false, fmt.Errorf("a condition should be true or false and is of type %s", value.Kind(v))
}

// compared is the result of an operator that says yes or no about two values.
func (n *code) compared(in *Inputs, fr *frame) (bool, error) {
	a, err := n.a.eval(in, fr)
	if err != nil {
		return false, err
	}
	if n.op == opIn {
		switch {
		case n.set != nil && value.Scalar(a):
			return n.set[a], nil
		case n.b.op == opRange:
			return n.b.contains(in, fr, a)
		}
	}
	b, err := n.b.eval(in, fr)
	if err != nil {
		return false, err
	}
	switch n.op {
	case opEqual:
		return value.Equal(a, b), nil
	case opUnequal:
		return !value.Equal(a, b), nil
	case opIn:
		return isIn(a, b)
	case opContains, opStartsWith, opEndsWith, opMatches:
		return n.matched(fr, a, b)
	}
	order, ok := value.Compare(a, b)
	if !ok {
		return false, fmt.Errorf("invalid operation: %s %s %s%s", value.Kind(a), n.name, value.Kind(b), value.OfNull(a, b))
	}
	switch n.op {
	case opLess:
		return order < 0, nil
	case opLessEqual:
		return order <= 0, nil
	case opGreater:
		return order > 0, nil
	}
	return order >= 0, nil
}

// isIn reports whether a is an element of a list, or the name of an object's field. In null there
// is nothing.
func isIn(a, b value.Value) (bool, error) {
	switch b := b.(type) {
	case nil:
		return false, nil
	case []value.Value:
		for _, v := range b {
			if value.Equal(a, v) {
				return true, nil
			}
		}
		return false, nil
	case value.Fielder:
		if a == nil {
			return false, nil
		}
		name, err := value.Name(a)
		if err != nil {
			return false, err
		}
		_, ok := b.Get(name)
		return ok, nil
	}
	return false, fmt.Errorf("in needs a list or an object, not %s", value.Kind(b))
}

// matched is the result of an operator about two texts. It is false if one is null.
func (n *code) matched(fr *frame, a, b value.Value) (bool, error) {
	if a == nil || b == nil {
		return false, nil
	}
	if data, ok := a.([]byte); ok && n.op == opMatches {
		a = string(data)
	}
	s, ok1 := a.(string)
	t, ok2 := b.(string)
	if !ok1 || !ok2 {
		return false, fmt.Errorf("%s needs texts, not %s and %s", n.name, value.Kind(a), value.Kind(b))
	}
	switch n.op {
	case opContains:
		return strings.Contains(s, t), nil
	case opStartsWith:
		return strings.HasPrefix(s, t), nil
	case opEndsWith:
		return strings.HasSuffix(s, t), nil
	}
	if n.pattern != nil {
		return n.pattern.MatchString(s), nil
	}
	return fr.p.lib.Matches(s, t)
}

// contains reports whether a is in the range n, of which no list needs to be made.
func (n *code) contains(in *Inputs, fr *frame, a value.Value) (bool, error) {
	from, err := n.a.eval(in, fr)
	if err != nil {
		return false, err
	}
	to, err := n.b.eval(in, fr)
	if err != nil {
		return false, err
	}
	x, ok1 := from.(int64)
	y, ok2 := to.(int64)
	if !ok1 || !ok2 {
		return false, errRange(from, to)
	}
	i, ok := a.(int64)
	return ok && x <= i && i <= y, nil
}
