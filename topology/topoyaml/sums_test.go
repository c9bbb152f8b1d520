package topoyaml_test

import (
	"fmt"
	"math/big"
	"strconv"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// Behind a shuffle the order of records depends on the partitions and on which task runs first.
// Sums and means do not: they are the exact ones, rounded once.
func TestSumsBehindAShuffle(t *testing.T) {
	r := seeds.Rand(t)
	file := load(t, `
name: totals
sources:
  payments: {stream: payments, schema: {shop: string, amount: float, t: int}, time: value.t, key: bytes}
streams:
  - from: payments
    steps:
      - group: {name: by-shop, by: value.shop}
      - window: {tumbling: 1h, grace: 1h}
      - aggregate: {store: totals, total: sum(value.amount), mean: avg(value.amount)}
      - emit: final
      - result: {value: {total: value.total, mean: value.mean}}
      - to: totals
`, topoyaml.Options{})
	type payment struct {
		key, amount string
		shop        int
	}
	payments := make([]payment, 2000)
	sums, counts := make([]*big.Rat, 3), make([]int64, 3)
	for i := range sums {
		sums[i] = new(big.Rat)
	}
	for i := range payments {
		amount := strconv.FormatFloat(float64(r.IntN(10_000))/100, 'f', -1, 64)
		switch r.IntN(10) {
		case 0:
			amount = strconv.Itoa(r.IntN(100)) // whole ones among them
		case 1:
			amount = []string{"1e16", "-1e16", "9007199254740993", "1e-9"}[r.IntN(4)]
		}
		p := payment{strconv.Itoa(r.IntN(100)), amount, r.IntN(3)}
		payments[i] = p
		counts[p.shop]++
		// The number is what the text says, as a whole number or as the nearest float.
		n, ok := new(big.Rat).SetString(amount)
		if f, err := strconv.ParseFloat(amount, 64); !ok || err != nil {
			t.Fatal(err)
		} else if !n.IsInt() {
			n.SetFloat64(f)
		}
		sums[p.shop].Add(sums[p.shop], n)
	}
	var want []string
	for shop, sum := range sums {
		mean := new(big.Rat).Quo(sum, new(big.Rat).SetInt64(counts[shop]))
		want = append(want, fmt.Sprintf(`totals "%d" {"total":%s,"mean":%s} 1000`, shop, rounded(sum), rounded(mean)))
	}
	for _, partitions := range []int32{1, 2, 4, 7} {
		d := processortest.New(t, file.Plan(), processortest.Options{DefaultPartitions: partitions, CommitEvery: 1 + r.IntN(300)})
		for _, p := range payments {
			d.Append("payments", []byte(p.key), fmt.Appendf(nil, `{"shop":"%d","amount":%s,"t":1000}`, p.shop, p.amount), 0)
		}
		d.Run()
		d.EndOfInput()
		equal(t, results(t, d, file), want...)
	}
}

// rounded is the text of the whole number that r is, or of the nearest float.
func rounded(r *big.Rat) string {
	f, _ := r.Float64()
	if !r.IsInt() {
		r = new(big.Rat).SetFloat64(f)
	}
	if r.IsInt() {
		return r.Num().String()
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// A mean that is whole and fits 64 bits is that number, also where no float is.
func TestWholeMeans(t *testing.T) {
	file := load(t, `
name: means
sources:
  in: {stream: in}
streams:
  - from: in
    steps:
      - group: by-key
      - aggregate: {store: means, mean: avg(value.n)}
      - to: out
`, topoyaml.Options{})
	const most, least = "9223372036854775807", "-9223372036854775808"
	for _, tt := range []struct {
		want string
		of   []string
	}{
		{"9007199254740993", []string{"9007199254740993"}},
		{"9007199254740995", []string{"9007199254740993", "9007199254740997"}},
		{"9007199254740993", []string{"0.5", "27021597764222978", "0.5"}},
		{most, []string{most}},
		{most, []string{most, most, most}},
		{"9223372036854775806", []string{most, "9223372036854775805"}},
		{least, []string{least, least}},
		{"-9223372036854775807", []string{least, "-9223372036854775806"}},
		{"-9007199254740993", []string{"1e20", "-36028797018963972", "-1e20", "0"}},
		// not whole: the nearest float
		{"9223372036854776000", []string{most, "9223372036854775806"}},
		{"-0.5", []string{"0", "-1"}},
	} {
		d := processortest.New(t, file.Plan(), processortest.Options{})
		for _, n := range tt.of {
			d.Append("in", []byte("k"), fmt.Appendf(nil, `{"n":%s}`, n), 0)
		}
		d.Run()
		got, want := results(t, d, file), fmt.Sprintf(`out "k" {"mean":%s} 0`, tt.want)
		if len(got) == 0 || got[len(got)-1] != want {
			t.Errorf("the mean of %v: %v, want %s", tt.of, got, want)
		}
	}
}
