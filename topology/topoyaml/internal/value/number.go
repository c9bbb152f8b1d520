package value

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

var (
	errRange    = errors.New("the result exceeds the range of whole numbers (64 bits); float() computes with floating-point numbers")
	errTooLarge = errors.New("the result exceeds the range of floating-point numbers")
	errZero     = errors.New("division by zero")
)

// Whole returns the int64 that f is, or f.
func Whole(f float64) Value {
	// 1<<63 itself does not fit; -1<<63 does.
	if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return f
}

// Float returns the value of a float64. Infinities and what is no number are errors.
func Float(f float64) (Value, error) {
	if math.IsInf(f, 0) {
		return nil, errTooLarge
	}
	if math.IsNaN(f) {
		return nil, errors.New("the result is no number (NaN)")
	}
	return Whole(f), nil
}

// Number reports whether v is a number.
func Number(v Value) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

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
// Of two whole numbers the result is exact. If it is whole and exceeds 64 bits, it is an error, unless floats says that one of
// them is meant as a floating-point number. All other results are the floating-point number that is nearest to the exact one; it
// is an error if there is none.
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

// OfNull is the way out for messages about operands of which one is null.
func OfNull(values ...Value) string {
	for _, v := range values {
		if v == nil {
			return "; what is missing is null, and ?? gives it a value: (a ?? 0) > b"
		}
	}
	return ""
}

// ToFloat returns the float64 that is nearest to a number, and 0 for other values.
func ToFloat(v Value) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// ExactFloat returns the float64 that is a number; ok is false for other values, and for a whole number that none is.
func ExactFloat(v Value) (f float64, ok bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), exactFloat(v)
	case float64:
		return v, true
	}
	return 0, false
}

func exactFloat(i int64) bool {
	f := float64(i)
	return f < 1<<63 && int64(f) == i
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
	// By squares, with more digits than matter. What is too large or too small becomes infinite or 0.
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

// Rounded is what round ([math.Floor], for one) makes of a number. Whole numbers stay as they are.
func Rounded(v Value, round func(float64) float64) (Value, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		return Float(round(v))
	}
	return nil, fmt.Errorf("a number is needed, not %s%s", Kind(v), OfNull(v))
}

// ToInt is the function int: numbers lose what is behind the point, texts are read in decimal. What does not fit is an error.
func ToInt(v Value) (Value, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		if i, ok := Whole(math.Trunc(v)).(int64); ok {
			return i, nil
		}
		return nil, fmt.Errorf("%s does not fit into a whole number of 64 bits", text(v))
	case string:
		i, err := strconv.ParseInt(v, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("%q does not fit into a whole number of 64 bits", v)
		} else if err != nil {
			return nil, fmt.Errorf("%q is no whole number", v)
		}
		return i, nil
	}
	return nil, fmt.Errorf("int() takes a number or a text, not %s%s", Kind(v), OfNull(v))
}

// ToNumber is the function float: of a text, the number as JSON's are read, with or without a sign, digits before the point and
// behind it.
func ToNumber(v Value) (Value, error) {
	switch v := v.(type) {
	case int64, float64:
		return v, nil
	case string:
		if v == "" || strings.Trim(v, "0123456789+-.eE") != "" {
			return nil, fmt.Errorf("%q is no number", v)
		}
		return ParseNumber(v)
	}
	return nil, fmt.Errorf("float() takes a number or a text, not %s%s", Kind(v), OfNull(v))
}

// ParseNumber reads a number as JSON writes it: whole if it is and fits, otherwise the nearest floating-point number.
func ParseNumber(s string) (Value, error) {
	if i, ok := parseInt(s); ok {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("number %s: %w", s, strconv.ErrRange)
	} else if err != nil {
		return nil, fmt.Errorf("%q is no number", s)
	}
	if f >= 1<<53 || f <= -(1<<53) {
		if i, ok := decimal(s); ok {
			return i, nil // where the nearest float may be another number: 9007199254740993.0
		}
	}
	return Whole(f), nil
}

// decimal is the whole number that a decimal with a point or an exponent stands for.
func decimal(s string) (i int64, ok bool) {
	mantissa, exponent := s, 0
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		var err error
		if exponent, err = strconv.Atoi(s[e+1:]); err != nil || max(exponent, -exponent) > 1<<40 {
			return 0, false
		}
		mantissa = s[:e]
	}
	sign := ""
	if mantissa != "" && (mantissa[0] == '-' || mantissa[0] == '+') {
		sign, mantissa = mantissa[:1], mantissa[1:]
	}
	before, behind, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimRight(before+behind, "0")
	point := len(before) + exponent
	leading := len(digits) - len(strings.TrimLeft(digits, "0"))
	digits, point = digits[leading:], point-leading
	if len(digits) > point || point > 19 {
		return 0, false
	}
	i, err := strconv.ParseInt(sign+digits+strings.Repeat("0", point-len(digits)), 10, 64)
	return i, err == nil
}

// parseInt reads up to 18 digits, which cannot overflow. Longer ones are left to strconv.
func parseInt[T string | []byte](s T) (int64, bool) {
	digits := s
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	if len(digits) > 18 {
		i, err := strconv.ParseInt(string(s), 10, 64)
		return i, err == nil
	}
	var n int64
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if s[0] == '-' {
		n = -n
	}
	return n, true
}

// text is a number for messages.
func text(v Value) string {
	s, _ := AppendJSON(nil, v)
	return string(s)
}
