package aggregate

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Lists of the largest and the smallest are those of a sort of all values, whatever the order in
// which they come, and when the state is written and read.
func TestTop(t *testing.T) {
	type entry struct {
		n    int64
		name string
	}
	r := seeds.Rand(t)
	a := aggregationOf(t, value.AnyType, "top(3, value.n)", "bottom(2, value.n, value.name)", `top(2, value.n, {name: value.name, n: [value.n, ","]})`)
	for range 300 {
		entries := make([]entry, r.IntN(12))
		var state value.Value = a.start()
		for i := range entries {
			entries[i] = entry{r.Int64N(5), string(rune('a' + r.IntN(4)))}
			in := value.NewObject(value.Named("n", entries[i].n), value.Named("name", entries[i].name))
			if r.IntN(4) == 0 { // what is compared is missing
				if _, err := a.Next(state, &expression.Inputs{Value: value.NewObject(value.Named("name", "?"))}); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if state, err = a.Next(state, &expression.Inputs{Value: in}); err != nil {
				t.Fatal(err)
			}
			if r.IntN(3) == 0 {
				if state, err = a.Decode([]byte(text(t, a, state))); err != nil {
					t.Fatal(err)
				}
			}
		}
		var want [3]value.Value
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.name, b.name)) })
		var top, objects, bottom []value.Value
		for _, e := range entries[:min(3, len(entries))] {
			top = append(top, e.n)
		}
		for _, e := range entries[:min(2, len(entries))] {
			objects = append(objects, value.NewObject(value.Named("name", e.name), value.Named("n", []value.Value{e.n, ","})))
		}
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.n, b.n), strings.Compare(a.name, b.name)) })
		for _, e := range entries[:min(2, len(entries))] {
			bottom = append(bottom, e.name)
		}
		want[0], want[1], want[2] = top, bottom, objects
		for i, f := range state.(*accumulator).Fields() {
			if !value.Equal(f.Value, want[i]) {
				t.Fatalf("%v: %s is %v, want %v", entries, f.Name, f.Value, want[i])
			}
		}
	}
}

// The bytes of docs/format/aggregates.md.
func TestTopState(t *testing.T) {
	a := aggregationOf(t, value.AnyType, "top(2, value)", "bottom(2, value, key)")
	if a.Name() != "aggregate" || aggregationOf(t, value.AnyType, "top(2, value)").Name() != "json" {
		t.Error("the names of the serdes are wrong")
	}
	var state value.Value
	for _, v := range []value.Value{int64(7), 2.5, int64(9)} {
		var err error
		if state, err = a.Next(state, &expression.Inputs{Key: "k", Value: v}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := text(t, a, state), `{"a":[9,7],"b":[[2.5,"k"],[7,"k"]]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []string{`{"a":1}`, `{"a":[1,2]}`, `{"a":[3,2,1]}`, `{"a":["x",1]}`, `{"a":[null]}`, `{"b":[1]}`, `{"b":[[1]]}`} {
		if _, err := a.Decode([]byte(bad)); err == nil {
			t.Errorf("%s is taken as a state", bad)
		}
	}
	if got := a.Columns()[1].Function; got != "bottom-2" {
		t.Errorf("the function of a column is %q", got)
	}
}
