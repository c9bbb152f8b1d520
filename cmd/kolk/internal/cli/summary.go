package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/kolkstream/kolk/cmd/kolk/internal/view"
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
		view.Count(s.In), view.Count(s.Out), view.Count(s.Late), view.Count(dropped(s)-s.Late), m.rate, view.Count(s.Commits))
}

// summary is what a run did, one line or more.
func summary(name string, s processor.Stats, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s records in, %s out, %s late; %s/s, %s commits, %.2f s\n",
		name, view.Count(s.In), view.Count(s.Out), view.Count(s.Late), rate(s.In, took), view.Count(s.Commits), took.Seconds())
	for _, d := range s.Dropped {
		fmt.Fprintf(&b, "  dropped: %s at %s: %s\n", view.Count(d.Count), d.Node, d.Reason)
	}
	for _, c := range s.Tallies {
		fmt.Fprintf(&b, "  counted: %s at %s: %s\n", view.Count(c.Count), c.Node, c.What)
	}
	if s.Aborts > 0 || s.Unknown > 0 {
		fmt.Fprintf(&b, "  transactions aborted: %s, of unknown outcome and resolved: %s\n", view.Count(s.Aborts), view.Count(s.Unknown))
	}
	if s.Restored > 0 {
		fmt.Fprintf(&b, "  changelog records restored: %s\n", view.Count(s.Restored))
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
	return view.Count(int64(float64(n) / took.Seconds()))
}
