// Package exact adds numbers without rounding: the sum of the same numbers is the same in any
// order.
package exact

import (
	"math"
	"math/big"
	"slices"
)

// Sum is the exact sum of floating-point and whole numbers. It is rounded only when it is read, so
// it depends on what was added and not on the order.
//
// The zero value is 0. A copy is independent of its original. It is not safe for concurrent use.
//
// A sum is held as an expansion: floating-point numbers that do not overlap, whose exact sum it is
// (Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997). Amounts of money need two or
// three, which lie in the Sum itself; no expansion has more than some forty.
type Sum struct {
	n     int32
	parts [inside]float64 // n of them, ascending by size; none is 0
	// more has the parts instead where they are too many. What it points to is never changed, for
	// copies share it.
	more *[]float64
}

const inside = 3

// Of returns the sum of parts, as [Sum.Parts] has written them; ok is false if it is out of range.
func Of(parts ...float64) (s Sum, ok bool) {
	for _, p := range parts {
		if !s.Add(p) {
			return Sum{}, false
		}
	}
	return s, true
}

// Add adds x. It returns false, and changes nothing, if the sum would exceed the range of float64,
// or if x is no finite number.
func (s *Sum) Add(x float64) bool {
	if s.more != nil {
		return s.addMore(slices.Clone(*s.more), x)
	}
	was := *s
	n, x := grow(s.parts[:s.n], x)
	if x-x != 0 { // infinite, or not a number
		*s = was
		return false
	}
	s.n = int32(n)
	switch {
	case x == 0:
	case n < inside:
		s.parts[n] = x
		s.n++
	default:
		var room, out [inside + 2]float64
		copy(room[:], s.parts[:])
		room[inside] = x
		s.set(canonical(out[:0], room[:inside+1]))
	}
	return true
}

// AddInt adds i, exactly. It returns false, and changes nothing, if the sum would exceed the range
// of float64.
func (s *Sum) AddInt(i int64) bool {
	const low = 1<<11 - 1 // 64 bits less the 53 of a float64
	was := *s
	if s.Add(float64(i&^low)) && s.Add(float64(i&low)) {
		return true
	}
	*s = was
	return false
}

// addMore is Add where the parts lie outside. It takes parts over.
func (s *Sum) addMore(parts []float64, x float64) bool {
	n, x := grow(parts, x)
	if x-x != 0 {
		return false
	}
	parts = parts[:n]
	if x != 0 {
		parts = append(parts, x)
	}
	s.set(canonical(nil, parts))
	return true
}

// set takes the parts, the largest first. It keeps none of the memory that it is given.
func (s *Sum) set(parts []float64) {
	*s = Sum{n: int32(len(parts))}
	to := s.parts[:]
	if len(parts) > inside {
		more := make([]float64, len(parts))
		s.more, to = &more, more
	}
	for i, p := range parts {
		to[len(parts)-1-i] = p
	}
}

func (s *Sum) all() []float64 {
	if s.more != nil {
		return *s.more
	}
	return s.parts[:s.n]
}

// grow adds x to an expansion, in place. It returns how many parts are left, and what is to follow
// them, which is 0 if the others are the sum.
func grow(parts []float64, x float64) (n int, last float64) {
	for _, p := range parts {
		sum := x + p
		v := sum - x
		if err := (x - (sum - v)) + (p - v); err != 0 { // exact: x + p is sum + err
			parts[n] = err
			n++
		}
		x = sum
	}
	return n, x
}

// round returns the float64 nearest to an expansion, the even one of two.
func round(parts []float64) float64 {
	n := len(parts)
	if n == 0 {
		return 0
	}
	sum := parts[n-1]
	for n -= 2; n >= 0; n-- {
		x, p := sum, parts[n]
		sum = x + p
		err := p - (sum - x)
		if err == 0 {
			continue
		}
		// sum is the nearest unless err is half a unit: then what lies below decides.
		if n > 0 && (err > 0) == (parts[n-1] > 0) {
			if twice := 2 * err; (sum+twice)-sum == twice {
				sum += twice
			}
		}
		break
	}
	return max(min(sum, math.MaxFloat64), -math.MaxFloat64)
}

