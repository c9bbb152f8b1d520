package kolk_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/exported"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

// operator is an operator of the DSL, and where all that belongs to it is. What it has not is
// missing for the reason in without.
type operator struct {
	name string
	// methods are its forms in Go: exported methods of package topology.
	methods []string
	// step is its name in YAML, in the schema too.
	step string
	// oracle is its name in the cases recorded from Kafka Streams.
	oracle string
	// model is a test that compares it with a model that knows nothing of kolk.
	model string
	// random: one of the methods is called by the generator of random topologies.
	// example: one of the methods is called by an example.
	// page: it has a section in docs/operators.md.
	without without
}

// without are the reasons for what an operator has not: "step", "reference" (oracle or model),
// "random", "example".
type without map[string]string

// operators is the list of all operators. Who adds one adds it here, and the test says what is
// missing.
var operators = []operator{
	{name: "stream", methods: []string{"Topology.Stream", "Topology.StreamTopics", "Topology.StreamPattern"}, oracle: "stream",
		without: without{"step": "it is a source, not a step"}},
	{name: "table", methods: []string{"Topology.Table"}, oracle: "table",
		without: without{"step": "it is a source, not a step"}},
	{name: "history", methods: []string{"Table.History"}, model: "TestRandomTopologies",
		without: without{"step": "a field of table sources"}},
	{name: "global-table", methods: []string{"Topology.GlobalTable"}, oracle: "globalTable",
		without: without{"step": "it is a source, not a step"}},
	{name: "filter", step: "filter", oracle: "filter",
		methods: []string{"Stream.Filter", "Stream.FilterNot", "Stream.FilterRecords", "Stream.TryFilter"}},
	{name: "map-values", step: "map-values", oracle: "mapValues",
		methods: []string{"Stream.MapValues", "Stream.MapValuesRecords", "Stream.TryMapValues"}},
	{name: "flat-map-values", methods: []string{"Stream.FlatMapValues", "Stream.FlatMapValuesRecords", "Stream.TryFlatMapValues"},
		step: "flat-map-values", oracle: "flatMapValues"},
	{name: "map-records", methods: []string{"Stream.MapRecords"}, step: "map", oracle: "map"},
	{name: "flat-map-records", methods: []string{"Stream.FlatMapRecords"}, oracle: "flatMap",
		without: without{"step": "flat-map-values and select-key do it together"}},
	{name: "select-key", methods: []string{"Stream.SelectKey", "Stream.TrySelectKey", "Stream.MarkPartitioned"},
		step: "select-key", oracle: "selectKey"},
	{name: "sample", methods: []string{"Stream.Sample", "Stream.SampleKeys"}, step: "sample", model: "TestRandomTopologies"},
	{name: "limit", methods: []string{"Stream.Limit", "Stream.SplitLimit"}, step: "limit", model: "TestRandomTopologies"},
	{name: "map-async", methods: []string{"Stream.MapValuesAsync", "Stream.MapValuesRecordsAsync"}, model: "TestRandomTopologies",
		without: without{"step": "fields of process"}},
	{name: "deduplicate", methods: []string{"Stream.Deduplicate", "Stream.DeduplicateRecords"}, step: "deduplicate", model: "TestRandomTopologies"},
	{name: "peek", methods: []string{"Stream.Peek", "Stream.PeekRecords"}, oracle: "peek",
		without: without{"step": "expressions have no effects"}},
	{name: "set-headers", methods: []string{"Stream.SetHeaders"}, step: "set-headers", model: "TestRandomTopologies"},
	{name: "merge", methods: []string{"Stream.Merge"}, oracle: "merge",
		without: without{"step": "a list of names in from"}},
	{name: "split", methods: []string{"Stream.Split", "Splitter.Branch", "Splitter.BranchRecords", "Splitter.Rest"}, step: "split", oracle: "split"},
	{name: "repartition", methods: []string{"Stream.Repartition"}, step: "repartition", oracle: "repartition"},
	{name: "to-table", methods: []string{"Stream.ToTable"}, oracle: "toTable",
		without: without{"step": "reduce keeps the last value"}},
	{name: "in-order", methods: []string{"Stream.InOrder"}, step: "in-order", model: "TestInOrderBehindRepartition"},
	{name: "group", step: "group", oracle: "groupBy",
		methods: []string{"Stream.GroupByKey", "Stream.GroupBy", "Stream.TryGroupBy", "Stream.GroupByRecords"}},
	{name: "window", methods: []string{"Grouped.Window"}, step: "window", oracle: "windowedBy"},
	{name: "count", methods: []string{"Grouped.Count", "WindowedGroup.Count", "GroupedTable.Count"}, step: "count", oracle: "count"},
	{name: "reduce", methods: []string{"Grouped.Reduce", "WindowedGroup.Reduce", "GroupedTable.Reduce"}, step: "reduce", oracle: "reduce"},
	{name: "aggregate", step: "aggregate", oracle: "aggregate",
		methods: []string{"Grouped.Aggregate", "Grouped.AggregateWith", "Grouped.AggregateRecords",
			"WindowedGroup.Aggregate", "WindowedGroup.AggregateWith", "WindowedGroup.AggregateRecords", "GroupedTable.AggregateWith"}},
	{name: "co-group", methods: []string{"Grouped.CoGroup", "Grouped.CoGroupRecords", "CoGrouped.With", "CoGrouped.Window", "CoGrouped.Aggregate", "WindowedCoGroup.Aggregate"},
		oracle: "cogroup", without: without{"step": "values have no fixed type there: a list of names in from, and aggregate"}},
	{name: "emit", step: "emit", model: "TestRandomTopologies",
		methods: []string{"Table.Updates", "Table.EachUpdate", "WindowedTable.Updates", "WindowedTable.EachUpdate", "WindowedTable.Final"}},
	{name: "to-stream", methods: []string{"Table.ToStream", "WindowedTable.Stream", "WindowedTable.StreamRecords"},
		step: "result", oracle: "toStream"},
	{name: "join", methods: []string{"Stream.Join"}, step: "join", oracle: "streamTableJoin"},
	{name: "join-global", methods: []string{"Stream.JoinGlobal"}, step: "join", oracle: "streamGlobalJoin"},
	{name: "join-within", methods: []string{"Stream.JoinWithin"}, step: "join-within", oracle: "streamJoin"},
	{name: "join-foreign", methods: []string{"Table.JoinForeign", "Table.JoinForeignRows"}, step: "join-foreign", oracle: "fkJoin"},
	{name: "filter-rows", methods: []string{"Table.Filter", "Table.FilterNot", "Table.FilterRows", "Table.TryFilterRows",
		"WindowedTable.Filter", "WindowedTable.FilterNot", "WindowedTable.FilterRows", "WindowedTable.TryFilterRows"},
		step: "filter-rows", oracle: "filter"},
	{name: "map-rows", step: "map-rows", oracle: "mapValues",
		methods: []string{"Table.MapValues", "Table.MapRows", "Table.TryMapRows",
			"WindowedTable.MapValues", "WindowedTable.MapRows", "WindowedTable.TryMapRows"}},
	{name: "join-table", methods: []string{"Table.Join"}, step: "join-table", oracle: "tableJoin"},
	{name: "group-rows", step: "group-rows", oracle: "groupBy",
		methods: []string{"Table.GroupBy", "Table.GroupByRows", "Table.TryGroupByRows",
			"WindowedTable.GroupBy", "WindowedTable.GroupByRows", "WindowedTable.TryGroupByRows"}},
	{name: "suppress", methods: []string{"Table.Suppress", "WindowedTable.Suppress"}, step: "suppress", oracle: "suppress"},
	{name: "process", methods: []string{"Topology.Store", "Topology.Output", "GlobalTable.Open", "Stream.Process", "Stream.ProcessFunc"}, step: "process", oracle: "process"},
	{name: "stores", methods: []string{"Topology.WindowStore", "Topology.SessionStore", "Topology.VersionedStore"}, model: "TestRandomTopologies",
		without: without{"step": "expressions have no state; deduplicate and aggregations have"}},
	{name: "to", methods: []string{"Stream.To"}, step: "to", oracle: "to"},
	{name: "to-one-of", methods: []string{"Stream.ToOneOf"}, step: "to-one-of", model: "TestRandomTopologies"},
	{name: "partitioner", methods: []string{"Stream.WithPartitioner"}, model: "TestRandomTopologies",
		without: without{"step": "the field partition of to, to-one-of and repartition"}},
	{name: "for-each", methods: []string{"Stream.ForEach", "Stream.ForEachRecord"},
		without: without{"step": "expressions have no effects", "reference": "nothing comes of it", "random": "nothing comes of it"}},
	{name: "discard", methods: []string{"Stream.Discard"}, step: "discard",
		without: without{"reference": "it says that nothing comes of it"}},
}

