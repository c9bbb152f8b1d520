package topoyaml

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// TestRowsThatAreNone: a row of a data file is what its source says, or an error that names what is
// wrong.
func TestRowsThatAreNone(t *testing.T) {
	const schema = "{a: int, f: float, s: string, b: bool, l: [int], o: {x: string}}"
	for _, tt := range []struct{ source, row, wrong string }{
		{"{stream: in, schema: " + schema + "}", `{"a":1,"f":2,"s":"x","b":true,"l":[1],"o":{"x":"y"},"more":[{}]}`, ""},
		{"{stream: in, schema: " + schema + "}", `{"a":null,"l":null}`, ""},
		{"{stream: in, schema: " + schema + "}", `{"a":2.0}`, ""},
		{"{stream: in, schema: " + schema + "}", `{}`, ""},
		{"{stream: in, schema: " + schema + "}", `{"a":"1"}`, "a is of type string; the schema says int"},
		{"{stream: in, schema: " + schema + "}", `{"a":1.5}`, "a is of type float; the schema says int"},
		{"{stream: in, schema: " + schema + "}", `{"s":1}`, "s is of type int; the schema says string"},
		{"{stream: in, schema: " + schema + "}", `{"b":"true"}`, "b is of type string; the schema says bool"},
		{"{stream: in, schema: " + schema + "}", `{"l":[1,"x"]}`, "l[1] is of type string; the schema says int"},
		{"{stream: in, schema: " + schema + "}", `{"l":{}}`, "l is of type object; the schema says [int]"},
		{"{stream: in, schema: " + schema + "}", `{"o":{"x":[]}}`, "o.x is of type list; the schema says string"},
		{"{stream: in, schema: " + schema + "}", `[{"a":1}]`, "the rows of source s are objects, this one is of type list"},
		{"{stream: in, schema: " + schema + "}", `null`, "the rows of source s are objects, this one is of type null"},
		{"{stream: in, key-from: value.k}", `[{"k":1}]`, "this one is of type list"},
		{"{stream: in, key-from: value.k}", `"text"`, "this one is of type string"},
		{"{table: in, time: 0}", `7`, "this one is of type int"},
		{"{stream: in}", `[1]`, ""},
		{"{stream: in, value: string, key-from: value}", `"text"`, ""},
		{"{stream: in, value: string, key-from: value}", `[1]`, "list"},
		{"{stream: in, key-from: value.k}", `{"k":"a","k":"b"}`, "duplicate"},
		{"{stream: in, key-from: value.k}", `{"k":"a"} {}`, "after"},
		{"{stream: in, key-from: value.k}", "{\"k\":\"\xff\"}", "UTF-8"},
	} {
		file, err := Load("f.yaml", []byte("name: n\nsources: {s: "+tt.source+"}\nstreams: [{from: s, steps: [{to: out}]}]\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := file.Sources()[0]
		row, err := s.JSONRow([]byte(tt.row))
		if err == nil {
			_, _, _, err = s.Message(row)
		}
		if tt.wrong == "" && err != nil || tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%s, %s: error %v, want %q", tt.source, tt.row, err, tt.wrong)
		}
	}
}

// Numbers in the cells of a CSV file are read as those of JSON: they are not other numbers there.
func TestNumbersInCells(t *testing.T) {
	file, err := Load("f.yaml", []byte("name: n\nsources: {s: {stream: in, schema: {n: int, f: float}}}\nstreams: [{from: s, steps: [{to: out}]}]\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	source := file.Sources()[0]
	for _, tt := range []struct{ column, cell, want string }{
		{"f", "9007199254740993", "9007199254740993"},
		{"f", "9007199254740993.0", "9007199254740993"},
		{"f", "9223372036854775807", "9223372036854775807"},
		{"f", "1e400", "out of range"},
		{"f", "0x1p3", "is no number"},
		{"f", "1_000", "is no number"},
		{"f", "Infinity", "is no number"},
		{"f", "nan", "is no number"},
		{"f", " 2.5 ", "2.5"},
		{"n", "1.0", "1"},
		{"n", "1e3", "1000"},
		{"n", "1.5", "is not a whole number of 64 bits (the schema says int)"},
		{"n", "9223372036854775808", "is not a whole number of 64 bits (the schema says int)"},
	} {
		v, err := source.CSVRow([]string{tt.column}, []string{tt.cell})
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s %q: %v, want %s", tt.column, tt.cell, err, tt.want)
			}
			continue
		}
		if got, err := value.AppendJSON(nil, v); err != nil || string(got) != `{"`+tt.column+`":`+tt.want+"}" {
			t.Errorf("%s %q is %s, %v, want %s", tt.column, tt.cell, got, err, tt.want)
		}
	}
}
