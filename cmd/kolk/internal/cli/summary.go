package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/kolkstream/kolk/processor"
)

// meter measures the rate of a run over its last seconds.
type meter struct {
	at   time.Time
	in   int64
	rate string
}

// progress is a line about a run so far.
func (m *meter) progress(s processor.Stats, now time.Time) string {
	if took := now.Sub(m.at); took >= 2*time.Second || m.rate == "" {
		m.rate = rate(s.In-m.in, took)
		m.at, m.in = now, s.In
	}
	return fmt.Sprintf("%s in, %s out, %s late, %s dropped, %s/s, %s commits",
		humanize.Comma(s.In), humanize.Comma(s.Out), humanize.Comma(s.Late), humanize.Comma(dropped(s)-s.Late), m.rate, humanize.Comma(s.Commits))
}

// summary is what a run did, one line or more.
func summary(name string, s processor.Stats, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s records in, %s out, %s late; %s/s, %s commits, %.2f s\n",
		name, humanize.Comma(s.In), humanize.Comma(s.Out), humanize.Comma(s.Late), rate(s.In, took), humanize.Comma(s.Commits), took.Seconds())
	for _, d := range s.Dropped {
		fmt.Fprintf(&b, "  dropped: %s at %s: %s\n", humanize.Comma(d.Count), d.Node, d.Reason)
	}
	for _, c := range s.Tallies {
		fmt.Fprintf(&b, "  counted: %s at %s: %s\n", humanize.Comma(c.Count), c.Node, c.What)
	}
	if s.Aborts > 0 || s.Unknown > 0 {
		fmt.Fprintf(&b, "  transactions aborted: %s, of unknown outcome and resolved: %s\n", humanize.Comma(s.Aborts), humanize.Comma(s.Unknown))
	}
	if s.Restored > 0 {
		fmt.Fprintf(&b, "  changelog records restored: %s\n", humanize.Comma(s.Restored))
	}
	return b.String()
}

func dropped(s processor.Stats) (n int64) {
	for _, d := range s.Dropped {
		n += d.Count
	}
	return n
}

func rate(n int64, took time.Duration) string {
	if took <= 0 {
		return "0"
	}
	return humanize.Comma(int64(float64(n) / took.Seconds()))
}
