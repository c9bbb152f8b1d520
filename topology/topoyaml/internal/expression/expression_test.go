package expression

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

func objectType(fields ...value.TypeField) *value.Type {
	return &value.Type{Kind: value.ObjectKind, Fields: fields}
}

func TestExpressionResults(t *testing.T) {
	const flight = `{"date":"2001/01/01 00:47","delay":66,"mag":2.0,"half":0.5,"origin":"DTW","tags":["a","b"],"pos":{"lat":1.5,"lon":-2},"items":[{"p":1},{"p":5}],"none":null}`
	for _, test := range []struct{ expr, want string }{
		{`value.delay`, `66`},
		{`value.delay > 15`, `true`},
		{`value.delay + 1`, `67`},
		{`value.delay / 2`, `33`},
		{`value.delay / 4`, `16.5`},
		{`value.mag`, `2`},
		{`value.mag == 2`, `true`},
		{`value.half + 0.5`, `1`},
		{`value.origin == "DTW"`, `true`},
		{`value.missing == "DTW"`, `false`},
		{`value.none == nil`, `true`},
		{`value.missing.deeper`, `null`},
		{`value.missing?.deeper ?? 7`, `7`},
		{`value.pos.lat`, `1.5`},
		{`value.pos`, `{"lat":1.5,"lon":-2}`},
		{`value["pos"]["lon"]`, `-2`},
		{`value.tags[1]`, `"b"`},
		{`"a" in value.tags`, `true`},
		{`value.origin in ["DTW","LAS"]`, `true`},
		{`value.delay in [1, 66]`, `true`},
		{`value.missing in ["DTW"]`, `false`},
		{`len(value.tags)`, `2`},
		{`sum(value.items, .p)`, `6`},
		{`map(value.items, ({q: .p * 2}))`, `[{"q":2},{"q":10}]`},
		{`filter(value.items, .p > 2)`, `[{"p":5}]`},
		{`{z: value.delay, a: value.origin, n: {y: 1, b: key}}`, `{"z":66,"a":"DTW","n":{"y":1,"b":"k"}}`},
		{`value.delay > 15 ? "late" : "fine"`, `"late"`},
		{`upper(value.origin) + "!"`, `"DTW!"`},
		{`key + ":" + string(value.delay)`, `"k:66"`},
		{`time`, `1000`},
		{`parseTime(value.date, "2006/01/02 15:04")`, `978310020000`},
		{`parseTime("2001-01-01T00:47:00Z")`, `978310020000`},
		{`parseTime(value.date, "2006/01/02 15:04", "Europe/Berlin")`, `978306420000`},
		{`formatTime(978310020000, "2006-01-02")`, `"2001-01-01"`},
		{`formatTime(978310020500)`, `"2001-01-01T00:47:00.5Z"`},
		{`parseTime(formatTime(978310020500)) == 978310020500`, `true`},
		{`formatTime(time, "15:04:05.000")`, `"00:00:01.000"`},
		{`duration("1d12h")`, `129600000`},
		{`nil`, `null`},
		{`"text"`, `"text"`},
		{`1..3`, `[1,2,3]`},
		{`let x = value.delay; x * x`, `4356`},
		{`max(value.delay, 100)`, `100`},
		{`value`, flight},
		{`keys(value.pos) | sort()`, `["lat","lon"]`},
		{`9007199254740993`, `9007199254740993`},
		{`-value.delay`, `-66`},
		{`not (value.delay > 15)`, `false`},
		{`value.delay % 10`, `6`},
		{`split(value.date, " ")[0]`, `"2001/01/01"`},
		{`int("12") + 1`, `13`},
		{`1.5e300 * 10`, `1.5e+301`},
		{`value.delay > 15 ? {z: 1, a: key} : value.pos`, `{"z":1,"a":"k"}`},
		{`value.delay < 15 ? {z: 1, a: key} : value.pos`, `{"lat":1.5,"lon":-2}`},
		{`value.none ? 1 : value.missing ? 2 : value.pos`, `{"lat":1.5,"lon":-2}`},
		{`value.half > 0 ? nil : value`, `null`},
		{`extract("a=1&id=42&id=7", "(&|^)id=([^&]*)", 2)`, `"42"`},
		{`extract("a=1&id=42", "(&|^)id=([^&]*)")`, `"&id=42"`},
		{`extract("id=&a=1", "(&|^)id=([^&]*)", 2)`, `""`},
		{`extract(value.origin, "[0-9]+")`, `null`},
		{`extract("b", "(a)|b", 1)`, `null`},
		{`extract("b", "(a)|b", 1) ?? "none"`, `"none"`},
		{`extract(value.origin, "T(W)", value.tags[0] == "a" ? 1 : 0)`, `"W"`},
	} {
		c := &Compiler{lib: functions.NewLibrary()}
		p, mistakes := c.Compile(test.expr, RecordScope(value.StringType, value.AnyType), "test.yaml:1:1")
		if len(mistakes) > 0 {
			t.Errorf("%s: %d: %s", test.expr, mistakes[0].Offset, mistakes[0].Message)
			continue
		}
		in := &Inputs{Key: "k", Value: valuetest.JSON(t, flight), Time: 1000}
		for range 2 { // the second time with a used machine
			v, err := p.Eval(in)
			if err != nil {
				t.Errorf("%s: %v", test.expr, err)
				continue
			}
			got, err := value.AppendJSON(nil, v)
			want := test.want
			if want == flight {
				want = `{"date":"2001/01/01 00:47","delay":66,"mag":2,"half":0.5,"origin":"DTW","tags":["a","b"],"pos":{"lat":1.5,"lon":-2},"items":[{"p":1},{"p":5}],"none":null}`
			}
			if err != nil || string(got) != want {
				t.Errorf("%s = %s, %v; want %s", test.expr, got, err, want)
			}
		}
	}
}

