package aggregate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/kolkstream/kolk/topology/internal/exact"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// cell is the state of one column. Numbers are kept outside of interfaces, which saves an
// allocation for each update.
type cell struct {
	state cellState
	i     int64
	f     float64
	v     value.Value // other than a number
	n     int64       // avg: how many
	sum   exact.Sum   // sum and avg, once it is not known to fit i
	best  []ranked    // top and bottom, the first one first
}

type cellState uint8

const (
	nullCell cellState = iota
	intCell
	floatCell
	sumCell
	valueCell
)

func (c *cell) value() value.Value {
	switch c.state {
	case intCell:
		return c.i
	case floatCell:
		return c.f
	case sumCell:
		if i, ok := c.sum.Int(); ok {
			return i
		}
		return value.Whole(c.sum.Float())
	case valueCell:
		return c.v
	}
	return nil
}

func (c *cell) set(v value.Value) {
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

var (
	errOverflow    = errors.New("the sum exceeds the range of whole numbers (64 bits)")
	errBeyondFloat = errors.New("the sum exceeds the range of floating-point numbers")
	errNotWhole    = errors.New("a whole number is needed, for the type of the argument is int")
)

// takesNumber reports why a number cannot be added, nil if it can. With whole, all of them are ints
// and so is the sum: it must not exceed 64 bits.
func (c *cell) takesNumber(v value.Value, whole bool) error {
	switch v := v.(type) {
	case int64:
		if sum := c.i + v; whole && (sum > c.i) != (v > 0) {
			return errOverflow
		}
	case float64:
		switch {
		case whole:
			return errNotWhole
		case math.Abs(v) < 0x1p1000 && (c.state != sumCell || math.Abs(c.sum.Float()) < 0x1p1000):
		default:
			c := *c
			if !c.sum.Add(v) {
				return errBeyondFloat
			}
		}
	default:
		return fmt.Errorf("a number is needed, not a value of type %s", value.Kind(v))
	}
	return nil
}

// addNumber adds a number that takesNumber has let pass, exactly.
func (c *cell) addNumber(v value.Value) {
	switch v := v.(type) {
	case int64:
		if c.state == intCell {
			if sum := c.i + v; (sum > c.i) == (v > 0) {
				c.i = sum
				return
			}
			c.widen()
		}
		c.sum.AddInt(v)
	case float64:
		if c.state == intCell {
			c.widen()
		}
		c.sum.Add(v)
	}
}

// widen goes on with a sum of any numbers.
func (c *cell) widen() {
	c.sum = exact.Sum{}
	c.sum.AddInt(c.i)
	c.state = sumCell
}

// mean divides the sum by the number of values and rounds once; what is whole and fits 64 bits is
// exact.
func (c *cell) mean() value.Value {
	const exactInts = 1 << 53
	sum := c.sum
	if c.state == intCell {
		switch {
		case c.i%c.n == 0:
			return c.i / c.n
		case c.i <= exactInts && c.i >= -exactInts && c.n <= exactInts:
			return value.Whole(float64(c.i) / float64(c.n))
		}
		sum = exact.Sum{}
		sum.AddInt(c.i)
	}
	f := sum.Mean(c.n)
	if size := math.Abs(f); size >= exactInts && size <= 1<<63 {
		if i, ok := sum.MeanInt(c.n); ok {
			return i
		}
	}
	return value.Whole(f)
}

// sumState is what is stored of a sum: a number if that is all of it, else the numbers whose exact
// sum it is, the nearest one first. Equal sums have equal states.
func (c *cell) sumState() value.Value {
	if c.state != sumCell {
		return c.value()
	}
	if i, ok := c.sum.Int(); ok {
		return i
	}
	var room [4]float64
	parts := c.sum.Parts(room[:0])
	if len(parts) == 1 {
		return parts[0]
	}
	list := make([]value.Value, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list
}

// setSum reads what sumState returns; ok is false for anything else.
func (c *cell) setSum(v value.Value) (ok bool) {
	switch v := v.(type) {
	case int64:
		c.state, c.i = intCell, v
		return true
	case float64:
		c.state = sumCell
		c.sum, ok = exact.Of(v)
		return ok
	case []value.Value:
		parts := make([]float64, len(v))
		for i := range v {
			if parts[i], ok = toFloat(v[i]); !ok {
				return false
			}
		}
		c.state = sumCell
		c.sum, ok = exact.Of(parts...)
		return ok
	}
	return false
}

// compare orders numbers by size and strings by their bytes. A cell without a value may become any
// of them.
func (c *cell) compare(v value.Value) (int, error) {
	switch v := v.(type) {
	case int64:
		switch c.state {
		case nullCell:
			return 0, nil
		case intCell:
			return cmp.Compare(c.i, v), nil
		case floatCell:
			return -value.CompareIntFloat(v, c.f), nil
		}
	case float64:
		switch c.state {
		case nullCell:
			return 0, nil
		case intCell:
			return value.CompareIntFloat(c.i, v), nil
		case floatCell:
			return cmp.Compare(c.f, v), nil
		}
	case string:
		if c.state == nullCell {
			return 0, nil
		}
		if s, ok := c.v.(string); ok {
			return strings.Compare(s, v), nil
		}
	default:
		return 0, fmt.Errorf("a number or a string is needed, not a value of type %s", value.Kind(v))
	}
	return 0, fmt.Errorf("numbers and strings cannot be compared: %s and %s", value.Kind(c.value()), value.Kind(v))
}

func toFloat(v value.Value) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
