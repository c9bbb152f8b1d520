package cli

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

func TestSummary(t *testing.T) {
	var s processor.Stats
	s.In, s.Out, s.Late, s.Commits = 20_000, 3_340, 2, 31
	type dropped = struct {
		Node   string
		Reason topology.Reason
		Count  int64
	}
	s.Dropped = append(s.Dropped, dropped{"airport", topology.NoMatch, 1234}, dropped{"delays", topology.LateRecord, 2})
	type tallied = struct {
		Node  string
		What  topology.Tally
		Count int64
	}
	s.Tallies = append(s.Tallies, tallied{"delays", topology.LateWindows, 5})
	got := summary("flight-delays", s, 2*time.Second)
	want := `flight-delays: 20,000 records in, 3,340 out, 2 late; 10,000/s, 31 commits, 2.00 s
  dropped: 1,234 at airport: no-match
  dropped: 2 at delays: late
  counted: 5 at delays: late-windows
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	s = processor.Stats{Aborts: 1, Unknown: 2, Restored: 3}
	want = `a: 0 records in, 0 out, 0 late; 0/s, 0 commits, 0.00 s
  transactions aborted: 1, of unknown outcome and resolved: 2
  changelog records restored: 3
`
	if diff := cmp.Diff(want, summary("a", s, 0)); diff != "" {
		t.Errorf("summary of a bad day (-want +got):\n%s", diff)
	}
}

func TestProgress(t *testing.T) {
	begin := time.UnixMilli(0)
	m := meter{at: begin}
	var s processor.Stats
	for _, step := range []struct {
		after time.Duration
		in    int64
		want  string
	}{
		{0, 0, "0 in, 5 out, 2 late, 0 dropped, 0/s, 31 commits"},
		{2 * time.Second, 20_000, "20,000 in, 5 out, 2 late, 0 dropped, 10,000/s, 31 commits"},
		// measured every other second
		{3 * time.Second, 25_000, "25,000 in, 5 out, 2 late, 0 dropped, 10,000/s, 31 commits"},
		{4 * time.Second, 26_000, "26,000 in, 5 out, 2 late, 0 dropped, 3,000/s, 31 commits"},
	} {
		s.In, s.Out, s.Late, s.Commits = step.in, 5, 2, 31
		s.Dropped = append(s.Dropped[:0], struct {
			Node   string
			Reason topology.Reason
			Count  int64
		}{"delays", topology.LateRecord, 2})
		if got := m.progress(s, begin.Add(step.after)); got != step.want {
			t.Errorf("after %v: %q, want %q", step.after, got, step.want)
		}
	}
}

func TestInFile(t *testing.T) {
	err := errors.Join(&topoyaml.Error{File: "a.yaml", Line: 1, Column: 2, Message: "m"}, &topoyaml.Error{File: "a.yaml", Line: 3, Column: 4, Message: "n"})
	if got, want := inFile("dir/a.yaml", err).Error(), "dir/a.yaml:1:2: m\ndir/a.yaml:3:4: n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