func TestExpressionMistakes(t *testing.T) {
	flight := objectType(value.TypeField{Name: "delay", Type: value.IntType}, value.TypeField{Name: "origin", Type: value.StringType}, value.TypeField{Name: "mag", Type: value.FloatType},
		value.TypeField{Name: "tags", Type: &value.Type{Kind: value.ListKind, Elem: value.StringType}}, value.TypeField{Name: "pos", Type: objectType(value.TypeField{Name: "lat", Type: value.FloatType})})
	for _, test := range []struct {
		expr   string
		offset int
		want   string
	}{
		{`value.dely > 1`, 6, `value has no field "dely"; did you mean "delay"?`},
		{`value.origin > 15`, 13, `wrong types: string > int; int(), float() and string() convert`},
		{`value.delay == "x"`, 12, `wrong types: int == string; int(), float() and string() convert`},
		{`value.pos.lng`, 10, `value.pos has no field "lng"; there is only "lat"`},
		{`value.origin.x`, 13, `value.origin is of type string, which has no fields`},
		{`delay > 1`, 0, `unknown name "delay"; did you mean "value.delay"?`},
		{`valu.delay`, 0, `unknown name "valu"; did you mean "value"?`},
		{`now()`, 0, `there is no function now here, since results depend on the input alone; parseTime and formatTime work with times`},
		{`value.delay(1)`, 6, `value.delay is not a function`},
		{`1 +`, 2, `the expression ends too early`},
		{`upper(value.delay)`, 6, `cannot use int as argument (type string) to call upper; int(), float() and string() convert`},
		{`formatTime(value.origin, "2006")`, 11, `cannot use string as argument (type int) to call formatTime; int(), float() and string() convert`},
		{`parseTim(value.origin)`, 0, `unknown name "parseTim"; did you mean "parseTime"?`},
		{`{a: 1, a: 2}`, 7, `the field "a" is there twice`},
		{`{a: value.tags.x}`, 15, `value.tags is of type [string], which has no fields`},
		{`value.delay and true`, 12, `wrong types: int and bool`},
		{`$env`, 0, `there is no $env here; the variables are value, key, time, headers`},
		{``, 0, `the expression is empty`},
		{`value.tags > 1`, 11, `wrong types: list > int`},
		{`value.pos + 1`, 10, `wrong types: object + int`},
		{`max(value.delay, nil)`, 0, `invalid argument for max (type null)`},
		{`value.delay ? 1 : 2`, 0, `non-bool expression (type int) used as condition`},
		{`value.delay > 1 ? value.dely : 2`, 24, `value has no field "dely"; did you mean "delay"?`},
		{`extract(value.origin, value.tags[0])`, 32, `the pattern of extract has to be a text that stands here, in quotes`},
		{`extract(value.origin, "(a")`, 22, "\"(a\" is no regular expression: missing closing )"},
		{`extract(value.delay, "a")`, 8, `cannot use int as argument (type string) to call extract; int(), float() and string() convert`},
	} {
		c := &Compiler{lib: functions.NewLibrary()}
		_, mistakes := c.Compile(test.expr, RecordScope(value.StringType, flight), "test.yaml:1:1")
		if len(mistakes) == 0 {
			t.Errorf("%s: no mistakes found", test.expr)
		} else if len(mistakes) > 1 || mistakes[0].Offset != test.offset || mistakes[0].Message != test.want {
			t.Errorf("%s: %v\nwant: %d %s", test.expr, mistakes, test.offset, test.want)
		}
	}
}

