package topology_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/internal/exported"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
)

// The types of this test: all are of strings, so that one chain can be given to the next.
type (
	zeroTable    = topology.Table[string, string]
	zeroWindows  = topology.WindowedTable[string, string]
	zeroGroup    = topology.Grouped[string, string]
	zeroWindowed = topology.WindowedGroup[string, string]
	zeroCoGroup  = topology.CoGrouped[string, string]
	zeroRows     = topology.GroupedTable[string, string]
	zeroSplitter = topology.Splitter[string, string]
	zeroOutput   = topology.OutputRef[string, string]
	zeroJoiner   = topology.Joiner[string, string, string]
	zeroFold     = topology.Aggregator[string, string]
	zeroFolds    = topology.Aggregator[*record, string]
)

// zeroCalls calls each method of each handle on the zero value, with arguments of nothing, and
// returns what it returns.
func zeroCalls() map[string]func() any {
	str := serde.Serde[string](nil)
	var tp *topology.Topology
	return map[string]func() any{
		"CoGrouped.Aggregate":          func() any { return zeroCoGroup{}.Aggregate("") },
		"CoGrouped.Window":             func() any { return zeroCoGroup{}.Window(topology.Windows{}) },
		"CoGrouped.With":               func() any { return zeroCoGroup{}.With(zeroCoGroup{}) },
		"Grouped.CoGroup":              func() any { return zeroGroup{}.CoGroup[string](zeroFold{}) },
		"Grouped.CoGroupRecords":       func() any { return zeroGroup{}.CoGroupRecords[string](zeroFolds{}) },
		"WindowedCoGroup.Aggregate":    func() any { return topology.WindowedCoGroup[string, string]{}.Aggregate("") },
		"Stream.Deduplicate":           func() any { return stream{}.Deduplicate[string]("", nil, 0) },
		"Stream.DeduplicateRecords":    func() any { return stream{}.DeduplicateRecords[string]("", nil, 0) },
		"Stream.Discard":               func() any { stream{}.Discard(); return nil },
		"Stream.Filter":                func() any { return stream{}.Filter(nil) },
		"Stream.FilterNot":             func() any { return stream{}.FilterNot(nil) },
		"Stream.FilterRecords":         func() any { return stream{}.FilterRecords(nil) },
		"Stream.FlatMapRecords":        func() any { return stream{}.FlatMapRecords[string, string](nil) },
		"Stream.FlatMapValues":         func() any { return stream{}.FlatMapValues[string](nil) },
		"Stream.FlatMapValuesRecords":  func() any { return stream{}.FlatMapValuesRecords[string](nil) },
		"Stream.ForEach":               func() any { stream{}.ForEach(nil); return nil },
		"Stream.ForEachRecord":         func() any { stream{}.ForEachRecord(nil); return nil },
		"Stream.GroupBy":               func() any { return stream{}.GroupBy[string]("", nil) },
		"Stream.GroupByKey":            func() any { return stream{}.GroupByKey() },
		"Stream.GroupByRecords":        func() any { return stream{}.GroupByRecords[string]("", nil) },
		"Stream.InOrder":               func() any { return stream{}.InOrder("", 0) },
		"Stream.Join":                  func() any { return stream{}.Join("", zeroTable{}, zeroJoiner{}) },
		"Stream.JoinGlobal":            func() any { return stream{}.JoinGlobal("", topology.GlobalTable[string, string]{}, nil, zeroJoiner{}) },
		"Stream.JoinWithin":            func() any { return stream{}.JoinWithin("", stream{}, topology.JoinBounds{}, zeroJoiner{}) },
		"Stream.Limit":                 func() any { return stream{}.Limit("", 0, topology.Windows{}) },
		"Stream.MapRecords":            func() any { return stream{}.MapRecords[string, string](nil) },
		"Stream.MapValues":             func() any { return stream{}.MapValues[string](nil) },
		"Stream.MapValuesAsync":        func() any { return stream{}.MapValuesAsync[string](topology.Calls{}, nil) },
		"Stream.MapValuesRecords":      func() any { return stream{}.MapValuesRecords[string](nil) },
		"Stream.MapValuesRecordsAsync": func() any { return stream{}.MapValuesRecordsAsync[string](topology.Calls{}, nil) },
		"Stream.MarkPartitioned":       func() any { return stream{}.MarkPartitioned() },
		"Stream.Merge":                 func() any { return stream{}.Merge(stream{}) },
		"Stream.Peek":                  func() any { return stream{}.Peek(nil) },
		"Stream.PeekRecords":           func() any { return stream{}.PeekRecords(nil) },
		"Stream.Process":               func() any { return stream{}.Process[string, string]("", nil, nil) },
		"Stream.ProcessFunc":           func() any { return stream{}.ProcessFunc[string, string]("", nil, nil) },
		"Stream.Repartition":           func() any { return stream{}.Repartition("", nil) },
		"Stream.Sample":                func() any { return stream{}.Sample(0) },
		"Stream.SampleKeys":            func() any { return stream{}.SampleKeys(0) },
		"Stream.SelectKey":             func() any { return stream{}.SelectKey[string](nil) },
		"Stream.SetHeaders":            func() any { return stream{}.SetHeaders(nil) },
		"Stream.Split":                 func() any { return stream{}.Split("") },
		"Stream.SplitLimit":            func() any { s, _ := stream{}.SplitLimit("", 0, topology.Windows{}); return s },
		"Stream.To":                    func() any { stream{}.To(""); return nil },
		"Stream.ToOneOf":               func() any { stream{}.ToOneOf("", nil, nil); return nil },
		"Stream.ToTable":               func() any { return stream{}.ToTable("") },
		"Stream.TryFilter":             func() any { return stream{}.TryFilter(nil) },
		"Stream.TryFlatMapValues":      func() any { return stream{}.TryFlatMapValues[string](nil) },
		"Stream.TryGroupBy":            func() any { return stream{}.TryGroupBy[string]("", nil) },
		"Stream.TryMapValues":          func() any { return stream{}.TryMapValues[string](nil) },
		"Stream.TrySelectKey":          func() any { return stream{}.TrySelectKey[string](nil) },
		"Stream.WithKeySerde":          func() any { return stream{}.WithKeySerde(nil) },
		"Stream.WithPartitioner":       func() any { return stream{}.WithPartitioner(nil) },
		"Stream.WithValueSerde":        func() any { return stream{}.WithValueSerde(nil) },

		"Table.EachUpdate":      func() any { return zeroTable{}.EachUpdate() },
		"Table.Filter":          func() any { return zeroTable{}.Filter(nil) },
		"Table.FilterNot":       func() any { return zeroTable{}.FilterNot(nil) },
		"Table.FilterRows":      func() any { return zeroTable{}.FilterRows(nil) },
		"Table.GroupBy":         func() any { return zeroTable{}.GroupBy[string]("", nil) },
		"Table.GroupByRows":     func() any { return zeroTable{}.GroupByRows[string]("", nil) },
		"Table.History":         func() any { return zeroTable{}.History(0) },
		"Table.Join":            func() any { return zeroTable{}.Join("", zeroTable{}, zeroJoiner{}) },
		"Table.JoinForeign":     func() any { return zeroTable{}.JoinForeign("", zeroTable{}, nil, zeroJoiner{}) },
		"Table.JoinForeignRows": func() any { return zeroTable{}.JoinForeignRows("", zeroTable{}, nil, zeroJoiner{}) },
		"Table.MapRows":         func() any { return zeroTable{}.MapRows[string](nil) },
		"Table.MapValues":       func() any { return zeroTable{}.MapValues[string](nil) },
		"Table.Suppress":        func() any { return zeroTable{}.Suppress("", topology.Suppression{}) },
		"Table.ToStream":        func() any { return zeroTable{}.ToStream() },
		"Table.TryFilterRows":   func() any { return zeroTable{}.TryFilterRows(nil) },
		"Table.TryGroupByRows":  func() any { return zeroTable{}.TryGroupByRows[string]("", nil) },
		"Table.TryMapRows":      func() any { return zeroTable{}.TryMapRows[string](nil) },
		"Table.Updates":         func() any { return zeroTable{}.Updates() },
		"Table.WithValueSerde":  func() any { return zeroTable{}.WithValueSerde(nil) },

		"WindowedTable.EachUpdate":     func() any { return zeroWindows{}.EachUpdate() },
		"WindowedTable.Filter":         func() any { return zeroWindows{}.Filter(nil) },
		"WindowedTable.FilterNot":      func() any { return zeroWindows{}.FilterNot(nil) },
		"WindowedTable.FilterRows":     func() any { return zeroWindows{}.FilterRows(nil) },
		"WindowedTable.Final":          func() any { return zeroWindows{}.Final() },
		"WindowedTable.GroupBy":        func() any { return zeroWindows{}.GroupBy[string]("", nil) },
		"WindowedTable.GroupByRows":    func() any { return zeroWindows{}.GroupByRows[string]("", nil) },
		"WindowedTable.MapRows":        func() any { return zeroWindows{}.MapRows[string](nil) },
		"WindowedTable.MapValues":      func() any { return zeroWindows{}.MapValues[string](nil) },
		"WindowedTable.Stream":         func() any { return zeroWindows{}.Stream[string](nil) },
		"WindowedTable.StreamRecords":  func() any { return zeroWindows{}.StreamRecords[string, string](nil) },
		"WindowedTable.Suppress":       func() any { return zeroWindows{}.Suppress("", topology.Suppression{}) },
		"WindowedTable.TryFilterRows":  func() any { return zeroWindows{}.TryFilterRows(nil) },
		"WindowedTable.TryGroupByRows": func() any { return zeroWindows{}.TryGroupByRows[string]("", nil) },
		"WindowedTable.TryMapRows":     func() any { return zeroWindows{}.TryMapRows[string](nil) },
		"WindowedTable.Updates":        func() any { return zeroWindows{}.Updates() },
		"WindowedTable.WithValueSerde": func() any { return zeroWindows{}.WithValueSerde(nil) },

		"Grouped.Aggregate":              func() any { return zeroGroup{}.Aggregate[string]("", nil) },
		"Grouped.AggregateRecords":       func() any { return zeroGroup{}.AggregateRecords("", zeroFolds{}) },
		"Grouped.AggregateWith":          func() any { return zeroGroup{}.AggregateWith("", zeroFold{}) },
		"Grouped.Count":                  func() any { return zeroGroup{}.Count("") },
		"Grouped.Reduce":                 func() any { return zeroGroup{}.Reduce("", nil) },
		"Grouped.Window":                 func() any { return zeroGroup{}.Window(topology.Windows{}) },
		"GroupedTable.AggregateWith":     func() any { return zeroRows{}.AggregateWith("", zeroFold{}) },
		"GroupedTable.Count":             func() any { return zeroRows{}.Count("") },
		"GroupedTable.Reduce":            func() any { return zeroRows{}.Reduce("", nil, nil) },
		"WindowedGroup.Aggregate":        func() any { return zeroWindowed{}.Aggregate[string]("", nil) },
		"WindowedGroup.AggregateRecords": func() any { return zeroWindowed{}.AggregateRecords("", zeroFolds{}) },
		"WindowedGroup.AggregateWith":    func() any { return zeroWindowed{}.AggregateWith("", zeroFold{}) },
		"WindowedGroup.Count":            func() any { return zeroWindowed{}.Count("") },
		"WindowedGroup.Reduce":           func() any { return zeroWindowed{}.Reduce("", nil) },

		"Splitter.Branch":        func() any { return (*zeroSplitter)(nil).Branch("", nil) },
		"Splitter.BranchRecords": func() any { return new(zeroSplitter).BranchRecords("", nil) },
		"Splitter.Rest":          func() any { return (*zeroSplitter)(nil).Rest() },
		"OutputRef.Stream":       func() any { return zeroOutput{}.Stream() },

		"Topology.GlobalTable":    func() any { return tp.GlobalTable("", str, str) },
		"Topology.Output":         func() any { return tp.Output[string, string]("") },
		"Topology.SessionStore":   func() any { return tp.SessionStore("", str, str, 0) },
		"Topology.Store":          func() any { return tp.Store("", str, str) },
		"Topology.Stream":         func() any { return tp.Stream("", str, str) },
		"Topology.StreamPattern":  func() any { return tp.StreamPattern("", "", str, str) },
		"Topology.StreamTopics":   func() any { return tp.StreamTopics(nil, str, str) },
		"Topology.Table":          func() any { return tp.Table("", str, str) },
		"Topology.VersionedStore": func() any { return tp.VersionedStore("", str, str, 0) },
		"Topology.WindowStore":    func() any { return tp.WindowStore("", str, str, 0) },
	}
}

