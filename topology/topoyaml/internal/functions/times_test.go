package functions

import (
	"archive/zip"
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
)

func call(t *testing.T, l *Library, name string, args ...Value) (Value, error) {
	t.Helper()
	f := l.Find(name)
	if f == nil {
		t.Fatalf("there is no function %s", name)
	}
	if f.Max < 0 {
		return f.Many(args)
	}
	all := [4]Value{Absent, Absent, Absent, Absent}
	copy(all[:], args)
	return f.Call(all[0], all[1], all[2], all[3])
}

// The rule for times that come twice or not at all holds on both sides of Greenwich.
func TestTimesAtChanges(t *testing.T) {
	l := NewLibrary()
	for _, test := range []struct{ text, zone, want string }{
		{"2024-03-31 02:30", "Europe/Berlin", "2024-03-31T03:30:00+02:00"},
		{"2024-03-31 01:59", "Europe/Berlin", "2024-03-31T01:59:00+01:00"},
		{"2024-03-31 03:00", "Europe/Berlin", "2024-03-31T03:00:00+02:00"},
		{"2024-10-27 02:30", "Europe/Berlin", "2024-10-27T02:30:00+01:00"},
		{"2024-10-27 02:00", "Europe/Berlin", "2024-10-27T02:00:00+01:00"},
		{"2024-10-27 01:59", "Europe/Berlin", "2024-10-27T01:59:00+02:00"},
		{"2024-10-27 03:00", "Europe/Berlin", "2024-10-27T03:00:00+01:00"},
		{"2024-03-10 02:30", "America/New_York", "2024-03-10T03:30:00-04:00"},
		{"2024-03-10 01:59", "America/New_York", "2024-03-10T01:59:00-05:00"},
		{"2024-03-10 03:00", "America/New_York", "2024-03-10T03:00:00-04:00"},
		{"2024-11-03 01:30", "America/New_York", "2024-11-03T01:30:00-05:00"},
		{"2024-11-03 01:00", "America/New_York", "2024-11-03T01:00:00-05:00"},
		{"2024-11-03 00:59", "America/New_York", "2024-11-03T00:59:00-04:00"},
		{"2024-11-03 02:00", "America/New_York", "2024-11-03T02:00:00-05:00"},
		{"2024-10-06 02:15", "Australia/Lord_Howe", "2024-10-06T02:45:00+11:00"}, // half an hour
		{"2024-04-07 01:45", "Australia/Lord_Howe", "2024-04-07T01:45:00+10:30"},
		{"2011-12-30 12:00", "Pacific/Apia", "2011-12-31T12:00:00+14:00"}, // a whole day is skipped
		{"1890-01-01 00:00", "Europe/Berlin", "1890-01-01T00:00:00+00:53"},
	} {
		ms, err := call(t, l, "parseTime", test.text, "2006-01-02 15:04", test.zone)
		if err != nil {
			t.Errorf("%s in %s: %v", test.text, test.zone, err)
			continue
		}
		if got, err := call(t, l, "formatTime", ms, "2006-01-02T15:04:05Z07:00", test.zone); err != nil || got != test.want {
			t.Errorf("%s in %s is %v, %v; want %s", test.text, test.zone, got, err, test.want)
		}
	}
}

