package topoyaml_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml"
)

func TestRows(t *testing.T) {
	file := load(t, `
name: rows
sources:
  airports:
    stream: airports
    key-from: value.iata
    schema: {iata: string, elevation: int, latitude: float, open: bool, name: string}
    time: parseTime(value.name, "2006", "UTC")
  plain: {stream: plain, value: string, key: int64, key-from: len(value)}
streams:
  - {from: [airports], steps: [to: out]}
  - {from: plain, steps: [to: out-plain]}
`, topoyaml.Options{})
	s := file.Sources()[0]
	header := []string{"iata", "elevation", "latitude", "open", "name", "extra"}
	for _, test := range []struct {
		record []string
		key    string
		value  string
		time   int64
		err    string
	}{
		{record: []string{"00M", "007", "31.50", "true", "1971", "1"}, key: "00M",
			value: `{"iata":"00M","elevation":7,"latitude":31.5,"open":true,"name":"1971","extra":"1"}`, time: 31536000000},
		{record: []string{"", "", " ", "", "1970", ""}, key: "",
			value: `{"iata":"","elevation":null,"latitude":null,"open":null,"name":"1970","extra":""}`},
		{record: []string{"00M", "7.5", "1", "true", "1970", ""}, err: `field "elevation": "7.5" is not a whole number of 64 bits (the schema says int)`},
		{record: []string{"00M", "7", "1", "maybe", "1970", ""}, err: `neither true nor false`},
		{record: []string{"00M", "7", "NaN", "true", "1970", ""}, err: `field "latitude"`},
		{record: []string{"00M"}, err: "1 fields, the header has 6"},
		{record: []string{"00M", "7", "1", "true", "x", ""}, err: `"x" is no time of the layout "2006"`},
	} {
		row, err := s.CSVRow(header, test.record)
		var key, value []byte
		var at int64
		if err == nil {
			key, value, at, err = s.Message(row)
		}
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%v: error %v; want %s", test.record, err, test.err)
			}
		case err != nil || string(key) != test.key || string(value) != test.value || at != test.time:
			t.Errorf("%v: %q %s %d %v", test.record, key, value, at, err)
		}
	}

	for _, test := range []struct {
		header, missing []string
		all             bool
	}{
		{header, nil, false},
		{[]string{"name", "iata", "latitude"}, []string{"elevation", "open"}, false},
		{[]string{"iata;name"}, []string{"iata", "elevation", "latitude", "open", "name"}, true},
	} {
		if missing, all := s.MissingColumns(test.header); !slices.Equal(missing, test.missing) || all != test.all {
			t.Errorf("%q: %q %v; want %q %v", test.header, missing, all, test.missing, test.all)
		}
	}

	plain := file.Sources()[1]
	if missing, all := plain.MissingColumns(header); len(missing) > 0 || all { // no schema
		t.Errorf("%q %v", missing, all)
	}
	row, err := plain.JSONRow([]byte(`"text"`))
	if err != nil {
		t.Fatal(err)
	}
	key, value, at, err := plain.Message(row)
	if err != nil || string(key) != "\x00\x00\x00\x00\x00\x00\x00\x04" || string(value) != "text" || at != topoyaml.NoTimestamp {
		t.Errorf("%x %q %d %v", key, value, at, err)
	}
	if row, err = plain.JSONRow([]byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := plain.Message(row); err == nil {
		t.Error("an object as the serde string")
	}
}

func TestPrint(t *testing.T) {
	file := load(t, `
name: print
sources:
  a: {stream: a, key: int64}
  b: {stream: b, key: bytes, value: float64}
streams:
  - {from: a, steps: [to: x]}
  - {from: b, steps: [to: y]}
`, topoyaml.Options{})
	x, y := file.Sinks()[0], file.Sinks()[1]
	for _, test := range []struct {
		sink       *topoyaml.Sink
		key, value string
		want       string
	}{
		{x, "\x00\x00\x00\x00\x00\x00\x00\x02", `{"z": 1.0, "a": "é"}`, `[2,{"z":1,"a":"é"}]`},
		{y, "\xff\x00", "\x3f\xf8\x00\x00\x00\x00\x00\x00", `["/wA=",1.5]`},
	} {
		k, v, err := test.sink.Print([]byte(test.key), []byte(test.value))
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal([]json.RawMessage{k, v})
		if err != nil || string(got) != test.want {
			t.Errorf("%s, %v; want %s", got, err, test.want)
		}
	}
	if k, v, err := x.Print(nil, nil); string(k) != "null" || string(v) != "null" || err != nil {
		t.Errorf("%s %s %v", k, v, err)
	}
	if _, _, err := x.Print([]byte("short"), nil); err == nil || !strings.Contains(err.Error(), "key of topic x") {
		t.Errorf("error %v", err)
	}
}