// zeroValues are the methods of values, which keep what is wrong until they are given to a method,
// and those that return what they have to say at once.
var zeroValues = map[string]func(){
	"Aggregator.From":           func() { zeroFold{}.From(nil) },
	"Aggregator.Merge":          func() { zeroFold{}.Merge(nil) },
	"Aggregator.Subtract":       func() { zeroFold{}.Subtract(nil) },
	"Aggregator.SubtractOpt":    func() { zeroFold{}.SubtractOpt(nil) },
	"Aggregator.TrySubtract":    func() { zeroFold{}.TrySubtract(nil) },
	"JoinBounds.After":          func() { _ = topology.JoinBounds{}.After(0) },
	"JoinBounds.Before":         func() { _ = topology.JoinBounds{}.Before(0) },
	"JoinBounds.Grace":          func() { _ = topology.JoinBounds{}.Grace(0) },
	"JoinBounds.String":         func() { _ = topology.JoinBounds{}.String() },
	"Suppression.FailWhenFull":  func() { _ = topology.Suppression{}.FailWhenFull() },
	"Suppression.MaxBytes":      func() { _ = topology.Suppression{}.MaxBytes(0) },
	"Suppression.MaxRecords":    func() { _ = topology.Suppression{}.MaxRecords(0) },
	"Suppression.String":        func() { _ = topology.Suppression{}.String() },
	"Windows.Grace":             func() { _ = topology.Windows{}.Grace(0) },
	"Windows.Offset":            func() { _ = topology.Windows{}.Offset(0) },
	"Windows.String":            func() { _ = topology.Windows{}.String() },
	"GlobalTable.Open":          func() { topology.GlobalTable[string, string]{}.Open(nil) },
	"OutputRef.Open":            func() { zeroOutput{}.Open(nil) },
	"SessionStoreRef.Open":      func() { topology.SessionStoreRef[string, string]{}.Open(nil) },
	"StoreRef.Open":             func() { topology.StoreRef[string, string]{}.Open(nil) },
	"VersionedStoreRef.Open":    func() { topology.VersionedStoreRef[string, string]{}.Open(nil) },
	"WindowStoreRef.Open":       func() { topology.WindowStoreRef[string, string]{}.Open(nil) },
	"Topology.ForFiles":         func() { (*topology.Topology)(nil).ForFiles(door.Key{}) },
	"Register, which is no one": func() { topology.Register[string](nil, nil) },
}