func TestTimeMistakes(t *testing.T) {
	l := NewLibrary()
	for _, test := range []struct {
		fn   string
		args []Value
		want string
	}{
		{"parseTime", []Value{"2024-01-01", "2006-01-02", "Europe/Berln"}, `there is no time zone "Europe/Berln"`},
		{"parseTime", []Value{"2024-01-01", "2006-01-02", "europe/berlin"}, `there is no time zone "europe/berlin", but "Europe/Berlin"`},
		{"parseTime", []Value{"2024-01-01", "2006-01-02", "Local"}, `the time zone "Local" is that of the machine`},
		{"parseTime", []Value{"2024-01-01", "2006-01-02", ""}, `there is no time zone ""`},
		{"parseTime", []Value{"2024-01-01", "2006-01-02", nil}, "a time zone is a string, not null"},
		{"parseTime", []Value{"2024-01-01", "2006-01-02", "../../etc/passwd"}, "there is no time zone"},
		{"formatTime", []Value{int64(0), "2006", "Local"}, "is that of the machine"},
		{"formatTime", []Value{int64(253402300800000)}, "formatTime writes the years from 0 to 9999"},
		{"formatTime", []Value{int64(-1 << 63)}, "formatTime writes the years from 0 to 9999"},
		{"formatTime", []Value{int64(1<<63 - 1)}, "formatTime writes the years from 0 to 9999"},
		{"formatTime", []Value{1.5}, "formatTime needs whole milliseconds, not 1.5"},
		{"parseTime", []Value{"12:00 CEST", "15:04 MST"}, `does not know "CEST"`},
		{"duration", []Value{"1x"}, "is no duration"},
		{"duration", []Value{"1us"}, "is no whole number of milliseconds"},
		{"duration", []Value{"65535d2000000h"}, "longer than 292 years"},
		{"duration", []Value{"-1s"}, "is no duration"},
	} {
		if v, err := call(t, l, test.fn, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s%v = %v, %v; want the error %s", test.fn, test.args, v, err, test.want)
		}
	}
	if ms, err := call(t, l, "parseTime", "12:00 CEST", "15:04 MST", "Europe/Berlin"); err != nil {
		t.Errorf("an abbreviation that the zone knows: %v, %v", ms, err)
	}
	if s, err := call(t, l, "formatTime", int64(253402300799999)); err != nil || s != "9999-12-31T23:59:59.999Z" {
		t.Errorf("the last time: %v, %v", s, err)
	}
}

func TestLayouts(t *testing.T) {
	for _, layout := range []string{"YYYY-MM-DD", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss", "HH:mm", "%Y-%m-%d", "dd.MM.yyyy", "yyyyMMdd", "", "date", "2006-01-02 HH:mm"} {
		if checkLayout(layout, true) == nil {
			t.Errorf("%q is taken for a layout", layout)
		}
	}
	for _, layout := range []string{
		time.ANSIC, time.UnixDate, time.RFC822, time.RFC850, time.RFC1123, time.RFC1123Z, time.RFC3339, time.RFC3339Nano, time.Kitchen, time.StampMicro,
		"2006-01-02", "02.01.2006", "2006/01/02 15:04", "20060102150405", "15:04:05.000", "Jan _2 2006 at 3:04pm (MST)", "2006-01-02T15:04:05Z07:00",
		"2006", "Monday, 2 January 2006", "2006-002", "the day 02 of 01, Summer of 2006",
	} {
		if err := checkLayout(layout, true); err != nil {
			t.Errorf("%q: %v", layout, err)
		}
	}
}

// The zones are those that are part of the program: all can be loaded, whatever the environment
// says.
func TestZones(t *testing.T) {
	t.Setenv("ZONEINFO", filepath.Join(t.TempDir(), "none"))
	t.Setenv("TZ", "Asia/Tokyo")
	archive, err := zip.NewReader(bytes.NewReader(zoneData), int64(len(zoneData)))
	if err != nil {
		t.Fatal(err)
	}
	l, n := NewLibrary(), 0
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		n++
		if _, err := l.zones.zone(f.Name); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if n < 500 {
		t.Errorf("%d zones", n)
	}
}

// What is written by toJSON comes back by fromJSON, and the same number has the same text in each
// way.
func TestNumbersAsText(t *testing.T) {
	l := NewLibrary()
	for _, test := range []struct{ in, want string }{
		{"1234567.5", "1234567.5"}, {"1.0", "1"}, {"1", "1"}, {"1e21", "1e+21"}, {"-0", "0"}, {"-0.0", "0"}, {"0.1", "0.1"}, {"1e-7", "1e-7"},
		{"9007199254740993", "9007199254740993"}, {"9007199254740993.0", "9007199254740993"}, {"9.007199254740993e15", "9007199254740993"},
		{"9223372036854775807", "9223372036854775807"}, {"9223372036854775808", "9223372036854776000"}, {"1e2", "100"},
	} {
		v, err := value.ParseJSON([]byte(test.in))
		if err != nil {
			t.Fatal(err)
		}
		for _, fn := range []string{"string", "toJSON"} {
			if got, err := call(t, l, fn, v); err != nil || got != test.want {
				t.Errorf("%s(%s) = %v, %v; want %s", fn, test.in, got, err, test.want)
			}
		}
		for _, fn := range []string{"fromJSON", "float"} {
			if back, err := call(t, l, fn, test.in); err != nil || back != v {
				t.Errorf("%s(%q) = %v, %v; want %v", fn, test.in, back, err, v)
			}
		}
	}
}
