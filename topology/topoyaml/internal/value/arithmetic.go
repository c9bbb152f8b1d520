package value

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

var (
	errRange    = errors.New("the result exceeds the range of whole numbers (64 bits); float() computes with floating-point numbers")
	errTooLarge = errors.New("the result exceeds the range of floating-point numbers")
	errZero     = errors.New("division by zero")
)

// Operator is an operator of arithmetic.
type Operator byte

// The operators.
const (
	Add      Operator = '+'
	Subtract Operator = '-'
	Multiply Operator = '*'
	Divide   Operator = '/'
	Modulo   Operator = '%'
	Power    Operator = '^'
)

func (o Operator) String() string {
	if o == Power {
		return "**"
	}
	return string(rune(o))
}

// Arithmetic computes a with b.
//
// Of two whole numbers the result is exact. If it is whole and exceeds 64 bits, it is an error,
// unless floats says that one of them is meant as a floating-point number. All other results are
// the floating-point number that is nearest to the exact one; it is an error if there is none.
func Arithmetic(op Operator, a, b Value, floats bool) (Value, error) {
	x, xok := a.(int64)
	y, yok := b.(int64)
	if xok && yok {
		v, err := ints(op, x, y)
		if floats && errors.Is(err, errRange) {
			return rational(op, a, b)
		}
		return v, err
	}
	if !Number(a) || !Number(b) {
		return nil, fmt.Errorf("invalid operation: %s %s %s%s", Kind(a), op, Kind(b), OfNull(a, b))
	}
	if op == Modulo {
		return nil, fmt.Errorf("%% needs whole numbers of 64 bits, not %s %% %s", text(a), text(b))
	}
	if op == Divide && b == int64(0) {
		return nil, errZero
	}
	if op == Power {
		return power(a, b)
	}
	if xok && !exactFloat(x) || yok && !exactFloat(y) {
		return rational(op, a, b)
	}
	f, g := ToFloat(a), ToFloat(b)
	switch op {
	case Add:
		return Float(f + g)
	case Subtract:
		return Float(f - g)
	case Multiply:
		return Float(f * g)
	}
	return Float(f / g)
}

func ints(op Operator, x, y int64) (Value, error) {
	switch op {
	case Add:
		if sum := x + y; (sum > x) == (y > 0) {
			return sum, nil
		}
	case Subtract:
		if diff := x - y; (diff < x) == (y > 0) {
			return diff, nil
		}
	case Multiply:
		if p, ok := multiply(x, y); ok {
			return p, nil
		}
	case Divide:
		switch {
		case y == 0:
			return nil, errZero
		case y == -1:
			return Negate(x, false)
		case x%y == 0:
			return x / y, nil
		case exactFloat(x) && exactFloat(y):
			return Float(float64(x) / float64(y))
		}
		return rational(op, x, y)
	case Modulo:
		if y == 0 {
			return nil, errZero
		}
		return x % y, nil
	case Power:
		if y < 0 {
			return power(x, y)
		}
		if p, ok := raise(x, y); ok {
			return p, nil
		}
	}
	return nil, errRange
}

func multiply(x, y int64) (int64, bool) {
	if x == 0 || y == 0 {
		return 0, true
	}
	p := x * y
	if p/y != x || x == math.MinInt64 && y == -1 || y == math.MinInt64 && x == -1 {
		return 0, false
	}
	return p, true
}

// raise is x to the power of y >= 0.
func raise(x, y int64) (int64, bool) {
	switch x {
	case 0, 1:
		if y == 0 {
			return 1, true
		}
		return x, true
	case -1:
		return 1 - 2*(y&1), true
	}
	p, ok := int64(1), true
	for ; y > 0; y-- { // at most 63 times: from then on it does not fit
		if p, ok = multiply(p, x); !ok {
			return 0, false
		}
	}
	return p, true
}

