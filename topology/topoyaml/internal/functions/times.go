package functions

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

// times are the functions of times, which are whole milliseconds since 1970, as timestamps of
// records are.
func (l *Library) times() []Function {
	return []Function{
		{Name: "parseTime", Min: 1, Max: 3, Call: l.parseTime, Check: func(arg int, v Value) error {
			switch arg {
			case 1:
				return checkLayout(v, true)
			case 2:
				_, err := l.zones.zone(v)
				return err
			}
			return nil
		}},
		{Name: "formatTime", Min: 1, Max: 3, Call: l.formatTime, Check: func(arg int, v Value) error {
			switch arg {
			case 1:
				return checkLayout(v, false)
			case 2:
				_, err := l.zones.zone(v)
				return err
			}
			return nil
		}},
		ofText("duration", durationMillis),
	}
}

func layoutOf(fn string, v Value) (string, error) {
	if v == Absent {
		return time.RFC3339Nano, nil
	}
	layout, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s needs a layout, not %s", fn, value.Kind(v))
	}
	return layout, nil
}

func (l *Library) parseTime(a, b, c, _ Value) (Value, error) {
	s, err := text("parseTime", a)
	if err != nil {
		return nil, err
	}
	layout, err := layoutOf("parseTime", b)
	if err != nil {
		return nil, err
	}
	zone, err := l.zones.zone(c)
	if err != nil {
		return nil, err
	}
	t, err := time.ParseInLocation(layout, s, zone)
	if err != nil {
		return nil, fmt.Errorf("%q is no time of the layout %q", s, layout)
	}
	if zone != time.UTC && !offsetLayout.MatchString(layout) {
		t = settled(t, layout, s)
	}
	if strings.Contains(layout, "MST") {
		// An abbreviation that the zone does not have is taken for UTC by package time.
		if name, offset := t.Zone(); offset == 0 && t.Location() != zone && name != "UTC" && name != "GMT" {
			return nil, fmt.Errorf("%q: the zone %s does not know %q; a layout with -0700 reads offsets", s, zone, name)
		}
	}
	return t.UnixMilli(), nil
}

// offsetLayout fits layouts whose texts name a zone or an offset.
var offsetLayout = regexp.MustCompile(`MST|[-Z]07`)

// settled makes one rule of a time of day that comes twice or not at all, where package time
// promises none and does one thing east of Greenwich and another west of it: of two it is the
// second one, and what clocks skip is as late after the change as it seems.
func settled(t time.Time, layout, s string) time.Time {
	start, end := t.ZoneBounds()
	_, offset := t.Zone()
	if !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if skipped := wall(layout, s).Unix() - t.Unix() - int64(offset); skipped != 0 {
			return t.Add(time.Duration(skipped+int64(offset-before)) * time.Second)
		}
	}
	if end.IsZero() {
		return t
	}
	_, after := end.Zone()
	change := time.Duration(after-offset) * time.Second
	switch {
	case change < 0 && end.Sub(t) <= -change:
		return t.Add(-change)
	case change > 0 && end.Sub(t) <= change:
		if skipped := wall(layout, s).Unix() - t.Unix() - int64(offset); skipped != 0 {
			return t.Add(time.Duration(skipped) * time.Second)
		}
	}
	return t
}

// wall is what a clock shows, as a time in UTC.
func wall(layout, s string) time.Time {
	t, _ := time.Parse(layout, s) // it has been read before
	return t
}

func (l *Library) formatTime(a, b, c, _ Value) (Value, error) {
	ms, ok := a.(int64)
	if !ok {
		if value.Number(a) {
			return nil, fmt.Errorf("formatTime needs whole milliseconds, not %v", a)
		}
		return nil, fmt.Errorf("formatTime needs milliseconds, not %s", value.Kind(a))
	}
	layout, err := layoutOf("formatTime", b)
	if err != nil {
		return nil, err
	}
	zone, err := l.zones.zone(c)
	if err != nil {
		return nil, err
	}
	t := time.UnixMilli(ms).In(zone)
	if y := t.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("formatTime writes the years from 0 to 9999, and %d is in another one", ms)
	}
	return t.Format(layout), nil
}

// foreign fits what layouts of other languages consist of.
var foreign = regexp.MustCompile(`%[A-Za-z]|(?:^|[^A-Za-z])([YyMDdHhmsSTZ]*(?:YY|yy|MM|DD|dd|HH|hh|mm|ss|SS)[YyMDdHhmsSTZ]*)(?:[^A-Za-z]|$)`)

// checkLayout finds layouts that cannot be meant: the text of a time would be the same for all
// times.
func checkLayout(v Value, parse bool) error {
	layout, ok := v.(string)
	if !ok {
		return fmt.Errorf("a layout is a string, not %s", value.Kind(v))
	}
	const advice = "a layout shows how the time 2006-01-02 15:04:05 is written"
	if foreign.MatchString(layout) {
		return fmt.Errorf("%q is no layout of Go; %s", layout, advice)
	}
	t := time.Date(2021, time.October, 23, 18, 37, 49, 123456789, time.FixedZone("CEST", 2*60*60))
	other := time.Date(1998, time.December, 4, 7, 58, 16, 987654321, time.FixedZone("EST", -5*60*60))
	if t.Format(layout) == other.Format(layout) {
		return fmt.Errorf("the layout %q names no part of a time; %s", layout, advice)
	}
	if parse {
		if _, err := time.Parse(layout, t.Format(layout)); err != nil {
			return fmt.Errorf("no text can be read by the layout %q; %s", layout, advice)
		}
	}
	return nil
}

func durationMillis(s string) (Value, error) {
	d, err := ParseDuration(s)
	if err != nil {
		return nil, err
	}
	if d%time.Millisecond != 0 {
		return nil, fmt.Errorf("%q is no whole number of milliseconds", s)
	}
	return d.Milliseconds(), nil
}

// ParseDuration reads Go's durations, with d for days of 24 hours before them: "1d", "1d12h",
// "90m".
func ParseDuration(s string) (time.Duration, error) {
	rest, days := s, time.Duration(0)
	if i := strings.IndexByte(s, 'd'); i > 0 {
		n, err := strconv.ParseUint(s[:i], 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration; write one like 10s, 90m, 1h30m or 1d", s)
		}
		days, rest = time.Duration(n)*24*time.Hour, s[i+1:]
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration; write one like 10s, 90m, 1h30m or 1d", s)
	}
	if days+d < 0 {
		return 0, fmt.Errorf("%q is longer than 292 years", s)
	}
	return days + d, nil
}
