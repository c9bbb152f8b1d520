// Package expression compiles and evaluates the expressions of topologies in YAML, which are those
// of github.com/expr-lang/expr: that package reads and checks them, this one computes.
package expression

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
)

// maxExpression bounds the length of an expression: its parser is recursive.
const maxExpression = 10_000

// Mistake is a mistake in an expression, at a distance of so many characters from its start; below
// 0: in all of it.
type Mistake struct {
	Offset  int
	Message string
}

// Compiler compiles the expressions of one file.
type Compiler struct {
	lib *functions.Library
}

// NewCompiler returns a compiler.
func NewCompiler() *Compiler { return &Compiler{lib: functions.NewLibrary()} }

func (c *Compiler) config() *conf.Config {
	config := conf.CreateNew()
	for _, f := range OwnFunctions {
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

// Compile checks an expression against the types of its scope and compiles it. where names its
// place in run-time errors.
//
// Member accesses that start at a variable (value.pos.lat) are taken out of the expression and
// become names of its environment, which is filled from the values directly, and what is missing is
// null instead of an error. Package expr reads the text and checks types strictly; the code is this
// package's own, for package expr computes with Go's numbers, which wrap, and with Go's maps, which
// have no order.
func (c *Compiler) Compile(text string, sc Scope, where string) (p *Program, mistake *Mistake) {
	defer func() {
		// A library's panic about an odd expression is a mistake in the file, not a crash of the
		// program that loads it.
		if r := recover(); r != nil {
			p, mistake = nil, &Mistake{0, fmt.Sprintf("this expression cannot be compiled: %v", r)}
		}
	}()
	if len(text) > maxExpression {
		return nil, &Mistake{0, fmt.Sprintf("the expression is longer than %d characters", maxExpression)}
	}
	if strings.TrimSpace(text) == "" {
		return nil, &Mistake{0, "the expression is empty"}
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
func (c *Compiler) check(tree *parser.Tree, f *flattener) *Mistake {
	config := c.config()
	env := types.Map{}
	for _, v := range f.scope {
		env[v.name] = exprType(v.typ)
	}
	for name, l := range f.paths {
		env[name] = exprType(l.want)
	}
	config.WithEnv(env)
	if _, err := checker.Check(tree, config); err != nil {
		m := mistakeOf(err)
		if name, ok := strings.CutPrefix(m.Message, "unknown name "); ok {
			m.Message = f.unknown(name)
		}
		if parts := argumentCount.FindStringSubmatch(m.Message); parts != nil {
			if usage := usage(parts[1]); usage != "" {
				m.Message += "; it is " + usage
			}
		}
		return m
	}
	return nil
}
