package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSeries(t *testing.T) {
	for _, c := range []struct {
		keys, partitions string
		want             axis
		data             data
		wrong            string
	}{
		{keys: "5", partitions: "4", data: data{keys: 5, partitions: 4}},
		{keys: "5,10", partitions: "4", want: axis{"keys", []int{5, 10}}, data: data{keys: 5, partitions: 4, fill: true}},
		{keys: "5", partitions: "4,16", want: axis{"partitions", []int{4, 16}}, data: data{keys: 5, partitions: 4}},
		{keys: "5,6", partitions: "4,16", wrong: "one thing at a time"},
		{keys: "5,,6", partitions: "4", wrong: "-keys"},
		{keys: "5", partitions: "0", wrong: "-partitions: 0"},
	} {
		var d data
		a, err := series(c.keys, c.partitions, &d)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s, %s: error %v, want %q", c.keys, c.partitions, err, c.wrong)
			}
			continue
		}
		if err != nil || a.name != c.want.name || !slices.Equal(a.values, c.want.values) || d != c.data {
			t.Errorf("%s, %s: %+v, %+v, %v", c.keys, c.partitions, a, d, err)
		}
	}
}

// Filled data has each key once before the events that count.
func TestFilledData(t *testing.T) {
	d := testData()
	d.fill = true
	rs := all(d, events)
	if int64(len(rs)) != d.size(events) || len(rs) != d.keys+d.n {
		t.Fatalf("%d records, size says %d", len(rs), d.size(events))
	}
	seen := map[string]bool{}
	for _, r := range rs[:d.keys] {
		seen[string(r.Key)] = true
	}
	if len(seen) != d.keys {
		t.Errorf("%d keys in the first %d records", len(seen), d.keys)
	}
	for _, r := range rs[d.keys:] {
		if !seen[string(r.Key)] {
			t.Fatalf("%s is new", r.Key)
		}
	}
	if n := int64(len(all(d, closed))); n != d.size(closed) {
		t.Errorf("closed has %d records, size says %d", n, d.size(closed))
	}
}

func costs(workload, program string, value int, us ...int) point {
	p := point{kind: kind{workload, program}, value: value}
	for _, u := range us {
		p.runs = append(p.runs, result{half: 1, halfCPU: time.Duration(u) * time.Microsecond})
	}
	return p
}

// A plot is a picture that has what it was given at the right places.
func TestPlot(t *testing.T) {
	wrong := costs("count", "kolk", 1000, 100)
	wrong.runs[0].err = errors.New("wrong")
	ls := lines([]point{
		costs("count", "loop", 10, 4), costs("count", "loop", 1000, 40, 16, 6),
		costs("count", "kolk", 10, 8), wrong,
	})
	a := axis{"keys", []int{10, 100, 1000}}
	svg := plot("a < b", a, ls)
	type circle struct {
		X float64 `xml:"cx,attr"`
		Y float64 `xml:"cy,attr"`
	}
	var circles []circle
	var text strings.Builder
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local == "circle" {
				var c circle
				if err := d.DecodeElement(&c, &tok); err != nil {
					t.Fatal(err)
				}
				circles = append(circles, c)
			}
		case xml.CharData:
			text.Write(tok)
		}
	}
	// Steps of 2 up to 16; a step of the logarithm is half of the width.
	want := []circle{{90, 320}, {660, 50}, {90, 230}}
	if !slices.Equal(circles, want) {
		t.Errorf("points at %v, want %v", circles, want)
	}
	for _, s := range []string{"a < b", "loop count", "kolk count", "1,000"} {
		if !strings.Contains(text.String(), s) {
			t.Errorf("no %q in the picture", s)
		}
	}
}

func TestSeriesTable(t *testing.T) {
	b := &bench{broker: &broker{name: "a broker"}}
	var text strings.Builder
	b.seriesTable(&text, axis{"keys", []int{10, 1000}}, []point{costs("count", "kolk", 10, 2), costs("table", "kolk", 10, 1), costs("count", "kolk", 1000, 5), costs("table", "kolk", 1000)})
	for _, want := range []string{"count kolk 10 1/1 500 k 2.0 1.0", "count kolk 1000 1/1 200 k 5.0 2.5", "table kolk 1000 0/0 -"} {
		if got := strings.Join(strings.Fields(text.String()), " "); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// runSeries: a series of two runs ends with a table and a picture.
func runSeries(t *testing.T, b *bench, ps []program) {
	o := options{data: b.data, axis: axis{"keys", []int{100, 1000}}, workloads: []string{"count"}, runs: 1, plot: filepath.Join(t.TempDir(), "plot.svg")}
	o.data.fill = true
	var text strings.Builder
	if err := b.series(t.Context(), &text, ps, o); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), " 1/1 "); n != 2*len(ps) {
		t.Errorf("%d lines, want %d:\n%s", n, 2*len(ps), text.String())
	}
	if svg, err := os.ReadFile(o.plot); err != nil || !strings.Contains(string(svg), "kolk count") {
		t.Errorf("no picture: %v", err)
	}
}