// canonical appends the parts of an expansion that stand for its sum and no other parts do: the
// nearest number, the nearest to what is left, and so on. It changes parts.
func canonical(dst, parts []float64) []float64 {
	for len(parts) > 0 {
		r := round(parts)
		dst = append(dst, r)
		n, x := grow(parts, -r)
		parts = parts[:n]
		if x != 0 {
			parts = append(parts, x)
		}
	}
	return dst
}

// Parts appends the numbers whose exact sum s is: first the nearest float64, then the nearest to
// what is left, and so on; none if s is 0. Equal sums have equal parts.
func (s *Sum) Parts(dst []float64) []float64 {
	if s.n == 1 {
		return append(dst, s.parts[0])
	}
	if s.more != nil {
		return canonical(dst, slices.Clone(*s.more))
	}
	var room [inside + 1]float64
	return canonical(dst, append(room[:0], s.parts[:s.n]...))
}

// Float returns the float64 nearest to s.
func (s *Sum) Float() float64 { return round(s.all()) }

// Int returns s if it is a whole number of 64 bits.
func (s *Sum) Int() (i int64, ok bool) {
	var room [inside]float64
	parts := s.Parts(room[:0])
	switch {
	case len(parts) == 0:
		return 0, true
	case len(parts) > 2:
		return 0, false // whole numbers of 64 bits need at most two
	}
	high := parts[0]
	var low float64
	if len(parts) == 2 {
		low = parts[1]
	}
	const end = 1 << 63
	switch {
	case high != math.Trunc(high), low != math.Trunc(low), high > end, high < -end:
		return 0, false
	case high == end:
		return math.MaxInt64 + int64(low+1), low < 0
	case high == -end:
		return math.MinInt64 + int64(low), low >= 0
	}
	return int64(high) + int64(low), true
}

// Mean returns the float64 nearest to s/n. n is positive.
func (s *Sum) Mean(n int64) float64 {
	const exactInts = 1 << 53
	var room [inside]float64
	parts := s.Parts(room[:0])
	if len(parts) == 0 {
		return 0
	}
	d := float64(n)
	q := parts[0] / d
	switch {
	case n > exactInts:
		return s.mean(parts, n)
	case len(parts) == 1:
		return q
	case math.Abs(q) < 1e-250 || math.Abs(q) > 1e250:
		return s.mean(parts, n) // what follows might underflow
	}
	// The rest of the division, and how far it may be off. Where that does not matter to the
	// rounding, it is done.
	rest := math.FMA(-q, d, parts[0])
	t := (rest + parts[1]) / d
	off := (math.Abs(rest) + math.Abs(parts[1])) / d * 0x1p-50
	if a, b := q+(t-off), q+(t+off); a == b {
		return a
	}
	return s.mean(parts, n)
}

func (s *Sum) mean(parts []float64, n int64) float64 {
	f, _ := quotient(parts, n).Float64()
	return f
}

// MeanInt returns s/n if it is a whole number of 64 bits: beyond 2^53 [Sum.Mean] may have rounded
// it. n is positive.
func (s *Sum) MeanInt(n int64) (i int64, ok bool) {
	if i, ok := s.Int(); ok {
		return i / n, i%n == 0
	}
	var room [inside]float64
	q := quotient(s.Parts(room[:0]), n)
	return q.Num().Int64(), q.IsInt() && q.Num().IsInt64()
}

func quotient(parts []float64, n int64) *big.Rat {
	sum := new(big.Rat)
	for _, p := range parts {
		sum.Add(sum, new(big.Rat).SetFloat64(p))
	}
	return sum.Quo(sum, new(big.Rat).SetInt64(n))
}
