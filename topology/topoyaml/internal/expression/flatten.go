package expression

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/suggest"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// flattener replaces member accesses by names, and finds fields that do not exist.
type flattener struct {
	scope    Scope
	paths    map[string]*load
	lib      *functions.Library
	mistakes mistakes
}

func (f *flattener) fail(n ast.Node, format string, args ...any) {
	f.mistakes.add(Mistake{n.Location().From, fmt.Sprintf(format, args...)})
}

// unknown puts something of unknown type in the place of a part with a mistake, so that others are
// found.
func (f *flattener) unknown(n *ast.Node) {
	const name = "?"
	f.paths[name] = &load{name: name, want: value.AnyType}
	id := &ast.IdentifierNode{Value: name}
	id.SetLocation((*n).Location())
	*n = id
}

// Visit is called for inner nodes first.
func (f *flattener) Visit(n *ast.Node) {
	switch node := (*n).(type) {
	case *ast.IdentifierNode:
		if node.Value == "$env" {
			f.fail(node, "there is no $env here; the variables are %s", strings.Join(f.scope.names(), ", "))
			f.unknown(n)
			return
		}
		if v, ok := f.scope.find(node.Value); ok && f.paths[node.Value] == nil {
			f.paths[node.Value] = &load{name: node.Value, root: v.root, want: v.typ}
		}
	case *ast.CallNode:
		id, ok := node.Callee.(*ast.IdentifierNode)
		if !ok || f.paths[id.Value] != nil {
			f.fail(node, "%s is not a function", node.Callee.String())
			f.unknown(n)
		} else if id.Value == "extract" && len(node.Arguments) > 1 {
			f.pattern(&node.Arguments[1])
		}
	case *ast.BinaryNode:
		if _, ok := node.Right.(*ast.StringNode); ok && node.Operator == "matches" {
			f.pattern(&node.Right)
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
func (f *flattener) pattern(n *ast.Node) {
	text, ok := (*n).(*ast.StringNode)
	if !ok {
		f.fail(*n, "the pattern of extract has to be a text that stands here, in quotes")
		f.unknown(n)
		return
	}
	if _, err := f.lib.Pattern(text.Value); err != nil {
		f.fail(*n, "%v", err)
		f.unknown(n)
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
		want: value.AnyType,
	}
	switch base.want.Kind {
	case value.AnyKind, value.NullKind:
	case value.ObjectKind:
		if next.want, ok = base.want.Field(name.Value); !ok {
			f.fail(name, "%s has no field %q%s", id.Value, name.Value, suggest.For(name.Value, base.want.FieldNames()))
			f.unknown(n)
			return
		}
	default:
		f.fail(name, "%s is of type %s, which has no fields", id.Value, base.want)
		f.unknown(n)
		return
	}
	f.paths[next.name] = next
	ident := &ast.IdentifierNode{Value: next.name}
	ident.SetLocation(id.Location())
	*n = ident
}
