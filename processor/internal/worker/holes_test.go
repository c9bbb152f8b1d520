package worker

import (
	"testing"
	"time"
)

// TestLack: an input is asked for after it has lacked the same record for a while, once, and not
// while it is paused.
func TestLack(t *testing.T) {
	r := &running{paused: map[string]bool{}}
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		what   string
		after  time.Duration
		pos    int64
		paused bool
		asked  bool
		want   bool
	}{
		{what: "at first", pos: 5},
		{what: "not long", after: holeAfter - 1, pos: 5},
		{what: "it went on", after: 1, pos: 6},
		{what: "long enough there", after: holeAfter, pos: 6, want: true},
		{what: "asked already", after: holeAfter, pos: 6},
		{what: "asked, and there is still nothing", after: holeAfter, pos: 6, asked: true},
		{what: "paused", after: holeAfter, pos: 6, paused: true},
		{what: "resumed", after: holeAfter - 1, pos: 6},
		{what: "long after that", after: 1, pos: 6, want: true},
	} {
		now = now.Add(step.after)
		if step.asked {
			delete(r.lacks, "in")
		}
		r.paused["in"] = step.paused
		if got := r.lack("in", step.pos, now); got != step.want {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
}
