package topoyaml

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
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
	lib *library
}

func (c *exprCompiler) config() *conf.Config {
	config := conf.CreateNew()
	for _, f := range c.lib.functions() {
		config.Functions[f.name] = builtins(f)
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
// which is filled from the values directly: no reflection, no map of the whole object, and what is missing is null instead of an
// error. Types are checked strictly; the program itself is compiled for values of any type, since each may be null.
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
		return nil, mistakeOf(err)
	}
	f := &flattener{scope: sc, paths: map[string]*load{}, lib: c.lib}
	ast.Walk(&tree.Node, f)
	if f.mistake != nil {
		return nil, f.mistake
	}
	return c.node(tree, tree.Node, f, where)
}

// node compiles a part of the expression. Object literals are built field by field, and conditionals choose between programs: so
// the fields of objects keep their order.
func (c *exprCompiler) node(tree *parser.Tree, n ast.Node, f *flattener, where string) (*program, *exprError) {
	p := &program{where: where, text: tree.Source.String()}
	switch n := n.(type) {
	case *ast.MapNode:
		if ok, mistake := c.literal(tree, n, f, p); ok || mistake != nil {
			return p, mistake
		}
	case *ast.IdentifierNode:
		if l, ok := f.paths[n.Value]; ok {
			p.path, p.typ, p.roots = l, l.want, 1<<l.root
			return p, nil
		}
	case *ast.NilNode:
		p.kind, p.typ = constantProgram, typNull
		return p, nil
	case *ast.ConditionalNode:
		return p, c.conditional(tree, n, f, p)
	}
	if mistake := c.check(tree, n, f, p); mistake != nil {
		return nil, mistake
	}
	return p, c.program(tree, n, f, p)
}

// literal compiles an object literal; ok is false if a name in it is computed.
func (c *exprCompiler) literal(tree *parser.Tree, n *ast.MapNode, f *flattener, p *program) (ok bool, mistake *exprError) {
	for _, pair := range n.Pairs {
		if _, ok := pair.(*ast.PairNode).Key.(*ast.StringNode); !ok {
			return false, nil
		}
	}
	p.kind, p.typ = objectProgram, &typ{kind: objectKind}
	for _, pair := range n.Pairs {
		pair := pair.(*ast.PairNode)
		name := pair.Key.(*ast.StringNode).Value
		if _, twice := p.typ.field(name); twice {
			return false, &exprError{pair.Key.Location().From, fmt.Sprintf("the field %q is there twice", name)}
		}
		field, mistake := c.node(tree, pair.Value, f, p.where)
		if mistake != nil {
			return false, mistake
		}
		p.add(name, field)
	}
	return true, nil
}

// conditional compiles condition ? then : otherwise.
func (c *exprCompiler) conditional(tree *parser.Tree, n *ast.ConditionalNode, f *flattener, p *program) *exprError {
	if mistake := c.check(tree, n, f, p); mistake != nil {
		return mistake
	}
	p.kind = conditionalProgram
	for _, part := range []ast.Node{n.Cond, n.Exp1, n.Exp2} {
		q, mistake := c.node(tree, part, f, p.where)
		if mistake != nil {
			return mistake
		}
		p.add("", q)
	}
	if a, b := p.parts[1].typ, p.parts[2].typ; a.kind == objectKind || b.kind == objectKind {
		p.typ = common(a, b)
	}
	return nil
}

// check checks types strictly and sets p.typ.
func (c *exprCompiler) check(tree *parser.Tree, n ast.Node, f *flattener, p *program) *exprError {
	config := c.config()
	env := types.Map{}
	for _, v := range f.scope {
		env[v.name] = v.typ.expr()
	}
	for name, l := range f.paths {
		env[name] = l.want.expr()
	}
	config.WithEnv(env)
	if _, err := checker.Check(&parser.Tree{Node: n, Source: tree.Source}, config); err != nil {
		m := mistakeOf(err)
		if name, ok := strings.CutPrefix(m.message, "unknown name "); ok {
			m.message = f.unknown(name)
		}
		if parts := argumentCount.FindStringSubmatch(m.message); parts != nil {
			if usage := c.lib.usage(parts[1]); usage != "" {
				m.message += "; it is " + usage
			}
		}
		return m
	}
	p.typ = typeOf(n.Nature())
	return nil
}

