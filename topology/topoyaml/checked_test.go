package topoyaml

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
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

// What is suggested is the same in each run, and nothing that is refused here.
func TestSuggestions(t *testing.T) {
	for _, name := range []string{"nov", "dat", "timezon", "tolower", "lenn", "ma"} {
		var first string
		for range 20 {
			c := &exprCompiler{lib: functions.NewLibrary()}
			_, mistake := c.compile(name+"(value)", recordScope(typString, typAny), "here")
			if mistake == nil {
				t.Fatalf("%s is there", name)
			}
			if first == "" {
				first = mistake.message
			}
			if mistake.message != first {
				t.Fatalf("%s, then %s", first, mistake.message)
			}
			for _, off := range disabled {
				if strings.Contains(mistake.message, `"`+off+`"`) {
					t.Fatalf("%s suggests what is refused", mistake.message)
				}
			}
		}
	}
}
