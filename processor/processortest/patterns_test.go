package processortest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// hourly counts the words of all topics that begin with "in-", by hour.
func hourly(t *testing.T) *topology.Plan {
	top := topology.New("test")
	top.StreamPattern("found", "in-.*", serde.String(), serde.String()).
		GroupBy("by-value", func(v string) string { return v }).
		Window(topology.Tumbling(time.Hour)).Count("words").Final().
		Stream(func(w topology.Window, k string) string { return fmt.Sprintf("%s at %d", k, w.Start/hours) }).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

const hours = int64(time.Hour / time.Millisecond)

// TestTopicJoins: a topic that a pattern matches is there as soon as it is named, with more
// partitions than the others too: behind a repartition topic its records count with those of the
// others, and time waits for it.
func TestTopicJoins(t *testing.T) {
	d := New(t, hourly(t), Options{Partitions: map[string]int32{"in-a": 2, "in-b": 3}, IdleAfter: -1})
	send := func(topic string, at int64) {
		for p := range d.cluster.Partitions(topic) {
			d.Input(topic, serde.String(), serde.String()).To(p).Send("k", "w", at*hours)
		}
	}
	out := d.Output("out", serde.String(), serde.Int64())
	want := func(want ...string) {
		t.Helper()
		var got []string
		for _, r := range out.Next() {
			got = append(got, fmt.Sprintf("%s: %d", r.Key, r.Value))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	send("in-a", 1)
	send("in-b", 1)
	send("in-a", 2)
	want()
	send("in-b", 2)
	want("w at 1: 5")

	d.opts.Partitions["in-c"] = 5
	d.Input("in-c", serde.String(), serde.String())
	send("in-a", 3)
	send("in-b", 3)
	want() // the new one has not shown its time
	send("in-c", 2)
	send("in-c", 3)
	want("w at 2: 10")
	d.CrashLosingState()
	for _, topic := range []string{"in-a", "in-b", "in-c"} {
		send(topic, 4)
	}
	want("w at 3: 10")
	d.EndOfInput()
	want("w at 4: 10")
}

// TestPatternWithoutTopics: nothing runs before a pattern has a topic.
func TestPatternWithoutTopics(t *testing.T) {
	top := topology.New("test")
	found := top.StreamPattern("found", "in-.*", serde.String(), serde.String())
	found.Merge(top.Stream("other", serde.String(), serde.String())).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	out := d.Output("out", serde.String(), serde.String())
	d.Pipe("other", nil, []byte("before"), 1)
	d.Crash()
	if got := out.Next(); len(got) != 0 {
		t.Errorf("without a topic: %+v", got)
	}
	d.Pipe("in-a", nil, []byte("found"), 2)
	var got []string
	for _, r := range out.Next() {
		got = append(got, r.Value)
	}
	if !slices.Equal(got, []string{"before", "found"}) {
		t.Errorf("got %q", got)
	}
}

// TestTopicRefused: a topic that cannot join in is an error that says why.
func TestTopicRefused(t *testing.T) {
	for name, c := range map[string]struct {
		build func(*topology.Topology)
		topic string
		want  string
	}{
		"more partitions than the state": {func(top *topology.Topology) {
			top.StreamPattern("found", "in-.*", serde.String(), serde.String()).GroupByKey().Count("n").ToStream().To("out")
		}, "in-large", "it has 3 partitions, and the state of sub-topology found was made for 2"},
		"fewer partitions than the state": {func(top *topology.Topology) {
			top.StreamPattern("found", "in-.*", serde.String(), serde.String()).GroupByKey().Count("n").ToStream().To("out")
		}, "in-small", "Give them the same number, or put Repartition"},
		"more partitions than an order": {func(top *topology.Topology) {
			top.StreamPattern("found", "in-.*", serde.String(), serde.String()).InOrder("sorted", time.Second).To("out")
		}, "in-large", "it has 3 partitions, and the state of sub-topology found was made for 2"},
		"two patterns": {func(top *topology.Topology) {
			a := top.StreamPattern("found", "in-.*", serde.String(), serde.String())
			a.Merge(top.StreamPattern("more", ".*-more", serde.String(), serde.String())).To("out")
		}, "in-more", "topic in-more matches more than one pattern, those of found, more"},
		"internal": {func(top *topology.Topology) {
			top.StreamPattern("found", ".*-changelog", serde.String(), serde.String()).To("out")
		}, "test-n-changelog", `the plan has no topic "test-n-changelog"`},
	} {
		t.Run(name, func(t *testing.T) {
			top := topology.New("test")
			c.build(top)
			plan, err := top.Build()
			if err != nil {
				t.Fatal(err)
			}
			probe := &fatal{T: t}
			d := New(probe, plan, Options{Partitions: map[string]int32{"in-a": 2, "a-more": 1, "an-changelog": 1}})
			d.opts.Partitions["in-large"] = 3
			func() {
				defer func() { _ = recover() }()
				d.Append(c.topic, nil, nil, 1)
			}()
			if !strings.Contains(probe.said, c.want) {
				t.Errorf("said %q, want %q", probe.said, c.want)
			}
		})
	}
}

// fatal is a test that notes why it ends.
type fatal struct {
	*testing.T
	said string
}

func (f *fatal) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f.said)
}