// notZero are methods of what no handle is: of what Build returns, and Build.
var notZero = []string{"Description.DOT", "Description.JSON", "Description.String", "Mistake.Error", "Plan.Describe", "Plan.Fingerprint", "Plan.ForRuntime", "Plan.Name", "Topology.Build"}

// into gives what a call has returned to a topology, as its users would.
func into(t *testing.T, tp *topology.Topology, s stream, of any) {
	nothing := func(topology.Context[string, string], *record) error { return nil }
	text := func(int64) string { return "" }
	switch of := of.(type) {
	case stream:
		s.Merge(of).To("out")
	case zeroTable:
		s.Join("j", of, topology.Inner(both)).To("out")
	case topology.Table[string, int64]:
		into(t, tp, s, of.MapValues(text))
	case zeroWindows:
		into(t, tp, s, of.Stream(func(_ topology.Window, k string) string { return k }))
	case topology.WindowedTable[string, int64]:
		into(t, tp, s, of.MapValues(text))
	case zeroGroup:
		into(t, tp, s, of.Count("n"))
	case zeroWindowed:
		into(t, tp, s, of.Count("n"))
	case zeroRows:
		into(t, tp, s, of.Count("n"))
	case zeroCoGroup:
		into(t, tp, s, of.Aggregate("n"))
	case topology.WindowedCoGroup[string, string]:
		into(t, tp, s, of.Aggregate("n"))
	case *zeroSplitter:
		into(t, tp, s, of.Rest())
	case topology.GlobalTable[string, string]:
		s.JoinGlobal("j", of, strings.ToUpper, topology.Inner(both)).To("out")
	case topology.Resource:
		s.ProcessFunc("p", nothing, of).To("out")
	default:
		t.Errorf("a %T is given to nothing: say what takes it", of)
	}
}

