package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/processor/processortest/yamltest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// The tests that stand beside the file.
func TestFile(t *testing.T) { yamltest.Run(t, "*.test.yaml", topoyaml.Options{}) }

type row struct {
	Time int64
	Net  string
	Mag  json.Number
	line string
}

func readRows(t *testing.T) []row {
	t.Helper()
	f, err := os.Open("data/earthquakes.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	lines := bufio.NewScanner(plain)
	for lines.Scan() {
		r := row{line: lines.Text()}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// reference is a plain loop over the rows, of one partition, in their order.
func reference(t *testing.T, rows []row, grace time.Duration) (results []string, late int64) {
	t.Helper()
	const size = 6 * 60 * 60 * 1000
	type window struct {
		net   string
		start int64
	}
	type activity struct {
		events int
		mag    json.Number
		value  float64
		last   int64
	}
	windows := map[window]*activity{}
	var largest int64
	for _, r := range rows {
		largest = max(largest, r.Time)
		w := window{r.Net, r.Time / size * size}
		if largest >= w.start+size+grace.Milliseconds() {
			late++
			continue
		}
		mag, err := r.Mag.Float64()
		if err != nil {
			t.Fatal(err)
		}
		a := windows[w]
		if a == nil {
			a = &activity{mag: r.Mag, value: mag}
			windows[w] = a
		}
		a.events++
		if mag > a.value {
			a.mag, a.value = r.Mag, mag
		}
		a.last = max(a.last, r.Time)
	}
	for w, a := range windows {
		from := time.UnixMilli(w.start).UTC().Format("2006-01-02 15:04")
		largest := strconv.FormatFloat(a.value, 'f', -1, 64) // 3.0 and 3 are one number
		results = append(results, fmt.Sprintf(`%s {"net":%q,"from":%q,"events":%d,"largest":%s} @%d`, w.net, w.net, from, a.events, largest, a.last))
	}
	slices.Sort(results)
	return results, late
}

func fromYAML(grace time.Duration) (*topology.Plan, error) {
	data, err := os.ReadFile("topology.yaml")
	if err != nil {
		return nil, err
	}
	lookup := func(name string) (string, bool) { return grace.String(), name == "GRACE" }
	file, err := topoyaml.Load("topology.yaml", data, topoyaml.Options{Lookup: lookup})
	if err != nil {
		return nil, err
	}
	return file.Plan(), nil
}

func TestSameDescription(t *testing.T) {
	inGo, err := strongestByNetwork(12 * time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	inYAML, err := fromYAML(12 * time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inGo.Describe().String(), inYAML.Describe().String()); diff != "" {
		t.Errorf("describe (-go +yaml):\n%s", diff)
	}
}

func TestResults(t *testing.T) {
	rows := readRows(t)
	tests := []struct {
		grace         time.Duration
		late, windows int64
	}{
		{12 * time.Hour, 470, 218},
		{7 * 24 * time.Hour, 0, 256},
	}
	for _, tt := range tests {
		want, late := reference(t, rows, tt.grace)
		if late != tt.late || int64(len(want)) != tt.windows {
			t.Fatalf("the loop with a grace of %v: %d late and %d windows, want %d and %d", tt.grace, late, len(want), tt.late, tt.windows)
		}
		for name, build := range map[string]func(time.Duration) (*topology.Plan, error){"go": strongestByNetwork, "yaml": fromYAML} {
			t.Run(fmt.Sprintf("%s, grace %v", name, tt.grace), func(t *testing.T) {
				plan, err := build(tt.grace)
				if err != nil {
					t.Fatal(err)
				}
				// One input partition: what is late is a function of its order.
				d := processortest.New(t, plan, processortest.Options{DefaultPartitions: 1})
				for _, r := range rows {
					d.Append("earthquakes", []byte(r.Net), []byte(r.line), r.Time)
				}
				d.EndOfInput()
				var got []string
				for _, r := range d.Output("earthquakes-by-network", serde.String(), serde.String()).Records() {
					got = append(got, fmt.Sprintf("%s %s @%d", r.Key, r.Value, r.Timestamp))
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("results (-loop +kolk):\n%s", diff)
				}
				s := d.Stats()
				if s.In != 1707 || s.Late != tt.late || s.Out != tt.windows {
					t.Errorf("%d in, %d late, %d out, want 1707, %d, %d", s.In, s.Late, s.Out, tt.late, tt.windows)
				}
			})
		}
	}
}

// The data is what makes the example interesting: out of order by up to 6.6 days.
func TestOutOfOrder(t *testing.T) {
	behind := map[bool]int{}
	var largest, most int64
	for _, r := range readRows(t) {
		behind[r.Time < largest]++
		most = max(most, largest-r.Time)
		largest = max(largest, r.Time)
	}
	if days := float64(most) / 86_400_000; !maps.Equal(behind, map[bool]int{true: 1295, false: 412}) || days < 6.6 || days > 6.7 {
		t.Errorf("out of order %v, by up to %.2f days", behind, days)
	}
}
