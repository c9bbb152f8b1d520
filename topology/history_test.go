package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Each record is joined with the row as it was at the record's time; what is too old by its own
// input is dropped, and finds nothing but the latest version.
func TestJoinAsOf(t *testing.T) {
	input := []message{
		msg("tb", "a", "x", 5), msg("tb", "a", "z", 9), msg("tb", "a", "y", 7), tombstone("tb", "a", 8), msg("tb", "b", "b", 8),
		msg("in", "a", "1", 4), msg("in", "a", "2", 5), msg("in", "a", "3", 7), msg("in", "a", "4", 8), msg("in", "a", "5", 9),
		msg("tb", "a", "w", 7), msg("in", "a", "6", 7), msg("tb", "c", "c", 15), msg("tb", "a", "late", 4), msg("in", "a", "7", 4),
		msg("in", "c", "8", 20), msg("in", "b", "9", 9), msg("in", "a", "10", 9), msg("in", "a", "11", 8),
	}
	want := []string{
		"out a:1+none @4", "out a:2+x @5", "out a:3+y @7", "out a:4+none @8", "out a:5+z @9", "out a:6+w @7 ref 9",
		"out a:7+none @4 ref 9", "out c:8+c @20", "out b:9+b @9 ref 20", "out a:10+z @9 ref 20", "out a:11+none @8 ref 20",
	}
	for _, budget := range []int64{0, 1 << 20} {
		for _, commits := range []bool{false, true} {
			tp, s := text()
			s.Join("j", tp.Table("tb", serde.String(), serde.String()).History(10*time.Millisecond), topology.Left(left)).To("out")
			r := newRig(t, tp)
			r.budget = budget
			for _, m := range input {
				r.in(m)
				if commits {
					r.commit()
					r.restart()
				}
			}
			r.want(want...)
			r.wantDrops(map[string]int{"tb late": 1})
		}
	}
}

// A table with a history forwards each update, also one that leaves its row as it is: those who ask
// for changes are told so.
func TestHistoryForwards(t *testing.T) {
	tp := topology.New("history")
	tb := tp.Table("tb", serde.String(), serde.String()).History(10 * time.Millisecond)
	tb.ToStream().To("out")
	r := newRig(t, tp)
	for _, m := range []message{msg("tb", "a", "x", 5), msg("tb", "a", "w", 4), tombstone("tb", "a", 7), tombstone("tb", "c", 3), msg("tb", "a", "v", 6)} {
		r.in(m)
	}
	r.want("out a:x @5", "out a:w @4 ref 5", "out a:null @7", "out c:null @3 ref 7", "out a:v @6 ref 7")
}

func TestHistoryMistakes(t *testing.T) {
	str := serde.String()
	for _, c := range []struct {
		name  string
		build func(tp *topology.Topology, s stream) (pos string)
		want  string
	}{
		{"negative", func(tp *topology.Topology, _ stream) string {
			tp.Table("tb", str, str).History(-time.Second)
			return here(-1)
		}, "tb: the history, -1s, is negative: give 0 or more"},
		{"parts of a millisecond", func(tp *topology.Topology, _ stream) string {
			tp.Table("tb", str, str).History(time.Microsecond)
			return here(-1)
		}, "tb: the history, 1µs, is not a whole number of milliseconds: round it"},
		{"too long", func(tp *topology.Topology, _ stream) string {
			tp.Table("tb", str, str).History(1 << 62 / time.Millisecond * time.Millisecond * 2)
			return here(-1)
		}, "tb: the history, "},
		{"twice", func(tp *topology.Topology, _ stream) string {
			tb := tp.Table("tb", str, str).History(time.Second)
			tb.History(time.Second)
			return here(-1)
		}, "is said at"},
		{"of an aggregation", func(_ *topology.Topology, s stream) string {
			s.GroupByKey().Count("n").History(time.Second)
			return here(-1)
		}, "n: this table keeps no history: say History of one that Table or ToTable has returned"},
		{"with updates", func(tp *topology.Topology, _ stream) string {
			tb := tp.Table("tb", str, str).History(time.Second)
			tb.Updates().ToStream().To("out")
			return here(-1)
		}, "already that this table forwards each-update, and here updates: say one"},
		{"behind updates", func(_ *topology.Topology, s stream) string {
			n := s.GroupByKey().Count("n").ToStream()
			n.ToTable("tb").History(time.Second)
			return here(-1)
		}, "tb: a table before this one forwards what it has when something is committed"},
		{"timeless", func(tp *topology.Topology, _ stream) string {
			tp.Table("tb", str, str, topology.Timeless).History(time.Second)
			return here(-1)
		}, "tb: records of a timeless source have no place in a history"},
		{"grace without history", func(tp *topology.Topology, s stream) string {
			tb := tp.Table("tb", str, str)
			s.Join("j", tb, topology.Inner(both), topology.JoinGrace(time.Second)).To("out")
			return here(-1)
		}, "j: the join has a grace, and table tb has no history"},
		{"grace longer than the history", func(tp *topology.Topology, s stream) string {
			tb := tp.Table("tb", str, str).History(time.Second)
			s.Join("j", tb, topology.Inner(both), topology.JoinGrace(time.Minute)).To("out")
			return here(-1)
		}, "j: the grace of the join, 1m0s, is longer than the history of table tb, 1s"},
		{"negative grace", func(tp *topology.Topology, s stream) string {
			tb := tp.Table("tb", str, str).History(time.Second)
			s.Join("j", tb, topology.Inner(both), topology.JoinGrace(-1)).To("out")
			return here(-1)
		}, "j: the grace -1ns is negative: give 0 or more"},
		{"name of the store", func(tp *topology.Topology, s stream) string {
			s.GroupByKey().Count("tb-history").EachUpdate().ToStream().To("counts")
			tp.Table("tb", str, str).History(time.Second)
			return here(-1)
		}, "tb-history: this name is taken by the store at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp, s := text()
			s.Discard()
			pos := c.build(tp, s)
			_, err := tp.Build()
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), pos) {
				t.Errorf("%v\nwant %s: %s", err, pos, c.want)
			}
		})
	}
}
