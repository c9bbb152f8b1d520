// Package exported lists what packages export, so that a test shows it when that grows.
package exported

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Compare compares names, one a line, with a file. With update it writes the file first.
func Compare(t testing.TB, names []string, file string, update bool) {
	t.Helper()
	got := strings.Join(names, "\n") + "\n"
	if update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("what is exported is not what %s says; if that is intended, run with -update (-want +got):\n%s", file, diff)
	}
}

// Names returns what the package in a directory exports, sorted: names, methods and fields, each
// with what it takes from other packages of kolk. Methods of types that are not exported are left
// out.
func Names(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		imports := map[string]string{}
		for _, i := range f.Imports {
			p := strings.Trim(i.Path.Value, `"`)
			name := filepath.Base(p)
			if i.Name != nil {
				name = i.Name.Name
			}
			imports[name] = p
		}
		note := func(name string, of ast.Node) { names = append(names, name+others(of, imports)) }
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					r := receiver(d.Recv.List[0].Type)
					if !ast.IsExported(r) {
						continue
					}
					name = r + "." + name
				}
				if d.Name.IsExported() {
					note("func "+name, d.Type)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							declared(s, note)
						}
					case *ast.ValueSpec:
						for i, n := range s.Names {
							if !n.IsExported() {
								continue
							}
							var of ast.Node = s
							if i < len(s.Values) {
								of = s.Values[i]
							}
							note(d.Tok.String()+" "+n.Name, of)
						}
					}
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// declared notes a type, with its exported fields, or those methods that an interface lists.
func declared(s *ast.TypeSpec, note func(string, ast.Node)) {
	var list *ast.FieldList
	switch of := s.Type.(type) {
	case *ast.StructType:
		list = of.Fields
	case *ast.InterfaceType:
		list = of.Methods
	}
	if list == nil {
		note("type "+s.Name.Name, s.Type)
		return
	}
	note("type "+s.Name.Name, nil)
	for _, f := range list.List {
		if len(f.Names) == 0 {
			note(s.Name.Name+" embeds", f.Type)
		}
		for _, n := range f.Names {
			if n.IsExported() {
				note(s.Name.Name+"."+n.Name, f.Type)
			}
		}
	}
}

// others lists what a declaration takes from other packages of kolk.
func others(of ast.Node, imports map[string]string) string {
	const ours = "github.com/kolkstream/kolk/"
	var all []string
	if of != nil {
		ast.Inspect(of, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					if p, ok := strings.CutPrefix(imports[x.Name], ours); ok {
						all = append(all, p+"."+s.Sel.Name)
					}
				}
			}
			return true
		})
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, ", ")
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
