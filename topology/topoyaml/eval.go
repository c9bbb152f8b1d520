package topoyaml

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

// program is a compiled expression, or a value that is made of several. It is safe for concurrent use.
type program struct {
	where, text string // for run-time errors
	kind        programKind
	typ         *typ
	roots       rootSet

	constant Value
	path     *load
	names    []string // of an object
	parts    []*program
	code     *code
	slots    int // how many variables the code has
	lib      *functions.Library
}

// load is a value that an expression needs: a variable, or what a path leads to from one.
type load struct {
	name string
	root root
	path []string
	want *typ // as the schema says
}

// add adds a field to an object, or a part to anything else (without a name).
func (p *program) add(name string, part *program) {
	p.parts = append(p.parts, part)
	p.roots |= part.roots
	if p.kind == objectProgram {
		p.names = append(p.names, name)
		p.typ.fields = append(p.typ.fields, typeField{name, part.typ})
	}
}

// eval returns the program's value. Only the variables of the expression's scope are looked at.
func (p *program) eval(in *inputs) (Value, error) {
	switch p.kind {
	case pathProgram:
		v, err := p.path.get(in)
		if err != nil {
			return nil, p.fail(err)
		}
		return v, nil
	case constantProgram:
		return p.constant, nil
	case objectProgram:
		fields := make([]Field, len(p.parts))
		for i, part := range p.parts {
			v, err := part.eval(in)
			if err != nil {
				return nil, err
			}
			fields[i] = Field{Name: p.names[i], Value: value.Snapshot(v)}
		}
		return value.NewObject(fields...), nil
	case listProgram:
		list := make([]Value, len(p.parts))
		for i, part := range p.parts {
			v, err := part.eval(in)
			if err != nil {
				return nil, err
			}
			list[i] = value.Snapshot(v)
		}
		return list, nil
	}
	fr := frame{p: p}
	if p.slots > 0 {
		fr.vars = make([]Value, p.slots)
	}
	v, err := p.code.eval(in, &fr)
	if err != nil {
		return nil, p.fail(err)
	}
	return v, nil
}

// get returns the value, and makes sure of what the schema says: the types that were checked are those that come.
func (l *load) get(in *inputs) (Value, error) {
	v := in.get(l.root, l.path)
	if l.want.kind != anyKind && !l.want.holds(v) {
		is := "of type " + value.Kind(v)
		if f, ok := v.(float64); ok && l.want.kind == intKind {
			is = fmt.Sprintf("%v, which is not a whole number of 64 bits", f)
		}
		return nil, fmt.Errorf("%s should be of type %s and is %s", l.name, l.want, is)
	}
	return v, nil
}

// fail says which expression failed.
func (p *program) fail(err error) error { return fmt.Errorf("%s: %s: %w", p.where, p.text, err) }

// test is eval for conditions. Null counts as false.
func (p *program) test(in *inputs) (bool, error) {
	if p.kind == codeProgram {
		fr := frame{p: p}
		if p.slots > 0 {
			fr.vars = make([]Value, p.slots)
		}
		ok, err := p.code.test(in, &fr)
		if err != nil {
			return false, p.fail(err)
		}
		return ok, nil
	}
	v, err := p.eval(in)
	if err != nil {
		return false, err
	}
	ok, err := truth(v)
	if err != nil {
		return false, p.fail(err)
	}
	return ok, nil
}
