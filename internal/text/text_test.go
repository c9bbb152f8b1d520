package text

import (
	"testing"

	"github.com/kolkstream/kolk/topology/record"
)

func TestTimes(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "0s", 1: "1ms", 90_000: "1m30s", 60_000: "1m", 3_600_000: "1h", -1: "-1ms", 86_400_000: "24h",
		1577836800000: "2020-01-01T00:00:00Z", 1577836800001: "2020-01-01T00:00:00.001Z", 100 * 86_400_000: "1970-04-11T00:00:00Z",
	} {
		if got := Time(ms); got != want {
			t.Errorf("%d is %s, want %s", ms, got, want)
		}
		if got, err := ParseTime(want); err != nil || got != ms {
			t.Errorf("%s is %d, %v; want %d", want, got, err, ms)
		}
	}
	for days, want := range map[string]int64{"2d": 172_800_000, "1d12h": 129_600_000, "0d": 0} {
		if got, err := ParseTime(days); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", days, got, err, want)
		}
	}
	if ms, err := ParseTime("1577836800000"); err != nil || ms != 1577836800000 {
		t.Error(ms, err)
	}
	for _, bad := range []string{"", "soon", "1us", "d", "xd", "1d2d", "-1d", "2020-01-01", "2020-01-01T00:00:00.0001Z"} {
		if ms, err := ParseTime(bad); err == nil {
			t.Errorf("%q is %d", bad, ms)
		}
	}
}

func TestHeaders(t *testing.T) {
	hs := []record.Header{{Key: "a", Value: []byte(`<"`)}, {Key: "b"}, {Key: "a", Value: []byte{0xff}}}
	if got, want := Headers(hs), `{"a":"<\"","b":null,"a":{"base64":"/w=="}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Headers(nil); got != "{}" {
		t.Error(got)
	}
}
