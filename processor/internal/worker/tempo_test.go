package worker

import (
	"testing"
	"time"
)

// TestWhenACommitIsDue: after the interval at the latest; before that only when there is nothing left to
// process, and as rarely as records and commits take their time.
func TestWhenACommitIsDue(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	const ms = time.Millisecond
	for _, tt := range []struct {
		name       string
		processing time.Duration
		committing int // ms
		drained    bool
		want       time.Duration // at 20 ms, dirty since 15 ms, after a commit that began at 0
	}{
		{name: "more to process", want: 95 * ms},
		{name: "drained", drained: true, want: -10 * ms},
		{name: "drained, costly records", processing: 6 * ms, drained: true, want: 10 * ms},
		{name: "drained, costly commits", committing: 14, drained: true, want: 8 * ms},
		{name: "drained, very costly records", processing: time.Second, drained: true, want: 95 * ms},
		{name: "costly records, more to process", processing: time.Second, want: 95 * ms},
	} {
		c := tempo{interval: 100 * ms, least: 10 * ms}
		c.soil(at(-5))
		c.worked(7, time.Hour)
		c.clean(at(0), at(tt.committing))
		if c.dirty() || c.records != 0 {
			t.Errorf("%s: something to commit after a commit", tt.name)
		}
		c.worked(3, tt.processing)
		c.soil(at(15))
		c.soil(at(18)) // it is dirty already
		if c.records != 3 {
			t.Errorf("%s: %d records, want 3", tt.name, c.records)
		}
		if got := c.due(at(20), tt.drained); got != tt.want {
			t.Errorf("%s: due in %v, want %v", tt.name, got, tt.want)
		}
	}
}
