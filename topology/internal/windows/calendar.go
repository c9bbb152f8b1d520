package windows

import "time"

// Calendar windows are days, weeks or months in a time zone. They follow each other without a gap,
// whatever the clocks there do: a day is as long as from one midnight to the next. Where there is
// no midnight, because clocks are put forward at it, a day begins with the first moment of its
// date; where there are two, with the first one.
//
// A Calendar belongs to one operator: it remembers the window that it has found last.
type Calendar struct {
	zone *time.Location
	// floor returns the date on which the window begins that a date lies in, move the one n windows
	// later.
	floor func(y int, m time.Month, d int) (int, time.Month, int)
	move  func(y int, m time.Month, d, n int) (int, time.Month, int)

	start, end int64
}

// NewDays returns windows of a day.
func NewDays(zone *time.Location) *Calendar {
	return &Calendar{
		zone:  zone,
		floor: func(y int, m time.Month, d int) (int, time.Month, int) { return y, m, d },
		move:  func(y int, m time.Month, d, n int) (int, time.Month, int) { return y, m, d + n },
	}
}

// NewWeeks returns windows of a week.
func NewWeeks(zone *time.Location, first time.Weekday) *Calendar {
	return &Calendar{
		zone: zone,
		floor: func(y int, m time.Month, d int) (int, time.Month, int) {
			since := (time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday() - first + 7) % 7
			return y, m, d - int(since)
		},
		move: func(y int, m time.Month, d, n int) (int, time.Month, int) { return y, m, d + 7*n },
	}
}

// NewMonths returns windows of a month.
func NewMonths(zone *time.Location) *Calendar {
	return &Calendar{
		zone:  zone,
		floor: func(y int, m time.Month, _ int) (int, time.Month, int) { return y, m, 1 },
		move:  func(y int, m time.Month, d, n int) (int, time.Month, int) { return y, m + time.Month(n), d },
	}
}

// First implements Cut.
func (c *Calendar) First(ts int64) int64 {
	c.find(ts)
	return c.start
}

// Next implements Cut.
func (c *Calendar) Next(int64, int64) (int64, bool) { return 0, false }

// Start implements Cut.
func (c *Calendar) Start(mark int64) int64 { return mark }

// End implements Cut.
func (c *Calendar) End(mark int64) int64 {
	c.find(mark)
	return c.end
}

// find finds the window that ts lies in.
func (c *Calendar) find(ts int64) {
	if c.start <= ts && ts < c.end {
		return
	}
	y, m, d := c.floor(time.UnixMilli(ts).In(c.zone).Date())
	// Clocks that are put back over midnight have a date begin, end, and go on.
	for c.begin(y, m, d) > ts {
		y, m, d = c.move(y, m, d, -1)
	}
	start := c.begin(y, m, d)
	for {
		y, m, d = c.move(y, m, d, 1)
		end := c.begin(y, m, d)
		if end > ts {
			c.start, c.end = max(0, start), end
			return
		}
		start = end
	}
}

// begin returns the first moment of a date.
func (c *Calendar) begin(y int, m time.Month, d int) int64 {
	noon := time.Date(y, m, d, 12, 0, 0, 0, time.UTC) // the date, normalized
	t := time.Date(y, m, d, 0, 0, 0, 0, c.zone)
	since, until := t.ZoneBounds()
	if hour, minute, second := t.Clock(); hour|minute|second != 0 {
		// There is no midnight.
		if t.Day() == noon.Day() {
			t = since
		} else {
			t = until
		}
		return t.UnixMilli()
	}
	if !since.IsZero() {
		_, now := t.Zone()
		_, before := since.Add(-1).Zone()
		if other := t.Add(time.Duration(now-before) * time.Second); other.Before(since) {
			t = other // there are two midnights
		}
	}
	return t.UnixMilli()
}

// Longest returns how long a window may be, in milliseconds, whose days have 24 hours where clocks
// stand still: clocks may be put back twice in it.
func Longest(zone *time.Location, days int) int64 {
	back, before := 0, 0
	end := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Unix(0, 0).In(zone); t.Before(end); t = t.Add(24 * time.Hour) {
		_, now := t.Zone()
		back, before = max(back, before-now), now
	}
	return int64(days)*24*3_600_000 + 2*int64(back)*1000
}
