// Package valuetest has values for tests.
package valuetest

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// JSON returns the value that a JSON text says.
func JSON(t testing.TB, text string) value.Value {
	t.Helper()
	v, err := value.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Random returns any value, with lists and objects of at most that depth.
func Random(r *rand.Rand, depth int) value.Value {
	n := 9
	if depth == 0 {
		n = 7
	}
	switch r.IntN(n) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return r.Int64() - r.Int64()
	case 3:
		return int64(r.IntN(100) - 50)
	case 4:
		// no exponent is out of range
		return value.Whole(math.Float64frombits(r.Uint64() & ^uint64(1<<62)))
	case 5:
		return value.Whole(r.NormFloat64() * math.Pow10(r.IntN(30)-10))
	case 6:
		runes := make([]rune, r.IntN(6))
		for i := range runes {
			runes[i] = []rune{'a', '"', '\\', '\n', 0, 'é', '😀', ' ', '<'}[r.IntN(9)]
		}
		return string(runes)
	case 7:
		list := make([]value.Value, r.IntN(4))
		for i := range list {
			list[i] = Random(r, depth-1)
		}
		return list
	}
	fields := make([]value.Field, r.IntN(4))
	for i := range fields {
		fields[i] = value.Named(strconv.Itoa(i)+string(rune('z'-r.IntN(26))), Random(r, depth-1))
	}
	return value.NewObject(fields...)
}
