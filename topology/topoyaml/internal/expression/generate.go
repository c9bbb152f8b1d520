package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// generator makes code of the nodes of a tree that has been checked. After a mistake what it
// returns is not used.
type generator struct {
	lib       *functions.Library
	source    string
	flat      *flattener
	p         *Program
	slots     map[string]int   // of the variables of let; each has its own
	constants map[string]*code // variables of let whose values are constant
	mistakes  mistakes
}

// maxConstant bounds the lists that are made when a file is loaded and kept.
const maxConstant = 10_000

func (c *Compiler) generate(tree *parser.Tree, f *flattener, where string) (*Program, mistakes) {
	p := &Program{where: where, text: tree.Source.String(), lib: c.lib, kind: codeProgram}
	g := &generator{lib: c.lib, source: p.text, flat: f, p: p, slots: map[string]int{}, constants: map[string]*code{}}
	p.code = g.node(tree.Node)
	if len(g.mistakes) > 0 {
		return nil, g.mistakes
	}
	p.Type = g.typ(tree.Node)
	p.slots = len(g.slots)
	switch p.code.op {
	case opConstant:
		p.kind, p.constant = constantProgram, p.code.value
	case opLoad:
		p.kind, p.path = pathProgram, p.code.load
	}
	return p, nil
}

func (g *generator) fail(n ast.Node, format string, args ...any) {
	g.mistakes.add(Mistake{n.Location().From, fmt.Sprintf(format, args...)})
}

// node is the code of a node, computed already if it is constant.
func (g *generator) node(n ast.Node) *code {
	before := len(g.mistakes)
	c := g.operator(n)
	if len(g.mistakes) > before {
		return &code{op: opBroken}
	}
	return g.fold(n, c)
}

// fold computes what depends on nothing. That it fails is a mistake in the file.
func (g *generator) fold(n ast.Node, c *code) *code {
	switch c.op {
	case opConstant, opLoad, opVariable, opItem, opIndex, opAccumulate, opLet, opLoop:
		return c
	}
	for _, part := range append([]*code{c.a, c.b, c.c}, c.more...) {
		if part != nil && part.op != opConstant {
			return c
		}
	}
	fr := frame{p: g.p}
	v, err := c.eval(&Inputs{}, &fr)
	if err != nil {
		g.fail(n, "%v", err)
		return c
	}
	if fr.made > maxConstant {
		return c
	}
	return constant(v)
}

func constant(v value.Value) *code { return &code{op: opConstant, value: v} }

func (g *generator) nodes(nodes []ast.Node) []*code {
	list := make([]*code, len(nodes))
	for i, n := range nodes {
		list[i] = g.node(n)
	}
	return list
}

// optional is the code of a node that may be missing.
func (g *generator) optional(n ast.Node) *code {
	if n == nil {
		return nil
	}
	return g.node(n)
}

func (g *generator) operator(n ast.Node) *code {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(nil)
	case *ast.BoolNode:
		return constant(n.Value)
	case *ast.IntegerNode:
		return constant(int64(n.Value))
	case *ast.FloatNode:
		return g.float(n)
	case *ast.StringNode:
		return constant(n.Value)
	case *ast.BytesNode:
		return constant(n.Value)
	case *ast.IdentifierNode:
		return g.name(n)
	case *ast.UnaryNode:
		return g.unary(n)
	case *ast.BinaryNode:
		return g.binary(n)
	case *ast.ChainNode:
		return g.node(n.Node)
	case *ast.MemberNode:
		if name, ok := n.Property.(*ast.StringNode); ok {
			return &code{op: opField, a: g.node(n.Node), name: name.Value}
		}
		return &code{op: opMember, a: g.node(n.Node), b: g.node(n.Property)}
	case *ast.SliceNode:
		return &code{op: opSlice, a: g.node(n.Node), b: g.optional(n.From), c: g.optional(n.To)}
	case *ast.CallNode:
		return g.call(n, n.Callee.(*ast.IdentifierNode).Value, n.Arguments)
	case *ast.BuiltinNode:
		return g.builtin(n)
	case *ast.PredicateNode:
		return g.node(n.Node)
	case *ast.PointerNode:
		switch n.Name {
		case "index":
			return &code{op: opIndex}
		case "acc":
			return &code{op: opAccumulate}
		}
		return &code{op: opItem}
	case *ast.ConditionalNode:
		return &code{op: opConditional, a: g.node(n.Cond), b: g.node(n.Exp1), c: g.node(n.Exp2)}
	case *ast.VariableDeclaratorNode:
		return g.let(n)
	case *ast.SequenceNode:
		return &code{op: opSequence, more: g.nodes(n.Nodes)}
	case *ast.ArrayNode:
		return &code{op: opList, more: g.nodes(n.Nodes)}
	case *ast.MapNode:
		return g.object(n)
	}
	g.fail(n, "%T is not supported here", n)
	return &code{op: opBroken}
}

