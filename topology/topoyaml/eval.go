package topoyaml

import (
	"errors"
	"fmt"
	"regexp"
	"sync"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

type programKind uint8

const (
	pathProgram        programKind = iota // a variable or a field of one: no machine needed
	constantProgram                       // the same each time
	objectProgram                         // an object of other programs' results
	listProgram                           // a list of other programs' results
	conditionalProgram                    // by the first of three programs, one of the others
	codeProgram                           // anything else
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
	code     *vm.Program
	loads    []*load
	machines sync.Pool // *machine
}

// load is a value that an expression needs: a variable, or what a path leads to from one.
type load struct {
	name string
	root root
	path []string
	want *typ // as the schema says
}

// machine is what one evaluation needs. It is reused.
type machine struct {
	vm  vm.VM
	env map[string]any
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
		return p.load(p.path, in)
	case constantProgram:
		return p.constant, nil
	case objectProgram:
		fields := make([]Field, len(p.parts))
		for i, part := range p.parts {
			v, err := part.eval(in)
			if err != nil {
				return nil, err
			}
			fields[i] = Field{p.names[i], v}
		}
		return &Object{fields}, nil
	case listProgram:
		list := make([]Value, len(p.parts))
		for i, part := range p.parts {
			v, err := part.eval(in)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case conditionalProgram:
		ok, err := p.parts[0].test(in)
		if err != nil {
			return nil, err
		}
		if ok {
			return p.parts[1].eval(in)
		}
		return p.parts[2].eval(in)
	}
	return p.run(in)
}

func (p *program) run(in *inputs) (Value, error) {
	m, ok := p.machines.Get().(*machine)
	if !ok {
		m = &machine{env: make(map[string]any, len(p.loads))}
	}
	defer p.machines.Put(m)
	for _, l := range p.loads {
		v, err := p.load(l, in)
		if err != nil {
			return nil, err
		}
		switch v.(type) {
		case object, []Value:
			v = plain(v)
		}
		m.env[l.name] = v
	}
	out, err := m.vm.Run(p.code, m.env)
	if err != nil {
		return nil, p.fail(err)
	}
	v, err := fromPlain(out)
	if err != nil {
		return nil, p.fail(err)
	}
	return v, nil
}

// load gets a value, and makes sure of what the schema says: the types that were checked are those that come.
func (p *program) load(l *load, in *inputs) (Value, error) {
	v := in.get(l.root, l.path)
	if l.want.kind != anyKind && !l.want.holds(v) {
		is := "of type " + kindOf(v)
		if f, ok := v.(float64); ok && l.want.kind == intKind {
			is = fmt.Sprintf("%v, which is not a whole number of 64 bits", f)
		}
		return nil, p.fail(fmt.Errorf("%s should be of type %s and is %s", l.name, l.want, is))
	}
	return v, nil
}

// nullOperand fits messages of the machine about computing with null.
var nullOperand = regexp.MustCompile(`^invalid operation: (?:null \S+ \S+|\S+ \S+ null)$`)

// fail says which expression failed.
func (p *program) fail(err error) error {
	if e, ok := errors.AsType[*file.Error](err); ok {
		text := goTypes.Replace(e.Message)
		if nullOperand.MatchString(text) {
			text += "; what is missing is null, and ?? gives it a value: (a ?? 0) > b"
		}
		err = errors.New(text)
	}
	return fmt.Errorf("%s: %s: %w", p.where, p.text, err)
}

// test is eval for conditions. Null counts as false.
func (p *program) test(in *inputs) (bool, error) {
	v, err := p.eval(in)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	}
	return false, p.fail(fmt.Errorf("a condition should be true or false and is of type %s", kindOf(v)))
}
