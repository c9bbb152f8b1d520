package aggregate

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

// aggregationOf is an aggregate with a column for each call.
func aggregationOf(t testing.TB, of *value.Type, calls ...string) *Aggregation {
	t.Helper()
	a := &Aggregation{}
	for i, call := range calls {
		c, mistakes := NewColumn(expression.NewCompiler(), string(rune('a'+i)), call, expression.RecordScope(value.StringType, of), "test.yaml:1:1")
		if len(mistakes) > 0 {
			t.Fatalf("%s: %s", call, mistakes[0].Message)
		}
		a.columns = append(a.columns, c)
	}
	return a
}

// plainLoop computes the columns of TestAccumulators over all values at once.
func plainLoop(values []value.Value) []value.Value {
	var n, big int64
	var sum, low, high, first, last value.Value = int64(0), nil, nil, nil, nil
	var total float64
	var seen int64
	for _, o := range values {
		n++
		v := value.Get(o, "v")
		if v == nil {
			continue
		}
		f, _ := toFloat(v)
		if f > 15 {
			big++
		}
		switch s := sum.(type) {
		case int64:
			if i, ok := v.(int64); ok {
				sum = s + i
			} else {
				sum = value.Whole(float64(s) + f)
			}
		case float64:
			sum = value.Whole(s + f)
		}
		if lf, _ := toFloat(low); low == nil || f < lf {
			low = v
		}
		if hf, _ := toFloat(high); high == nil || f > hf {
			high = v
		}
		if seen == 0 {
			first = v
		}
		last = v
		total += f
		seen++
	}
	var mean value.Value
	if seen > 0 {
		s, _ := toFloat(sum)
		mean = value.Whole(s / float64(seen))
	}
	_ = total
	return []value.Value{n, big, sum, low, high, mean, first, last}
}

// Record by record, with the state written and read again at random moments, an aggregate yields
// what a loop over all records does.
func TestAccumulators(t *testing.T) {
	r := seeds.Rand(t)
	a := aggregationOf(t, &value.Type{Kind: value.ObjectKind, Fields: []value.TypeField{{Name: "v", Type: value.FloatType}}}, "count()", "count(value.v != nil and value.v > 15)", "sum(value.v)", "min(value.v)",
		"max(value.v)", "avg(value.v)", "first(value.v)", "last(value.v)")
	if a.Name() != "aggregate" {
		t.Errorf("an aggregate with a mean has the serde %q", a.Name())
	}
	for range 500 {
		var values []value.Value
		var state value.Value = a.start()
		for range r.IntN(40) {
			values = append(values, value.NewObject(value.Named("v", randomNumber(r))))
			next, err := a.Next(state, &expression.Inputs{Value: values[len(values)-1]})
			if err != nil {
				t.Fatal(err)
			}
			state = next
			if r.IntN(3) == 0 {
				data, err := a.Append(nil, state)
				if err != nil {
					t.Fatal(err)
				}
				if state, err = a.Decode(data); err != nil {
					t.Fatalf("%s: %v", data, err)
				}
				again, err := a.Append(nil, state)
				if err != nil || string(again) != string(data) {
					t.Fatalf("%s is written again as %s, %v", data, again, err)
				}
			}
		}
		want := plainLoop(values)
		for i, f := range state.(*accumulator).Fields() {
			if f.Value != want[i] {
				t.Fatalf("after %d values: %s is %v (%T), want %v (%T)", len(values), f.Name, f.Value, f.Value, want[i], want[i])
			}
		}
	}
}

func randomNumber(r *rand.Rand) value.Value {
	switch r.IntN(4) {
	case 0:
		return nil
	case 1:
		return int64(r.IntN(100) - 50)
	case 2:
		return value.Whole(float64(r.IntN(200)-100) / 4)
	}
	return int64(r.IntN(1<<40) - 1<<39)
}

// A state without a mean or a sum of fractions is the same as its result: the topic can take the
// store's bytes as they are.
func TestStateIsResult(t *testing.T) {
	a := aggregationOf(t, value.IntType, "count()", "max(value)", "last(value)", "sum(value)")
	if a.Name() != "json" {
		t.Errorf("the serde is %q", a.Name())
	}
	state, err := a.Next(nil, &expression.Inputs{Value: int64(7)})
	if err != nil {
		t.Fatal(err)
	}
	stored, err1 := a.Append(nil, state)
	printed, err2 := value.JSONSerde{}.Append(nil, state)
	if err1 != nil || err2 != nil || string(stored) != string(printed) || string(stored) != `{"a":1,"b":7,"c":7,"d":7}` {
		t.Errorf("%s %v, %s %v", stored, err1, printed, err2)
	}
}