// noOperators are the methods of handles that add nothing to a plan.
var noOperators = []string{"Topology.Build", "Topology.ForFiles", "Stream.WithKeySerde", "Stream.WithValueSerde", "Table.WithValueSerde", "WindowedTable.WithValueSerde"}

// TestOperators finds what an operator lacks, and what the list of operators lacks.
func TestOperators(t *testing.T) {
	methods := topologyMethods(t)
	steps := schemaSteps(t)
	recorded := recordedOperators(t)
	tests := testFunctions(t)
	examples := calledBy(t, "topology/*_test.go", func(name string) bool { return strings.HasPrefix(name, "Example") })
	random := calledBy(t, "processor/processortest/random_*_test.go", func(string) bool { return true })
	page := read(t, "docs/operators.md")

	listed := slices.Clone(noOperators)
	claimed := make(map[string]bool)
	for _, o := range operators {
		used := make(map[string]bool)
		lacks := func(what string, ok bool, format string, args ...any) {
			if _, argued := o.without[what]; argued {
				used[what] = true
				if ok {
					t.Errorf("%s has what its exception %q says it has not: remove the exception", o.name, what)
				}
				return
			}
			if !ok {
				t.Errorf(o.name+": "+format, args...)
			}
		}
		called := func(in map[string]bool) bool {
			return slices.ContainsFunc(o.methods, func(m string) bool { return in[m[strings.Index(m, ".")+1:]] })
		}
		listed = append(listed, o.methods...)
		claimed[o.step] = true
		if o.step != "" && !steps[o.step] {
			t.Errorf("%s: the schema has no step %q", o.name, o.step)
		}
		lacks("step", o.step != "", "no step in YAML")
		if o.oracle != "" && !recorded[o.oracle] {
			t.Errorf("%s: no recorded case has %q", o.name, o.oracle)
		}
		if o.model != "" && !tests[o.model] {
			t.Errorf("%s: there is no test %s", o.name, o.model)
		}
		lacks("reference", o.oracle != "" || o.model != "", "neither recorded cases nor a model")
		lacks("random", called(random), "no random topology has it")
		lacks("example", called(examples), "no example of package topology calls %s", o.methods)
		if !strings.Contains(page, "\n### "+o.name+"\n") {
			t.Errorf("%s: docs/operators.md has no section ### %s", o.name, o.name)
		}
		for what := range o.without {
			if !used[what] {
				t.Errorf("%s: an exception for %q, which is nothing that it could lack", o.name, what)
			}
		}
	}
	for _, m := range methods {
		if !slices.Contains(listed, m) {
			t.Errorf("topology has %s, which no operator of the list has", m)
		}
	}
	for _, m := range listed {
		if !slices.Contains(methods, m) {
			t.Errorf("the list has %s, which topology has not", m)
		}
	}
	for s := range steps {
		if !claimed[s] {
			t.Errorf("the schema has a step %q, which no operator of the list has", s)
		}
	}
}

