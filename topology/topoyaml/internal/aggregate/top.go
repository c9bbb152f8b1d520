package aggregate

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// ranked is a value of top or bottom, and what it is compared by: a number or a string.
type ranked struct{ by, of value.Value }

// rank computes what is to be added to a cell.
func (c *Column) rank(to *cell, by value.Value, in *expression.Inputs) (value.Value, error) {
	if err := to.takesRank(by); err != nil {
		return nil, c.arg.Fail(err)
	}
	if c.of == nil {
		return ranked{by, by}, nil
	}
	of, err := c.of.Eval(in)
	return ranked{by, of}, err
}

// takesRank reports why a value cannot be compared with those of the cell, nil if it can.
func (c *cell) takesRank(by value.Value) error {
	with := by
	if len(c.best) > 0 {
		with = c.best[0].by
	}
	if _, ok := value.Compare(by, with); ok {
		return nil
	}
	if _, ok := value.Compare(by, by); !ok {
		return fmt.Errorf("a number or a string is needed, not a value of type %s", value.Kind(by))
	}
	return fmt.Errorf("numbers and strings cannot be compared: %s and %s", value.Kind(with), value.Kind(by))
}

// order is below 0 if a comes before b. Of those that compare as equal their JSON decides, so that
// the order in which records come does not.
func (c *Column) order(a, b ranked) int {
	order, _ := value.Compare(a.by, b.by)
	if c.fn == topOf {
		order = -order
	}
	if order == 0 && c.of != nil {
		x, _ := value.AppendJSON(nil, a.of)
		y, _ := value.AppendJSON(nil, b.of)
		order = bytes.Compare(x, y)
	}
	return order
}

// insert adds a value that rank has returned.
func (c *Column) insert(to *cell, v ranked) {
	i, _ := slices.BinarySearchFunc(to.best, v, c.order)
	switch {
	case i == c.n:
	case len(to.best) == c.n:
		copy(to.best[i+1:], to.best[i:])
		to.best[i] = v
	default:
		to.best = slices.Insert(to.best, i, v)
	}
}

// mergeRanks adds the values of another cell.
func (c *Column) mergeRanks(to, from *cell) error {
	for _, v := range from.best {
		if err := to.takesRank(v.by); err != nil {
			return err
		}
	}
	for _, v := range from.best {
		c.insert(to, v)
	}
	return nil
}

// list are the values in their order.
func (c *cell) list() value.Value {
	list := make([]value.Value, len(c.best))
	for i, v := range c.best {
		list[i] = v.of
	}
	return list
}

// ranks is what is stored: the values, or with pairs what each is compared by and the value.
func (c *cell) ranks(pairs bool) value.Value {
	if !pairs {
		return c.list()
	}
	list := make([]value.Value, len(c.best))
	for i, v := range c.best {
		list[i] = []value.Value{v.by, v.of}
	}
	return list
}

// setRanks reads what ranks returns; ok is false for anything else.
func (c *Column) setRanks(to *cell, stored value.Value) (ok bool) {
	list, ok := stored.([]value.Value)
	if !ok || len(list) > c.n {
		return false
	}
	to.best = make([]ranked, len(list))
	for i, v := range list {
		r := ranked{v, v}
		if c.of != nil {
			pair, ok := v.([]value.Value)
			if !ok || len(pair) != 2 {
				return false
			}
			r = ranked{pair[0], pair[1]}
		}
		to.best[i] = r
		if i == 0 {
			i++
		}
		if err := to.takesRank(r.by); err != nil || c.order(to.best[i-1], r) > 0 {
			return false
		}
	}
	return true
}