func TestAggregateErrors(t *testing.T) {
	for _, test := range []struct {
		typ    *value.Type
		call   string
		values []value.Value
		want   string
	}{
		{value.AnyType, "sum(value)", []value.Value{int64(1), "x"}, "a number is needed, not a value of type string"},
		{value.IntType, "sum(value)", []value.Value{int64(math.MaxInt64), int64(1)}, "exceeds the range"},
		{value.IntType, "sum(value)", []value.Value{int64(math.MinInt64), int64(-1)}, "exceeds the range"},
		{value.AnyType, "sum(value)", []value.Value{math.MaxFloat64, math.MaxFloat64}, "exceeds the range"},
		{value.AnyType, "sum(value)", []value.Value{math.MaxFloat64, 0.5, 1e300}, "exceeds the range"},
		{value.AnyType, "max(value)", []value.Value{int64(1), "x"}, "numbers and strings cannot be compared"},
		{value.AnyType, "min(value)", []value.Value{true}, "a number or a string is needed"},
		{value.AnyType, "top(2, value)", []value.Value{int64(1), "x"}, "numbers and strings cannot be compared: int and string"},
		{value.AnyType, "bottom(2, value)", []value.Value{true}, "a number or a string is needed"},
		{value.AnyType, "count(value)", []value.Value{int64(1)}, "a condition should be true or false"},
		{value.AnyType, "avg(value)", []value.Value{"x"}, "a number is needed"},
	} {
		a := aggregationOf(t, test.typ, "count()", test.call)
		var state value.Value = a.start()
		var err error
		for i, v := range test.values {
			before, _ := a.Append(nil, state)
			state, err = a.Next(state, &expression.Inputs{Value: v})
			if i < len(test.values)-1 {
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s of %v: %v; want %s", test.call, test.values, err, test.want)
			}
			if after, _ := a.Append(nil, state); string(after) != string(before) {
				t.Errorf("%s: a record that fails changes the state from %s to %s", test.call, before, after)
			}
		}
	}
}

// Whole numbers and fractions are ordered by size, not by the nearest float.
func TestMinMaxOfMixedNumbers(t *testing.T) {
	for _, test := range []struct {
		values    []value.Value
		low, high value.Value
	}{
		{[]value.Value{int64(math.MaxInt64), 9223372036854775808.0}, int64(math.MaxInt64), 9223372036854775808.0},
		{[]value.Value{9223372036854775808.0, int64(math.MaxInt64)}, int64(math.MaxInt64), 9223372036854775808.0},
		{[]value.Value{int64(2251799813685249), 2251799813685248.5}, 2251799813685248.5, int64(2251799813685249)},
		{[]value.Value{-0.5, int64(0), int64(-1)}, int64(-1), int64(0)},
		{[]value.Value{-1e300, int64(math.MinInt64)}, -1e300, int64(math.MinInt64)},
	} {
		a := aggregationOf(t, value.AnyType, "min(value)", "max(value)")
		var state value.Value
		for _, v := range test.values {
			var err error
			if state, err = a.Next(state, &expression.Inputs{Value: v}); err != nil {
				t.Fatal(err)
			}
		}
		if f := state.(*accumulator).Fields(); f[0].Value != test.low || f[1].Value != test.high {
			t.Errorf("of %v: %v and %v", test.values, f[0].Value, f[1].Value)
		}
	}
}

func TestMinMaxOfStrings(t *testing.T) {
	words := []string{"pear", "apple", "fig", "zebra", "äpfel"}
	a := aggregationOf(t, value.StringType, "min(value)", "max(value)")
	var state value.Value
	for _, w := range words {
		var err error
		if state, err = a.Next(state, &expression.Inputs{Value: w}); err != nil {
			t.Fatal(err)
		}
	}
	got := state.(*accumulator).Fields()
	if got[0].Value != slices.MinFunc(words, cmp.Compare) || got[1].Value != slices.MaxFunc(words, cmp.Compare) {
		t.Errorf("%v", got)
	}
}

// wild is a number whose sums with others of its kind are rounded in one order and not in another.
func wild(r *rand.Rand) value.Value {
	switch r.IntN(6) {
	case 0:
		return int64(r.Uint64())
	case 1:
		return int64(9007199254740993)
	case 2:
		return value.Whole(float64(1-2*r.IntN(2)) * 1e16)
	case 3:
		return value.Whole(math.Ldexp(r.Float64()-0.5, r.IntN(200)-100))
	}
	return value.Whole(float64(r.IntN(10_000_000)) / 100)
}