// handles are the types of package topology whose methods are operators.
var handles = []string{"Topology", "Stream", "Table", "GlobalTable", "Grouped", "CoGrouped", "WindowedGroup", "WindowedCoGroup", "WindowedTable", "GroupedTable", "Splitter"}

// topologyMethods returns the exported methods of handles, as "Stream.Filter".
func topologyMethods(t *testing.T) (methods []string) {
	for _, name := range exported.Names(t, "topology") {
		method, ok := strings.CutPrefix(name, "func ")
		if !ok {
			continue
		}
		method, _, _ = strings.Cut(method, ":")
		if on, _, ok := strings.Cut(method, "."); ok && slices.Contains(handles, on) {
			methods = append(methods, method)
		}
	}
	return methods
}

// parsed returns the files of a pattern; of a pattern without "_test" no tests.
func parsed(t *testing.T, pattern string) (files []*ast.File) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") && !strings.Contains(pattern, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// calledBy returns the names of the methods that functions of a name call.
func calledBy(t *testing.T, pattern string, name func(string) bool) map[string]bool {
	called := make(map[string]bool)
	for _, f := range parsed(t, pattern) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !name(fn.Name.Name) {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					called[s.Sel.Name] = true
				}
				return true
			})
		}
	}
	return called
}

// testFunctions returns the names of the tests of package processortest.
func testFunctions(t *testing.T) map[string]bool {
	tests := make(map[string]bool)
	for _, f := range parsed(t, "processor/processortest/*_test.go") {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				tests[fn.Name.Name] = true
			}
		}
	}
	return tests
}

// schemaSteps returns the steps that the JSON Schema of files has.
func schemaSteps(t *testing.T) map[string]bool {
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(topoyaml.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	steps := make(map[string]bool)
	for name := range schema.Defs["step"].Properties {
		steps[name] = true
	}
	if len(steps) == 0 {
		t.Fatal("the schema has no steps")
	}
	return steps
}

// recordedOperators returns the operators of the cases that were recorded from Kafka Streams.
func recordedOperators(t *testing.T) map[string]bool {
	names, err := filepath.Glob("processor/processortest/kafkastreams/testdata/*.jsonl.gz")
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded cases: %v", err)
	}
	found := make(map[string]bool)
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var c struct {
				Topology []struct{ Op string }
			}
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, n := range c.Topology {
				found[n.Op] = true
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return found
}
