package expression

import (
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
		p, mistake := c.Compile(test.expr, RecordScope(value.StringType, value.AnyType), "test.yaml:1:1")
		if mistake != nil {
			t.Errorf("%s: %d: %s", test.expr, mistake.Offset, mistake.Message)
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
		{`$env`, 0, `there is no $env here; the variables are value, key, time`},
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
		_, mistake := c.Compile(test.expr, RecordScope(value.StringType, flight), "test.yaml:1:1")
		if mistake == nil {
			t.Errorf("%s: no mistake found", test.expr)
		} else if mistake.Offset != test.offset || mistake.Message != test.want {
			t.Errorf("%s: %d %s\nwant: %d %s", test.expr, mistake.Offset, mistake.Message, test.offset, test.want)
		}
	}
}

// The tasks of all workers evaluate the same programs at once.
func TestConcurrentEvaluation(t *testing.T) {
	c := &Compiler{lib: functions.NewLibrary()}
	p, mistake := c.Compile(`{n: value.n * 2, t: upper(key), z: parseTime("2001", "2006", "Europe/Oslo")}`, RecordScope(value.StringType, value.AnyType), "x")
	if mistake != nil {
		t.Fatal(mistake.Message)
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
