package topoyaml

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// aggregateFunctions are the functions of an aggregation, in the order of the documentation.
var aggregateFunctions = []struct{ name, doc string }{
	{"count", "`count()` is the number of records, `count(condition)` the number of those for which it is true"},
	{"sum", "`sum(number)`; 0 at first, and whole as long as all numbers are"},
	{"min", "`min(number or string)`: the smallest"},
	{"max", "`max(number or string)`: the largest"},
	{"avg", "`avg(number)`: the mean"},
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

// cell is the state of one column. Numbers are kept outside of interfaces, which saves an allocation for each update.
type cell struct {
	state cellState
	i     int64
	f     float64
	v     Value // other than a number
	n     int64 // avg: how many
}

type cellState uint8

const (
	nullCell cellState = iota
	intCell
	floatCell
	valueCell
)

func (c *cell) value() Value {
	switch c.state {
	case intCell:
		return c.i
	case floatCell:
		return c.f
	case valueCell:
		return c.v
	}
	return nil
}

func (c *cell) set(v Value) {
	switch v := v.(type) {
	case nil:
		c.state, c.v = nullCell, nil
	case int64:
		c.state, c.i, c.v = intCell, v, nil
	case float64:
		c.setFloat(v)
	default:
		c.state, c.v = valueCell, v
	}
}

// setFloat keeps whole numbers as such, as reading the state back would.
func (c *cell) setFloat(f float64) {
	c.v = nil
	if f >= -(1<<63) && f < 1<<63 {
		if i := int64(f); float64(i) == f {
			c.state, c.i = intCell, i
			return
		}
	}
	c.state, c.f = floatCell, f
}

func (c *cell) float() float64 {
	if c.state == intCell {
		return float64(c.i)
	}
	return c.f
}

var errOverflow = errors.New("the sum exceeds the range of whole numbers (64 bits)")

func (c *cell) add(v Value) error {
	switch v := v.(type) {
	case int64:
		if c.state == intCell {
			sum := c.i + v
			if (sum > c.i) != (v > 0) {
				return errOverflow
			}
			c.i = sum
			return nil
		}
		c.setFloat(c.f + float64(v))
	case float64:
		c.setFloat(c.float() + v)
	default:
		return fmt.Errorf("a number is needed, not a value of type %s", kindOf(v))
	}
	return nil
}

// compare orders numbers by size and strings by their bytes.
func (c *cell) compare(v Value) (int, error) {
	switch v := v.(type) {
	case int64:
		switch c.state {
		case intCell:
			return compareOrdered(c.i, v), nil
		case floatCell:
			return compareOrdered(c.f, float64(v)), nil
		}
	case float64:
		if c.state == intCell || c.state == floatCell {
			return compareOrdered(c.float(), v), nil
		}
	case string:
		if s, ok := c.v.(string); ok {
			return compareOrdered(s, v), nil
		}
	default:
		return 0, fmt.Errorf("a number or a string is needed, not a value of type %s", kindOf(v))
	}
	return 0, fmt.Errorf("numbers and strings cannot be compared: %s and %s", kindOf(c.value()), kindOf(v))
}

func compareOrdered[T int64 | float64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
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

// add counts a record in, in place. After an error the state is as before.
func (a *aggregation) add(acc *accumulator, in *inputs) error {
	var saved [8]cell
	before := append(saved[:0], acc.cells...)
	for i := range a.columns {
		if err := a.columns[i].add(&acc.cells[i], in); err != nil {
			copy(acc.cells, before)
			return err
		}
	}
	return nil
}

func (c *column) add(to *cell, in *inputs) error {
	switch c.fn {
	case countAll:
		to.i++
		return nil
	case countIf:
		ok, err := c.arg.test(in)
		if ok {
			to.i++
		}
		return err
	}
	v, err := c.arg.eval(in)
	if err != nil || v == nil {
		return err // null is left out
	}
	switch c.fn {
	case sumOf:
		err = to.add(v)
	case avgOf:
		if to.state == nullCell {
			to.state, to.i = intCell, 0
		}
		if err = to.add(v); err == nil {
			to.n++
		}
	case minOf, maxOf:
		err = c.extreme(to, v)
	case firstOf:
		if to.state == nullCell {
			to.set(v)
		}
	case lastOf:
		to.set(v)
	}
	if err != nil {
		return c.arg.fail(err)
	}
	return nil
}

func (c *column) extreme(to *cell, v Value) error {
	if to.state == nullCell {
		switch v.(type) {
		case int64, float64, string:
			to.set(v)
			return nil
		}
		return fmt.Errorf("a number or a string is needed, not a value of type %s", kindOf(v))
	}
	order, err := to.compare(v)
	if err == nil && (c.fn == minOf && order > 0 || c.fn == maxOf && order < 0) {
		to.set(v)
	}
	return err
}

// result is the value of a column as others see it.
func (c *column) result(from *cell) Value {
	if c.fn == avgOf && from.n > 0 {
		return wholeNumber(from.float() / float64(from.n))
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

// Name is "json", unless the state holds more than the result: then the bytes differ, and so does the name.
func (a *aggregation) Name() string {
	if slices.ContainsFunc(a.columns, func(c column) bool { return c.fn == avgOf }) {
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

// Append writes a state as a JSON object. A mean is written as [sum, number of values].
func (a *aggregation) Append(dst []byte, v Value) ([]byte, error) {
	acc, ok := v.(*accumulator)
	if !ok {
		return nil, fmt.Errorf("topoyaml: a %s is no state of an aggregation", kindOf(v))
	}
	return acc.append(dst, func(dst []byte, c *column, from *cell) ([]byte, error) {
		if c.fn != avgOf {
			return appendJSON(dst, from.value())
		}
		return appendJSON(dst, []Value{from.value(), from.n})
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
		if c.fn == avgOf {
			pair, ok := v.([]Value)
			if !ok || len(pair) != 2 {
				return nil, fmt.Errorf("%w: the field %q is no mean", serde.ErrMalformed, c.name)
			}
			if acc.cells[i].n, ok = pair[1].(int64); !ok {
				return nil, fmt.Errorf("%w: the field %q is no mean", serde.ErrMalformed, c.name)
			}
			v = pair[0]
		}
		acc.cells[i].set(v)
		switch c.fn {
		case countAll, countIf, sumOf, avgOf:
			if _, number := toFloat(v); !number && !(c.fn == avgOf && v == nil) {
				return nil, fmt.Errorf("%w: the field %q should be a number and is of type %s", serde.ErrMalformed, c.name, kindOf(v))
			}
		}
	}
	return acc, nil
}
