package worker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestWhenACommitIsDue: after the interval at the latest; before that only when there is nothing
// left to process, and as rarely as records and commits take their time.
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
		c.soil(at(-6), at(-5))
		c.records += 7
		c.clean(at(0), at(tt.committing))
		if c.dirty() || c.records != 0 {
			t.Errorf("%s: something to commit after a commit", tt.name)
		}
		c.records, c.processing = 3, tt.processing
		c.soil(at(12), at(15))
		c.soil(at(17), at(18)) // it is dirty already
		if c.records != 3 {
			t.Errorf("%s: %d records, want 3", tt.name, c.records)
		}
		if got := c.due(at(20), tt.drained); got != tt.want {
			t.Errorf("%s: due in %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestOutlived: a transaction that was open for too long is its own reason, and not that another
// producer has taken over. It began, at the earliest, with the turn that made the first change.
func TestOutlived(t *testing.T) {
	begin := time.Unix(1000, 0)
	var c tempo
	if err := c.outlived(begin, time.Second, kerr.ProducerFenced); err != nil {
		t.Errorf("without a transaction: %v", err)
	}
	c.soil(begin, begin.Add(1500*time.Millisecond))
	if err := c.outlived(begin.Add(time.Second), time.Second, kerr.ProducerFenced); err != nil {
		t.Errorf("in time: %v", err)
	}
	err := c.outlived(begin.Add(time.Second+1), time.Second, kerr.ProducerFenced)
	if err == nil || !strings.Contains(err.Error(), "open for 1s, longer than TransactionTimeout (1s)") || !errors.Is(err, kerr.ProducerFenced) {
		t.Errorf("too long: %v", err)
	}
	if fenced(err) || !fenced(kerr.ProducerFenced) {
		t.Error("the broker's own doing is taken for another producer's, or the other way round")
	}
}
