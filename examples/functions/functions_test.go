package main

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/processor/processortest/yamltest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

func TestFunctions(t *testing.T) {
	p, err := plan()
	if err != nil {
		t.Fatal(err)
	}
	d := processortest.New(t, p, processortest.Options{})
	for i, text := range []string{
		`{"card":"4539578763621486","amount":10}`, `{"card":"4539578763621487","amount":20}`, `{"card":"none","amount":5}`,
		`{"card":"5555555555554444","amount":2.5}`,
	} {
		d.Pipe("payments", []byte("k"), []byte(text), int64(i))
	}
	var got []string
	for _, r := range d.Output("payments-by-issuer", serde.String(), serde.String()).Records() {
		got = append(got, r.Value)
	}
	want := `{"issuer":"Visa","amount":10} {"issuer":"Mastercard","amount":2.5}`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if err := d.TryPipe("payments", nil, []byte(`{"card":"6011000990139424","amount":1}`), 9); err == nil || !strings.Contains(err.Error(), "have no known issuer") {
		t.Errorf("error %v", err)
	}
}

// The tests that stand beside the file, with the functions that kolk test does not have.
func TestFile(t *testing.T) {
	functions, err := registry()
	if err != nil {
		t.Fatal(err)
	}
	yamltest.Run(t, "*.test.yaml", topoyaml.Options{Registry: functions})
}

// The file can be checked where its functions are not: by their names.
func TestNames(t *testing.T) {
	if _, err := topoyaml.Load("topology.yaml", file, topoyaml.Options{Functions: []string{"valid-card", "issuer"}}); err != nil {
		t.Error(err)
	}
	if _, err := topoyaml.Load("topology.yaml", file, topoyaml.Options{}); err == nil {
		t.Error("the functions are not there")
	}
}
