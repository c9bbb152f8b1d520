// Package text has times and headers as tests write and print them.
package text

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kolkstream/kolk/topology/record"
)

// days is up to which time since 1970 a time is printed as what has passed since then.
const days = 100 * 24 * time.Hour

// Time returns a timestamp as text: what has passed since 1970, of small ones, "1m30s", else the
// date and time, "2020-01-01T00:00:00Z". [ParseTime] reads both.
func Time(ms int64) string {
	if ms == record.NoTime {
		return "none"
	}
	if ms > -days.Milliseconds() && ms < days.Milliseconds() {
		return Duration(time.Duration(ms) * time.Millisecond)
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
}

// Duration returns a duration without units that are 0: "1h30m".
func Duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseTime reads a timestamp, in milliseconds since 1970: a number of them, a duration, or a date
// and time. Durations may have days: 1d12h.
func ParseTime(text string) (int64, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ms, nil
	}
	if d, err := parseDuration(text); err == nil && d%time.Millisecond == 0 {
		return d.Milliseconds(), nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil && at.Nanosecond()%1e6 == 0 {
		return at.UnixMilli(), nil
	}
	return 0, fmt.Errorf("%q is no time; write what has passed since 1970, as 90s or a number of milliseconds, or a date, as 2020-01-31T09:30:00Z, to the millisecond", text)
}

// parseDuration is time.ParseDuration of durations that may begin with days: 1d12h.
func parseDuration(text string) (time.Duration, error) {
	n, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	of, err := strconv.ParseUint(n, 10, 16)
	if err != nil || rest == "" {
		return time.Duration(of) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(rest)
	return time.Duration(of)*24*time.Hour + d, err
}

// Headers returns headers as a JSON object, with names that come twice twice. Values that are no
// texts are in base64, those that are missing null.
func Headers(headers []record.Header) string {
	var b strings.Builder
	for i, h := range headers {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(Quote(h.Key) + ":")
		switch {
		case h.Value == nil:
			b.WriteString("null")
		case utf8.Valid(h.Value):
			b.WriteString(Quote(string(h.Value)))
		default:
			b.WriteString(`{"base64":` + Quote(base64.StdEncoding.EncodeToString(h.Value)) + "}")
		}
	}
	if len(headers) == 0 {
		return "{}"
	}
	return b.String() + "}"
}

// Quote returns a text as JSON.
func Quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