// Sums and means are those of the exact numbers, rounded once, in whatever order the records come,
// and so is what is stored.
func TestSumsInAnyOrder(t *testing.T) {
	r := seeds.Rand(t)
	a := aggregationOf(t, value.FloatType, "sum(value)", "avg(value)")
	for range 500 {
		values := make([]value.Value, 1+r.IntN(40))
		total := new(big.Rat)
		for i := range values {
			values[i] = wild(r)
			switch v := values[i].(type) {
			case int64:
				total.Add(total, new(big.Rat).SetInt64(v))
			case float64:
				total.Add(total, new(big.Rat).SetFloat64(v))
			}
		}
		rounded := func(r *big.Rat) value.Value {
			if r.IsInt() && r.Num().IsInt64() {
				return r.Num().Int64()
			}
			nearest, _ := r.Float64()
			return value.Whole(nearest)
		}
		sum, mean := rounded(total), rounded(new(big.Rat).Quo(total, new(big.Rat).SetInt64(int64(len(values)))))
		var stored string
		for range 3 {
			r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
			var state value.Value
			for _, v := range values {
				next, err := a.Next(state, &expression.Inputs{Value: v})
				if err != nil {
					t.Fatal(err)
				}
				state = next
				if r.IntN(5) == 0 {
					data, err := a.Append(nil, state)
					if err != nil {
						t.Fatal(err)
					}
					if state, err = a.Decode(data); err != nil {
						t.Fatalf("%s: %v", data, err)
					}
				}
			}
			fields := state.(*accumulator).Fields()
			if fields[0].Value != sum || fields[1].Value != mean {
				t.Fatalf("of %v: sum %v, mean %v; want %v, %v", values, fields[0].Value, fields[1].Value, sum, mean)
			}
			data, err := a.Append(nil, state)
			if err != nil {
				t.Fatal(err)
			}
			if stored == "" {
				stored = string(data)
			}
			if string(data) != stored {
				t.Fatalf("in another order the state is %s, not %s", data, stored)
			}
		}
	}
}

// The states that docs/format/aggregates.md shows.
func TestAggregateFormat(t *testing.T) {
	for _, test := range []struct {
		values []value.Value
		want   string
	}{
		{nil, `{"a":0,"b":[null,0]}`},
		{[]value.Value{int64(3), int64(4)}, `{"a":7,"b":[7,2]}`},
		{[]value.Value{0.5, 0.25}, `{"a":0.75,"b":[0.75,2]}`},
		{[]value.Value{0.1, 0.2, 0.3}, `{"a":[0.6,2.7755575615628914e-17],"b":[[0.6,2.7755575615628914e-17],3]}`},
		{[]value.Value{int64(math.MaxInt64), int64(2)}, `{"a":[9223372036854776000,1],"b":[[9223372036854776000,1],2]}`},
	} {
		a := aggregationOf(t, value.AnyType, "sum(value)", "avg(value)")
		var state value.Value = a.start()
		for _, v := range test.values {
			var err error
			if state, err = a.Next(state, &expression.Inputs{Value: v}); err != nil {
				t.Fatal(err)
			}
		}
		data, err := a.Append(nil, state)
		if err != nil || string(data) != test.want {
			t.Errorf("the state of %v is %s, %v; want %s", test.values, data, err, test.want)
		}
	}
	a := aggregationOf(t, value.IntType, "sum(value)", "avg(value)")
	for _, bad := range []string{`{"a":"1"}`, `{"a":null}`, `{"a":[0.5,0.25]}`, `{"a":0.5}`, `{"b":1}`, `{"b":[null,1]}`, `{"b":[1,0]}`, `{"b":[1,-1]}`, `{"b":[1]}`, `{"b":[[true],1]}`} {
		if v, err := a.Decode([]byte(bad)); !errors.Is(err, serde.ErrMalformed) {
			t.Errorf("%s is read as %v, %v", bad, v, err)
		}
	}
}

// Whole numbers and floats next to each other are told apart, whichever comes first.
func TestExtremesAreExact(t *testing.T) {
	a := aggregationOf(t, value.AnyType, "min(value.v)", "max(value.v)")
	for _, pair := range [][2]string{{"9223372036854775807", "9223372036854775808"}, {"-9223372036854775808", "-9223372036854777856"}} {
		for range 2 {
			acc := a.start()
			for _, text := range pair {
				if err := a.add(acc, &expression.Inputs{Value: valuetest.JSON(t, `{"v":`+text+`}`)}); err != nil {
					t.Fatal(err)
				}
			}
			fields := acc.Fields()
			low, high := valuetest.JSON(t, pair[0]), valuetest.JSON(t, pair[1])
			if order, _ := value.Compare(low, high); order > 0 {
				low, high = high, low
			}
			if fields[0].Value != low || fields[1].Value != high {
				t.Errorf("%v: min %v, max %v", pair, fields[0].Value, fields[1].Value)
			}
			pair[0], pair[1] = pair[1], pair[0]
		}
	}
}
