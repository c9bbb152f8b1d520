package value

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
)

// edges are where rounding and wrapping begin.
var edges = []int64{0, 1, 2, 3, 7, 10, 1 << 31, 1<<32 - 1, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1 << 62, 3037000499, 3037000500, math.MaxInt64 - 1, math.MaxInt64, math.MinInt64}

func randomInt(r *rand.Rand) int64 {
	switch r.IntN(4) {
	case 0:
		return r.Int64N(200) - 100
	case 1:
		return int64(r.Uint64())
	case 2:
		return int64(r.Uint64()) >> r.IntN(63)
	}
	i := edges[r.IntN(len(edges))]
	if r.IntN(2) == 0 {
		i = -i
	}
	return i + r.Int64N(3) - 1
}

func randomNumber(r *rand.Rand) Value {
	switch r.IntN(5) {
	case 0:
		for {
			if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
				return Whole(f)
			}
		}
	case 1:
		return Whole(float64(randomInt(r)) * math.Pow(2, float64(r.IntN(8)-4)))
	}
	return randomInt(r)
}

// exact is a number as the reference has it.
func exact(v Value) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		return new(big.Rat).SetFloat64(v)
	}
	return nil
}

// nearest is what a value should be that is exactly r; ok is false if there is none.
func nearest(r *big.Rat) (v Value, ok bool) {
	if r.IsInt() && r.Num().IsInt64() {
		return r.Num().Int64(), true
	}
	f, _ := r.Float64()
	return Whole(f), !math.IsInf(f, 0)
}

// Arithmetic is compared with that of rationals: of whole numbers exactly, of others rounded once.
func TestArithmetic(t *testing.T) {
	r := seeds.Rand(t)
	for range 100_000 {
		a, b := randomNumber(r), randomNumber(r)
		op := []Operator{Add, Subtract, Multiply, Divide, Modulo}[r.IntN(5)]
		floats := r.IntN(2) == 0
		got, err := Arithmetic(op, a, b, floats)
		x, xok := a.(int64)
		y, yok := b.(int64)
		want, ok := Value(nil), false
		switch ra, rb := exact(a), exact(b); {
		case op == Modulo:
			if xok && yok && y != 0 {
				want, ok = new(big.Int).Rem(big.NewInt(x), big.NewInt(y)).Int64(), true
			}
		case op == Divide && rb.Sign() == 0:
		default:
			res := new(big.Rat)
			switch op {
			case Add:
				res.Add(ra, rb)
			case Subtract:
				res.Sub(ra, rb)
			case Multiply:
				res.Mul(ra, rb)
			case Divide:
				res.Quo(ra, rb)
			}
			f, _ := res.Float64()
			want, ok = Whole(f), !math.IsInf(f, 0)
			if xok && yok && res.IsInt() && res.Num().IsInt64() {
				want = res.Num().Int64()
			}
			if xok && yok && res.IsInt() && !res.Num().IsInt64() && !floats {
				ok = false
			}
		}
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%v %s %v (floats: %v) = %v (%T), %v; want %v (%T), %v", a, op, b, floats, got, got, err, want, want, ok)
		}
	}
}

func TestPower(t *testing.T) {
	r := seeds.Rand(t)
	for range 20_000 {
		x, y := int64(r.IntN(41)-20), int64(r.IntN(80))
		want := new(big.Int).Exp(big.NewInt(x), big.NewInt(y), nil)
		got, err := Arithmetic(Power, x, y, false)
		if want.IsInt64() != (err == nil) || err == nil && got != want.Int64() {
			t.Fatalf("%d ** %d = %v, %v; want %v", x, y, got, err, want)
		}
		float, err := Arithmetic(Power, x, y, true)
		if rat, _ := nearest(new(big.Rat).SetInt(want)); err != nil || float != rat {
			t.Fatalf("%d ** %d as a float = %v, %v; want %v", x, y, float, err, rat)
		}
		// A float to a power is compared with repeated exact multiplication.
		f, n := Whole(math.Trunc(r.NormFloat64()*1000)/64), int64(r.IntN(41)-20)
		if f == int64(0) {
			continue
		}
		p := big.NewRat(1, 1)
		for range max(n, -n) {
			p.Mul(p, exact(f))
		}
		if n < 0 {
			p.Inv(p)
		}
		if got, err := Arithmetic(Power, f, n, true); err != nil || got != first(nearest(p)) {
			t.Fatalf("%v ** %d = %v, %v; want %v", f, n, got, err, first(nearest(p)))
		}
	}
	for _, test := range []struct {
		a, b Value
		want Value // nil: an error
	}{
		{int64(0), int64(0), int64(1)}, {int64(0), int64(-1), nil}, {int64(0), -0.5, nil}, {int64(-1), int64(math.MaxInt64), int64(-1)},
		{int64(2), int64(-1074), 5e-324}, {int64(2), int64(-2000), int64(0)}, {2.5, int64(100000), nil}, {int64(9), 0.5, int64(3)},
		{int64(-2), 0.5, nil}, {int64(-8), 1.5, nil}, {int64(2), int64(math.MinInt64), int64(0)}, {int64(1), int64(math.MinInt64), int64(1)},
		{1.0000001, int64(math.MaxInt64), nil}, {int64(10), int64(20), nil},
	} {
		got, err := Arithmetic(Power, test.a, test.b, false)
		if (err == nil) != (test.want != nil) || err == nil && got != test.want {
			t.Errorf("%v ** %v = %v, %v; want %v", test.a, test.b, got, err, test.want)
		}
	}
}

func first[A, B any](a A, _ B) A { return a }

