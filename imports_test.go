package kolk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kolkstream/kolk"

// rule says what the packages below one path may import. An entry that ends in "/..." stands for
// the path itself and everything below it.
type rule struct {
	path string
	ours []string // relative to the module
	// third are import path prefixes of other modules.
	third []string
}

// rules is the table of packages in docs/ARCHITECTURE.md. The first rule whose path fits decides; a
// package without a rule fails the test, so a new package is a decision and not an accident.
var rules = []rule{
	{path: "."},
	{path: "serde"},
	{path: "state", ours: []string{"serde"}},
	{path: "state/memstate", ours: []string{"state"}, third: []string{"github.com/tidwall/btree"}},
	{path: "state/pebblestate", ours: []string{"state"}, third: []string{pebble}},
	{path: "state/statetest", ours: []string{"state", "internal/seeds"}},
	{path: "checkpoint", ours: []string{"state"}},
	{path: "internal/backoff"},
	{path: "internal/bykey"},
	{path: "internal/exported", third: []string{"github.com/google/go-cmp"}},
	{path: "internal/seeds"},
	{path: "internal/wiretime", third: []string{franz}},
	{path: "changelog", ours: []string{"state", "internal/backoff", "internal/bykey", "internal/wiretime"}, third: []string{franz, humanize}},
	{path: "internal/place"},
	{path: "internal/flow", ours: []string{"serde", "state", "topology/record"}},
	{path: "topology/record", ours: []string{"internal/place"}},
	{path: "topology", ours: []string{"serde", "internal/flow", "internal/place", "topology/record", "topology/internal/..."}},
	{path: "topology/internal/door"},
	{path: "topology/internal/exact"},
	// What operators are made of, from the lowest to the highest; the families are above ops.
	{path: "topology/internal/operator", ours: operatorRooms()},
	{path: "topology/internal/cache", ours: operatorRooms("operator")},
	{path: "topology/internal/joins", ours: operatorRooms("operator")},
	{path: "topology/internal/ops", ours: operatorRooms("operator", "cache")},
	{path: "topology/internal/sessions", ours: append(operatorRooms("operator", "cache", "ops", "windows"), "internal/bykey")},
	{path: "topology/internal/stores", ours: append(operatorRooms("operator", "versions"), "internal/bykey")},
	{path: "topology/internal/suppress", ours: append(operatorRooms("operator", "cache", "ops", "windows"), "internal/bykey")},
	{path: "topology/internal/...", ours: operatorRooms("operator", "cache", "ops")},
	{path: "topology/topoyaml", ours: []string{"topology", "topology/topoyaml/internal/..."}},
	// The rooms of topoyaml, from the lowest to the highest.
	{path: "topology/topoyaml/internal/suggest"},
	{path: "topology/topoyaml/internal/value", ours: []string{"serde"}},
	{path: "topology/topoyaml/internal/valuetest", ours: []string{"topology/topoyaml/internal/value"}},
	{path: "topology/topoyaml/internal/functions", ours: []string{"topology/topoyaml/internal/value"}},
	{path: "topology/topoyaml/internal/yamlfile", ours: append(yamlRooms("suggest", "value", "functions"), "internal/text"), third: []string{yaml}},
	{path: "topology/topoyaml/internal/expression", ours: append(yamlRooms("suggest", "value", "functions"), "topology/record"), third: []string{expr}},
	{path: "topology/topoyaml/internal/aggregate", ours: append(yamlRooms("suggest", "value", "expression"),
		"serde", "internal/flow", "topology/internal/exact")},
	{path: "topology/topoyaml/internal/steps", ours: append(yamlRooms("suggest", "value", "functions", "yamlfile", "expression", "aggregate"),
		"serde", "topology", "topology/internal/door"), third: []string{yaml}},
	{path: "topology/topoyaml/testfile", ours: append(yamlRooms("suggest", "value", "functions", "yamlfile"),
		"serde", "internal/flow", "internal/text", "topology", "topology/topoyaml"), third: []string{yaml}},
	{path: "processor/report", ours: []string{"topology"}},
	{path: "processor/processortest", ours: []string{"processor", "processor/report", "processor/internal/...", "topology", "internal/flow", "serde", "state",
		"state/memstate", "checkpoint", "changelog", "internal/wiretime"}, third: []string{franz}},
	{path: "internal/text", ours: []string{"topology/record"}},
	{path: "processor/processortest/yamltest", ours: []string{"processor/processortest", "internal/flow", "topology", "topology/topoyaml", "topology/topoyaml/testfile"}},
	{path: "processor/processortest/script", ours: []string{"processor/processortest", "internal/text", "topology", "internal/flow", "serde"},
		third: []string{"github.com/cockroachdb/datadriven"}},
	{path: "processor/processortest/kafkastreams"}, // tests only
	{path: "processor/processortest/kafkastreams/vary"},
	{path: "processor/embedded", ours: []string{"internal/flow"}, third: []string{franz, kfake, "github.com/gofrs/flock"}},
	{path: "processor", ours: runtime, third: []string{franz}},
	{path: "processor/internal/...", ours: runtime, third: mechanism},
	{path: "cmd/...", ours: []string{"serde", "state", "state/pebblestate", "topology", "topology/topoyaml", "processor", "processor/embedded", "processor/processortest/yamltest", "topology/topoyaml/testfile", "internal/backoff", "internal/wiretime", "cmd/..."},
		third: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", viper, "github.com/pelletier/go-toml", franz, kfake, yaml, "golang.org/x/term", "github.com/gofrs/flock", humanize, "github.com/mattn/go-runewidth"}},
	// What is compared: kolk itself, as a user runs it, and a loop by hand.
	{path: "bench/compare", third: []string{franz, kfake, "golang.org/x/sync/errgroup", humanize}},
	{path: "bench/flame", third: []string{"github.com/google/pprof/profile"}},
	{path: "bench/loop", third: []string{franz, pebble, "golang.org/x/sync/errgroup"}},
	{path: "bench/peer", ours: []string{"serde", "topology", "processor"}, third: []string{franz}},
	// Events and what queries must make of them know nothing of kolk: they are what it is measured
	// against.
	{path: "bench/nexmark"},
	{path: "bench/nexmark/reference", ours: []string{"bench/nexmark"}},
	{path: "bench/nexmark/queries", ours: []string{"bench/nexmark", "serde", "topology", "topology/topoyaml"}},
	{path: "bench/nexmark/cmd/nexmark", ours: []string{"bench/nexmark", "bench/nexmark/queries", "bench/nexmark/reference", "topology", "processor"},
		third: []string{franz, kfake, humanize}},
	{path: "examples/...", ours: []string{"serde", "topology", "topology/topoyaml", "processor", "processor/processortest", "processor/embedded"},
		third: []string{franz}},
}

var mechanism = []string{franz, "github.com/klauspost/compress/s2", "golang.org/x/sync/errgroup", "github.com/gofrs/flock"}

var runtime = []string{"topology", "internal/flow", "state", "state/pebblestate", "state/memstate", "changelog", "checkpoint", "serde", "internal/backoff", "internal/wiretime", "processor/report", "processor/internal/..."}

const (
	franz    = "github.com/twmb/franz-go/pkg"
	kfake    = "github.com/twmb/franz-go/pkg/kfake"
	pebble   = "github.com/cockroachdb/pebble"
	viper    = "github.com/spf13/viper"
	yaml     = "go.yaml.in/yaml"
	expr     = "github.com/expr-lang/expr"
	humanize = "github.com/dustin/go-humanize"
)

// operatorRooms are what packages of operators may import: those named, and what lies below all.
func operatorRooms(names ...string) []string {
	paths := []string{"serde", "state", "internal/flow", "internal/place", "topology/record"}
	for _, name := range names {
		paths = append(paths, "topology/internal/"+name)
	}
	return paths
}

// yamlRooms are rooms of topoyaml.
func yamlRooms(names ...string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = "topology/topoyaml/internal/" + name
	}
	return paths
}

