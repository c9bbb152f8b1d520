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
	scope   Scope
	paths   map[string]*load
	lib     *functions.Library
	mistake *Mistake
}

func (f *flattener) fail(n ast.Node, format string, args ...any) {
	if f.mistake == nil {
		f.mistake = &Mistake{n.Location().From, fmt.Sprintf(format, args...)}
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
	case *ast.BinaryNode:
		if text, ok := node.Right.(*ast.StringNode); ok && node.Operator == "matches" {
			f.pattern(text)
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
	if _, err := f.lib.Pattern(text.Value); err != nil {
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
		want: value.AnyType,
	}
	switch base.want.Kind {
	case value.AnyKind, value.NullKind:
	case value.ObjectKind:
		if next.want, ok = base.want.Field(name.Value); !ok {
			f.fail(name, "%s has no field %q%s", id.Value, name.Value, suggest.For(name.Value, base.want.FieldNames()))
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
