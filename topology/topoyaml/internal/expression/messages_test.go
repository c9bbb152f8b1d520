package expression

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// What is suggested is the same in each run, and nothing that is refused here.
func TestSuggestions(t *testing.T) {
	for _, name := range []string{"nov", "dat", "timezon", "tolower", "lenn", "ma"} {
		var first string
		for range 20 {
			c := &Compiler{lib: functions.NewLibrary()}
			_, mistakes := c.Compile(name+"(value)", RecordScope(value.StringType, value.AnyType), "here")
			if len(mistakes) == 0 {
				t.Fatalf("%s is there", name)
			}
			if first == "" {
				first = mistakes[0].Message
			}
			if mistakes[0].Message != first {
				t.Fatalf("%s, then %s", first, mistakes[0].Message)
			}
			for _, off := range disabled {
				if strings.Contains(mistakes[0].Message, `"`+off+`"`) {
					t.Fatalf("%s suggests what is refused", mistakes[0].Message)
				}
			}
		}
	}
}
