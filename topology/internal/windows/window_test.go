package windows

import (
	"slices"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/topology/record"
)

// of returns the windows that ts lies in, as First and Next find them.
func of(c Cut, ts int64) (all []Window) {
	s := Spans{Cut: c}
	for mark, ok := c.First(ts), true; ok; mark, ok = c.Next(mark, ts) {
		all = append(all, s.window(mark))
	}
	return all
}

// Aligned windows against trying all starts, and cumulating ones against trying all lengths.
func TestWindowsOfATime(t *testing.T) {
	rnd := seeds.Rand(t)
	for range 20_000 {
		a := Aligned{Size: 1 + rnd.Int64N(50)}
		a.Advance = 1 + rnd.Int64N(a.Size)
		a.Offset = rnd.Int64N(a.Advance)
		ts := rnd.Int64N(200)
		var want []Window
		for nominal := a.Offset - a.Advance; nominal <= ts; nominal += a.Advance {
			w := Window{Start: max(0, nominal), End: nominal + a.Size}
			if (nominal >= 0 || a.Offset > 0) && w.Start <= ts && ts < w.End {
				want = append(want, w)
			}
		}
		if got := of(a, ts); !slices.Equal(got, want) {
			t.Fatalf("%+v at %d: %v, want %v", a, ts, got, want)
		}
		c := Cumulating{Step: 1 + rnd.Int64N(9)}
		c.Size = c.Step * (1 + rnd.Int64N(5))
		want = nil
		for length := c.Step; length <= c.Size; length += c.Step {
			if start := ts / c.Size * c.Size; ts < start+length {
				want = append(want, Window{Start: start, End: start + length})
			}
		}
		if got := of(c, ts); !slices.Equal(got, want) {
			t.Fatalf("%+v at %d: %v, want %v", c, ts, got, want)
		}
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err) // the toolchain has all zones
	}
	return l
}

// Days on which clocks are put forward and back, at midnight too.
func TestDaysOfChanges(t *testing.T) {
	for _, c := range []struct {
		zone, date string
		first      string // moment of the day
		hours      float64
	}{
		{"Europe/Berlin", "2026-03-29", "2026-03-29T00:00:00+01:00", 23},
		{"Europe/Berlin", "2026-10-25", "2026-10-25T00:00:00+02:00", 25},
		{"America/New_York", "2026-11-01", "2026-11-01T00:00:00-04:00", 25},
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-05T00:00:00+11:00", 24.5},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", 23}, // no midnight
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00:00-02:00", 25}, // back at its end
		{"America/St_Johns", "2006-10-29", "2006-10-29T00:00:00-02:30", 25},  // back at 00:01
		{"Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", 24},      // the 30th is missing
		{"Pacific/Apia", "2011-12-31", "2011-12-31T00:00:00+14:00", 24},
	} {
		days := NewDays(zone(t, c.zone))
		first, err := time.Parse(time.RFC3339, c.first)
		if err != nil {
			t.Fatal(err)
		}
		start := first.UnixMilli()
		end := start + int64(c.hours*3_600_000)
		for _, ts := range []int64{start, start + 1, (start + end) / 2, end - 1} {
			days.start, days.end = 0, 0 // it is to find it anew
			if got := of(days, ts); !slices.Equal(got, []Window{{Start: start, End: end}}) {
				t.Errorf("%s %s, at %s: from %s for %v h", c.zone, c.date, time.UnixMilli(ts).UTC(), time.UnixMilli(got[0].Start).UTC(), float64(got[0].End-got[0].Start)/3_600_000)
			}
		}
	}
}

// Windows of the calendar follow each other, are found from any moment in them, in any order, and
// begin with a new date.
func TestCalendarHasNoGaps(t *testing.T) {
	rnd := seeds.Rand(t)
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "America/St_Johns", "Pacific/Apia", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Kwajalein"} {
		l := zone(t, name)
		most := Longest(l, 0)
		for kind, c := range map[string]*Calendar{"days": NewDays(l), "weeks": NewWeeks(l, time.Wednesday), "months": NewMonths(l)} {
			longest := most + 24*3_600_000*map[string]int64{"days": 1, "weeks": 7, "months": 31}[kind]
			for range 200 {
				at := rnd.Int64N(time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
				w := of(c, at)[0]
				next := of(c, w.End)[0]
				switch {
				case w.Start > at || at >= w.End:
					t.Fatalf("%s of %s: %d lies in %v", kind, name, at, w)
				case next.Start != w.End:
					t.Fatalf("%s of %s: behind %v comes %v", kind, name, w, next)
				case w.End-w.Start > longest:
					t.Fatalf("%s of %s: %v is longer than %d", kind, name, w, longest)
				case c.End(w.Start) != w.End:
					t.Fatalf("%s of %s: %v ends at %d", kind, name, w, c.End(w.Start))
				}
				if w.Start == 0 {
					continue
				}
				before, begin := time.UnixMilli(w.Start-1).In(l), time.UnixMilli(w.Start).In(l)
				y, m, d := begin.Date()
				switch {
				case before.Day() == d && before.Month() == m:
					t.Fatalf("%s of %s: %s is not the beginning of a date", kind, name, begin)
				case kind == "weeks" && begin.Weekday() != time.Wednesday && name != "Pacific/Apia" && name != "Pacific/Kwajalein":
					t.Fatalf("weeks of %s begin on %s", name, begin)
				case kind == "months" && d != 1:
					t.Fatalf("months of %s: %d-%d-%d", name, y, m, d)
				}
			}
		}
	}
}

// Windows at the ends of time.
func TestWindowsAtTheEnds(t *testing.T) {
	l := zone(t, "America/New_York") // 1970 begins within a day there
	for name, c := range map[string]Cut{
		"tumbling": Aligned{Size: 10, Advance: 10, Offset: 3}, "hopping": Aligned{Size: 10, Advance: 4, Offset: 3}, "cumulating": Cumulating{Size: 10, Step: 5},
		"days": NewDays(l), "weeks": NewWeeks(l, time.Monday), "months": NewMonths(l),
	} {
		for _, ts := range []int64{0, 1, record.MaxTime - 1, record.MaxTime} {
			all := of(c, ts)
			if len(all) == 0 {
				t.Errorf("%s: no window at %d", name, ts)
			}
			for _, w := range all {
				if w.Start < 0 || w.Start > ts || w.End <= ts {
					t.Errorf("%s: %v at %d", name, w, ts)
				}
			}
		}
	}
}