// only lists modules with one place, tests included: the edges that are easy to add and hard to
// take back.
var only = []struct {
	prefix string
	places []string
}{
	{viper, []string{"cmd/..."}},
	{"github.com/spf13/cobra", []string{"cmd/..."}},
	{pebble, []string{"state/pebblestate", "bench/loop"}},
	{"github.com/linkedin/goavro", []string{"serde/avro"}},
	{expr, []string{"topology/topoyaml/internal/expression"}},
}

// goPackage is what `go list -json` says about a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	Standard                           bool
}

func TestImports(t *testing.T) {
	for _, p := range goList(t, "./...") {
		path := relative(p.ImportPath)
		r, ok := ruleOf(path)
		if !ok {
			t.Errorf("%s: no rule says what it may import; add it to the table", path)
			continue
		}
		for _, imp := range p.Imports {
			if !allowed(r, imp) {
				t.Errorf("%s imports %s, which the table does not list", path, imp)
			}
		}
		everything := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		for _, o := range only {
			for _, imp := range everything {
				here := func(place string) bool { return match(path, place) }
				if under(imp, o.prefix) && !slices.ContainsFunc(o.places, here) {
					t.Errorf("%s imports %s, which only %v may", path, imp, o.places)
				}
			}
		}
		if match(path, "examples/...") {
			for _, imp := range everything {
				if imp == module+"/internal/seeds" && !slices.Contains(p.Imports, imp) {
					continue // its tests are the project's
				}
				if strings.HasPrefix(imp, module) && strings.Contains(imp, "/internal/") {
					t.Errorf("%s imports %s: an example is written as a user would", path, imp)
				}
			}
		}
	}
}

