package topology_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The text of a shape is golden: it is kept beside the state. It comes back as the same shape, and
// nothing else is taken for one.
func TestShapeText(t *testing.T) {
	for _, c := range []struct {
		text  string
		shape flow.Shape
	}{
		{"count key=string value=int64", flow.Shape{Role: "count", Key: "string", Value: "int64", Format: 1}},
		{"aggregate tumbling=10m key=string value=json columns=n:count,sum:sum", flow.Shape{
			Role: "aggregate", Size: 10 * time.Minute, Advance: 10 * time.Minute, Key: "string", Value: "json", Columns: "n:count,sum:sum", Format: 1}},
		{"reduce hopping=1h30m/500ms key=int64 value=json format=2", flow.Shape{
			Role: "reduce", Size: 90 * time.Minute, Advance: 500 * time.Millisecond, Key: "int64", Value: "json", Format: 2}},
		{"count sessions=5s key=string value=int64", flow.Shape{Role: "count", Windows: "sessions", Size: 5 * time.Second, Key: "string", Value: "int64", Format: 1}},
		{"count sessions=0s key=string value=int64", flow.Shape{Role: "count", Windows: "sessions", Key: "string", Value: "int64", Format: 1}},
		{"count sliding=5s key=string value=int64", flow.Shape{Role: "count", Windows: "sliding", Size: 5 * time.Second, Key: "string", Value: "int64", Format: 1}},
		{"count cumulating=1h/5m offset=15m key=string value=int64", flow.Shape{
			Role: "count", Windows: "cumulating", Size: time.Hour, Advance: 5 * time.Minute, Offset: 15 * time.Minute, Key: "string", Value: "int64", Format: 1}},
		{`count weeks="Monday Europe/Berlin" key=string value=int64`, flow.Shape{Role: "count", Windows: "weeks", Zone: "Monday Europe/Berlin", Key: "string", Value: "int64", Format: 1}},
		{`store key="my key=" value="" columns="a b":-"x\",y",ä:z`, flow.Shape{}},
		{`store key="my key=" value="" columns="a b":-"x\",y",b.c:z`, flow.Shape{
			Role: "store", Key: "my key=", Columns: `"a b":-"x\",y",b.c:z`, Format: 1}},
	} {
		got, err := flow.ParseShape(c.text)
		if c.shape == (flow.Shape{}) {
			if !errors.Is(err, flow.ErrShape) {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		}
		if err != nil || got != c.shape || got.String() != c.text {
			t.Errorf("%s: %+v, %v, %s", c.text, got, err, got)
		}
		for i := range c.text {
			for _, broken := range []string{c.text[:i], c.text[:i] + c.text[i+1:], c.text[:i] + " " + c.text[i:], c.text + c.text[i:]} {
				if back, err := flow.ParseShape(broken); err == nil && back.String() != broken {
					t.Errorf("%q is read as %s", broken, back)
				} else if err != nil && !errors.Is(err, flow.ErrShape) {
					t.Errorf("%q: %v", broken, err)
				}
			}
		}
	}
}

// What a plan that reads a store in another way is told.
func TestShapeDifferences(t *testing.T) {
	base := "aggregate tumbling=10m key=string value=json columns=avg:avg,n:count,old:-max"
	for _, c := range []struct{ was, is, want string }{
		{base, base, ""},
		{base, "aggregate tumbling=10m key=string value=json columns=avg:avg,n:count", ""},
		{base, "aggregate tumbling=5m key=string value=json columns=n:count", "window size 10m -> 5m"},
		{base, "aggregate hopping=10m/5m key=string value=json", "windows tumbling -> hopping, window advance 10m -> 5m"},
		{base, "aggregate key=string value=json", "windows tumbling -> none"},
		{base, "aggregate tumbling=10m offset=1m key=string value=json", "window offset none -> 1m"},
		{base, "aggregate sessions=10m key=string value=json", "windows tumbling -> sessions"},
		{"count sessions=0s key=string value=int64", "count sessions=1s key=string value=int64", "gap of the sessions 0s -> 1s"},
		{"count cumulating=1h/5m key=string value=int64", "count cumulating=1h/1m key=string value=int64", "window advance 5m -> 1m"},
		{"count days=UTC key=string value=int64", "count days=Local key=string value=int64", "time zone of the windows UTC -> Local"},
		{"count days=UTC key=string value=int64", "count months=UTC key=string value=int64", "windows days -> months"},
		{base, "reduce tumbling=10m key=int64 value=bytes", "kind aggregate -> reduce, key serde string -> int64, value serde json -> bytes"},
		{base, "aggregate tumbling=10m key=string value=aggregate columns=n:sum,new:last", "column n count -> sum"},
		{base, "aggregate tumbling=10m key=string value=json columns=n:count,old:max", "column old taken out before -> max"},
		{"count key=string value=int64", "count tumbling=1s key=string value=int64", "windows none -> tumbling"},
		{"count hopping=10m/5m key=string value=int64", "count hopping=10m/1m key=string value=int64 format=2", "window advance 5m -> 1m, format 1 -> 2"},
	} {
		was, err := flow.ParseShape(c.was)
		is, err2 := flow.ParseShape(c.is)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(was.Differences(is), ", "); got != c.want {
			t.Errorf("%s\n%s\n%s, want %s", was, is, got, c.want)
		}
	}
	was, _ := flow.ParseShape(base)
	is, _ := flow.ParseShape("aggregate tumbling=10m key=string value=json columns=n:count,new:last")
	if got := was.Continued(is).String(); got != "aggregate tumbling=10m key=string value=json columns=avg:-avg,n:count,new:last,old:-max" {
		t.Error(got)
	}
	inGo, _ := flow.ParseShape("aggregate tumbling=10m key=string value=json")
	if got := was.Continued(inGo).String(); got != base {
		t.Error(got)
	}
}

type columned struct{ serde.Serde[string] }

func (columned) Columns() []flow.Column {
	return []flow.Column{{Name: "b", Function: "sum"}, {Name: "a", Function: "count"}}
}

// Every store of a plan has its shape.
func TestShapesOfPlan(t *testing.T) {
	tp, s := text()
	g := s.GroupByKey()
	g.Count("count")
	g.Reduce("reduce", func(a, b string) string { return a + b })
	g.Aggregate("aggregate", func(a string, _ string) string { return a }, topology.ValueSerde[string](columned{serde.String()}))
	g.Window(topology.Tumbling(time.Minute).Grace(time.Hour)).Count("tumbling")
	g.Window(topology.Hopping(time.Minute, time.Minute)).Count("same")
	g.Window(topology.Hopping(time.Minute, time.Second)).Reduce("hopping", func(a, b string) string { return a + b })
	s.ToTable("to-table")
	tp.Table("table", serde.String(), serde.Int64())
	st := tp.Store("processor", serde.Int32(), serde.Bool())
	s.ProcessFunc("p", func(topology.Context[string, string], *topology.Record[string, string]) error { return nil }, st)
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"count":     "count key=string value=int64",
		"reduce":    "reduce key=string value=string",
		"aggregate": "aggregate key=string value=string columns=a:count,b:sum",
		"tumbling":  "count tumbling=1m key=string value=int64",
		"same":      "count tumbling=1m key=string value=int64",
		"hopping":   "reduce hopping=1m/1s key=string value=string",
		"to-table":  "table key=string value=string",
		"table":     "table key=string value=int64",
		"processor": "store key=int32 value=bool",
		"in-time":   "time key=bytes value=bytes",
	}
	for _, sub := range plan.ForRuntime(flow.Key{}).SubTopologies {
		for _, spec := range sub.Stores {
			if got := spec.Shape.String(); got != want[spec.Name] {
				t.Errorf("%s: %s, want %s", spec.Name, got, want[spec.Name])
			}
			if back, err := flow.ParseShape(spec.Shape.String()); err != nil || back != spec.Shape || !slices.Equal(back.ColumnList(), spec.Shape.ColumnList()) {
				t.Errorf("%s: %v", spec.Name, err)
			}
			delete(want, spec.Name)
		}
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
}
