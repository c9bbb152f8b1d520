package aggregate

import (
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Merge is the state of two aggregations of one kind, the earlier one first, as if the records of
// the second one had come after those of the first. It may use the first one.
func (a *Aggregation) Merge(first, second value.Value) (value.Value, error) {
	into, err := a.state(first)
	if err != nil {
		return first, err
	}
	from, err := a.state(second)
	if err != nil {
		return first, err
	}
	for i := range a.columns {
		c := &a.columns[i]
		if err := c.merge(&into.cells[i], &from.cells[i]); err != nil {
			return first, c.arg.Fail(err)
		}
	}
	return into, nil
}

// merge adds what a later cell has.
func (c *Column) merge(to, from *cell) error {
	if c.n > 0 {
		return c.mergeRanks(to, from)
	}
	if from.state == nullCell {
		return nil
	}
	switch c.fn {
	case countAll, countIf:
		to.i += from.i
	case sumOf:
		return to.addSum(from, c.whole())
	case avgOf:
		if to.state == nullCell {
			*to = *from
			return nil
		}
		to.n += from.n
		return to.addSum(from, false)
	default:
		v := from.value()
		if c.fn == minOf || c.fn == maxOf {
			if _, err := to.compare(v); err != nil {
				return err
			}
		}
		c.add(to, v)
	}
	return nil
}

// addSum adds a sum, exactly.
func (c *cell) addSum(from *cell, whole bool) error {
	parts := []value.Value{from.sumState()}
	if list, ok := parts[0].([]value.Value); ok {
		parts = list
	}
	for _, v := range parts {
		if err := c.takesNumber(v, whole); err != nil {
			return err
		}
		c.addNumber(v)
	}
	return nil
}
