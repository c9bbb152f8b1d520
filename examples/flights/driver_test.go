package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/processor/processortest/yamltest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// The tests that stand beside the file.
func TestFile(t *testing.T) { yamltest.Run(t, "*.test.yaml", topoyaml.Options{}) }

func fromYAML() (*topology.Plan, error) {
	const path = "topology.yaml"
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := topoyaml.Load(path, data, topoyaml.Options{})
	if err != nil {
		return nil, err
	}
	return file.Plan(), nil
}

// plans are the job in Go and in YAML.
func plans(t *testing.T) map[string]*topology.Plan {
	t.Helper()
	all := map[string]*topology.Plan{}
	for name, build := range map[string]func() (*topology.Plan, error){"go": delaysByState, "yaml": fromYAML} {
		plan, err := build()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[name] = plan
	}
	return all
}

func TestSameDescription(t *testing.T) {
	p := plans(t)
	if diff := cmp.Diff(p["go"].Describe().String(), p["yaml"].Describe().String()); diff != "" {
		t.Errorf("describe (-go +yaml):\n%s", diff)
	}
	if diff := cmp.Diff(string(p["go"].Describe().JSON()), string(p["yaml"].Describe().JSON())); diff != "" {
		t.Errorf("describe as JSON (-go +yaml):\n%s", diff)
	}
	if g, y := p["go"].Fingerprint(), p["yaml"].Fingerprint(); g != y {
		t.Errorf("fingerprints: %s in Go, %s in YAML", g, y)
	}
}

func TestResults(t *testing.T) {
	want := reference(t)
	flights, airports := readFlights(t), readAirports(t)
	for name, plan := range plans(t) {
		for _, partitions := range []int32{1, 4, 7} {
			t.Run(fmt.Sprintf("%s, %d partitions", name, partitions), func(t *testing.T) {
				d := processortest.New(t, plan, processortest.Options{DefaultPartitions: partitions})
				for code, state := range airports {
					d.Append("airports", []byte(code), fmt.Appendf(nil, `{"iata":%q,"state":%q}`, code, state), 0)
				}
				for _, f := range flights {
					d.Append("flights", []byte(f.key), []byte(f.value), f.time)
				}
				d.EndOfInput()
				var got []string
				for _, r := range d.Output("delays-by-state", serde.String(), serde.String()).Records() {
					got = append(got, result(r.Key, r.Value, r.Timestamp))
				}
				compare(t, want, got)
				if s := d.Stats(); s.In != 20_000 || s.Out != 3_340 || s.Late != 0 || len(s.Dropped) != 0 {
					t.Errorf("%d in, %d out, %d late, dropped %v", s.In, s.Out, s.Late, s.Dropped)
				}
			})
		}
	}
}