// program compiles n for values of any type.
func (c *exprCompiler) program(tree *parser.Tree, n ast.Node, f *flattener, p *program) *exprError {
	config := c.config()
	env := types.Map{}
	used := usedNames{}
	ast.Walk(&n, used)
	for name := range used {
		l, ok := f.paths[name]
		if !ok {
			v, ok := f.scope.find(name)
			if !ok {
				continue // a function, or a variable of the expression
			}
			l = &load{name: name, root: v.root, want: v.typ}
		}
		p.loads = append(p.loads, l)
		p.roots |= 1 << l.root
		env[name] = types.Any
	}
	config.WithEnv(env)
	sub := &parser.Tree{Node: n, Source: tree.Source}
	if _, err := checker.Check(sub, config); err != nil {
		return mistakeOf(err)
	}
	if err := optimizer.Optimize(&sub.Node, config); err != nil {
		return mistakeOf(err)
	}
	code, err := compiler.Compile(sub, config)
	if err != nil {
		return mistakeOf(err)
	}
	p.kind, p.code = codeProgram, code
	return nil
}

// usedNames collects the identifiers of an expression.
type usedNames map[string]bool

func (u usedNames) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok {
		u[id.Value] = true
	}
}

// flattener replaces member accesses by names, and finds fields that do not exist.
type flattener struct {
	scope   scope
	paths   map[string]*load
	lib     *library
	mistake *exprError
}

func (f *flattener) fail(n ast.Node, format string, args ...any) {
	if f.mistake == nil {
		f.mistake = &exprError{n.Location().From, fmt.Sprintf(format, args...)}
	}
}

// Visit is called for inner nodes first.
func (f *flattener) Visit(n *ast.Node) {
	switch node := (*n).(type) {
	case *ast.IdentifierNode:
		if node.Value == "$env" {
			f.fail(node, "there is no $env here; the variables are %s", strings.Join(f.scope.names(), ", "))
		}
		if v, ok := f.scope.find(node.Value); ok && f.paths[node.Value] == nil {
			f.paths[node.Value] = &load{name: node.Value, root: v.root, want: v.typ}
		}
	case *ast.CallNode:
		id, ok := node.Callee.(*ast.IdentifierNode)
		if !ok || f.paths[id.Value] != nil {
			f.fail(node, "%s is not a function", node.Callee.String())
		} else if id.Value == "extract" && len(node.Arguments) > 1 {
			f.pattern(node.Arguments[1])
		}
	case *ast.ChainNode:
		// What is missing is null anyhow.
		if id, ok := node.Node.(*ast.IdentifierNode); ok && f.paths[id.Value] != nil {
			*n = id
		}
	case *ast.MemberNode:
		f.member(n, node)
	}
}

// pattern compiles a regular expression of the file.
func (f *flattener) pattern(n ast.Node) {
	text, ok := n.(*ast.StringNode)
	if !ok {
		f.fail(n, "the pattern of extract has to be a text that stands here, in quotes")
		return
	}
	if err := f.lib.pattern(text.Value); err != nil {
		f.fail(n, "%v", err)
	}
}

func (f *flattener) member(n *ast.Node, node *ast.MemberNode) {
	id, ok := node.Node.(*ast.IdentifierNode)
	if !ok {
		return
	}
	base, ok := f.paths[id.Value]
	if !ok {
		return
	}
	name, ok := node.Property.(*ast.StringNode)
	if !ok {
		return
	}
	next := &load{
		name: id.Value + "." + name.Value,
		root: base.root,
		path: append(append([]string(nil), base.path...), name.Value),
		want: typAny,
	}
	switch base.want.kind {
	case anyKind, nullKind:
	case objectKind:
		if next.want, ok = base.want.field(name.Value); !ok {
			f.fail(name, "%s has no field %q%s", id.Value, name.Value, didYouMean(name.Value, base.want.fieldNames()))
			return
		}
	default:
		f.fail(name, "%s is of type %s, which has no fields", id.Value, base.want)
		return
	}
	f.paths[next.name] = next
	ident := &ast.IdentifierNode{Value: next.name}
	ident.SetLocation(id.Location())
	*n = ident
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
	for _, fn := range f.lib.functions() {
		known = append(known, fn.name)
	}
	for _, b := range conf.CreateNew().Builtins {
		known = append(known, b.Name)
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
	"<nil>", "null", "*topoyaml.Object", "object",
)

var unexpected = regexp.MustCompile(`^unexpected token (?:EOF|\w+\("(.*)"\))$`)

var argumentCount = regexp.MustCompile(`^(?:not enough|too many) arguments to call (\w+)$`)

var argumentType = regexp.MustCompile(`^cannot use (?:int|float|string) as argument \(type (?:int|float|string)\) to call \w+$`)

const conversions = "; int(), float() and string() convert"

var mismatch = regexp.MustCompile(`^invalid operation: (.+) \(mismatched types? (.+?)(?: and (.+))?\)$`)

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
	if argumentType.MatchString(m.message) {
		m.message += conversions
	}
	return m
}