// power is a to the power of b where the result need not be whole.
func power(a, b Value) (Value, error) {
	if a == int64(0) {
		if order, _ := Compare(b, int64(0)); order < 0 {
			return nil, errZero
		}
	}
	n, ok := b.(int64)
	if !ok {
		if b == 0.5 {
			return Float(math.Sqrt(ToFloat(a)))
		}
		return Float(math.Pow(ToFloat(a), ToFloat(b)))
	}
	// By squares, with more digits than matter. What is too large or too small becomes infinite
	// or 0.
	const digits = 512
	base := new(big.Float).SetPrec(digits)
	switch a := a.(type) {
	case int64:
		base.SetInt64(a)
	case float64:
		base.SetFloat64(a)
	}
	p := big.NewFloat(1).SetPrec(digits)
	e := uint64(n)
	if n < 0 {
		e = -e
	}
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			p.Mul(p, base)
		}
		base.Mul(base, base)
	}
	if n < 0 {
		p.Quo(big.NewFloat(1).SetPrec(digits), p)
	}
	f, _ := p.Float64()
	return Float(f)
}

// rational computes exactly and rounds once, to a floating-point number.
func rational(op Operator, a, b Value) (Value, error) {
	x, y := ratOf(a), ratOf(b)
	switch op {
	case Add:
		x.Add(x, y)
	case Subtract:
		x.Sub(x, y)
	case Multiply:
		x.Mul(x, y)
	case Divide:
		if y.Sign() == 0 {
			return nil, errZero
		}
		x.Quo(x, y)
	case Power:
		return power(a, b)
	}
	f, _ := x.Float64()
	return Float(f)
}

func ratOf(v Value) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		return new(big.Rat).SetFloat64(v)
	}
	return new(big.Rat)
}

// fromRat is the whole number that r is, or the float that is nearest.
func fromRat(r *big.Rat) (Value, error) {
	if r.IsInt() && r.Num().IsInt64() {
		return r.Num().Int64(), nil
	}
	f, _ := r.Float64()
	return Float(f)
}

// Negate is -v; floats is as in [Arithmetic].
func Negate(v Value, floats bool) (Value, error) {
	switch v := v.(type) {
	case int64:
		if v == math.MinInt64 {
			if floats {
				return -float64(v), nil
			}
			return nil, errRange
		}
		return -v, nil
	case float64:
		return Float(-v) // of 1<<63, which is no whole number, it is one
	}
	return nil, fmt.Errorf("invalid operation: - %s%s", Kind(v), OfNull(v))
}

// Sum is the sum of numbers, rounded once if it is not whole; floats is as in [Arithmetic].
func Sum(numbers []Value, floats bool) (Value, error) {
	sum, exact := int64(0), true
	for _, v := range numbers {
		i, ok := v.(int64)
		if !ok {
			if !Number(v) {
				return nil, fmt.Errorf("a sum needs numbers, not %s%s", Kind(v), OfNull(v))
			}
			floats, exact = true, false
			continue
		}
		next := sum + i
		exact = exact && (next > sum) == (i > 0)
		sum = next
	}
	if exact {
		return sum, nil
	}
	r := ratSum(numbers)
	if !floats && !r.Num().IsInt64() {
		return nil, errRange
	}
	return fromRat(r)
}

// ratSum is exact: a float64 has at most 1,074 binary digits behind the point and 1,024 before it.
func ratSum(numbers []Value) *big.Rat {
	sum, one := new(big.Float).SetPrec(2200), new(big.Float).SetPrec(64)
	for _, v := range numbers {
		switch v := v.(type) {
		case int64:
			sum.Add(sum, one.SetInt64(v))
		case float64:
			sum.Add(sum, one.SetFloat64(v))
		}
	}
	r, _ := sum.Rat(nil)
	if r == nil {
		r = new(big.Rat) // of 0
	}
	return r
}

// Mean is the mean of numbers, rounded once; 0 of none.
func Mean(numbers []Value) (Value, error) {
	if len(numbers) == 0 {
		return int64(0), nil
	}
	r := ratSum(numbers)
	return fromRat(r.Quo(r, new(big.Rat).SetInt64(int64(len(numbers)))))
}
