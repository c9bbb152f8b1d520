package exact_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/internal/exact"
)

// number is a float64 or an int64 of one of several kinds, some of which cancel each other.
func number(r *rand.Rand) any {
	sign := float64(1 - 2*r.IntN(2))
	switch r.IntN(8) {
	case 0:
		return int64(r.Uint64())
	case 1:
		return int64(r.IntN(2000) - 1000)
	case 2:
		return sign * math.Ldexp(r.Float64(), r.IntN(200)-100)
	case 3:
		return sign * math.Ldexp(r.Float64(), r.IntN(2040)-1060) // subnormal ones, too
	case 4:
		return sign * math.Ldexp(1, r.IntN(120)-60) // ties
	case 5:
		return sign * 1e16
	case 6:
		return math.Copysign(0, sign)
	}
	return sign * float64(r.IntN(10_000_000)) / 100 // money
}

// rational is the sum as math/big has it: it knows nothing of this package.
func rational(numbers []any) *big.Rat {
	sum := new(big.Rat)
	for _, x := range numbers {
		switch x := x.(type) {
		case int64:
			sum.Add(sum, new(big.Rat).SetInt64(x))
		case float64:
			sum.Add(sum, new(big.Rat).SetFloat64(x))
		}
	}
	return sum
}

func add(t *testing.T, s *exact.Sum, x any) {
	t.Helper()
	ok := false
	switch x := x.(type) {
	case int64:
		ok = s.AddInt(x)
	case float64:
		ok = s.Add(x)
	}
	if !ok {
		t.Fatalf("%v was not added", x)
	}
}

func TestSum(t *testing.T) {
	r := seeds.Rand(t)
	for range 3000 {
		numbers := make([]any, r.IntN(60))
		kinds := r.Uint64()
		for i := range numbers {
			for {
				numbers[i] = number(r)
				if _, whole := numbers[i].(int64); whole || kinds&7 != 0 {
					break // one run in eight has whole numbers only
				}
			}
		}
		want := rational(numbers)
		nearest, _ := want.Float64()
		var first []float64
		for order := range 3 {
			r.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
			var s exact.Sum
			for _, x := range numbers {
				add(t, &s, x)
				if r.IntN(20) == 0 { // written and read again
					again, ok := exact.Of(s.Parts(nil)...)
					if !ok {
						t.Fatalf("%v cannot be read again", s.Parts(nil))
					}
					s = again
				}
			}
			if got := s.Float(); got != nearest {
				t.Fatalf("the sum of %v is %v, want %v", numbers, got, nearest)
			}
			if i, ok := s.Int(); ok != (want.IsInt() && want.Num().IsInt64()) || ok && i != want.Num().Int64() {
				t.Fatalf("the sum of %v is the whole number %d, %v; want %v", numbers, i, ok, want)
			}
			n := r.Int64N(1000) + 1
			if r.IntN(10) == 0 {
				n = r.Int64N(math.MaxInt64) + 1
			}
			mean, _ := new(big.Rat).Quo(want, new(big.Rat).SetInt64(n)).Float64()
			if got := s.Mean(n); got != mean {
				t.Fatalf("the sum of %v divided by %d is %v, want %v", numbers, n, got, mean)
			}
			parts := s.Parts(nil)
			if order == 0 {
				first = parts
			}
			if !slices.Equal(parts, first) {
				t.Fatalf("in another order %v has the parts %v, not %v", numbers, parts, first)
			}
		}
	}
}

// Means that lie between two numbers, or close to it, are rounded as one division of the exact sum.
func TestMeanTies(t *testing.T) {
	r := seeds.Rand(t)
	for range 20000 {
		n := int64(1)<<r.IntN(20) | int64(r.IntN(2))
		a := math.Ldexp(float64(r.Uint64()>>11), -20)
		numbers := []any{a, math.Ldexp(float64(1-2*r.IntN(2)), -r.IntN(90)), math.Ldexp(float64(1-2*r.IntN(2)), -40-r.IntN(90))}
		var s exact.Sum
		for _, x := range numbers {
			add(t, &s, x)
		}
		want, _ := new(big.Rat).Quo(rational(numbers), new(big.Rat).SetInt64(n)).Float64()
		if got := s.Mean(n); got != want {
			t.Fatalf("the mean of %v over %d is %v, want %v", numbers, n, got, want)
		}
	}
}

func TestWholeAtTheEnds(t *testing.T) {
	for _, numbers := range [][]any{
		{int64(math.MaxInt64)},
		{int64(math.MaxInt64), int64(1)},
		{int64(math.MaxInt64), int64(1), int64(-1)},
		{int64(math.MinInt64)},
		{int64(math.MinInt64), int64(-1)},
		{int64(math.MinInt64), int64(-1), 1.0},
		{0x1p63, -1.0},
		{0x1p63, -0.5},
		{-0x1p63, 0.5},
		{int64(9007199254740993), 0.5, 0.5},
	} {
		var s exact.Sum
		for _, x := range numbers {
			add(t, &s, x)
		}
		want := rational(numbers)
		i, ok := s.Int()
		if ok != (want.IsInt() && want.Num().IsInt64()) || ok && i != want.Num().Int64() {
			t.Errorf("%v: %d, %v; want %v", numbers, i, ok, want)
		}
	}
}

// What would leave the range is refused and changes nothing; so do infinities and what is no
// number.
func TestOutOfRange(t *testing.T) {
	var s exact.Sum
	add(t, &s, 0.1)
	add(t, &s, math.MaxFloat64)
	before := s.Parts(nil)
	for _, x := range []float64{math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		if s.Add(x) {
			t.Errorf("%v was added", x)
		}
		if after := s.Parts(nil); !slices.Equal(before, after) {
			t.Errorf("%v changed the sum from %v to %v", x, before, after)
		}
	}
	add(t, &s, -math.MaxFloat64)
	if s.Float() != 0.1 {
		t.Errorf("%v is left", s.Float())
	}
}

// A copy that grows does not change its original, however many parts there are.
func TestCopies(t *testing.T) {
	var s exact.Sum
	for e := -1000; e < 1000; e += 60 {
		add(t, &s, math.Ldexp(1, e))
		before := s.Parts(nil)
		c := s
		add(t, &c, math.Ldexp(3, e-7))
		if after := s.Parts(nil); !slices.Equal(before, after) {
			t.Fatalf("the original changed from %v to %v", before, after)
		}
	}
}

func BenchmarkSum(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	money := make([]float64, 1024)
	wide := make([]float64, 1024)
	for i := range money {
		money[i] = float64(r.IntN(10_000_000)) / 100
		wide[i] = math.Ldexp(r.Float64(), r.IntN(400)-200)
	}
	for _, bench := range []struct {
		name    string
		numbers []float64
	}{{"money", money}, {"wide", wide}} {
		b.Run(bench.name+"/plain", func(b *testing.B) {
			var s float64
			i := 0
			for b.Loop() {
				s += bench.numbers[i&1023]
				i++
			}
		})
		b.Run(bench.name+"/exact", func(b *testing.B) {
			b.ReportAllocs()
			var s exact.Sum
			i := 0
			for b.Loop() {
				s.Add(bench.numbers[i&1023])
				i++
			}
		})
		b.Run(bench.name+"/mean", func(b *testing.B) {
			b.ReportAllocs()
			var s exact.Sum
			for _, x := range bench.numbers {
				s.Add(x)
			}
			for b.Loop() {
				s.Mean(1023)
			}
		})
	}
}
