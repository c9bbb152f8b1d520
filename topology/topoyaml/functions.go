package topoyaml

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/builtin"
)

// function is one that this package adds to those of package expr.
type function struct {
	name string
	doc  string
	call func(args ...any) (any, error)
	// types are functions whose signatures the type check uses.
	types []any
}

// library is the functions of one file, and what they have loaded for it. Safe for concurrent use.
type library struct {
	zones    sync.Map // name -> *time.Location
	patterns sync.Map // text -> *regexp.Regexp; those of the file
}

// functions are the additions. Times are whole milliseconds since 1970, as timestamps of records are.
func (l *library) functions() []function {
	return []function{
		{
			name: "parseTime",
			doc: "`parseTime(text, layout, zone)`: the time that a text says, in milliseconds. The layout is Go's (`2006-01-02 15:04:05`); " +
				"without one the text is RFC 3339 (`2001-01-01T00:47:00Z`). The zone is that of texts that name none; without it, UTC.",
			call:  l.parseTime,
			types: []any{new(func(string, ...string) int64)},
		},
		{
			name: "formatTime",
			doc: "`formatTime(milliseconds, layout, zone)`: the text of a time, the reverse of `parseTime`; without a layout RFC 3339, without a " +
				"zone UTC.",
			call:  l.formatTime,
			types: []any{new(func(int64, ...string) string)},
		},
		{
			name:  "duration",
			doc:   "`duration(text)`: a length of time such as `90m`, `6h` or `1d`, in milliseconds.",
			call:  durationMillis,
			types: []any{new(func(string) int64)},
		},
		{
			name: "extract",
			doc: "`extract(text, pattern, group)`: what a [regular expression](https://pkg.go.dev/regexp/syntax) finds first in a text, or null. " +
				"With a group, it is what that pair of parentheses holds, counted from 1. The pattern stands in the file; `matches` takes any.",
			call:  l.extract,
			types: []any{new(func(string, string, ...int64) string)},
		},
	}
}

// usage is how the function of that name is called, as its doc begins; "" if it is not one of these.
func (l *library) usage(name string) string {
	for _, f := range l.functions() {
		if f.name == name {
			call, _, _ := strings.Cut(strings.TrimPrefix(f.doc, "`"), "`")
			return call
		}
	}
	return ""
}

// disabled are functions of package expr that would make a result depend on more than its input, or that yield what is no value.
var disabled = []string{"now", "date", "timezone"}

func builtins(f function) *builtin.Function {
	b := &builtin.Function{Name: f.name, Func: f.call}
	for _, t := range f.types {
		b.Types = append(b.Types, reflect.TypeOf(t).Elem())
	}
	return b
}

func (l *library) parseTime(args ...any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("parseTime needs a string, not %s", kindOf(args[0]))
	}
	layout := time.RFC3339Nano
	if len(args) > 1 {
		if layout, ok = args[1].(string); !ok {
			return nil, fmt.Errorf("parseTime needs a layout, not %s", kindOf(args[1]))
		}
	}
	zone := time.UTC
	if len(args) > 2 {
		var err error
		if zone, err = l.zone(args[2]); err != nil {
			return nil, err
		}
	}
	t, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		return nil, fmt.Errorf("%q is no time of the layout %q", text, layout)
	}
	return millis(t), nil
}

func (l *library) formatTime(args ...any) (any, error) {
	var ms int64
	switch v := args[0].(type) {
	case int64:
		ms = v
	case int:
		ms = int64(v)
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return nil, fmt.Errorf("formatTime needs whole milliseconds, not %v", v)
		}
		ms = int64(v)
	default:
		return nil, fmt.Errorf("formatTime needs milliseconds, not %s", kindOf(v))
	}
	layout := time.RFC3339Nano
	if len(args) > 1 {
		var ok bool
		if layout, ok = args[1].(string); !ok {
			return nil, fmt.Errorf("formatTime needs a layout, not %s", kindOf(args[1]))
		}
	}
	zone := time.UTC
	if len(args) > 2 {
		var err error
		if zone, err = l.zone(args[2]); err != nil {
			return nil, err
		}
	}
	return time.UnixMilli(ms).In(zone).Format(layout), nil
}

func durationMillis(args ...any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("duration needs a string, not %s", kindOf(args[0]))
	}
	d, err := parseDuration(text)
	if err != nil {
		return nil, err
	}
	return d.Milliseconds(), nil
}

// zone returns the time zone of that name. Loading one reads a file, so they are kept; the names come from the file or are few.
func (l *library) zone(v any) (*time.Location, error) {
	name, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a time zone is a string, not %s", kindOf(v))
	}
	if z, ok := l.zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q; write one like UTC or Europe/Berlin", name)
	}
	l.zones.Store(name, z)
	return z, nil
}

// parseDuration reads Go's durations, with d for days of 24 hours before them: "1d", "1d12h", "90m".
func parseDuration(text string) (time.Duration, error) {
	rest, days := text, time.Duration(0)
	if i := strings.IndexByte(text, 'd'); i > 0 {
		n, err := strconv.ParseUint(text[:i], 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration; write one like 10s, 90m, 1h30m or 1d", text)
		}
		days, rest = time.Duration(n)*24*time.Hour, text[i+1:]
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration; write one like 10s, 90m, 1h30m or 1d", text)
	}
	return days + d, nil
}
