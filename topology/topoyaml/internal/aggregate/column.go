package aggregate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/expression"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// function is what an aggregation does with the values of an expression.
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
	topOf
	bottomOf
)

// definition is what is known of an aggregate function.
type definition struct {
	fn   function
	name string
	doc  string
	// takes are the kinds of its argument, which messages call needs; nil: all.
	takes []value.TypeKind
	needs string
}

// definitions are the aggregate functions, in the order of the documentation. countAll has that of
// countIf.
func definitions() []definition {
	number := []value.TypeKind{value.IntKind, value.FloatKind}
	ordered := append(number, value.StringKind)
	return []definition{
		{countIf, "count", "`count()` is the number of records, `count(condition)` the number of those for which it is true",
			[]value.TypeKind{value.BoolKind}, "a condition"},
		{sumOf, "sum", "`sum(number)`: the exact sum, rounded once, when it is read; 0 at first", number, "a number"},
		{minOf, "min", "`min(number or string)`: the smallest", ordered, "a number or a string"},
		{maxOf, "max", "`max(number or string)`: the largest", ordered, "a number or a string"},
		{avgOf, "avg", "`avg(number)`: the mean, the exact sum divided and rounded once", number, "a number"},
		{firstOf, "first", "`first(any)`: that of the record that came first", nil, ""},
		{lastOf, "last", "`last(any)`: that of the record that came last", nil, ""},
		{topOf, "top", "`top(n, number or string)`: a list of the n largest, the largest first; `top(n, number or string, any)`: of what belongs to them", ordered, "a number or a string"},
		{bottomOf, "bottom", "`bottom(n, number or string)`: the n smallest, the smallest first; also with a third argument", ordered, "a number or a string"},
	}
}

// Docs returns what the documentation says of each function.
func Docs() []string {
	var docs []string
	for _, d := range definitions() {
		docs = append(docs, d.doc)
	}
	return docs
}

// String returns the function's name, as an author writes it.
func (f function) String() string {
	for _, d := range definitions() {
		if d.fn == f {
			return d.name
		}
	}
	return "count" // of all records
}

// NewColumn reads a call of an aggregate function, such as sum(value.minutes). where names its
// place in errors at run time.
func NewColumn(compiler *expression.Compiler, name, text string, sc expression.Scope, where string) (Column, []expression.Mistake) {
	c := Column{name: name}
	defs := definitions()
	known := make([]string, len(defs))
	for i, d := range defs {
		known[i] = d.name
	}
	open := strings.IndexByte(text, '(')
	closing := strings.LastIndexByte(text, ')')
	if open < 0 || closing < open || strings.TrimSpace(text[closing+1:]) != "" {
		return c, []expression.Mistake{{Offset: -1, Message: fmt.Sprintf("%s should be a call of an aggregate function (%s) such as sum(value.%s)", name, strings.Join(known, ", "), name)}}
	}
	called, inner := strings.TrimSpace(text[:open]), text[open+1:closing]
	at := slices.Index(known, called)
	if at < 0 {
		return c, []expression.Mistake{{Offset: -1, Message: fmt.Sprintf("unknown aggregate function %q%s", called, suggest.For(called, known))}}
	}
	if c.fn = defs[at].fn; c.fn == countIf && strings.TrimSpace(inner) == "" {
		c.fn = countAll
		return c, nil
	}
	offset := len([]rune(text[:open+1]))
	if c.fn == topOf || c.fn == bottomOf {
		size, rest, ok := strings.Cut(inner, ",")
		if n, err := strconv.Atoi(strings.TrimSpace(size)); ok && err == nil && n > 0 {
			c.n = n
		} else {
			return c, []expression.Mistake{{Offset: offset, Message: fmt.Sprintf("%s needs how many values are kept, a whole number from 1 on, before what is compared: %s(3, value.%s)", called, called, name)}}
		}
		offset += len([]rune(size)) + 1
		by, of, ok := cutArgument(rest)
		if inner = by; ok {
			p, mistakes := compiler.Compile(of, sc, where)
			for i := range mistakes {
				mistakes[i].Offset += offset + len([]rune(by)) + 1
			}
			if len(mistakes) > 0 {
				return c, mistakes
			}
			c.of = p
		}
	}
	p, mistakes := compiler.Compile(inner, sc, where)
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
	if d := defs[at]; p.Type.Kind != value.AnyKind && d.takes != nil && !slices.Contains(d.takes, p.Type.Kind) {
		return c, []expression.Mistake{{Offset: offset, Message: fmt.Sprintf("%s needs %s; %s is of type %s", called, d.needs, strings.TrimSpace(inner), p.Type)}}
	}
	return c, nil
}

// cutArgument cuts arguments at the first comma that is in no brackets and no text.
func cutArgument(text string) (first, rest string, ok bool) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			switch {
			case c == '\\' && quote != '`':
				i++
			case c == quote:
				quote = 0
			}
		case c == '"', c == '\'', c == '`':
			quote = c
		case c == '(', c == '[', c == '{':
			depth++
		case c == ')', c == ']', c == '}':
			depth--
		case c == ',' && depth == 0:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}
