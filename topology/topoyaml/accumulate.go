package topoyaml

import (
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// aggregateFunctions are the functions of an aggregation, in the order of the documentation.
var aggregateFunctions = []struct{ name, doc string }{
	{"count", "`count()` is the number of records, `count(condition)` the number of those for which it is true"},
	{"sum", "`sum(number)`: the exact sum, rounded once, when it is read; 0 at first"},
	{"min", "`min(number or string)`: the smallest"},
	{"max", "`max(number or string)`: the largest"},
	{"avg", "`avg(number)`: the mean, the exact sum divided and rounded once"},
	{"first", "`first(any)`: that of the record that came first"},
	{"last", "`last(any)`: that of the record that came last"},
}

type aggregateFunction uint8

const (
	countAll aggregateFunction = iota
	countIf
	sumOf
	minOf
	maxOf
	avgOf
	firstOf
	lastOf
)

// String returns the function's name, as an author writes it.
func (f aggregateFunction) String() string {
	if f > countAll {
		f-- // both counts have one name
	}
	return aggregateFunctions[f].name
}

// column is one field of an aggregation.
type column struct {
	name string
	fn   aggregateFunction
	arg  *program // nil for countAll
}

// aggregation is what an aggregate step computes: a field for each column, updated record by record. It is safe for concurrent
// use, and the serde of its own states.
type aggregation struct {
	columns []column
}

// accumulator is the state of an aggregation for one key. It belongs to the store; others only read it, as an object.
//
// Its cells hold what the encoded state holds and nothing else, so that it makes no difference when a state is written and read.
type accumulator struct {
	of    *aggregation
	cells []cell
}

// start is the state before the first record.
func (a *aggregation) start() *accumulator {
	acc := &accumulator{of: a, cells: make([]cell, len(a.columns))}
	for i, c := range a.columns {
		switch c.fn {
		case countAll, countIf, sumOf:
			acc.cells[i].state = intCell
		}
	}
	return acc
}

// add counts a record in, in place. After an error the state is as before: what can fail is done for
// all columns before the first one changes.
func (a *aggregation) add(acc *accumulator, in *inputs) error {
	var room [8]Value
	args := room[:0]
	for i := range a.columns {
		v, err := a.columns[i].argument(&acc.cells[i], in)
		if err != nil {
			return err
		}
		args = append(args, v)
	}
	for i, v := range args {
		if v != nil { // null is left out
			a.columns[i].add(&acc.cells[i], v)
		}
	}
	return nil
}

// argument computes what is to be added to a cell, nil for nothing. It is an error if it does not fit.
func (c *column) argument(to *cell, in *inputs) (Value, error) {
	switch c.fn {
	case countAll:
		return true, nil
	case countIf:
		if ok, err := c.arg.test(in); !ok || err != nil {
			return nil, err
		}
		return true, nil
	}
	v, err := c.arg.eval(in)
	if err != nil || v == nil {
		return nil, err
	}
	switch c.fn {
	case sumOf, avgOf:
		err = to.takesNumber(v, c.whole())
	case minOf, maxOf:
		_, err = to.compare(v)
	}
	if err != nil {
		return nil, c.arg.fail(err)
	}
	return v, nil
}

// whole reports whether the column is a sum that is known to be whole.
func (c *column) whole() bool { return c.fn == sumOf && c.arg.typ.kind == intKind }

// add adds what argument has returned.
func (c *column) add(to *cell, v Value) {
	switch c.fn {
	case countAll, countIf:
		to.i++
	case sumOf:
		to.addNumber(v)
	case avgOf:
		if to.state == nullCell {
			to.state, to.i = intCell, 0
		}
		to.addNumber(v)
		to.n++
	case minOf, maxOf:
		order, _ := to.compare(v)
		if to.state == nullCell || c.fn == minOf && order > 0 || c.fn == maxOf && order < 0 {
			to.set(v)
		}
	case firstOf:
		if to.state == nullCell {
			to.set(v)
		}
	case lastOf:
		to.set(v)
	}
}

// result is the value of a column as others see it.
func (c *column) result(from *cell) Value {
	if c.fn == avgOf && from.n > 0 {
		return from.mean()
	}
	return from.value()
}

// typ is the static type of the state, seen as an object.
func (a *aggregation) typ() *typ {
	t := &typ{kind: objectKind}
	for _, c := range a.columns {
		ct := typInt
		switch c.fn {
		case countAll, countIf:
		case avgOf:
			ct = typFloat
		default:
			ct = c.arg.typ
		}
		t.fields = append(t.fields, typeField{c.name, ct})
	}
	return t
}

// Get implements object.
func (acc *accumulator) Get(name string) (Value, bool) {
	for i := range acc.of.columns {
		if c := &acc.of.columns[i]; c.name == name {
			return c.result(&acc.cells[i]), true
		}
	}
	return nil, false
}

// Fields implements object.
func (acc *accumulator) Fields() []Field {
	fields := make([]Field, len(acc.cells))
	for i := range acc.cells {
		c := &acc.of.columns[i]
		fields[i] = named(c.name, c.result(&acc.cells[i]))
	}
	return fields
}

// MarshalJSON writes the state as others see it.
func (acc *accumulator) MarshalJSON() ([]byte, error) { return acc.appendJSON(nil) }

func (acc *accumulator) appendJSON(dst []byte) ([]byte, error) {
	return acc.append(dst, func(dst []byte, c *column, from *cell) ([]byte, error) { return appendJSON(dst, c.result(from)) })
}

func (acc *accumulator) append(dst []byte, one func([]byte, *column, *cell) ([]byte, error)) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	for i := range acc.cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		c := &acc.of.columns[i]
		if dst, err = appendField(dst, c.name); err != nil {
			return nil, err
		}
		if dst, err = one(dst, c, &acc.cells[i]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

var _ serde.Serde[Value] = (*aggregation)(nil)

// Name is "json", unless the state may hold more than the result: then the bytes differ, and so does
// the name.
func (a *aggregation) Name() string {
	if slices.ContainsFunc(a.columns, func(c column) bool { return c.fn == avgOf || c.fn == sumOf && !c.whole() }) {
		return "aggregate"
	}
	return "json"
}

var _ topology.Columned = (*aggregation)(nil)

// Columns says what the fields of a state are.
func (a *aggregation) Columns() []topology.Column {
	columns := make([]topology.Column, len(a.columns))
	for i, c := range a.columns {
		columns[i] = topology.Column{Name: c.name, Function: c.fn.String()}
	}
	return columns
}

// Append writes a state as a JSON object, as docs/format/aggregates.md says.
func (a *aggregation) Append(dst []byte, v Value) ([]byte, error) {
	acc, ok := v.(*accumulator)
	if !ok {
		return nil, fmt.Errorf("topoyaml: a %s is no state of an aggregation", kindOf(v))
	}
	return acc.append(dst, func(dst []byte, c *column, from *cell) ([]byte, error) {
		switch c.fn {
		case avgOf:
			return appendJSON(dst, []Value{from.sumState(), from.n})
		case sumOf:
			return appendJSON(dst, from.sumState())
		}
		return appendJSON(dst, from.value())
	})
}

// Decode reads a state. Columns that it does not have begin anew, so a column can be added.
func (a *aggregation) Decode(src []byte) (Value, error) {
	v, err := parseJSON(src)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, fmt.Errorf("%w: a %s is no state of an aggregation", serde.ErrMalformed, kindOf(v))
	}
	acc := a.start()
	for i := range a.columns {
		c := &a.columns[i]
		v, ok := o.Get(c.name)
		if !ok {
			continue
		}
		if err := c.set(&acc.cells[i], v); err != nil {
			return nil, err
		}
	}
	return acc, nil
}

// set reads the state of a column.
func (c *column) set(to *cell, v Value) error {
	switch c.fn {
	case avgOf:
		pair, ok := v.([]Value)
		if ok = ok && len(pair) == 2; ok {
			to.n, ok = pair[1].(int64)
		}
		if !ok || !(to.n == 0 && pair[0] == nil || to.n > 0 && to.setSum(pair[0])) {
			return fmt.Errorf("%w: the field %q is no mean", serde.ErrMalformed, c.name)
		}
	case sumOf:
		if !to.setSum(v) || c.whole() && to.state != intCell {
			return fmt.Errorf("%w: the field %q is no sum", serde.ErrMalformed, c.name)
		}
	case countAll, countIf:
		if _, ok := v.(int64); !ok {
			return fmt.Errorf("%w: the field %q should be a number and is of type %s", serde.ErrMalformed, c.name, kindOf(v))
		}
		fallthrough
	default:
		to.set(v)
	}
	return nil
}
