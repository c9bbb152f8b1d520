package topoyaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// A number becomes a time by losing its part of a millisecond, towards the past; any other is an
// error of the record.
func TestTimesOfNumbers(t *testing.T) {
	for _, c := range []struct {
		time string // the expression
		t    string // value.t
		want int64  // -1: an error of the record
		err  string
	}{
		{"value.t", `0`, 0, ""},
		{"value.t", `-0.0`, 0, ""},
		{"value.t", `0.9`, 0, ""},
		{"value.t", `1000.999`, 1000, ""},
		{"value.t", `1.7e12`, 1_700_000_000_000, ""},
		{"value.t / 2", `3`, 1, ""},
		{"value.t * 1000", `1700000000.1239`, 1_700_000_000_123, ""},
		{"value.t", `9007199254740993`, 9007199254740993, ""},          // none of the floats
		{"value.t", `4611686018427387903`, topology.MaxTime, ""},       // the last one
		{"value.t", `4611686018427387392.5`, 4611686018427387392, ""},  // the last float before it
		{"value.t", `4611686018427387903.5`, -1, "time of the record"}, // rounded to the one behind
		{"value.t", `4611686018427387904`, -1, "time of the record"},
		{"value.t", `9223372036854775807`, -1, "time of the record"},
		{"value.t", `9223372036854775807.5`, -1, "time of the record"}, // rounded to 2^63
		{"value.t", `18446744073709551616`, -1, "time of the record"},  // would wrap to 0
		{"value.t", `1e300`, -1, "time of the record"},
		{"value.t", `-1`, -1, "time of the record"},
		{"value.t", `-0.5`, -1, "time of the record"}, // not 0
		{"value.t", `-1e-300`, -1, "time of the record"},
		// what stands for no time elsewhere
		{"value.t", `-9223372036854775808`, -1, "time of the record"},
		{"value.t", `-1e19`, -1, "time of the record"},
		{"value.t / 0.0", `0`, -1, ""}, // no number
		{"value.t / 0.0", `1`, -1, ""}, // infinite
		{"value.t * 1e308", `1e308`, -1, ""},
		{"value.t", `"7"`, -1, "a time is a number of milliseconds"},
		{"value.t", `null`, -1, "a time is a number of milliseconds"},
		{`duration("1.5s")`, `null`, 1500, ""},
		{`parseTime("1970-01-01T00:00:00.0019Z")`, `null`, 1, ""},
		{`parseTime("1969-12-31T23:59:59.9999Z")`, `null`, -1, "lies before"}, // not 0
	} {
		file := load(t, fmt.Sprintf("name: a\nsources:\n  in: {stream: in, time: '%s'}\nstreams:\n  - {from: in, steps: [to: out]}\n", c.time), topoyaml.Options{})
		d := processortest.New(t, file.Plan(), processortest.Options{})
		err := d.TryPipe("in", []byte("k"), []byte(`{"t":`+c.t+`}`), 5)
		if c.want < 0 {
			var rec *processortest.RecordError
			if !errors.As(err, &rec) || !strings.Contains(err.Error(), c.err) || c.err == "time of the record" && !errors.Is(err, topology.ErrTime) {
				t.Errorf("%s of %s: error %v, want %q", c.time, c.t, err, c.err)
			}
			continue
		}
		if got := results(t, d, file); err != nil || len(got) != 1 || !strings.HasSuffix(got[0], fmt.Sprintf("} %d", c.want)) {
			t.Errorf("%s of %s: %v %v, want the time %d", c.time, c.t, got, err, c.want)
		}
	}
}

// A length of time in the file is never rounded in silence.
func TestLengthsAreWholeMilliseconds(t *testing.T) {
	for _, c := range []struct{ source, steps string }{
		{"{stream: in, max-future: 1.5ms}", "to: out"},
		{"{stream: in}", "in-order: {name: o, delay: 1500us}\n      - to: out"},
		{"{stream: in}", "group: by-key\n      - window: {tumbling: 1.0005s}\n      - count: c\n      - discard: true"},
		{"{stream: in}", "group: by-key\n      - window: {hopping: 2ms, every: 1.5ms}\n      - count: c\n      - discard: true"},
		{"{stream: in}", "group: by-key\n      - window: {tumbling: 1s, grace: 1ns}\n      - count: c\n      - discard: true"},
		{"{stream: in, time: 'value + duration(\"1.5ms\")'}", "to: out"},
	} {
		text := "name: a\nsources:\n  in: " + c.source + "\nstreams:\n  - from: in\n    steps:\n      - " + c.steps + "\n"
		if _, err := topoyaml.Load("test.yaml", []byte(text), topoyaml.Options{}); err == nil || !strings.Contains(err.Error(), "whole number of milliseconds") {
			t.Errorf("%s %s: error %v", c.source, c.steps, err)
		}
	}
}
