package topology_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
)

type record = topology.Record[string, string]

// bad fails on the value "bad".
func bad(v string) error {
	if v == "bad" {
		return errOops
	}
	return nil
}

// The forms that can fail do what their originals do, and hand errors to the policy under the name
// of their node.
func TestTryForms(t *testing.T) {
	input := []message{msg("in", "a", "1", 1), msg("in", "b", "bad", 2), tombstone("in", "a", 3), msg("in", "b", "2", 4)}
	plus := func(_ context.Context, a, b string) (string, error) { return a + b, bad(b) }
	window := topology.Tumbling(time.Second)
	byKey := func(_ topology.Window, k string) string { return k }
	tests := []struct {
		name  string
		build func(tp *topology.Topology, s stream)
		want  []string
		drops map[string]int
		fails []string
	}{
		{"filter records", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).FilterRecords(s, func(_ context.Context, r *record) (bool, error) { return r.Value != "1", bad(r.Value) }).To("out")
		}, []string{"out a:null @3", "out b:2 @4"}, nil, []string{"filter-1"}},
		{"map values of records", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).MapValuesRecords(s, func(_ context.Context, r *record) (string, error) { return r.Key + r.Value, bad(r.Value) }).To("out")
		}, []string{"out a:a1 @1", "out a:null @3", "out b:b2 @4"}, nil, []string{"map-values-1"}},
		{"map values of records, not failing", func(tp *topology.Topology, s stream) {
			s.MapValuesRecords(func(r *record) string { return r.Key + r.Value }).To("out")
		}, []string{"out a:a1 @1", "out b:bbad @2", "out a:null @3", "out b:b2 @4"}, nil, nil},
		{"select key", func(tp *topology.Topology, s stream) {
			s.TrySelectKey(func(_ context.Context, v string) (string, error) { return "k" + v, bad(v) }).To("out")
		}, []string{"out k1:1 @1", "out k2:2 @4"}, map[string]int{"select-key-1 null-value": 1}, []string{"select-key-1"}},
		{"select key of records", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).SelectKeyRecords(s, func(_ context.Context, r *record) (string, error) { return r.Key + r.Value, bad(r.Value) }).To("out")
		}, []string{"out a1:1 @1", "out b2:2 @4"}, map[string]int{"select-key-1 null-value": 1}, []string{"select-key-1"}},
		{"group by", func(tp *topology.Topology, s stream) {
			s.TryGroupBy("g", func(_ context.Context, v string) (string, error) { return "k" + v, bad(v) }).
				Reduce("st", func(a, b string) string { return a + b }).ToStream().To("out")
		}, []string{"out k1:1 @1", "out k2:2 @4"}, map[string]int{"g null-value": 1}, []string{"g"}},
		{"group by records", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).GroupByRecords(s, "g", func(_ context.Context, r *record) (string, error) { return r.Key, bad(r.Value) }).
				Reduce("st", func(a, b string) string { return a + b }).ToStream().To("out")
		}, []string{"out a:1 @1", "out b:2 @4"}, map[string]int{"g null-value": 1}, []string{"g"}},
		{"group by records, not failing", func(tp *topology.Topology, s stream) {
			s.GroupByRecords("g", func(r *record) string { return r.Key + r.Value }).
				Reduce("st", func(a, b string) string { return a + b }).ToStream().To("out")
		}, []string{"out a1:1 @1", "out bbad:bad @2", "out b2:2 @4"}, map[string]int{"g null-value": 1}, nil},
		{"reduce", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).Reduce(s.GroupByKey(), "st", plus).ToStream().To("out")
		},
			[]string{"out a:1 @1", "out b:bad2 @4"}, map[string]int{"st null-value": 1}, nil},
		{"windowed reduce", func(tp *topology.Topology, s stream) {
			tp.ForFiles(door.Key{}).ReduceWindows(s.GroupByKey().Window(window), "st", func(ctx context.Context, a, b string) (string, error) { return a + b, errOops }).Stream(byKey).To("out")
		}, []string{"out a:1 @1", "out b:bad @2"}, map[string]int{"st null-value": 1}, []string{"st"}},
		{"windowed aggregate", func(tp *topology.Topology, s stream) {
			s.GroupByKey().Window(window).AggregateWith("st", topology.TryFold(plus)).Stream(byKey).To("out")
		},
			[]string{"out a:1 @1", "out b:2 @4"}, map[string]int{"st null-value": 1}, []string{"st"}},
		{"aggregate records", func(tp *topology.Topology, s stream) {
			s.GroupByKey().AggregateRecords("st", topology.TryFold(func(_ context.Context, a string, r *record) (string, error) {
				return a + r.Key + r.Value, bad(r.Value)
			})).ToStream().To("out")
		}, []string{"out a:a1 @1", "out b:b2 @4"}, map[string]int{"st null-value": 1}, []string{"st"}},
		{"stream records", func(tp *topology.Topology, s stream) {
			last := s.GroupByKey().Window(window).Reduce("st", func(a, b string) string { return b }).EachUpdate()
			tp.ForFiles(door.Key{}).
				StreamWindows(last, func(_ context.Context, w topology.Window, k, v string) (string, string, error) {
					return k, v + v, bad(v)
				}).To("out")
		}, []string{"out a:11 @1", "out b:22 @4"}, map[string]int{"st null-value": 1}, []string{"stream-windows-1"}},
		{"branch", func(tp *topology.Topology, s stream) {
			sp := s.Split("sp")
			sp.Branch("one", func(v string) bool { return v == "1" }).To("one")
			tp.ForFiles(door.Key{}).Branch(sp, "try", func(_ context.Context, v string) (bool, error) { return true, bad(v) }).To("try")
			sp.Rest().To("rest")
		}, []string{"one a:1 @1", "one a:null @3", "try a:null @3", "rest a:null @3", "try b:2 @4"}, nil, []string{"sp"}},
		{"branch beside one of records", func(tp *topology.Topology, s stream) {
			sp := s.Split("sp")
			tp.ForFiles(door.Key{}).Branch(sp, "try", func(_ context.Context, v string) (bool, error) { return v == "2", bad(v) }).To("try")
			sp.BranchRecords("records", func(r *record) bool { return true }).To("records")
		}, []string{"records a:1 @1", "try a:null @3", "records a:null @3", "try b:2 @4"}, nil, []string{"sp"}},
		{"a sink that cannot write", func(tp *topology.Topology, s stream) {
			s.WithKeySerde(refusing{}).To("keys")
			s.WithValueSerde(refusing{}).To("out")
		},
			[]string{"out a:1 @1", "out a:null @3", "out b:2 @4"}, nil, []string{"keys", "keys", "out", "keys", "keys"}},
		{"a table that cannot write", func(tp *topology.Topology, s stream) {
			s.WithValueSerde(refusing{}).ToTable("tb").EachUpdate().ToStream().To("out")
		},
			[]string{"out a:1 @1", "out a:null @3", "out b:2 @4"}, nil, []string{"tb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp, s := text()
			tt.build(tp, s)
			r := newRig(t, tp)
			r.skip = true
			r.in(input...)
			r.commit()
			r.want(tt.want...)
			r.wantDrops(tt.drops)
			var fails []string
			for _, f := range r.failures {
				fails = append(fails, f.node)
				if !errors.Is(f.err, errOops) {
					t.Error(f.err)
				}
			}
			if !slices.Equal(fails, tt.fails) {
				t.Errorf("failures at %q, want %q", fails, tt.fails)
			}
		})
	}
}

