package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMeasure(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int, committed int64, cpu, broker time.Duration) sample {
		return sample{start.Add(time.Duration(ms) * time.Millisecond), committed, cpu, broker}
	}
	samples := []sample{
		at(100, 0, 50*time.Millisecond, 1*time.Second),
		at(500, 300, 400*time.Millisecond, 1100*time.Millisecond),
		at(900, 600, 700*time.Millisecond, 1200*time.Millisecond),
		at(1400, 1000, 1200*time.Millisecond, 1500*time.Millisecond),
	}
	var r result
	r.measure(samples, start, time.Second, 0)
	want := result{records: 1000, wall: 1400 * time.Millisecond, first: 500 * time.Millisecond, half: 400, halfWall: 500 * time.Millisecond,
		halfCPU: 500 * time.Millisecond, cpu: 1200 * time.Millisecond, brokerCPU: 500 * time.Millisecond}
	if r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if got := r.perCPU(); got != 800 {
		t.Errorf("%v records per CPU-second, want 800", got)
	}
	r = result{}
	if r.measure(samples, start, time.Second, 250); r.half != 700 || r.halfCPU != 800*time.Millisecond {
		t.Errorf("behind a filling of 250: %d records in %v", r.half, r.halfCPU)
	}
	if got := r.cost(); got < 1142 || got > 1143 {
		t.Errorf("a record costs %v us, want 800 ms / 700", got)
	}
}

func TestRatio(t *testing.T) {
	run := func(workload, program string, perCPU int64, err error) result {
		return result{workload: workload, program: program, half: perCPU, halfCPU: time.Second, err: err}
	}
	rs := []result{
		run("count", "loop", 100, nil), run("count", "kolk", 50, nil),
		run("count", "loop", 100, nil), run("count", "kolk", 90, nil),
		run("count", "loop", 200, nil), run("count", "kolk", 120, nil),
		run("count", "loop", 200, nil), run("count", "kolk", 200, errors.New("wrong")),
		run("count-nocache", "loop", 80, nil), run("table", "kolk", 60, nil),
	}
	for _, c := range []struct{ workload, program, of, other, want string }{
		// of 0.5, 0.9 and 0.6: a wrong result has no speed
		{"count", "kolk", "loop", "count", "0.60"},
		{"count", "loop", "loop", "count", "1"},
		{"table", "kolk", "loop", "count-nocache", "0.75"},
		{"count", "kolk", "kafka-streams", "count", "-"},
	} {
		if got := ratio(rs, c.workload, c.program, c.of, c.other); got != c.want {
			t.Errorf("%s %s of %s %s: %s, want %s", c.workload, c.program, c.other, c.of, got, c.want)
		}
	}
}

func TestTableNamesFailures(t *testing.T) {
	b := &bench{broker: &broker{name: "a broker"}}
	var text strings.Builder
	b.table(&text, []result{{workload: "count", program: "kolk", err: errors.New("wrong")}})
	if !strings.Contains(text.String(), "0/1") {
		t.Errorf("a failed run does not show:\n%s", text.String())
	}
}