// Every method of every handle can be called on the zero value. What comes of it is as good as
// broken: a topology that it is given to says where, and which method it was.
func TestZeroHandles(t *testing.T) {
	calls := zeroCalls()
	method := regexp.MustCompile(`^func (\w+\.\w+)`)
	for _, n := range exported.Names(t, ".") {
		m := method.FindStringSubmatch(n)
		if m == nil || slices.Contains(notZero, m[1]) {
			continue
		}
		if calls[m[1]] == nil && zeroValues[m[1]] == nil {
			t.Errorf("%s is not called on the zero value: add it to zeroCalls", m[1])
		}
	}
	for _, f := range zeroValues {
		f()
	}
	file, err := os.ReadFile("zero_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(file), "\n")
	for name, f := range calls {
		tp, s := text()
		of := f()
		if of == nil { // the chain ends, and nobody hears of it
			continue
		}
		into(t, tp, s, of)
		_, err := tp.Build()
		line := 1 + slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), `"`+name+`":`) })
		from := "a method of the topology"
		if strings.HasPrefix(name, "Topology.") {
			from = "topology.New"
		}
		want := fmt.Sprintf("zero_test.go:%d: %s was called on the zero value: use what %s has returned", line, name, from)
		if err == nil || strings.TrimPrefix(err.Error(), filepath.Dir(here(0))+"/") != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// The topology that a zero handle meets says so, whichever of the two is the argument, and says it