// refusing cannot write "bad", nor the keys "a" and "b".
type refusing struct{}

func (refusing) Name() string { return "refusing" }

func (refusing) Append(dst []byte, v string) ([]byte, error) {
	if v == "bad" || v == "a" || v == "b" {
		return nil, errOops
	}
	return append(dst, v...), nil
}

func (refusing) Decode(src []byte) (string, error) { return string(src), nil }

// Reducers of values that were made on the way, and have no bytes yet, copy them too.
func TestReduceOfNewValues(t *testing.T) {
	tp, s := text()
	lists := s.MapValues(func(v string) []string { return strings.Split(v, " ") })
	mark := func(a, b []string) []string {
		a[0] += "!"
		return append(a, b...)
	}
	try := func(_ context.Context, a, b []string) ([]string, error) { return mark(a, b), nil }
	lists.GroupByKey().Reduce("x", mark).EachUpdate().ToStream().To("x")
	tp.ForFiles(door.Key{}).Reduce(lists.GroupByKey(), "y", try).EachUpdate().ToStream().To("y")
	r := newRig(t, tp)
	r.in(msg("in", "a", "1 2", 1), msg("in", "a", "3", 2))
	r.want(`x a:["1","2"] @1`, `y a:["1","2"] @1`, `x a:["1!","2","3"] @2`, `y a:["1!","2","3"] @2`)
}

// A processor's schedules are checked when it is made.
func TestScheduleMistakes(t *testing.T) {
	for want, schedule := range map[string]func(c topology.Context[string, string]) error{
		"a schedule needs a name and a function": func(c topology.Context[string, string]) error {
			return c.Schedule("", topology.StreamTime, time.Second, func(int64) error { return nil })
		},
		"schedule s: the interval 1\u00b5s is less than a millisecond": func(c topology.Context[string, string]) error {
			return c.Schedule("s", topology.WallClock, time.Microsecond, func(int64) error { return nil })
		},
		"processor p: a schedule needs a name and a function": func(c topology.Context[string, string]) error {
			return c.Schedule("s", topology.WallClock, time.Second, nil)
		},
		"the supplier of processor p returned nil": func(c topology.Context[string, string]) error { return nil },
	} {
		tp := topology.New("test")
		tp.Stream("in", serde.String(), serde.String()).Process("p", func(c topology.Context[string, string]) topology.Processor[string, string] {
			if err := schedule(c); err != nil {
				c.Stop(err)
				return &dedup{}
			}
			return nil
		}).Discard()
		plan, err := tp.Build()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.ForRuntime(flow.Key{}).NewGraph(plan.ForRuntime(flow.Key{}).SubTopologies[0], &rigTask{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
