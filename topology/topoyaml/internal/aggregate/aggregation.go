// Package aggregate computes what aggregate steps of topologies in YAML say: a field for each call
// of an aggregate function.
package aggregate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Column is one field of an aggregation.
type Column struct {
	name string
	fn   function
	arg  *expression.Program // nil for countAll
	// Of top and bottom: how many are kept, and of which value; nil: what is compared.
	n  int
	of *expression.Program
}

// Aggregation is what an aggregate step computes: a field for each column, updated record by
// record. It is safe for concurrent use, and the serde of its own states.
type Aggregation struct {
	columns []Column
}

// accumulator is the state of an aggregation for one key. It belongs to the store; others only read
// it, as an object.
//
// Its cells hold what the encoded state holds and nothing else, so that it makes no difference when
// a state is written and read.
type accumulator struct {
	of    *Aggregation
	cells []cell
}

// New returns the aggregation of these columns.
func New(columns ...Column) *Aggregation { return &Aggregation{columns: columns} }

// Roots are the variables that the columns use.
func (a *Aggregation) Roots() expression.RootSet {
	var roots expression.RootSet
	for _, c := range a.columns {
		if c.arg != nil {
			roots |= c.arg.Roots
		}
		if c.of != nil {
			roots |= c.of.Roots
		}
	}
	return roots
}

// state is an aggregation's state before a record: a new one for the first.
func (a *Aggregation) state(before value.Value) (*accumulator, error) {
	switch acc := before.(type) {
	case nil:
		return a.start(), nil
	case *accumulator:
		return acc, nil
	}
	return nil, fmt.Errorf("topoyaml: the state of an aggregation is a %s", value.Kind(before))
}

// Next is the state after a record, for which it may use the one before.
func (a *Aggregation) Next(before value.Value, in *expression.Inputs) (value.Value, error) {
	acc, err := a.state(before)
	if err != nil {
		return before, err
	}
	if err := a.add(acc, in); err != nil {
		return before, err
	}
	return acc, nil
}

// start is the state before the first record.
func (a *Aggregation) start() *accumulator {
	acc := &accumulator{of: a, cells: make([]cell, len(a.columns))}
	for i, c := range a.columns {
		switch c.fn {
		case countAll, countIf, sumOf:
			acc.cells[i].state = intCell
		}
	}
	return acc
}

// add counts a record in, in place. After an error the state is as before: what can fail is done
// for all columns before the first one changes.
func (a *Aggregation) add(acc *accumulator, in *expression.Inputs) error {
	var room [8]value.Value
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

// argument computes what is to be added to a cell, nil for nothing. It is an error if it does not
// fit.
func (c *Column) argument(to *cell, in *expression.Inputs) (value.Value, error) {
	switch c.fn {
	case countAll:
		return true, nil
	case countIf:
		if ok, err := c.arg.Test(in); !ok || err != nil {
			return nil, err
		}
		return true, nil
	}
	v, err := c.arg.Eval(in)
	if err != nil || v == nil {
		return nil, err
	}
	switch c.fn {
	case sumOf, avgOf:
		err = to.takesNumber(v, c.whole())
	case minOf, maxOf:
		_, err = to.compare(v)
	case topOf, bottomOf:
		return c.rank(to, v, in)
	}
	if err != nil {
		return nil, c.arg.Fail(err)
	}
	return v, nil
}

// whole reports whether the column is a sum that is known to be whole.
func (c *Column) whole() bool { return c.fn == sumOf && c.arg.Type.Kind == value.IntKind }

// add adds what argument has returned.
func (c *Column) add(to *cell, v value.Value) {
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
	case topOf, bottomOf:
		c.insert(to, v.(ranked))
	}
}

// result is the value of a column as others see it.
func (c *Column) result(from *cell) value.Value {
	switch {
	case c.fn == avgOf && from.n > 0:
		return from.mean()
	case c.n > 0:
		return from.list()
	}
	return from.value()
}

// Type is the static type of the state, seen as an object.
func (a *Aggregation) Type() *value.Type {
	t := &value.Type{Kind: value.ObjectKind}
	for _, c := range a.columns {
		ct := value.IntType
		switch c.fn {
		case countAll, countIf:
		case avgOf:
			ct = value.FloatType
		case topOf, bottomOf:
			ct = &value.Type{Kind: value.ListKind, Elem: c.arg.Type}
			if c.of != nil {
				ct.Elem = c.of.Type
			}
		default:
			ct = c.arg.Type
		}
		t.Fields = append(t.Fields, value.TypeField{Name: c.name, Type: ct})
	}
	return t
}

