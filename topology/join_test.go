package topology_test

import (
	"context"
	"strings"
	"testing"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/internal/door"
)

func both(v, t string) string { return v + "+" + t }

func left(v string, t topology.Opt[string]) string {
	if !t.OK {
		return v + "+none"
	}
	return v + "+" + t.Value
}

func TestJoinTable(t *testing.T) {
	noKey := msg("in", "", "n", 6)
	noKey.key = nil
	headers := msg("in", "a", "2", 1)
	headers.headers = "h=1"
	input := []message{
		msg("in", "a", "1", 5), msg("tb", "a", "x", 50), headers, tombstone("in", "a", 6), noKey,
		msg("tb", "a", "y", 2), msg("in", "a", "3", 7), tombstone("tb", "a", 3), msg("in", "a", "4", 8),
		msg("tb", "b", "z", 4), msg("in", "b", "", 9),
	}
	try := func(ok bool) error {
		if ok {
			return nil
		}
		return errOops
	}
	inner := []string{"out a:2+x @1 ref 5 {h=1}", "out a:3+y @7", "out b:+z @9"}
	outer := []string{"out a:1+none @5", "out a:2+x @1 ref 5 {h=1}", "out null:n+none @6", "out a:3+y @7", "out a:4+none @8", "out b:+z @9"}
	tests := []struct {
		name  string
		join  func(s stream, tb topology.Table[string, string]) stream
		want  []string
		drops map[string]int
		fails int
	}{
		{"inner", func(s stream, tb topology.Table[string, string]) stream { return s.Join("j", tb, topology.Inner(both)) }, inner,
			map[string]int{"j null-value": 1, "j null-key": 1, "j no-match": 2}, 0},
		{"left", func(s stream, tb topology.Table[string, string]) stream { return s.Join("j", tb, topology.Left(left)) }, outer,
			map[string]int{"j null-value": 1}, 0},
		{"try inner", func(s stream, tb topology.Table[string, string]) stream {
			return s.Join("j", tb, topology.TryInner(func(_ context.Context, v, o string) (string, error) { return both(v, o), try(v != "3") }))
		}, []string{inner[0], inner[2]}, map[string]int{"j null-value": 1, "j null-key": 1, "j no-match": 2}, 1},
		{"try left", func(s stream, tb topology.Table[string, string]) stream {
			return s.Join("j", tb, topology.TryLeft(func(_ context.Context, v string, o topology.Opt[string]) (string, error) {
				return left(v, o), try(o.OK)
			}))
		}, inner, map[string]int{"j null-value": 1}, 3},
	}
	for _, tt := range tests {
		for _, budget := range []int64{0, 1 << 20} {
			for _, commits := range []bool{false, true} {
				t.Run(tt.name, func(t *testing.T) {
					tp, s := text()
					tb := tp.Table("tb", serde.String(), serde.String())
					tt.join(s, tb).To("out")
					r := newRig(t, tp)
					r.budget, r.skip = budget, true
					for _, m := range input {
						r.in(m)
						if commits {
							r.commit()
							r.restart()
						}
					}
					r.want(tt.want...)
					r.wantDrops(tt.drops)
					if len(r.failures) != tt.fails {
						t.Errorf("failures %v", r.failures)
					}
				})
			}
		}
	}
}

// A stream joined with an aggregation of itself sees it before or after the update, as they were
// declared.
func TestJoinWithOwnAggregation(t *testing.T) {
	tp, s := text()
	n := s.GroupByKey().Count("n")
	s.Join("after", n, topology.Left(func(v string, n topology.Opt[int64]) string { return v + letters(n.Value) })).To("after")
	r := newRig(t, tp)
	r.in(msg("in", "a", "1", 1), msg("in", "b", "2", 2), msg("in", "a", "3", 3))
	r.want("after a:1x @1", "after b:2x @2", "after a:3xx @3")
	r.commit()
	r.in(msg("in", "a", "4", 4))
	r.restart()
	r.in(msg("in", "a", "5", 4))
	r.want("after a:4xxx @4", "after a:5xxx @4")
}

