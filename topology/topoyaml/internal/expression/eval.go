package expression

import (
	"fmt"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

type programKind uint8

const (
	pathProgram     programKind = iota // a variable or a field of one
	constantProgram                    // the same each time
	objectProgram                      // an object of other programs' results
	listProgram                        // a list of other programs' results
	codeProgram                        // anything else
)

// Program is a compiled expression, or a value that is made of several. It is safe for concurrent
// use.
type Program struct {
	where, text string // for run-time errors
	kind        programKind
	Type        *value.Type
	Roots       RootSet

	constant value.Value
	path     *load
	names    []string // of an object
	parts    []*Program
	code     *code
	slots    int // how many variables the code has
	lib      *functions.Library
}

// Unknown stands for an expression with a mistake: a program of unknown type, which is never run.
func Unknown() *Program { return &Program{kind: constantProgram, Type: value.AnyType} }

// Null yields null.
func Null() *Program { return &Program{kind: constantProgram, Type: value.NullType} }

// Variable yields a variable as it is. Its value is checked to be of the type want.
func Variable(name string, r root, want, t *value.Type) *Program {
	return &Program{kind: pathProgram, path: &load{name: name, root: r, want: want}, Type: t}
}

// Object returns a program for an object whose fields are added to it.
func Object() *Program {
	return &Program{kind: objectProgram, Type: &value.Type{Kind: value.ObjectKind}}
}

// List returns a program for a list of what these programs yield.
func List(parts ...*Program) *Program {
	p := &Program{kind: listProgram, parts: parts}
	elem := value.NullType
	for _, part := range parts {
		p.Roots |= part.Roots
		elem = value.Common(elem, part.Type)
	}
	if elem == value.NullType {
		elem = value.AnyType
	}
	p.Type = &value.Type{Kind: value.ListKind, Elem: elem}
	return p
}

// load is a value that an expression needs: a variable, or what a path leads to from one.
type load struct {
	name string
	root root
	path []string
	want *value.Type // as the schema says
}

// Add adds a field to an object.
func (p *Program) Add(name string, part *Program) {
	p.parts = append(p.parts, part)
	p.Roots |= part.Roots
	p.names = append(p.names, name)
	p.Type.Fields = append(p.Type.Fields, value.TypeField{Name: name, Type: part.Type})
}

// Eval returns the program's value. Only the variables of the expression's scope are looked at.
func (p *Program) Eval(in *Inputs) (value.Value, error) {
	switch p.kind {
	case pathProgram:
		v, err := p.path.get(in)
		if err != nil {
			return nil, p.Fail(err)
		}
		return v, nil
	case constantProgram:
		return p.constant, nil
	case objectProgram:
		fields := make([]value.Field, len(p.parts))
		for i, part := range p.parts {
			v, err := part.Eval(in)
			if err != nil {
				return nil, err
			}
			fields[i] = value.Field{Name: p.names[i], Value: value.Snapshot(v)}
		}
		return value.NewObject(fields...), nil
	case listProgram:
		list := make([]value.Value, len(p.parts))
		for i, part := range p.parts {
			v, err := part.Eval(in)
			if err != nil {
				return nil, err
			}
			list[i] = value.Snapshot(v)
		}
		return list, nil
	}
	fr := frame{p: p}
	if p.slots > 0 {
		fr.vars = make([]value.Value, p.slots)
	}
	v, err := p.code.eval(in, &fr)
	if err != nil {
		return nil, p.Fail(err)
	}
	return v, nil
}

// get returns the value, and makes sure of what the schema says: the types that were checked are
// those that come.
func (l *load) get(in *Inputs) (value.Value, error) {
	v := in.get(l.root, l.path)
	if l.want.Kind != value.AnyKind && !l.want.Holds(v) {
		is := "of type " + value.Kind(v)
		if f, ok := v.(float64); ok && l.want.Kind == value.IntKind {
			is = fmt.Sprintf("%v, which is not a whole number of 64 bits", f)
		}
		return nil, fmt.Errorf("%s should be of type %s and is %s", l.name, l.want, is)
	}
	return v, nil
}

// Fail says which expression failed.
func (p *Program) Fail(err error) error { return fmt.Errorf("%s: %s: %w", p.where, p.text, err) }

// Test is eval for conditions. Null counts as false.
func (p *Program) Test(in *Inputs) (bool, error) {
	if p.kind == codeProgram {
		fr := frame{p: p}
		if p.slots > 0 {
			fr.vars = make([]value.Value, p.slots)
		}
		ok, err := p.code.test(in, &fr)
		if err != nil {
			return false, p.Fail(err)
		}
		return ok, nil
	}
	v, err := p.Eval(in)
	if err != nil {
		return false, err
	}
	ok, err := truth(v)
	if err != nil {
		return false, p.Fail(err)
	}
	return ok, nil
}

// Elements is the list that a flat-map yields: none for null.
func (p *Program) Elements(in *Inputs) ([]value.Value, error) {
	v, err := p.Eval(in)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []value.Value:
		return v, nil
	}
	return nil, p.Fail(fmt.Errorf("a list is needed, this is of type %s", value.Kind(v)))
}

// Key evaluates a program for a key. Null is no key here.
func (p *Program) Key(in *Inputs) (value.Value, error) {
	v, err := p.Eval(in)
	if err == nil && v == nil {
		err = p.Fail(fmt.Errorf("the key is null; filter such records out before, or give a default with ??"))
	}
	return v, err
}
