package expression

import (
	"reflect"
	"strings"

	"github.com/expr-lang/expr/builtin"
)

// function is what is said of a function that this package adds to those of package expr. Package
// functions computes it.
type function struct {
	name string
	doc  string
	// types are functions whose signatures the type check uses.
	types []any
}

// ownFunctions are the additions. Times are whole milliseconds since 1970, as timestamps of records
// are.
var ownFunctions = []function{
	{
		name: "parseTime",
		doc: "`parseTime(text, layout, zone)`: the time that a text says, in milliseconds. The layout is Go's (`2006-01-02 15:04:05`); " +
			"without one the text is RFC 3339 (`2001-01-01T00:47:00Z`). The zone is that of texts that name none; without it, UTC.",
		types: []any{new(func(string, ...string) int64)},
	},
	{
		name: "formatTime",
		doc: "`formatTime(milliseconds, layout, zone)`: the text of a time, the reverse of `parseTime`; without a layout RFC 3339, without a " +
			"zone UTC.",
		types: []any{new(func(int64, ...string) string)},
	},
	{
		name:  "duration",
		doc:   "`duration(text)`: a length of time such as `90m`, `6h` or `1d`, in milliseconds.",
		types: []any{new(func(string) int64)},
	},
	{
		name: "extract",
		doc: "`extract(text, pattern, group)`: what a [regular expression](https://pkg.go.dev/regexp/syntax) finds first in a text, or null. " +
			"With a group, it is what that pair of parentheses holds, counted from 1. The pattern stands in the file; `matches` takes any.",
		types: []any{new(func(string, string, ...int64) string)},
	},
}

// Docs returns what the documentation says of each function that this package adds.
func Docs() []string {
	var docs []string
	for _, f := range ownFunctions {
		docs = append(docs, f.doc)
	}
	return docs
}

// usage is how the function of that name is called, as its doc begins; "" if it is not one of
// these.
func usage(name string) string {
	for _, f := range ownFunctions {
		if f.name == name {
			call, _, _ := strings.Cut(strings.TrimPrefix(f.doc, "`"), "`")
			return call
		}
	}
	return ""
}

// disabled are functions of package expr that would make a result depend on more than its input, or
// that yield what is no value.
var disabled = []string{"now", "date", "timezone"}

// signature is a function as the type check knows it.
func signature(f function) *builtin.Function {
	b := &builtin.Function{Name: f.name}
	for _, t := range f.types {
		b.Types = append(b.Types, reflect.TypeOf(t).Elem())
	}
	return b
}
