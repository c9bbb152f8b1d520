package nexmark

import (
	"math"
	"math/bits"
)

// random is a sequence of random numbers (SplitMix64). Its state is the value itself: it costs
// nothing to begin one for each event.
type random uint64

// newRandom begins the sequence of one event, or of one of the generator's tables.
func newRandom(seed uint64, of int64) random {
	r := random(seed)
	// The seed is mixed first, so that the sequences of two seeds do not overlap.
	return random(r.next() ^ uint64(of)*0xd1342543de82ef95)
}

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1; n is at least 1.
func (r *random) below(n int64) int64 {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int64(hi)
}

// priceBits is how fine prices are. They are coarser than a float64 allows so that each of them can
// be tested to be the same on every machine, whatever its math.Pow does with the last bit.
const priceBits = 20

// price is from 100 to 100,000,000 cents, and its logarithm is uniform.
func (r *random) price() int64 { return priceAt(r.next() >> (64 - priceBits)) }

func priceAt(step uint64) int64 { return int64(math.Round(exactPrice(step))) }

func exactPrice(step uint64) float64 {
	return math.Pow(10, 6*float64(step)/(1<<priceBits)) * 100
}
