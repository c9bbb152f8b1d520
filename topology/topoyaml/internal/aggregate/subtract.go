package aggregate

import (
	"math"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Name is the field that the column computes.
func (c Column) Name() string { return c.name }

// Function is the name of the column's function.
func (c Column) Function() string { return c.fn.String() }

// Subtracts reports whether the column can take a value out again: where it keeps all that it was
// given, in one number.
func (c Column) Subtracts() bool {
	switch c.fn {
	case countAll, countIf, sumOf, avgOf:
		return true
	}
	return false
}

// Subtract is the state without a record that was added to it before. It may use the state. All
// columns can subtract.
func (a *Aggregation) Subtract(before value.Value, in *expression.Inputs) (value.Value, error) {
	acc, err := a.state(before)
	if err != nil {
		return before, err
	}
	var room [8]value.Value
	out := room[:0]
	for i := range a.columns {
		v, err := a.columns[i].taken(&acc.cells[i], in)
		if err != nil {
			return before, err
		}
		out = append(out, v)
	}
	for i, v := range out {
		if v != nil { // null was left out
			a.columns[i].subtract(&acc.cells[i], v)
		}
	}
	return acc, nil
}

// taken computes what is to be taken out of a cell, nil for nothing. It is an error if the rest
// does not fit.
func (c *Column) taken(from *cell, in *expression.Inputs) (value.Value, error) {
	switch c.fn {
	case countAll, countIf:
		return c.argument(from, in)
	}
	v, err := c.arg.Eval(in)
	if err != nil || v == nil {
		return nil, err
	}
	if i, ok := v.(int64); ok && c.whole() {
		if rest := from.i - i; (rest < from.i) != (i > 0) {
			return nil, c.arg.Fail(errOverflow)
		}
		return v, nil
	}
	if err := from.takesNumber(negative(v), c.whole()); err != nil {
		return nil, c.arg.Fail(err)
	}
	return v, nil
}

// subtract takes out of a cell what taken has returned.
func (c *Column) subtract(from *cell, v value.Value) {
	switch c.fn {
	case countAll, countIf:
		from.i--
	case sumOf:
		if i, ok := v.(int64); ok && c.whole() {
			from.i -= i
			return
		}
		from.addNumber(negative(v))
	case avgOf:
		if from.n--; from.n == 0 {
			*from = cell{}
			return
		}
		from.addNumber(negative(v))
	}
}

// negative is -v; what is no number is itself.
func negative(v value.Value) value.Value {
	switch v := v.(type) {
	case int64:
		if v == math.MinInt64 {
			return -float64(v)
		}
		return -v
	case float64:
		return -v
	}
	return v
}
