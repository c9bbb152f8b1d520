package topology_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"testing"

	"github.com/kolkstream/kolk/topology"
)

// What is declared elsewhere and has another name here shows no fields and methods in the
// documentation, so the comments name them: all.
func TestAliasesNameTheirMembers(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "alias.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[string]string)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			docs[spec.Name.Name] = spec.Doc.Text()
		}
		return true
	})
	for name, typ := range map[string]reflect.Type{
		"Record": reflect.TypeFor[*topology.Record[int, int]](),
		"Header": reflect.TypeFor[*topology.Header](),
		"Origin": reflect.TypeFor[*topology.Origin](),
		"Window": reflect.TypeFor[*topology.Window](),
		"Opt":    reflect.TypeFor[*topology.Opt[int]](),
	} {
		var members []string
		for i := range typ.NumMethod() {
			members = append(members, typ.Method(i).Name)
		}
		if typ.Kind() == reflect.Pointer {
			for i := range typ.Elem().NumField() {
				if f := typ.Elem().Field(i); f.IsExported() {
					members = append(members, f.Name)
				}
			}
		}
		for _, m := range members {
			if !regexp.MustCompile(`\b` + m + `\b`).MatchString(docs[name]) {
				t.Errorf("the comment of %s does not name %s", name, m)
			}
		}
	}
}