// All mistakes of an expression are found, each once and at its place, and nothing that follows
// from one of them.
func TestSeveralMistakes(t *testing.T) {
	of := objectType(value.TypeField{Name: "n", Type: value.IntType}, value.TypeField{Name: "s", Type: value.StringType})
	for _, test := range []struct {
		expr string
		want []Mistake
	}{
		{`value.m > value.t`, []Mistake{
			{6, `value has no field "m"; there are "n", "s"`}, {16, `value has no field "t"; there are "n", "s"`},
		}},
		{`value.n > "x" and value.s + 1 == n`, []Mistake{
			{8, `wrong types: int > string; int(), float() and string() convert`},
			{26, `wrong types: string + int; int(), float() and string() convert`},
			{33, `unknown name "n"; did you mean "value.n"?`},
		}},
		{`value.m + 1 > upper(value.n)`, []Mistake{
			{6, `value has no field "m"; there are "n", "s"`},
			{20, `cannot use int as argument (type string) to call upper; int(), float() and string() convert`},
		}},
		{`upper(x) + lower(y)`, []Mistake{
			{6, `unknown name "x"; the variables are value, key, time, headers (a text is written in quotes)`},
			{17, `unknown name "y"; the variables are value, key, time, headers (a text is written in quotes)`},
		}},
		{`value.s matches "(" and extract(value.s, value.s) == "a" and value.s.x == 1`, []Mistake{
			{16, `"(" is no regular expression: missing closing )`},
			{41, `the pattern of extract has to be a text that stands here, in quotes`},
			{69, `value.s is of type string, which has no fields`},
		}},
		{`[1 / 0, duration("x"), value.n / 0]`, []Mistake{
			{3, `division by zero`}, {8, `"x" is no duration; write one like 10s, 90m, 1h30m or 1d`},
		}},
		{`let l = "YYYY"; parseTime(value.s, l) > parseTime(value.s, "HH")`, []Mistake{
			{35, `"YYYY" is no layout of Go; a layout shows how the time 2006-01-02 15:04:05 is written`},
			{59, `"HH" is no layout of Go; a layout shows how the time 2006-01-02 15:04:05 is written`},
		}},
	} {
		p, mistakes := NewCompiler().Compile(test.expr, RecordScope(value.StringType, of), "here")
		if p != nil || !slices.Equal(mistakes, test.want) {
			t.Errorf("%s:\n%v\nwant\n%v", test.expr, mistakes, test.want)
		}
	}
	many := "x" + strings.Repeat(" or x", 50)
	if _, mistakes := NewCompiler().Compile(many, RecordScope(value.StringType, of), "here"); len(mistakes) != maxMistakes {
		t.Errorf("%d mistakes of 51, want %d", len(mistakes), maxMistakes)
	}
}

// A variable of let that is constant is what it is: what it says is checked when the file is
// loaded.
func TestConstantVariables(t *testing.T) {
	for _, test := range []struct{ expr, want string }{
		{`let zone = "Europe/Berln"; parseTime(value.s, "2006", zone)`, `there is no time zone "Europe/Berln"`},
		{`let a = 1; let b = a - 1; value.n + 1 / b`, `division by zero`},
		{`let p = "("; value.s matches p`, `is no regular expression`},
	} {
		_, mistakes := NewCompiler().Compile(test.expr, RecordScope(value.StringType, value.AnyType), "here")
		if len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, test.want) {
			t.Errorf("%s: %v, want %s", test.expr, mistakes, test.want)
		}
	}
	for expr, want := range map[string]string{
		`let x = 2; let y = value.n; x * y + (let z = 3; z * x)`: `16`,
		`(let x = 2; x) + (let x = value.n; x)`:                  `7`,
		`(let x = value.n; x) + (let x = 2; x)`:                  `7`,
		`let x = nil; x ?? value.n`:                              `5`,
	} {
		p, mistakes := NewCompiler().Compile(expr, RecordScope(value.StringType, value.AnyType), "here")
		if len(mistakes) > 0 {
			t.Errorf("%s: %v", expr, mistakes)
			continue
		}
		v, err := p.Eval(&Inputs{Value: valuetest.JSON(t, `{"n":5}`)})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		} else if got, err := value.AppendJSON(nil, v); err != nil || string(got) != want {
			t.Errorf("%s = %s, %v; want %s", expr, got, err, want)
		}
	}
}

// The tasks of all workers evaluate the same programs at once.
func TestConcurrentEvaluation(t *testing.T) {
	c := &Compiler{lib: functions.NewLibrary()}
	p, mistakes := c.Compile(`{n: value.n * 2, t: upper(key), z: parseTime("2001", "2006", "Europe/Oslo")}`, RecordScope(value.StringType, value.AnyType), "x")
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0].Message)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				n := int64(g*1000 + i)
				v, err := p.Eval(&Inputs{Key: "k", Value: value.NewObject(value.Named("n", n))})
				if err != nil || value.Get(v, "n") != 2*n {
					t.Errorf("%v, %v; want n = %d", v, err, 2*n)
					return
				}
			}
		})
	}
	wg.Wait()
}
