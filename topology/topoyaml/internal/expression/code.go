package expression

import (
	"fmt"
	"regexp"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

type opcode uint8

const (
	opConstant   opcode = iota
	opLoad              // a variable of the scope, or what a path leads to from one
	opVariable          // of let
	opItem              // # in a predicate
	opIndex             // #index
	opAccumulate        // #acc
	opNot
	opNegate
	opPlus
	opAbs
	opAnd
	opOr
	opDefault // ??
	opEqual
	opUnequal
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opArithmetic
	opRange
	opIn
	opContains
	opStartsWith
	opEndsWith
	opMatches
	opMember
	opField
	opSlice
	opConditional
	opLet
	opSequence
	opList
	opRecord // an object literal
	opObject // one of which a name is computed
	opCall
	opLoop
	opBroken // what stands for a part with a mistake, and is never run
)

// code is a part of an expression: an operator with its operands. It is immutable, and safe for
// concurrent use.
type code struct {
	op       opcode
	operator value.Operator // opArithmetic
	// floats says that an operand is of type float, so that whole numbers that exceed 64 bits
	// become floating-point numbers.
	floats  bool
	loop    loop // opLoop
	slot    int  // opVariable, opLet
	a, b, c *code
	more    []*code
	value   value.Value // opConstant
	name    string
	names   []string // opRecord
	load    *load
	set     map[value.Value]bool // opIn: what a long list in the file holds
	call    *functions.Function
	pattern *regexp.Regexp // opMatches, if it stands in the file
}

// frame is one evaluation.
type frame struct {
	p    *Program
	vars []value.Value
	item value.Value
	acc  value.Value
	at   int
	// made counts what the expression has made so far: elements of lists, and texts by parts of
	// their bytes.
	made int
}

var (
	errSize = fmt.Errorf("the expression makes lists and texts of more than %d elements", functions.MaxList)
	errText = fmt.Errorf("a text of more than %d bytes", functions.MaxText)
)

// makes counts a value that is new.
func (fr *frame) makes(v value.Value) (value.Value, error) {
	switch v := v.(type) {
	case []value.Value:
		fr.made += len(v)
	case string:
		fr.made += len(v) / 16
	default:
		return v, nil
	}
	if fr.made > functions.MaxList {
		return nil, errSize
	}
	return v, nil
}

// eval returns the value of n.
func (n *code) eval(in *Inputs, fr *frame) (value.Value, error) {
	switch n.op {
	case opConstant:
		return n.value, nil
	case opLoad:
		v, err := n.load.get(in)
		if len(n.load.path) == 0 {
			v = value.Snapshot(v) // the state of an aggregation is changed later
		}
		return v, err
	case opVariable:
		return fr.vars[n.slot], nil
	case opItem:
		return fr.item, nil
	case opIndex:
		return int64(fr.at), nil
	case opAccumulate:
		return fr.acc, nil
	case opAnd, opOr, opNot, opEqual, opUnequal, opLess, opLessEqual, opGreater, opGreaterEqual, opIn, opContains, opStartsWith,
		opEndsWith, opMatches:
		ok, err := n.test(in, fr)
		if err != nil {
			return nil, err
		}
		return ok, nil
	case opDefault:
		v, err := n.a.eval(in, fr)
		if err != nil || v != nil {
			return v, err
		}
		return n.b.eval(in, fr)
	case opConditional:
		ok, err := n.a.test(in, fr)
		if err != nil {
			return nil, err
		}
		if ok {
			return n.b.eval(in, fr)
		}
		return n.c.eval(in, fr)
	case opLet:
		v, err := n.a.eval(in, fr)
		if err != nil {
			return nil, err
		}
		fr.vars[n.slot] = v
		return n.b.eval(in, fr)
	case opSequence:
		for _, part := range n.more[:len(n.more)-1] {
			if _, err := part.eval(in, fr); err != nil {
				return nil, err
			}
		}
		return n.more[len(n.more)-1].eval(in, fr)
	case opCall:
		return n.called(in, fr)
	case opLoop:
		return n.looped(in, fr)
	case opRecord:
		return n.record(in, fr)
	case opList:
		list, err := n.all(in, fr)
		if err != nil {
			return nil, err
		}
		return fr.makes(list)
	case opObject:
		return n.object(in, fr)
	}
	return n.computed(in, fr)
}

// computed is the value of an operator that takes values.
func (n *code) computed(in *Inputs, fr *frame) (value.Value, error) {
	a, err := n.a.eval(in, fr)
	if err != nil {
		return nil, err
	}
	switch n.op {
	case opNegate:
		return value.Negate(a, n.floats)
	case opPlus:
		if !value.Number(a) {
			return nil, fmt.Errorf("invalid operation: + %s%s", value.Kind(a), value.OfNull(a))
		}
		return a, nil
	case opAbs:
		if !value.Number(a) {
			return nil, fmt.Errorf("abs needs a number, not %s%s", value.Kind(a), value.OfNull(a))
		}
		if order, _ := value.Compare(a, int64(0)); order < 0 {
			return value.Negate(a, n.floats)
		}
		return a, nil
	case opField:
		return value.Get(a, n.name), nil
	}
	var b, c value.Value
	if n.b != nil {
		if b, err = n.b.eval(in, fr); err != nil {
			return nil, err
		}
	}
	if n.c != nil {
		if c, err = n.c.eval(in, fr); err != nil {
			return nil, err
		}
	}
	switch n.op {
	case opArithmetic:
		if s, ok := a.(string); ok && n.operator == value.Add {
			if t, ok := b.(string); ok {
				if len(s)+len(t) > functions.MaxText {
					return nil, errText
				}
				return fr.makes(s + t)
			}
		}
		return value.Arithmetic(n.operator, a, b, n.floats)
	case opRange:
		return fr.between(a, b)
	case opMember:
		v, found, err := value.At(a, b)
		if err == nil && !found {
			size, _ := value.Len(a)
			err = fmt.Errorf("there is no place %v in a %s of %d; get(x, n) is null then", b, value.Kind(a), size)
		}
		return v, err
	case opSlice:
		return value.Slice(a, b, c)
	}
	return nil, fmt.Errorf("topoyaml: the operator %d is not known", n.op)
}

func errRange(a, b value.Value) error {
	return fmt.Errorf("%s .. %s: whole numbers are needed%s", value.Kind(a), value.Kind(b), value.OfNull(a, b))
}

// between is the list a..b.
func (fr *frame) between(a, b value.Value) (value.Value, error) {
	from, ok1 := a.(int64)
	to, ok2 := b.(int64)
	if !ok1 || !ok2 {
		return nil, errRange(a, b)
	}
	if from > to {
		return []value.Value{}, nil
	}
	if uint64(to)-uint64(from) >= functions.MaxList {
		return nil, errSize
	}
	list := make([]value.Value, to-from+1)
	for i := range list {
		list[i] = from + int64(i)
	}
	return fr.makes(list)
}

func (n *code) all(in *Inputs, fr *frame) ([]value.Value, error) {
	list := make([]value.Value, len(n.more))
	for i, part := range n.more {
		v, err := part.eval(in, fr)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// record is an object of the values that are more.
func (n *code) record(in *Inputs, fr *frame) (value.Value, error) {
	fields := make([]value.Field, len(n.more))
	for i, part := range n.more {
		v, err := part.eval(in, fr)
		if err != nil {
			return nil, err
		}
		fields[i] = value.Field{Name: n.names[i], Value: v}
	}
	return value.NewObject(fields...), nil
}

// object is an object literal: more is names and values by turns.
func (n *code) object(in *Inputs, fr *frame) (value.Value, error) {
	var b value.Builder
	for i := 0; i < len(n.more); i += 2 {
		k, err := n.more[i].eval(in, fr)
		if err != nil {
			return nil, err
		}
		name, err := value.Name(k)
		if err != nil {
			return nil, err
		}
		v, err := n.more[i+1].eval(in, fr)
		if err != nil {
			return nil, err
		}
		b.Set(name, v)
	}
	return b.Object(), nil
}

func (n *code) called(in *Inputs, fr *frame) (value.Value, error) {
	var v value.Value
	var err error
	if n.call.Max < 0 {
		args, err := n.all(in, fr)
		if err != nil {
			return nil, err
		}
		if v, err = n.call.Many(args); err != nil {
			return nil, err
		}
		return fr.makes(v)
	}
	args := [4]value.Value{functions.Absent, functions.Absent, functions.Absent, functions.Absent}
	for i, part := range n.more {
		if args[i], err = part.eval(in, fr); err != nil {
			return nil, err
		}
	}
	if v, err = n.call.Call(args[0], args[1], args[2], args[3]); err != nil {
		return nil, err
	}
	return fr.makes(v)
}