// TestTopologyNeedsNoKafka holds the edge that makes the test driver, the YAML checks and describe
// fast: also through others the DSL imports neither the client nor the engine.
func TestTopologyNeedsNoKafka(t *testing.T) {
	for _, p := range goList(t, "-deps", "./topology/...") {
		if under(p.ImportPath, franz) || under(p.ImportPath, pebble) {
			t.Errorf("topology depends on %s", p.ImportPath)
		}
	}
}

func TestRules(t *testing.T) {
	bad := []struct{ path, imp string }{
		{"serde", module + "/state"},
		{"changelog", module + "/checkpoint"},
		{"checkpoint", module + "/changelog"},
		{"checkpoint", franz + "/kgo"},
		{"topology", module + "/processor"},
		{"topology/internal/ops", module + "/topology"},
		{"processor", viper},
		{"processor", module + "/cmd/kolk"},
		{"processor/internal/task", kfake},
		{"state", pebble + "/v2"},
		{"examples/flights", module + "/processor/internal/task"},
		{"examples/flights", module + "/topology/internal/ops"},
	}
	for _, c := range bad {
		r, ok := ruleOf(c.path)
		if !ok {
			t.Errorf("%s: no rule", c.path)
		} else if allowed(r, c.imp) {
			t.Errorf("the table lets %s import %s", c.path, c.imp)
		}
	}
	if _, ok := ruleOf("util"); ok {
		t.Error("a package that is not in the table has a rule")
	}
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports,Standard"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.Bytes())
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) == 0 {
		t.Fatalf("go list %v found nothing", args)
	}
	return pkgs
}

func relative(importPath string) string {
	rel, ok := strings.CutPrefix(importPath, module)
	switch {
	case !ok:
		return importPath
	case rel == "":
		return "."
	default:
		return rel[1:]
	}
}

func ruleOf(path string) (rule, bool) {
	for _, r := range rules {
		if match(path, r.path) {
			return r, true
		}
	}
	return rule{}, false
}

func allowed(r rule, imp string) bool {
	if strings.HasPrefix(imp, module) {
		return slices.ContainsFunc(r.ours, func(pattern string) bool { return match(relative(imp), pattern) })
	}
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	if under(imp, kfake) && !slices.Contains(r.third, kfake) {
		return false // listed by its own name, not as a part of franz-go
	}
	return slices.ContainsFunc(r.third, func(prefix string) bool { return under(imp, prefix) })
}

// match reports whether path fits pattern: equal, or at or below it if it ends in "/...".
func match(path, pattern string) bool {
	base, ok := strings.CutSuffix(pattern, "/...")
	return path == base || ok && strings.HasPrefix(path, base+"/")
}

// under reports whether an import path is prefix or below it.
func under(imp, prefix string) bool { return match(imp, prefix+"/...") }