func TestJoinGlobal(t *testing.T) {
	noKey := msg("in", "", "b", 3)
	noKey.key = nil
	input := []message{msg("in", "k", "a", 1), tombstone("in", "k", 2), noKey, msg("in", "k", "none", 4), msg("in", "k", "a", 5)}
	upper := func(v string) string { return strings.ToUpper(v) }
	tests := []struct {
		name  string
		join  func(tp *topology.Topology, s stream, g topology.GlobalTable[string, string]) stream
		want  []string
		drops map[string]int
		fails int
	}{
		{"inner", func(tp *topology.Topology, s stream, g topology.GlobalTable[string, string]) stream {
			return s.JoinGlobal("j", g, upper, topology.Inner(both))
		}, []string{"out k:a+1 @1", "out null:b+2 @3", "out k:a+1 @5"}, map[string]int{"j null-value": 1, "j no-match": 1}, 0},
		{"left", func(tp *topology.Topology, s stream, g topology.GlobalTable[string, string]) stream {
			return s.JoinGlobal("j", g, upper, topology.Left(left))
		}, []string{"out k:a+1 @1", "out null:b+2 @3", "out k:none+none @4", "out k:a+1 @5"}, map[string]int{"j null-value": 1}, 0},
		{"try inner", func(tp *topology.Topology, s stream, g topology.GlobalTable[string, string]) stream {
			return tp.ForFiles(door.Key{}).JoinGlobal(s, "j", g, func(_ context.Context, v string) (string, error) {
				if v == "b" {
					return "", errOops
				}
				return upper(v), nil
			}, topology.TryInner(func(_ context.Context, v, o string) (string, error) { return both(v, o), nil }))
		}, []string{"out k:a+1 @1", "out k:a+1 @5"}, map[string]int{"j null-value": 1, "j no-match": 1}, 1},
		{"try left", func(tp *topology.Topology, s stream, g topology.GlobalTable[string, string]) stream {
			return tp.ForFiles(door.Key{}).JoinGlobal(s, "j", g, func(_ context.Context, v string) (string, error) { return upper(v), nil },
				topology.TryLeft(func(_ context.Context, v string, o topology.Opt[string]) (string, error) {
					if !o.OK {
						return "", errOops
					}
					return left(v, o), nil
				}))
		}, []string{"out k:a+1 @1", "out null:b+2 @3", "out k:a+1 @5"}, map[string]int{"j null-value": 1}, 1},
	}
	for _, tt := range tests {
		for _, budget := range []int64{0, 1 << 20} {
			t.Run(tt.name, func(t *testing.T) {
				tp, s := text()
				g := tp.GlobalTable("g", serde.String(), serde.String())
				tt.join(tp, s, g).To("out")
				r := newRig(t, tp)
				r.budget, r.skip = budget, true
				r.globals["g"].set("A", "1")
				r.globals["g"].set("B", "2")
				r.in(input...)
				r.want(tt.want...)
				r.wantDrops(tt.drops)
				if len(r.failures) != tt.fails {
					t.Errorf("failures %v", r.failures)
				}
			})
		}
	}
}

// What was looked up is kept until the table changes, and no longer.
func TestGlobalIsCached(t *testing.T) {
	tp, s := text()
	g := tp.GlobalTable("g", serde.String(), serde.String())
	s.JoinGlobal("j", g, strings.ToUpper, topology.Left(left)).To("out")
	r := newRig(t, tp)
	r.in(msg("in", "k", "a", 1), msg("in", "k", "a", 2))
	r.globals["g"].set("A", "1")
	r.in(msg("in", "k", "a", 3), msg("in", "k", "a", 4))
	r.globals["g"].set("A", "2")
	r.in(msg("in", "k", "a", 5), msg("in", "k", "a", 6))
	r.want("out k:a+none @1", "out k:a+none @2", "out k:a+1 @3", "out k:a+1 @4", "out k:a+2 @5", "out k:a+2 @6")
	if r.globals["g"].gets != 3 {
		t.Errorf("%d gets", r.globals["g"].gets)
	}
}

// A row of a global table that does not decode fails the record that needs it.
func TestGlobalThatDoesNotDecode(t *testing.T) {
	tp, s := text()
	g := tp.GlobalTable("g", serde.String(), num())
	s.JoinGlobal("j", g, strings.ToUpper, topology.Inner(func(v string, n int64) string { return v + letters(n) })).To("out")
	r := newRig(t, tp)
	r.skip = true
	r.globals["g"].set("A", "x")
	r.globals["g"].set("B", "2")
	r.in(msg("in", "k", "a", 1), msg("in", "k", "b", 1))
	r.want("out k:bxx @1")
	if len(r.failures) != 1 || r.failures[0].node != "j" || !strings.Contains(r.failures[0].err.Error(), "global table g: decode value as decimal") {
		t.Errorf("failures %v", r.failures)
	}
}
