package expression

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// unknownName is the message about a name that does not exist.
func (f *flattener) unknownName(name string) string {
	for _, v := range f.scope {
		if v.typ.Kind == value.ObjectKind {
			if _, ok := v.typ.Field(name); ok {
				return fmt.Sprintf("unknown name %q; did you mean %q?", name, v.name+"."+name)
			}
		}
	}
	known := f.scope.names()
	for _, fn := range ownFunctions {
		known = append(known, fn.name)
	}
	for _, name := range builtin.Names {
		if !slices.Contains(disabled, name) {
			known = append(known, name)
		}
	}
	for _, d := range disabled {
		if name == d {
			return fmt.Sprintf("there is no function %s here, since results depend on the input alone; parseTime and formatTime work with times", name)
		}
	}
	near := suggest.For(name, known)
	if near == "" {
		near = "; the variables are " + strings.Join(f.scope.names(), ", ") + " (a text is written in quotes)"
	}
	return fmt.Sprintf("unknown name %q%s", name, near)
}

// goTypes are the names of Go types in messages of package expr.
var goTypes = strings.NewReplacer(
	"map[string]interface {}", "object", "[]interface {}", "list", "interface {}", "any", "int64", "int", "float64", "float",
	"%!s(<nil>)", "null", "<nil>", "null", "*topoyaml.Object", "object",
)

var unexpected = regexp.MustCompile(`^unexpected token (?:EOF|\w+\("(.*)"\))$`)

var argumentCount = regexp.MustCompile(`^(?:not enough|too many) arguments to call (\w+)$`)

var argumentType = regexp.MustCompile(`^cannot use (?:int|float|string) as argument \(type (?:int|float|string)\) to call \w+$`)

const conversions = "; int(), float() and string() convert"

var mismatch = regexp.MustCompile(`^invalid operation: (.+) \(mismatched types? (.+?)(?: and (.+))?\)$`)

var literal = regexp.MustCompile(`^invalid (\w+) literal: .*parsing "(.*)": value out of range$`)

// number says it in other words that a number in the text is too large.
func (m *Mistake) number(text string) {
	parts := literal.FindStringSubmatch(m.Message)
	if parts == nil {
		return
	}
	m.Message = parts[2] + " does not fit into a whole number of 64 bits"
	switch parts[1] {
	case "integer":
		m.Message += fmt.Sprintf("; %s.0 is a floating-point number", parts[2])
	case "float":
		m.Message = parts[2] + " exceeds the range of floating-point numbers"
	}
	if at := strings.Index(strings.ReplaceAll(text, "_", ""), parts[2]); at >= 0 {
		m.Offset = utf8.RuneCountInString(text[:min(at, len(text))])
		if parts[2] == "9223372036854775808" && strings.HasSuffix(strings.TrimRight(text[:min(at, len(text))], " "), "-") {
			m.Message = "the minus is an operator, and 9223372036854775808 does not fit into a whole number of 64 bits; " +
				"-9223372036854775807 - 1 is the smallest one"
		}
	}
}

func mistakeOf(err error) Mistake {
	m := Mistake{Message: err.Error()}
	if e, ok := errors.AsType[*file.Error](err); ok {
		m.Offset, m.Message = e.From, e.Message
	}
	m.Message = goTypes.Replace(strings.TrimSpace(m.Message))
	if parts := unexpected.FindStringSubmatch(m.Message); parts != nil {
		m.Message = "the expression ends too early"
		if parts[1] != "" {
			m.Message = fmt.Sprintf("unexpected %q", parts[1])
		}
	}
	if parts := mismatch.FindStringSubmatch(m.Message); parts != nil {
		if parts[3] == "" {
			m.Message = fmt.Sprintf("%s does not go with %s", parts[1], parts[2])
		} else {
			m.Message = fmt.Sprintf("wrong types: %s %s %s", parts[2], parts[1], parts[3])
			if strings.Contains(" int float ", " "+parts[2]+" ") && parts[3] == "string" || parts[2] == "string" && strings.Contains(" int float ", " "+parts[3]+" ") {
				m.Message += conversions
			}
		}
	}
	if strings.HasPrefix(m.Message, "type string[") {
		m.Message = "a text has no elements; text[i:i+1] is a character of it"
	}
	if argumentType.MatchString(m.Message) {
		m.Message += conversions
	}
	return m
}
