package topology_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// The n longest words, of equally long ones those that come first in the alphabet: whatever the
// order in which they come, of groups, windows and sessions.
func TestTop(t *testing.T) {
	rnd := seeds.Rand(t)
	long := func(a, b string) int { return len(a) - len(b) }
	for range 50 {
		n := 1 + rnd.IntN(5)
		tp, s := text()
		g := s.GroupByKey()
		g.AggregateWith("all", topology.Top(n, long)).ToStream().To("all")
		of := func(_ topology.Window, k string) string { return k }
		g.Window(topology.Tumbling(time.Second)).AggregateWith("window", topology.Top(n, long)).Final().Stream(of).To("window")
		g.Window(topology.Sessions(time.Second)).AggregateWith("session", topology.Top(n, long)).Final().Stream(of).To("session")
		r := newRig(t, tp)
		r.budget = []int64{0, 1 << 20}[rnd.IntN(2)]
		words := make([]string, 1+rnd.IntN(20))
		r.in(msg("in", "k", "", 999)) // so that nothing else is late or behind it
		for i := range words {
			words[i] = strings.Repeat("x", rnd.IntN(4)) + string(rune('a'+rnd.IntN(4)))
			r.in(msg("in", "k", words[i], 999))
			if rnd.IntN(4) == 0 {
				r.commit()
				r.restart()
			}
		}
		r.commit()
		r.in(msg("in", "other", "", 10_000))
		r.commit()
		words = append(words, "")
		slices.SortFunc(words, func(a, b string) int {
			if len(a) != len(b) {
				return len(b) - len(a)
			}
			return strings.Compare(a, b)
		})
		want, err := json.Marshal(words[:min(n, len(words))])
		if err != nil {
			t.Fatal(err)
		}
		last := map[string]string{}
		for _, m := range r.sent {
			if *m.key == "k" {
				last[m.topic] = *m.value
			}
		}
		for _, topic := range []string{"all", "window", "session"} {
			if last[topic] != string(want) {
				t.Fatalf("%s: %s, want %s", topic, last[topic], want)
			}
		}
	}
}

// Sessions that become one have the largest values of both.
func TestTopMerges(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 50 {
		n := 1 + rnd.IntN(4)
		tp, s := numbers()
		s.GroupByKey().Window(topology.Sessions(10*time.Millisecond).Grace(time.Second)).
			AggregateWith("session", topology.Top(n, func(a, b int64) int { return int(a/8 - b/8) })).Final().
			Stream(func(_ topology.Window, k string) string { return k }).To("out")
		r := newRig(t, tp)
		var all []int64
		times := []int64{100, 105, 120, 125, 110, 115} // the last two bring two sessions together
		rnd.Shuffle(4, func(i, j int) { times[i], times[j] = times[j], times[i] })
		for _, ts := range times {
			v := rnd.Int64N(30)
			all = append(all, v)
			r.in(msg("in", "k", string(num32(v)), ts))
		}
		r.in(msg("in", "other", "0", 10_000))
		r.commit()
		slices.SortFunc(all, func(a, b int64) int {
			if a/8 != b/8 {
				return int(b/8 - a/8)
			}
			return strings.Compare(string(num32(a)), string(num32(b)))
		})
		want, err := json.Marshal(all[:min(n, len(all))])
		if err != nil {
			t.Fatal(err)
		}
		r.want("out k:" + string(want) + " @125")
	}
}

func num32(v int64) []byte {
	b, _ := decimal{}.Append(nil, v)
	return b
}

// A value that its serde cannot write where another one is equally large goes to the error policy,
// and the list is what it was.
func TestTopFails(t *testing.T) {
	tp := topology.New("test")
	tp.Stream("in", serde.String(), picky{}).GroupByKey().
		AggregateWith("agg", topology.Top(2, func(a, b int64) int { return 0 })).ToStream().To("out")
	r := newRig(t, tp)
	r.skip = true
	r.in(msg("in", "a", "13", 1), msg("in", "a", "7", 2))
	r.commit()
	r.want("out a:[13] @1")
	if len(r.failures) != 1 || r.failures[0].node != "agg" {
		t.Errorf("failures %v", r.failures)
	}
}
