package view_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/json/jsontext"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/cmd/kolk/internal/view"
)

func TestJSON(t *testing.T) {
	be := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	tests := []struct {
		serde string
		data  []byte
		want  string
	}{
		{"string", nil, `null`},
		{"json", nil, `null`},
		{"string", []byte{}, `""`},
		{"string", []byte("123"), `"123"`},
		{"string", []byte("a\"\n"), `"a\"\n"`},
		{"string", []byte{0xff}, `{"base64":"/w=="}`},
		{"json", []byte(`{"b": 1, "a": 2}`), `{"b":1,"a":2}`},
		{"json", []byte(`{"b": `), `"{\"b\": "`},
		{"json", []byte(`12345678901234567890`), `12345678901234567890`},
		{"int64", be(1 << 62), `4611686018427387904`},
		{"int64", be(math.MaxUint64), `-1`},
		{"int64", []byte("abc"), `"abc"`},
		{"int32", []byte{0xff, 0xff, 0xff, 0xfe}, `-2`},
		{"float64", be(math.Float64bits(1.5)), `1.5`},
		{"float64", be(math.Float64bits(math.NaN())), `{"base64":"f/gAAAAAAAE="}`},
		{"bool", []byte{1}, `true`},
		{"bool", []byte{0}, `false`},
		{"bytes", []byte("abc"), `{"base64":"YWJj"}`},
		{"", []byte("abc"), `"abc"`},
		{"avro", []byte{0, 0xff}, `{"base64":"AP8="}`},
	}
	for _, tt := range tests {
		got := view.JSON(tt.serde, tt.data)
		if string(got) != tt.want {
			t.Errorf("%s of %q: %s, want %s", tt.serde, tt.data, got, tt.want)
		}
		if !got.IsValid() {
			t.Errorf("%s of %q: %s is not JSON", tt.serde, tt.data, got)
		}
	}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	l := view.NewLines(&out)
	for i := range 2 {
		r := view.Record{Topic: "out", Partition: 3, Offset: int64(i), Key: jsontext.Value(`"k"`), Value: jsontext.Value(`{"a":[1]}`), Timestamp: 978307620000}
		if err := l.Print(r); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() != 0 {
		t.Errorf("printed before Flush: %q", &out)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `{"topic":"out","partition":3,"offset":0,"key":"k","value":{"a":[1]},"timestamp":978307620000}
{"topic":"out","partition":3,"offset":1,"key":"k","value":{"a":[1]},"timestamp":978307620000}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var r view.Record
	if err := json.Unmarshal(bytes.SplitAfter(out.Bytes(), []byte("\n"))[0], &r); err != nil {
		t.Error(err)
	}
}

// terminal understands what Screen writes: text, line feeds, "cursor up" and "clear to the end".
type terminal struct {
	t     *testing.T
	lines []string
	row   int
}

func (tm *terminal) Write(p []byte) (int, error) {
	for s := string(p); s != ""; {
		switch {
		case strings.HasPrefix(s, "\x1b[J"):
			tm.lines = tm.lines[:tm.row]
			s = s[3:]
		case strings.HasPrefix(s, "\x1b["):
			var n int
			if _, err := fmt.Sscanf(s, "\x1b[%dA", &n); err != nil || n > tm.row {
				tm.t.Fatalf("cannot do %q in row %d", s, tm.row)
			}
			tm.row -= n
			s = s[strings.IndexByte(s, 'A')+1:]
		case s[0] == '\r':
			s = s[1:]
		default:
			line, rest, ok := strings.Cut(s, "\n")
			if !ok || tm.row != len(tm.lines) {
				tm.t.Fatalf("writes %q into row %d of %d", s, tm.row, len(tm.lines))
			}
			tm.lines = append(tm.lines, line)
			tm.row++
			s = rest
		}
	}
	return len(p), nil
}

func (tm *terminal) String() string { return strings.Join(tm.lines, "\n") }

func TestScreen(t *testing.T) {
	tm := &terminal{t: t}
	s := view.NewScreen(tm, func() (int, int) { return 24, 10 })
	expect := func(want string) {
		t.Helper()
		if diff := cmp.Diff(want, tm.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	s.Draw([]string{"one", "two", "three"})
	expect("one\ntwo\nthree")
	s.Draw([]string{"1"})
	expect("1")
	io.WriteString(s, "log ")
	expect("1")
	io.WriteString(s, "line\nhalf")
	expect("log line\n1")
	s.Draw([]string{"1", "steer\x1b[2J\x07 and much too long for it"})
	expect("log line\n1\nsteer?[2J? and much too ")
	io.WriteString(s, " of it\n")
	expect("log line\nhalf of it\n1\nsteer?[2J? and much too ")
}

func TestTable(t *testing.T) {
	tm := &terminal{t: t}
	clock := time.UnixMilli(0)
	screen := view.NewScreen(tm, func() (int, int) { return 60, 17 })
	table := view.NewTable(screen, func() time.Time { return clock }, []string{"delays", "counts"})
	offset := int64(0)
	record := func(topic, key, value string, at int64) {
		offset++
		r := view.Record{Topic: topic, Offset: offset, Key: jsontext.Value(key), Value: jsontext.Value(value), Timestamp: at}
		if err := table.Print(r); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want string) {
		t.Helper()
		if diff := cmp.Diff(want, tm.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	table.SetStatus("waiting")
	table.Flush()
	expect("delays: 0 records\n\ncounts: 0 records\n\nwaiting")

	record("delays", `"TX"`, `{"state":"TX","flights":12,"worst":-3}`, 978307620000)
	record("delays", `"AK"`, `{"state":"AK","flights":5}`, 978307680000)
	record("delays", `"TX"`, `{"state":"TX","flights":1300,"extra":[1]}`, 978307740000)
	record("counts", `7`, `42`, 0)
	table.SetStatus("running")
	table.Flush()
	expect("delays: 0 records\n\ncounts: 0 records\n\nwaiting") // too early
	clock = clock.Add(time.Second)
	table.Flush()
	expect(`delays: 3 records
KEY  TIME                 STATE  FLIGHTS  EXTRA
AK   2001-01-01 00:08:00  AK           5
TX   2001-01-01 00:09:00  TX        1300  [1]

counts: 1 records
KEY  TIME                 VALUE
  7  1970-01-01 00:00:00     42

running`)

	// More keys than rows: those that changed last, in the order of their keys, and no line more
	// than the terminal has.
	for i := range 2000 {
		record("delays", fmt.Sprintf(`"%04d"`, i), `{}`, 0)
	}
	record("delays", `"0001"`, `{}`, 0)
	table.Draw()
	if len(tm.lines) > 16 {
		t.Errorf("%d lines on 17 rows", len(tm.lines))
	}
	expect(`delays: 2,004 records, the 4 keys that changed last
KEY   TIME
0001  1970-01-01 00:00:00
1997  1970-01-01 00:00:00
1998  1970-01-01 00:00:00
1999  1970-01-01 00:00:00

counts: 1 records
KEY  TIME                 VALUE
  7  1970-01-01 00:00:00     42

running`)
}

// Columns are those of the terminal: a letter of East Asia takes two, a mark that goes onto another
// letter none.
func TestWideCharacters(t *testing.T) {
	tm, columns := &terminal{t: t}, 40
	screen := view.NewScreen(tm, func() (int, int) { return columns, 10 })
	table := view.NewTable(screen, time.Now, []string{"out"})
	for _, key := range []string{`"東京"`, `"Orle\u0301ans"`, `"x\u001b"`} {
		r := view.Record{Topic: "out", Key: jsontext.Value(key), Value: jsontext.Value(`{"n":1}`)}
		if err := table.Print(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Draw(); err != nil {
		t.Fatal(err)
	}
	want := "out: 3 records\n" +
		"KEY      TIME                 N\n" +
		"Orle\u0301ans  1970-01-01 00:00:00  1\n" +
		"x?       1970-01-01 00:00:00  1\n" +
		"東京     1970-01-01 00:00:00  1\n"
	if diff := cmp.Diff(want, tm.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	columns = 29
	if err := screen.Draw([]string{strings.Repeat("東", 20)}); err != nil {
		t.Fatal(err)
	}
	if got := tm.String(); got != strings.Repeat("東", 14) {
		t.Errorf("%q on %d columns", got, columns)
	}
}
