// Package expression compiles and evaluates the expressions of topologies in YAML, which are those
// of github.com/expr-lang/expr: that package reads and checks them, this one computes.
package expression

import (
	"cmp"
	"fmt"
	"slices"
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

// maxMistakes is how many mistakes of one expression are looked for.
const maxMistakes = 10

// mistakes are those of one expression.
type mistakes []Mistake

func (ms *mistakes) add(m Mistake) { *ms = append(*ms, m) }

// sorted are the mistakes in the order of their places, each once.
func (ms mistakes) sorted() []Mistake {
	slices.SortStableFunc(ms, func(a, b Mistake) int { return cmp.Compare(a.Offset, b.Offset) })
	return slices.Compact(ms)
}

// Compiler compiles the expressions of one file.
type Compiler struct {
	lib *functions.Library
}

// NewCompiler returns a compiler.
func NewCompiler() *Compiler { return &Compiler{lib: functions.NewLibrary()} }

func (c *Compiler) config() *conf.Config {
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

// Compile checks an expression against the types of its scope and compiles it. where names its
// place in run-time errors.
//
// Member accesses that start at a variable (value.pos.lat) are taken out of the expression and
// become names of its environment, which is filled from the values directly, and what is missing is
// null instead of an error. Package expr reads the text and checks types strictly; the code is this
// package's own, for package expr computes with Go's numbers, which wrap, and with Go's maps, which
// have no order.
//
// All mistakes that are found are returned, in their order; then there is no program.
func (c *Compiler) Compile(text string, sc Scope, where string) (p *Program, found []Mistake) {
	defer func() {
		// A library's panic about an odd expression is a mistake in the file, not a crash of the
		// program that loads it.
		if r := recover(); r != nil {
			p, found = nil, []Mistake{{0, fmt.Sprintf("this expression cannot be compiled: %v", r)}}
		}
	}()
	if len(text) > maxExpression {
		return nil, []Mistake{{0, fmt.Sprintf("the expression is longer than %d characters", maxExpression)}}
	}
	if strings.TrimSpace(text) == "" {
		return nil, []Mistake{{0, "the expression is empty"}}
	}
	tree, err := parser.ParseWithConfig(text, c.config())
	if err != nil {
		m := mistakeOf(err)
		m.number(text)
		return nil, []Mistake{m}
	}
	f := &flattener{scope: sc, paths: map[string]*load{}, lib: c.lib}
	ast.Walk(&tree.Node, f)
	if c.check(tree, f); len(f.mistakes) > 0 {
		return nil, f.mistakes.sorted()
	}
	p, mistakes := c.generate(tree, f, where)
	if len(mistakes) > 0 {
		return nil, mistakes.sorted()
	}
	return p, nil
}

// check checks types strictly, which leaves each node of the tree with its type. The check of
// package expr ends with the first mistake. What it is about is replaced then by something of
// unknown type, and the check done again.
func (c *Compiler) check(tree *parser.Tree, f *flattener) {
	for range maxMistakes {
		config := c.config()
		env := types.Map{}
		for _, v := range f.scope {
			env[v.name] = exprType(v.typ)
		}
		for name, l := range f.paths {
			env[name] = exprType(l.want)
		}
		config.WithEnv(env)
		_, err := checker.Check(tree, config)
		if err == nil {
			return
		}
		m := mistakeOf(err)
		if name, ok := strings.CutPrefix(m.Message, "unknown name "); ok {
			m.Message = f.unknownName(name)
		}
		if parts := argumentCount.FindStringSubmatch(m.Message); parts != nil {
			if usage := usage(parts[1]); usage != "" {
				m.Message += "; it is " + usage
			}
		}
		f.mistakes.add(m)
		at := outermost{offset: m.Offset}
		if ast.Walk(&tree.Node, &at); at.node == nil {
			return
		}
		f.unknown(at.node)
	}
}

// outermost finds the largest part of an expression that begins at an offset.
type outermost struct {
	offset int
	node   *ast.Node
}

// Visit is called for inner nodes first.
func (o *outermost) Visit(n *ast.Node) {
	switch (*n).(type) {
	case *ast.PairNode, *ast.PredicateNode: // parts of nodes that can have no others in their place
		return
	}
	if (*n).Location().From == o.offset {
		o.node = n
	}
}
