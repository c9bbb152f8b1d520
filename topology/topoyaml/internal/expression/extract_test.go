package expression

import (
	"strings"
	"testing"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

// What cannot be known when the file is loaded is an error of the record.
func TestExtractErrors(t *testing.T) {
	for expr, want := range map[string]string{
		`extract(value.n, "a")`:           "extract needs a string, not int",
		`extract(value.none, "a")`:        "extract needs a string, not null",
		`extract(value.text, "(a)", 2)`:   `there is no group 2 in "(a)", which has 1`,
		`extract("a", "(a)", value.n)`:    `there is no group -1 in "(a)", which has 1`,
		`extract("a", "(a)", value.text)`: "extract needs the number of a group, not string",
		`value.n ? 1 : 2`:                 "a condition should be true or false and is of type int",
	} {
		c := &Compiler{lib: functions.NewLibrary()}
		p, mistakes := c.Compile(expr, RecordScope(value.StringType, value.AnyType), "test.yaml:1:1")
		if len(mistakes) > 0 {
			t.Errorf("%s: %s", expr, mistakes[0].Message)
			continue
		}
		_, err := p.Eval(&Inputs{Value: valuetest.JSON(t, `{"n":-1,"text":"x"}`)})
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expr, err, want)
		}
	}
}
