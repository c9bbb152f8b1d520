package value_test

import (
	"encoding/json/v2"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

// What is written comes back the same, with the order of fields and the kinds of numbers, and Go's
// own JSON agrees about it.
func TestJSONRoundTrip(t *testing.T) {
	r := seeds.Rand(t)
	var s value.JSONSerde
	for range 20_000 {
		v := valuetest.Random(r, 3)
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
func standard(v value.Value) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []value.Value:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = standard(e)
		}
		return list
	case *value.Object:
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
		v, err := value.ParseJSON([]byte(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if out, err := value.AppendJSON(nil, v); err != nil || string(out) != test.out {
			t.Errorf("%s is written as %s, %v; want %s", test.in, out, err, test.out)
		}
	}
}

func TestMalformedJSON(t *testing.T) {
	for _, text := range []string{"", " ", "{", "[", "nul", "{\"a\":1,\"a\":2}", "1 2", "{}x", "\"\xff\"", "{\"a\"}", "[1,]", "1e999", "01"} {
		v, err := value.ParseJSON([]byte(text))
		if !errors.Is(err, serde.ErrMalformed) {
			t.Errorf("%q: %v, %v; want ErrMalformed", text, v, err)
		}
	}
}

// The scalar serdes write what the Go serdes of the same name write, and take no value of another
// kind.
func TestScalarSerdes(t *testing.T) {
	for _, test := range []struct {
		name string
		v    value.Value
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
		f, ok := value.FormatOf(test.name)
		if !ok || f.Serde.Name() != test.name {
			t.Fatalf("serde %s: %v", test.name, ok)
		}
		data, err := f.Serde.Append(nil, test.v)
		if err != nil || string(data) != test.go_ {
			t.Errorf("%s of %v: %x, %v", test.name, test.v, data, err)
		}
		if back, err := f.Serde.Decode(data); err != nil || !reflect.DeepEqual(back, test.v) {
			t.Errorf("%s of %v comes back as %v, %v", test.name, test.v, back, err)
		}
		if test.name != "json" {
			if _, err := f.Serde.Append(nil, value.NewObject()); err == nil {
				t.Errorf("%s takes an object", test.name)
			}
		}
	}
	if f, _ := value.FormatOf("int32"); f.Serde != nil {
		if _, err := f.Serde.Append(nil, int64(math.MaxInt32+1)); err == nil {
			t.Error("int32 takes what does not fit")
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,2.5,"x",null,true],"b":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		once, err := value.AppendJSON(nil, v)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := value.ParseJSON(once)
		if err != nil {
			t.Fatalf("%q: %v", once, err)
		}
		if !reflect.DeepEqual(v, again) {
			t.Fatalf("%q: %#v, then %#v", text, v, again)
		}
	})
}
