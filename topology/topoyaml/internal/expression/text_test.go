package expression

import (
	"reflect"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

// What takes the way from JSON through an expression to text and back is the same value, with the
// order of its fields, and its text is what the value is written as.
func TestThroughText(t *testing.T) {
	r := seeds.Rand(t)
	programs := map[string]*Program{}
	for _, text := range []string{
		`value`, `[value][0]`, `{v: value}.v`, `fromJSON(toJSON(value))`, `let v = value; v`, `value == nil ? nil : fromJSON(string(toJSON(value)))`,
		`fromPairs(toPairs({v: value})).v`, `map([value], #)[0]`, `first(values(groupBy([value], "g")))[0]`, `fromJSON(join(split(toJSON(value), ","), ","))`,
		`fromJSON("[" + toJSON(value) + "]")[0]`, `reduce([value], #acc, value)`, `sortBy([value], 1)[0]`, `fromJSON(fromBase64(toBase64(toJSON(value))))`,
	} {
		c := &Compiler{lib: functions.NewLibrary()}
		p, mistakes := c.Compile(text, RecordScope(value.StringType, value.AnyType), "here")
		if len(mistakes) > 0 {
			t.Fatalf("%s: %s", text, mistakes[0].Message)
		}
		programs[text] = p
	}
	c := &Compiler{lib: functions.NewLibrary()}
	asText, mistakes := c.Compile(`toJSON(value)`, RecordScope(value.StringType, value.AnyType), "here")
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0].Message)
	}
	for range 3_000 {
		v := valuetest.Random(r, 3)
		data, err := value.AppendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		v, err = value.ParseJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		for text, p := range programs {
			got, err := p.Eval(&Inputs{Value: v})
			if err != nil {
				t.Fatalf("%s of %s: %v", text, data, err)
			}
			if !reflect.DeepEqual(got, v) && !(text == `{v: value}.v` && v == nil) {
				t.Fatalf("%s of %s is %#v, not %#v", text, data, got, v)
			}
		}
		if got, err := asText.Eval(&Inputs{Value: v}); err != nil || got != string(data) {
			t.Fatalf("toJSON of %s is %v, %v", data, got, err)
		}
	}
}
