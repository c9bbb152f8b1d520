package topoyaml

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
)

// maxExpression bounds the length of an expression: its parser is recursive.
const maxExpression = 10_000

// exprError is a mistake in an expression, at a distance of so many characters from its start.
type exprError struct {
	offset  int
	message string
}

// exprCompiler compiles the expressions of one file.
type exprCompiler struct {
	lib *functions.Library
}

func (c *exprCompiler) config() *conf.Config {
	config := conf.CreateNew()
	for _, f := range ownFunctions {
		config.Functions[f.name] = signature(f)
		config.Disabled[f.name] = true
	}
	for _, name := range disabled {
		config.Disabled[name] = true
	}
	for name := range config.Disabled {
		delete(config.Builtins, name)
	}
	return config
}

// compile checks an expression against the types of its scope and compiles it. where names its place in run-time errors.
//
// Member accesses that start at a variable (value.pos.lat) are taken out of the expression and become names of its environment,
// which is filled from the values directly, and what is missing is null instead of an error. Package expr reads the text and checks
// types strictly; the code is this package's own, for package expr computes with Go's numbers, which wrap, and with Go's maps, which
// have no order.
func (c *exprCompiler) compile(text string, sc scope, where string) (p *program, mistake *exprError) {
	defer func() {
		// A library's panic about an odd expression is a mistake in the file, not a crash of the program that loads it.
		if r := recover(); r != nil {
			p, mistake = nil, &exprError{0, fmt.Sprintf("this expression cannot be compiled: %v", r)}
		}
	}()
	if len(text) > maxExpression {
		return nil, &exprError{0, fmt.Sprintf("the expression is longer than %d characters", maxExpression)}
	}
	if strings.TrimSpace(text) == "" {
		return nil, &exprError{0, "the expression is empty"}
	}
	tree, err := parser.ParseWithConfig(text, c.config())
	if err != nil {
		m := mistakeOf(err)
		m.number(text)
		return nil, m
	}
	f := &flattener{scope: sc, paths: map[string]*load{}, lib: c.lib}
	ast.Walk(&tree.Node, f)
	if f.mistake != nil {
		return nil, f.mistake
	}
	if mistake := c.check(tree, f); mistake != nil {
		return nil, mistake
	}
	return c.generate(tree, f, where)
}

// check checks types strictly, which leaves each node of the tree with its type.
func (c *exprCompiler) check(tree *parser.Tree, f *flattener) *exprError {
	config := c.config()
	env := types.Map{}
	for _, v := range f.scope {
		env[v.name] = v.typ.expr()
	}
	for name, l := range f.paths {
		env[name] = l.want.expr()
	}
	config.WithEnv(env)
	if _, err := checker.Check(tree, config); err != nil {
		m := mistakeOf(err)
		if name, ok := strings.CutPrefix(m.message, "unknown name "); ok {
			m.message = f.unknown(name)
		}
		if parts := argumentCount.FindStringSubmatch(m.message); parts != nil {
			if usage := usage(parts[1]); usage != "" {
				m.message += "; it is " + usage
			}
		}
		return m
	}
	return nil
}

// unknown is the message about a name that does not exist.
func (f *flattener) unknown(name string) string {
	for _, v := range f.scope {
		if v.typ.kind == objectKind {
			if _, ok := v.typ.field(name); ok {
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
	near := didYouMean(name, known)
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
func (m *exprError) number(text string) {
	parts := literal.FindStringSubmatch(m.message)
	if parts == nil {
		return
	}
	m.message = parts[2] + " does not fit into a whole number of 64 bits"
	switch parts[1] {
	case "integer":
		m.message += fmt.Sprintf("; %s.0 is a floating-point number", parts[2])
	case "float":
		m.message = parts[2] + " exceeds the range of floating-point numbers"
	}
	if at := strings.Index(strings.ReplaceAll(text, "_", ""), parts[2]); at >= 0 {
		m.offset = utf8.RuneCountInString(text[:min(at, len(text))])
	}
}

func mistakeOf(err error) *exprError {
	m := &exprError{message: err.Error()}
	if e, ok := errors.AsType[*file.Error](err); ok {
		m.offset, m.message = e.From, e.Message
	}
	m.message = goTypes.Replace(strings.TrimSpace(m.message))
	if parts := unexpected.FindStringSubmatch(m.message); parts != nil {
		m.message = "the expression ends too early"
		if parts[1] != "" {
			m.message = fmt.Sprintf("unexpected %q", parts[1])
		}
	}
	if parts := mismatch.FindStringSubmatch(m.message); parts != nil {
		if parts[3] == "" {
			m.message = fmt.Sprintf("%s does not go with %s", parts[1], parts[2])
		} else {
			m.message = fmt.Sprintf("wrong types: %s %s %s", parts[2], parts[1], parts[3])
			if strings.Contains(" int float ", " "+parts[2]+" ") && parts[3] == "string" || parts[2] == "string" && strings.Contains(" int float ", " "+parts[3]+" ") {
				m.message += conversions
			}
		}
	}
	if strings.HasPrefix(m.message, "type string[") {
		m.message = "a text has no elements; text[i:i+1] is a character of it"
	}
	if argumentType.MatchString(m.message) {
		m.message += conversions
	}
	return m
}
