package topoyaml

import (
	"encoding/json/v2"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
)

// seeded returns a generator whose seed is printed, and can be given as KOLK_SEED.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("KOLK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("KOLK_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func randomValue(r *rand.Rand, depth int) Value {
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
		return wholeNumber(math.Float64frombits(r.Uint64() & ^uint64(1<<62))) // no exponent is out of range
	case 5:
		return wholeNumber(r.NormFloat64() * math.Pow10(r.IntN(30)-10))
	case 6:
		runes := make([]rune, r.IntN(6))
		for i := range runes {
			runes[i] = []rune{'a', '"', '\\', '\n', 0, 'é', '😀', ' ', '<'}[r.IntN(9)]
		}
		return string(runes)
	case 7:
		list := make([]Value, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, depth-1)
		}
		return list
	}
	fields := make([]Field, r.IntN(4))
	for i := range fields {
		fields[i] = named(strconv.Itoa(i)+string(rune('z'-r.IntN(26))), randomValue(r, depth-1))
	}
	return NewObject(fields...)
}

// What is written comes back the same, with the order of fields and the kinds of numbers, and Go's own JSON agrees about it.
func TestJSONRoundTrip(t *testing.T) {
	r := seeded(t)
	var s jsonSerde
	for range 20_000 {
		v := randomValue(r, 3)
		data, err := s.Append([]byte("x"), v)
		if err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		data = data[1:]
		back, err := s.Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(v, back) {
			t.Fatalf("%#v\ncomes back as\n%#v\nfrom %s", v, back, data)
		}
		var std any
		if err := json.Unmarshal(data, &std); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if want := standard(v); !reflect.DeepEqual(std, want) {
			t.Fatalf("%s: encoding/json reads %#v, not %#v", data, std, want)
		}
	}
}

// standard is a value as encoding/json decodes it.
func standard(v Value) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []Value:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = standard(e)
		}
		return list
	case *Object:
		m := map[string]any{}
		for _, f := range v.Fields() {
			m[f.Name] = standard(f.Value)
		}
		return m
	}
	return v
}

func TestNumbersOfJSON(t *testing.T) {
	for _, test := range []struct{ in, out string }{
		{"2.0", "2"}, {"1e3", "1000"}, {"-0", "0"}, {"-0.0", "0"}, {"2.30", "2.3"}, {"9007199254740993", "9007199254740993"},
		{"9223372036854775807", "9223372036854775807"}, {"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775808", "9223372036854776000"}, {"1e21", "1e+21"}, {"1e-7", "1e-7"}, {"0.000001", "0.000001"},
		{"123456789012345678901234567890", "1.2345678901234568e+29"}, {"1.5E-10", "1.5e-10"}, {"999999999999999999", "999999999999999999"},
	} {
		v, err := parseJSON([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if out, err := appendJSON(nil, v); err != nil || string(out) != test.out {
			t.Errorf("%s is written as %s, %v; want %s", test.in, out, err, test.out)
		}
	}
}

func TestMalformedJSON(t *testing.T) {
	for _, text := range []string{"", " ", "{", "[", "nul", "{\"a\":1,\"a\":2}", "1 2", "{}x", "\"\xff\"", "{\"a\"}", "[1,]", "1e999", "01"} {
		v, err := parseJSON([]byte(text))
		if !errors.Is(err, serde.ErrMalformed) {
			t.Errorf("%q: %v, %v; want ErrMalformed", text, v, err)
		}
	}
}

// The scalar serdes write what the Go serdes of the same name write, and take no value of another kind.
func TestScalarSerdes(t *testing.T) {
	for _, test := range []struct {
		name string
		v    Value
		go_  string
	}{
		{"string", "text", "text"},
		{"int64", int64(258), "\x00\x00\x00\x00\x00\x00\x01\x02"},
		{"int32", int64(-2), "\xff\xff\xff\xfe"},
		{"float64", 1.5, "\x3f\xf8\x00\x00\x00\x00\x00\x00"},
		{"float64", int64(1), "\x3f\xf0\x00\x00\x00\x00\x00\x00"},
		{"bool", true, "\x01"},
		{"bytes", []byte{0, 1}, "\x00\x01"},
		{"json", "text", `"text"`},
	} {
		f, ok := formatOf(test.name)
		if !ok || f.serde.Name() != test.name {
			t.Fatalf("serde %s: %v", test.name, ok)
		}
		data, err := f.serde.Append(nil, test.v)
		if err != nil || string(data) != test.go_ {
			t.Errorf("%s of %v: %x, %v", test.name, test.v, data, err)
		}
		if back, err := f.serde.Decode(data); err != nil || !reflect.DeepEqual(back, test.v) {
			t.Errorf("%s of %v comes back as %v, %v", test.name, test.v, back, err)
		}
		if test.name != "json" {
			if _, err := f.serde.Append(nil, NewObject()); err == nil {
				t.Errorf("%s takes an object", test.name)
			}
		}
	}
	if f, _ := formatOf("int32"); f.serde != nil {
		if _, err := f.serde.Append(nil, int64(math.MaxInt32+1)); err == nil {
			t.Error("int32 takes what does not fit")
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,2.5,"x",null,true],"b":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseJSON([]byte(text))
		if err != nil {
			return
		}
		once, err := appendJSON(nil, v)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := parseJSON(once)
		if err != nil {
			t.Fatalf("%q: %v", once, err)
		}
		if !reflect.DeepEqual(v, again) {
			t.Fatalf("%q: %#v, then %#v", text, v, again)
		}
	})
}

// What takes the way from JSON through an expression to text and back is the same value, with the order of its fields, and its text is
// what the value is written as.
func TestThroughText(t *testing.T) {
	r := seeded(t)
	programs := map[string]*program{}
	for _, text := range []string{
		`value`, `[value][0]`, `{v: value}.v`, `fromJSON(toJSON(value))`, `let v = value; v`, `value == nil ? nil : fromJSON(string(toJSON(value)))`,
		`fromPairs(toPairs({v: value})).v`, `map([value], #)[0]`, `first(values(groupBy([value], "g")))[0]`, `fromJSON(join(split(toJSON(value), ","), ","))`,
		`fromJSON("[" + toJSON(value) + "]")[0]`, `reduce([value], #acc, value)`, `sortBy([value], 1)[0]`, `fromJSON(fromBase64(toBase64(toJSON(value))))`,
	} {
		c := &exprCompiler{lib: functions.NewLibrary()}
		p, mistake := c.compile(text, recordScope(typString, typAny), "here")
		if mistake != nil {
			t.Fatalf("%s: %s", text, mistake.message)
		}
		programs[text] = p
	}
	c := &exprCompiler{lib: functions.NewLibrary()}
	asText, mistake := c.compile(`toJSON(value)`, recordScope(typString, typAny), "here")
	if mistake != nil {
		t.Fatal(mistake.message)
	}
	for range 3_000 {
		v := randomValue(r, 3)
		data, err := appendJSON(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		v, err = parseJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		for text, p := range programs {
			got, err := p.eval(&inputs{value: v})
			if err != nil {
				t.Fatalf("%s of %s: %v", text, data, err)
			}
			if !reflect.DeepEqual(got, v) && !(text == `{v: value}.v` && v == nil) {
				t.Fatalf("%s of %s is %#v, not %#v", text, data, got, v)
			}
		}
		if got, err := asText.eval(&inputs{value: v}); err != nil || got != string(data) {
			t.Fatalf("toJSON of %s is %v, %v", data, got, err)
		}
	}
}