// Numbers are compared exactly, and equality is the same as what Compare says.
func TestCompareNumbers(t *testing.T) {
	r := seeds.Rand(t)
	for range 100_000 {
		a, b := randomNumber(r), randomNumber(r)
		switch r.IntN(3) {
		case 0: // the float next to a whole number
			i := randomInt(r)
			f := float64(i)
			if r.IntN(2) == 0 {
				f = math.Nextafter(f, math.Inf(r.IntN(3)-1))
			}
			a, b = i, Whole(f)
		case 1: // as no value is: a whole number as a float
			a, b = randomInt(r), float64(randomInt(r))
		}
		want := exact(a).Cmp(exact(b))
		if order, ok := Compare(a, b); !ok || order != want {
			t.Fatalf("%v compared with %v: %d, %v; want %d", a, b, order, ok, want)
		}
		if order, ok := Compare(b, a); !ok || order != -want {
			t.Fatalf("%v compared with %v: %d, %v; want %d", b, a, order, ok, -want)
		}
		if Equal(a, b) != (want == 0) || Equal([]Value{a}, []Value{b}) != (want == 0) {
			t.Fatalf("%v == %v: %v", a, b, Equal(a, b))
		}
	}
}

// Sums and means are those of rationals, rounded once, whatever the order.
func TestSumAndMean(t *testing.T) {
	r := seeds.Rand(t)
	for range 3_000 {
		numbers := make([]Value, r.IntN(12))
		whole := true
		sum := new(big.Rat)
		for i := range numbers {
			numbers[i] = randomNumber(r)
			if r.IntN(2) == 0 {
				numbers[i] = randomInt(r)
			}
			_, ok := numbers[i].(int64)
			whole = whole && ok
			sum.Add(sum, exact(numbers[i]))
		}
		want, ok := nearest(sum)
		if whole && !sum.Num().IsInt64() {
			ok = false
		}
		got, err := Sum(numbers, false)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("the sum of %v is %v, %v; want %v, %v", numbers, got, err, want, ok)
		}
		if len(numbers) > 0 {
			want, ok := nearest(sum.Quo(sum, big.NewRat(int64(len(numbers)), 1)))
			if got, err := Mean(numbers); ok != (err == nil) || ok && got != want {
				t.Fatalf("the mean of %v is %v, %v; want %v", numbers, got, err, want)
			}
		}
	}
}

// A number reads as the same value however it is written: with a point, an exponent, zeros before
// and behind.
func TestWaysToWriteNumbers(t *testing.T) {
	r := seeds.Rand(t)
	for range 50_000 {
		v := randomNumber(r)
		ways := []string{text(v)}
		switch v := v.(type) {
		case int64:
			s := strconv.FormatInt(v, 10)
			ways = append(ways, s+".0", s+".000", s+"e0", s+"E+0", s+"0e-1", s+"000e-3", shift(s, r.IntN(25)), shift(s, -r.IntN(25)))
		case float64:
			if math.Abs(v) != 1<<63 { // in short it is a whole number that fits
				ways = append(ways, strconv.FormatFloat(v, 'e', -1, 64), strconv.FormatFloat(v, 'g', 17, 64))
			}
		}
		for _, s := range ways {
			if got, err := ParseNumber(s); err != nil || got != v {
				t.Fatalf("%s is read as %v, %v; want %v", s, got, err, v)
			}
		}
	}
}

// shift writes a whole number with the point moved and an exponent that moves it back.
func shift(s string, by int) string {
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if by < 0 {
		for range -by {
			s += "0"
		}
		return sign + s + "e" + strconv.Itoa(by)
	}
	for len(s) <= by {
		s = "0" + s
	}
	return sign + s[:len(s)-by] + "." + s[len(s)-by:] + "e" + strconv.Itoa(by)
}

func TestConversions(t *testing.T) {
	for _, test := range []struct {
		f    func(Value) (Value, error)
		in   Value
		want Value // nil: an error
	}{
		{ToInt, 1e21, nil}, {ToInt, -1e21, nil}, {ToInt, 1.9, int64(1)}, {ToInt, -1.9, int64(-1)}, {ToInt, "9223372036854775807", int64(math.MaxInt64)},
		{ToInt, "9223372036854775808", nil}, {ToInt, "-9223372036854775808", int64(math.MinInt64)}, {ToInt, "1.5", nil}, {ToInt, "", nil}, {ToInt, " 1", nil},
		{ToInt, "0x10", nil}, {ToInt, "1_000", nil}, {ToInt, true, nil}, {ToInt, nil, nil}, {ToInt, "NaN", nil}, {ToInt, math.MaxFloat64, nil},
		{ToNumber, "1.5", 1.5}, {ToNumber, "9007199254740993", int64(9007199254740993)}, {ToNumber, "NaN", nil}, {ToNumber, "Infinity", nil}, {ToNumber, "inf", nil},
		{ToNumber, "-Inf", nil}, {ToNumber, "1e400", nil}, {ToNumber, "0x1p-2", nil}, {ToNumber, "1_000", nil}, {ToNumber, "", nil}, {ToNumber, "e", nil},
		{ToNumber, "-", nil}, {ToNumber, " 1", nil}, {ToNumber, "1e-400", int64(0)}, {ToNumber, "9007199254740993.0", int64(9007199254740993)}, {ToNumber, nil, nil},
		{ToNumber, false, nil}, {ToNumber, "9223372036854775808", float64(1 << 63)},
	} {
		if got, err := test.f(test.in); (err == nil) != (test.want != nil) || err == nil && got != test.want {
			t.Errorf("of %#v: %v, %v; want %v", test.in, got, err, test.want)
		}
	}
}