// once; a zero topology says it in Build.
func TestZeroMeets(t *testing.T) {
	var lost stream
	for name, f := range map[string]func(tp *topology.Topology, s stream) (line string){
		"as the receiver": func(tp *topology.Topology, s stream) string {
			lost.Merge(s)
			return here(-1) + ": Stream.Merge"
		},
		"with a table": func(tp *topology.Topology, s stream) string {
			lost.Join("j", s.ToTable("tb"), topology.Inner(both)).To("out")
			return here(-1) + ": Stream.Join"
		},
		"with a store": func(tp *topology.Topology, s stream) string {
			lost.ProcessFunc("p", func(topology.Context[string, string], *record) error { return nil }, tp.Store("st", serde.String(), serde.String()))
			return here(-1) + ": Stream.ProcessFunc"
		},
		"by another zero one": func(tp *topology.Topology, s stream) string {
			none := lost.Filter(even)
			at := here(-1)
			s.Merge(none.Merge(none)).To("out")
			none.JoinWithin("j", s, topology.Within(0), topology.Inner(both))
			return at + ": Stream.Filter"
		},
	} {
		tp, s := text()
		want := f(tp, s) + " was called on the zero value: use what a method of the topology has returned"
		if _, err := tp.Build(); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	var none topology.Topology
	none.Stream("in", serde.String(), serde.String()).TryMapValues(func(_ context.Context, v string) (string, error) { return v, nil }).To("out")
	want := here(-1) + ": the topology is the zero value: use what topology.New has returned"
	if _, err := none.Build(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err := (*topology.Topology)(nil).Build()
	want = here(-1) + ": Topology.Build was called on the zero value: use what topology.New has returned"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
