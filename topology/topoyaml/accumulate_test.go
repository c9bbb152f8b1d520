package topoyaml

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// aggregationOf is an aggregate with a column for each call.
func aggregationOf(t testing.TB, value *typ, calls ...string) *aggregation {
	t.Helper()
	b := newBuilder("test.yaml", Options{})
	a := &aggregation{}
	for i, call := range calls {
		n := scalarNode(call)
		c, ok := b.column(&entry{name: string(rune('a' + i)), node: n}, recordScope(typString, value))
		if !ok {
			t.Fatalf("%s: %v", call, b.r.mistakes)
		}
		a.columns = append(a.columns, c)
	}
	return a
}

// plainLoop computes the columns of TestAccumulators over all values at once.
func plainLoop(values []Value) []Value {
	var n, big int64
	var sum, low, high, first, last Value = int64(0), nil, nil, nil, nil
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
				sum = wholeNumber(float64(s) + f)
			}
		case float64:
			sum = wholeNumber(s + f)
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
	var mean Value
	if seen > 0 {
		s, _ := toFloat(sum)
		mean = wholeNumber(s / float64(seen))
	}
	_ = total
	return []Value{n, big, sum, low, high, mean, first, last}
}

// Record by record, with the state written and read again at random moments, an aggregate yields what a loop over all records does.
func TestAccumulators(t *testing.T) {
	r := seeded(t)
	a := aggregationOf(t, objectType(typeField{"v", typFloat}), "count()", "count(value.v != nil and value.v > 15)", "sum(value.v)", "min(value.v)",
		"max(value.v)", "avg(value.v)", "first(value.v)", "last(value.v)")
	if a.Name() != "aggregate" {
		t.Errorf("an aggregate with a mean has the serde %q", a.Name())
	}
	for range 500 {
		var values []Value
		var state Value = a.start()
		for range r.IntN(40) {
			values = append(values, NewObject(named("v", randomNumber(r))))
			next, err := a.next(t.Context(), state, &inputs{value: values[len(values)-1]})
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

func randomNumber(r *rand.Rand) Value {
	switch r.IntN(4) {
	case 0:
		return nil
	case 1:
		return int64(r.IntN(100) - 50)
	case 2:
		return wholeNumber(float64(r.IntN(200)-100) / 4)
	}
	return int64(r.IntN(1<<40) - 1<<39)
}

// A state without a mean is the same as its result: the topic can take the store's bytes as they are.
func TestStateIsResult(t *testing.T) {
	a := aggregationOf(t, typAny, "count()", "max(value)", "last(value)", "sum(value)")
	if a.Name() != "json" {
		t.Errorf("the serde is %q", a.Name())
	}
	state, err := a.next(t.Context(), nil, &inputs{value: int64(7)})
	if err != nil {
		t.Fatal(err)
	}
	stored, err1 := a.Append(nil, state)
	printed, err2 := jsonSerde{}.Append(nil, state)
	if err1 != nil || err2 != nil || string(stored) != string(printed) || string(stored) != `{"a":1,"b":7,"c":7,"d":7}` {
		t.Errorf("%s %v, %s %v", stored, err1, printed, err2)
	}
}

func TestAggregateErrors(t *testing.T) {
	for _, test := range []struct {
		call   string
		values []Value
		want   string
	}{
		{"sum(value)", []Value{int64(1), "x"}, "a number is needed, not a value of type string"},
		{"sum(value)", []Value{int64(math.MaxInt64), int64(1)}, "exceeds the range"},
		{"sum(value)", []Value{int64(math.MinInt64), int64(-1)}, "exceeds the range"},
		{"max(value)", []Value{int64(1), "x"}, "numbers and strings cannot be compared"},
		{"min(value)", []Value{true}, "a number or a string is needed"},
		{"count(value)", []Value{int64(1)}, "a condition should be true or false"},
		{"avg(value)", []Value{"x"}, "a number is needed"},
	} {
		a := aggregationOf(t, typAny, "count()", test.call)
		var state Value = a.start()
		var err error
		for i, v := range test.values {
			before, _ := a.Append(nil, state)
			state, err = a.next(t.Context(), state, &inputs{value: v})
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

func TestMinMaxOfStrings(t *testing.T) {
	words := []string{"pear", "apple", "fig", "zebra", "äpfel"}
	a := aggregationOf(t, typString, "min(value)", "max(value)")
	var state Value
	for _, w := range words {
		var err error
		if state, err = a.next(t.Context(), state, &inputs{value: w}); err != nil {
			t.Fatal(err)
		}
	}
	got := state.(*accumulator).Fields()
	if got[0].Value != slices.MinFunc(words, cmp.Compare) || got[1].Value != slices.MaxFunc(words, cmp.Compare) {
		t.Errorf("%v", got)
	}
}
