package topology_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// contractOf builds a job with state before and behind a repartition topic. change may be one of
// the cases of the test.
func contractOf(t *testing.T, change string) flow.Contract {
	t.Helper()
	is := func(c string) bool { return c == change }
	var opts []topology.Option
	if is("time") {
		opts = append(opts, topology.KafkaStreamsTime)
	}
	top := topology.New("app", opts...)
	name := "orders"
	if is("another source") {
		name = "orders2"
	}
	var options []topology.SourceOption[string]
	if is("time of its own") {
		options = append(options, topology.TimeFromValue(func(string) time.Time { return time.Time{} }))
	}
	if is("timeless") {
		options = append(options, topology.Timeless[string])
	}
	s := top.Stream(name, serde.String(), serde.String(), options...)
	if is("filter") || is("two filters") {
		s = s.Filter(func(string) bool { return true })
	}
	if is("two filters") {
		s = s.Filter(func(string) bool { return true }).MapValues(func(v string) string { return v })
	}
	if is("another sink") {
		s.To("copies")
	}
	if is("another sub-topology") {
		top.Stream("more", serde.String(), serde.String()).To("copies")
	}
	if is("global table") {
		g := top.GlobalTable("names", serde.String(), serde.String())
		s = s.JoinGlobal("named", g, func(v string) string { return v }, topology.Inner(func(v, n string) string { return v + n }))
	}
	by := "by-customer"
	if is("another repartition topic") {
		by = "by-buyer"
	}
	size, grace := 5*time.Minute, time.Minute
	if is("window size") {
		size = 10 * time.Minute
	}
	if is("grace") {
		grace = 2 * time.Minute
	}
	out := "out"
	if is("the sink renamed") {
		out = "results"
	}
	g := s.GroupBy(by, func(v string) string { return v })
	w := g.Window(topology.Tumbling(size).Grace(grace))
	if is("hopping") {
		w = g.Window(topology.Hopping(size, time.Minute).Grace(grace))
	}
	counts := w.Count("delays")
	if !is("updates") {
		counts = counts.Final()
	}
	r := counts.StreamRecords(func(w topology.Window, k string, n int64) (string, string) { return k, fmt.Sprint(n) })
	if is("filter behind") {
		r = r.Filter(func(string) bool { return true })
	}
	r.To(out)
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan.ForRuntime(flow.Key{}).Contract
}

// TestContract: plans fit into one group if they agree in state, topics, keys and time, whatever
// else differs. What does not fit is named.
func TestContract(t *testing.T) {
	group := contractOf(t, "")
	for _, c := range []struct {
		change string
		want   []string
	}{
		{"", nil},
		{"filter", nil}, {"two filters", nil}, {"filter behind", nil}, {"another sink", nil}, {"the sink renamed", nil},
		{"window size", []string{"repartition", "store delays: windows of 10m, retention 11m, the group has windows of 5m, retention 6m"}},
		{"grace", []string{"store delays: retention 7m, the group has retention 6m"}},
		{"hopping", []string{"store delays: windows of 5m every 1m, the group has windows of 5m"}},
		{"updates", []string{"store delays: the group has final results"}},
		{"time", []string{"time kafka-streams: the group does not have it"}},
		{"timeless", []string{"source orders: timeless, the group does not"}},
		{"time of its own", []string{"source orders: time of its own, the group does not"}},
		{"another source", []string{"repartition topic by-customer: written by orders2, the group has written by orders", "source orders2: the group does not have it", "source orders: missing, the group has it"}},
		{"another sub-topology", []string{"source more: the group does not have it"}},
		{"global table", []string{"global table names: the group does not have it"}},
		{"another repartition topic", []string{"repartition topic by-buyer: the group does not have it", "repartition topic by-customer: missing, the group has it",
			"store by-buyer-time: the group does not have it", "store by-customer-time: missing, the group has it", "store delays: in sub-topology by-buyer, the group has in sub-topology by-customer"}},
	} {
		got := contractOf(t, c.change)
		d := got.Differences(group)
		want := slices.DeleteFunc(c.want, func(w string) bool { return w == "repartition" })
		if !slices.Equal(d, want) {
			t.Errorf("%s: differences\n  %s\nwant\n  %s", c.change, strings.Join(d, "\n  "), strings.Join(want, "\n  "))
		}
		if same := got.Fingerprint() == group.Fingerprint(); same != (len(d) == 0) {
			t.Errorf("%s: equal fingerprints: %v", c.change, same)
		}
		back, err := flow.UnpackContract(got.Pack())
		if err != nil || back.String() != got.String() {
			t.Errorf("%s: unpacked %v, %q", c.change, err, back.String())
		}
	}
	if _, err := flow.UnpackContract([]byte("no")); err == nil {
		t.Error("garbage was unpacked")
	}
}

// TestContractIsSmall: what a plan with many stores tells the group.
func TestContractIsSmall(t *testing.T) {
	top := topology.New("app")
	s := top.Stream("in", serde.String(), serde.String())
	for i := range 100 {
		s.GroupBy(fmt.Sprintf("by-%d", i), func(v string) string { return v }).Window(topology.Tumbling(time.Hour)).Count(fmt.Sprintf("counts-%d", i)).
			StreamRecords(func(w topology.Window, k string, n int64) (string, string) { return k, "" }).To("out")
	}
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	packed := plan.ForRuntime(flow.Key{}).Contract.Pack()
	t.Logf("%d bytes of text are %d packed", len(plan.ForRuntime(flow.Key{}).Contract.String()), len(packed))
	if len(packed) > 4096 {
		t.Errorf("%d bytes", len(packed))
	}
}