// float reads the number as it stands there: package expr has rounded it.
func (g *generator) float(n *ast.FloatNode) *code {
	v := value.Whole(n.Value)
	if at := n.Location(); at.From >= 0 && at.From < at.To && at.To <= len(g.source) {
		text := strings.ReplaceAll(g.source[at.From:at.To], "_", "")
		if exact, err := value.ToNumber(text); err == nil && value.ToFloat(exact) == n.Value {
			v = exact
		}
	}
	if _, err := value.Float(n.Value); err != nil {
		g.fail(n, "%v", err)
	}
	return constant(v)
}

func (g *generator) name(n *ast.IdentifierNode) *code {
	if l, ok := g.flat.paths[n.Value]; ok {
		g.p.Roots |= 1 << l.root
		return &code{op: opLoad, load: l}
	}
	if c, ok := g.constants[n.Value]; ok {
		return c
	}
	if slot, ok := g.slots[n.Value]; ok {
		return &code{op: opVariable, slot: slot}
	}
	g.fail(n, "%s is a function; its arguments are missing", n.Value)
	return &code{op: opBroken}
}

// let gives each variable a place of its own. Package expr does not let one hide another; those
// that follow each other may share.
func (g *generator) let(n *ast.VariableDeclaratorNode) *code {
	v := g.node(n.Value)
	if v.op == opConstant {
		// So layouts and patterns are checked as if they stood where the variable does.
		g.constants[n.Name] = v
		defer delete(g.constants, n.Name)
		return g.node(n.Expr)
	}
	slot, ok := g.slots[n.Name]
	if !ok {
		slot = len(g.slots)
		g.slots[n.Name] = slot
	}
	return &code{op: opLet, slot: slot, a: v, b: g.node(n.Expr)}
}

// isFloat reports whether one of the nodes is of type float. Of what is computed with a value of no
// known type, package expr does not say so.
func isFloat(nodes ...ast.Node) bool {
	return slices.ContainsFunc(nodes, func(n ast.Node) bool {
		if typeOf(n.Nature()).Kind == value.FloatKind {
			return true
		}
		switch n := n.(type) {
		case *ast.UnaryNode:
			return isFloat(n.Node)
		case *ast.BinaryNode:
			_, computes := arithmetic[n.Operator]
			return computes && isFloat(n.Left, n.Right)
		}
		return false
	})
}

func (g *generator) unary(n *ast.UnaryNode) *code {
	c := &code{a: g.node(n.Node), floats: isFloat(n.Node)}
	switch n.Operator {
	case "!", "not":
		c.op = opNot
	case "-":
		c.op = opNegate
	default:
		c.op = opPlus
	}
	return c
}

var binaryOps = map[string]opcode{
	"and": opAnd, "&&": opAnd, "or": opOr, "||": opOr, "??": opDefault, "==": opEqual, "!=": opUnequal, "<": opLess, "<=": opLessEqual,
	">": opGreater, ">=": opGreaterEqual, "in": opIn, "contains": opContains, "startsWith": opStartsWith, "endsWith": opEndsWith,
	"matches": opMatches, "..": opRange,
}

var arithmetic = map[string]value.Operator{
	"+": value.Add, "-": value.Subtract, "*": value.Multiply, "/": value.Divide, "%": value.Modulo, "**": value.Power, "^": value.Power,
}

func (g *generator) binary(n *ast.BinaryNode) *code {
	c := &code{op: opArithmetic, name: n.Operator, floats: isFloat(n.Left, n.Right)}
	if op, ok := binaryOps[n.Operator]; ok {
		c.op = op
	} else if c.operator, ok = arithmetic[n.Operator]; !ok {
		g.fail(n, "unknown operator %s", n.Operator)
		return c
	}
	c.a = g.node(n.Left)
	if r, ok := n.Right.(*ast.BinaryNode); ok && c.op == opIn && r.Operator == ".." {
		c.b = g.binary(r) // no list is needed to look into it
		return c
	}
	c.b = g.node(n.Right)
	if c.b.op != opConstant {
		return c
	}
	switch c.op {
	case opMatches:
		if s, ok := c.b.value.(string); ok {
			re, err := g.lib.Pattern(s)
			if err != nil {
				g.fail(n.Right, "%v", err)
			}
			c.pattern = re
		}
	case opIn:
		c.set = setOf(c.b.value)
	}
	return c
}

