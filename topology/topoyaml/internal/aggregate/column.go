package aggregate

import (
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// Functions are the functions of an aggregation, in the order of the documentation.
var Functions = []struct{ Name, Doc string }{
	{"count", "`count()` is the number of records, `count(condition)` the number of those for which it is true"},
	{"sum", "`sum(number)`: the exact sum, rounded once, when it is read; 0 at first"},
	{"min", "`min(number or string)`: the smallest"},
	{"max", "`max(number or string)`: the largest"},
	{"avg", "`avg(number)`: the mean, the exact sum divided and rounded once"},
	{"first", "`first(any)`: that of the record that came first"},
	{"last", "`last(any)`: that of the record that came last"},
}

type function uint8

const (
	countAll function = iota
	countIf
	sumOf
	minOf
	maxOf
	avgOf
	firstOf
	lastOf
)

// String returns the function's name, as an author writes it.
func (f function) String() string {
	if f > countAll {
		f-- // both counts have one name
	}
	return Functions[f].Name
}

// NewColumn reads a call of an aggregate function, such as sum(value.minutes). where names its
// place in errors at run time.
func NewColumn(compiler *expression.Compiler, name, text string, sc expression.Scope, where string) (Column, []expression.Mistake) {
	c := Column{name: name}
	known := make([]string, len(Functions))
	for i, f := range Functions {
		known[i] = f.Name
	}
	open := strings.IndexByte(text, '(')
	closing := strings.LastIndexByte(text, ')')
	if open < 0 || closing < open || strings.TrimSpace(text[closing+1:]) != "" {
		return c, []expression.Mistake{{Offset: -1, Message: fmt.Sprintf("%s should be a call of an aggregate function (%s) such as sum(value.%s)", name, strings.Join(known, ", "), name)}}
	}
	called, inner := strings.TrimSpace(text[:open]), text[open+1:closing]
	switch called {
	case "count":
		c.fn = countIf
		if strings.TrimSpace(inner) == "" {
			c.fn = countAll
			return c, nil
		}
	case "sum":
		c.fn = sumOf
	case "min":
		c.fn = minOf
	case "max":
		c.fn = maxOf
	case "avg":
		c.fn = avgOf
	case "first":
		c.fn = firstOf
	case "last":
		c.fn = lastOf
	default:
		return c, []expression.Mistake{{Offset: -1, Message: fmt.Sprintf("unknown aggregate function %q%s", called, suggest.For(called, known))}}
	}
	p, mistakes := compiler.Compile(inner, sc, where)
	offset := len([]rune(text[:open+1]))
	for i := range mistakes {
		m := &mistakes[i]
		if strings.Contains(inner, ")") && strings.Contains(m.Message, `unexpected ")"`) {
			m.Message = "a field is one call of an aggregate function; compute with several fields in a step after it"
		}
		m.Offset += offset
	}
	if len(mistakes) > 0 {
		return c, mistakes
	}
	c.arg = p
	if needs := c.needs(p.Type); needs != "" {
		return c, []expression.Mistake{{Offset: offset, Message: fmt.Sprintf("%s needs %s; %s is of type %s", called, needs, strings.TrimSpace(inner), p.Type)}}
	}
	return c, nil
}

// needs says what the function takes if it does not take that type.
func (c *Column) needs(t *value.Type) string {
	if t.Kind == value.AnyKind {
		return ""
	}
	switch c.fn {
	case countIf:
		if t.Kind != value.BoolKind {
			return "a condition"
		}
	case sumOf, avgOf:
		if !t.IsNumber() {
			return "a number"
		}
	case minOf, maxOf:
		if !t.IsNumber() && t.Kind != value.StringKind {
			return "a number or a string"
		}
	}
	return ""
}