// Get implements object.
func (acc *accumulator) Get(name string) (value.Value, bool) {
	for i := range acc.of.columns {
		if c := &acc.of.columns[i]; c.name == name {
			return c.result(&acc.cells[i]), true
		}
	}
	return nil, false
}

// Fields implements object.
func (acc *accumulator) Fields() []value.Field {
	fields := make([]value.Field, len(acc.cells))
	for i := range acc.cells {
		c := &acc.of.columns[i]
		fields[i] = value.Named(c.name, c.result(&acc.cells[i]))
	}
	return fields
}

// MarshalJSON writes the state as others see it.
func (acc *accumulator) MarshalJSON() ([]byte, error) { return acc.AppendJSON(nil) }

// AppendJSON appends the state as others see it.
func (acc *accumulator) AppendJSON(dst []byte) ([]byte, error) {
	return acc.append(dst, func(dst []byte, c *Column, from *cell) ([]byte, error) { return value.AppendJSON(dst, c.result(from)) })
}

func (acc *accumulator) append(dst []byte, one func([]byte, *Column, *cell) ([]byte, error)) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	for i := range acc.cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		c := &acc.of.columns[i]
		if dst, err = value.AppendName(dst, c.name); err != nil {
			return nil, err
		}
		if dst, err = one(dst, c, &acc.cells[i]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

var _ serde.Serde[value.Value] = (*Aggregation)(nil)

// Name is "json", unless the state may hold more than the result: then the bytes differ, and so
// does the name.
func (a *Aggregation) Name() string {
	if slices.ContainsFunc(a.columns, func(c Column) bool { return c.fn == avgOf || c.fn == sumOf && !c.whole() || c.of != nil }) {
		return "aggregate"
	}
	return "json"
}

var _ flow.Columned = (*Aggregation)(nil)

// Columns says what the fields of a state are.
func (a *Aggregation) Columns() []flow.Column {
	columns := make([]flow.Column, len(a.columns))
	for i, c := range a.columns {
		columns[i] = flow.Column{Name: c.name, Function: c.fn.String()}
		if c.n > 0 {
			columns[i].Function += "-" + strconv.Itoa(c.n)
		}
	}
	return columns
}

// Append writes a state as a JSON object, as docs/format/aggregates.md says.
func (a *Aggregation) Append(dst []byte, v value.Value) ([]byte, error) {
	acc, ok := v.(*accumulator)
	if !ok {
		return nil, fmt.Errorf("topoyaml: a %s is no state of an aggregation", value.Kind(v))
	}
	return acc.append(dst, func(dst []byte, c *Column, from *cell) ([]byte, error) {
		switch c.fn {
		case avgOf:
			return value.AppendJSON(dst, []value.Value{from.sumState(), from.n})
		case sumOf:
			return value.AppendJSON(dst, from.sumState())
		case topOf, bottomOf:
			return value.AppendJSON(dst, from.ranks(c.of != nil))
		}
		return value.AppendJSON(dst, from.value())
	})
}

// AppendJSON appends a state as others see it.
func (a *Aggregation) AppendJSON(dst []byte, v value.Value) ([]byte, error) {
	return value.AppendJSON(dst, v)
}

// ParseJSON fails: what others see of a state is less than the state.
func (a *Aggregation) ParseJSON([]byte) (value.Value, error) {
	return nil, fmt.Errorf("topoyaml: the state of an aggregation cannot be made of its result: %w", errors.ErrUnsupported)
}

// Decode reads a state. Columns that it does not have begin anew, so a column can be added.
func (a *Aggregation) Decode(src []byte) (value.Value, error) {
	v, err := value.ParseJSON(src)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, fmt.Errorf("%w: a %s is no state of an aggregation", serde.ErrMalformed, value.Kind(v))
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
func (c *Column) set(to *cell, v value.Value) error {
	switch c.fn {
	case avgOf:
		pair, ok := v.([]value.Value)
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
			return fmt.Errorf("%w: the field %q should be a number and is of type %s", serde.ErrMalformed, c.name, value.Kind(v))
		}
		to.set(v)
	case topOf, bottomOf:
		if !c.setRanks(to, v) {
			return fmt.Errorf("%w: the field %q is no list of values in their order", serde.ErrMalformed, c.name)
		}
	default:
		to.set(v)
	}
	return nil
}