// setOf is a long list as a set, if it holds nothing but scalars.
func setOf(v value.Value) map[value.Value]bool {
	list, _ := v.([]value.Value)
	if len(list) < 8 || slices.ContainsFunc(list, func(v value.Value) bool { return !value.Scalar(v) }) {
		return nil
	}
	set := make(map[value.Value]bool, len(list))
	for _, v := range list {
		set[v] = true
	}
	return set
}

func (g *generator) builtin(n *ast.BuiltinNode) *code {
	l, ok := loops[n.Name]
	switch {
	case n.Name == "abs":
		return &code{op: opAbs, a: g.node(n.Arguments[0]), floats: isFloat(n.Arguments[0])}
	case !ok:
		return g.call(n, n.Name, n.Arguments)
	}
	c := &code{op: opLoop, loop: l, name: n.Name, floats: isFloat(n)}
	args := g.nodes(n.Arguments)
	c.a = args[0]
	if len(args) > 1 {
		c.b = args[1]
	}
	if len(args) > 2 {
		c.c = args[2]
		if l == loopSortBy && c.c.op == opConstant {
			if err := g.lib.Find("sort").Check(1, c.c.value); err != nil {
				g.fail(n.Arguments[2], "%v", err)
			}
		}
	}
	return c
}

// call is the call of a function. Arguments that stand in the file are looked at now.
func (g *generator) call(n ast.Node, name string, args []ast.Node) *code {
	fn := g.lib.Find(name)
	if fn == nil {
		g.fail(n, "there is no function %s here", name)
		return &code{op: opBroken}
	}
	c := &code{op: opCall, call: fn, more: g.nodes(args)}
	if len(args) < fn.Min || fn.Max >= 0 && len(args) > fn.Max {
		g.fail(n, "wrong number of arguments to call %s", name)
		return c
	}
	for i, part := range c.more {
		if part.op == opConstant && fn.Check != nil {
			if err := fn.Check(i, part.value); err != nil {
				g.fail(args[i], "%v", err)
			}
		}
	}
	return c
}

// object is an object literal. Package expr has no objects with an order, and lets a name come
// twice.
func (g *generator) object(n *ast.MapNode) *code {
	c := &code{op: opRecord}
	for _, pair := range n.Pairs {
		pair := pair.(*ast.PairNode)
		if name, ok := pair.Key.(*ast.StringNode); ok {
			if slices.Contains(c.names, name.Value) {
				g.fail(pair.Key, "the field %q is there twice", name.Value)
				return c
			}
			c.names = append(c.names, name.Value)
		} else {
			c.op = opObject
		}
	}
	for _, pair := range n.Pairs {
		pair := pair.(*ast.PairNode)
		if c.op == opObject {
			c.more = append(c.more, g.node(pair.Key))
		}
		c.more = append(c.more, g.node(pair.Value))
	}
	return c
}

// typ is the static type of a node. Package expr does not know the fields of objects that an
// expression makes.
func (g *generator) typ(n ast.Node) *value.Type {
	switch n := n.(type) {
	case *ast.NilNode:
		return value.NullType
	case *ast.IdentifierNode:
		if l, ok := g.flat.paths[n.Value]; ok {
			return l.want
		}
	case *ast.MapNode:
		t := &value.Type{Kind: value.ObjectKind}
		for _, pair := range n.Pairs {
			pair := pair.(*ast.PairNode)
			name, ok := pair.Key.(*ast.StringNode)
			if !ok {
				return value.AnyType
			}
			t.Fields = append(t.Fields, value.TypeField{Name: name.Value, Type: g.typ(pair.Value)})
		}
		return t
	case *ast.ConditionalNode:
		if a, b := g.typ(n.Exp1), g.typ(n.Exp2); a.Kind == value.ObjectKind || b.Kind == value.ObjectKind {
			return value.Common(a, b)
		}
	}
	return typeOf(n.Nature())
}
