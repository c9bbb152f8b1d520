package topoyaml

import (
	"strings"
	"testing"
)

// A file with process steps is checked by the names of the program's functions.
func TestCheckedFunctions(t *testing.T) {
	steps := "name: a\nsources: {in: {stream: in}}\nstreams:\n  - from: in\n    steps:\n      - process: enrich\n      - filter: value.x > 1\n      - to: x\n"
	if _, err := Load("x.yaml", []byte(steps), Options{Functions: []string{"enrich"}}); err != nil {
		t.Error(err)
	}
	if _, err := Load("x.yaml", []byte(steps), Options{Functions: []string{"enrihc"}}); err == nil || !strings.Contains(err.Error(), `did you mean "enrihc"?`) {
		t.Errorf("error %v", err)
	}
}
