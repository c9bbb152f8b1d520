package flow

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shape is what a store is: all that decides what its bytes mean, as far as a plan knows it. Two
// plans can share a store's state only if their shapes of it have no [Shape.Differences]. Shapes
// can be compared with ==, and [Shape.String] is the same text for equal ones; [ParseShape] reads
// it back.
//
// It is about what a store is of, not about what is put into it: functions are not part of it, and
// neither is the grace of windows, which decides how long a store keeps them.
type Shape struct {
	// Role is what the store belongs to: "count", "reduce", "aggregate" or "table", "store" for a
	// processor's, "in-order" for InOrder, "time" for a task's own.
	Role string
	// Size and Advance are those of the windows; 0 where there are none. Tumbling windows have the
	// same for both. Offset is by how much they begin later.
	Size, Advance, Offset time.Duration
	// Windows is the kind of windows that are neither tumbling nor hopping: "sessions", whose Size
	// is the gap, "sliding", whose Size is the difference, "cumulating", whose Advance is the step,
	// "days", "weeks", "months", whose Zone is a time zone, after the first day of weeks.
	Windows, Zone string
	// Key and Value are the names of the serdes.
	Key, Value string
	// Columns is the text of the value's [Columns]; "" where it has none, or none that are known.
	Columns string
	// Format is the version of the layout in docs/format/state.md.
	Format int
}

// Format returns the version of the layout of stores of a kind. Texts of shapes name it where it is
// not 1.
func (k StoreKind) Format() int {
	if k == WaitingStore {
		return 2 // 1: keys had no end
	}
	return 1
}

// Column is a part of the values of a store that is looked up by its name, and the function that it
// is computed with.
type Column struct {
	Name, Function string
	// Gone columns belong to an earlier plan, not to the last one: keys that were updated since
	// have lost them, others have not.
	Gone bool
}

// Columned is a serde of values that consist of columns. Build asks for them, so that a
// store is not continued with another function under a column's name.
type Columned interface {
	Columns() []Column
}

// ColumnsText returns the text of columns: "n:count,sum:sum", by name. Those that are gone have a
// "-" before the function.
func ColumnsText(columns []Column) string {
	columns = slices.SortedFunc(slices.Values(columns), func(a, b Column) int { return cmp.Compare(a.Name, b.Name) })
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(Word(c.Name))
		b.WriteByte(':')
		if c.Gone {
			b.WriteByte('-')
		}
		b.WriteString(Word(c.Function))
	}
	return b.String()
}

// String returns the shape as text: "aggregate hopping=10m/1m key=string value=json
// columns=n:count,sum:sum".
func (s Shape) String() string {
	var b strings.Builder
	b.WriteString(Word(s.Role))
	switch kind := s.kind(); kind {
	case "none":
	case "tumbling", "sessions", "sliding":
		b.WriteString(" " + kind + "=" + cmp.Or(Duration(s.Size), "0s"))
	case "hopping", "cumulating":
		b.WriteString(" " + kind + "=" + Duration(s.Size) + "/" + Duration(s.Advance))
	default:
		b.WriteString(" " + kind + "=" + Word(s.Zone))
	}
	if s.Offset != 0 {
		b.WriteString(" offset=" + Duration(s.Offset))
	}
	b.WriteString(" key=" + Word(s.Key) + " value=" + Word(s.Value))
	if s.Columns != "" {
		b.WriteString(" columns=" + s.Columns)
	}
	if s.Format != 1 {
		b.WriteString(" format=" + strconv.Itoa(s.Format))
	}
	return b.String()
}

// kind is the kind of the windows.
func (s Shape) kind() string {
	switch {
	case s.Windows != "":
		return s.Windows
	case s.Size == 0:
		return "none"
	case s.Size == s.Advance:
		return "tumbling"
	}
	return "hopping"
}

// ErrShape marks the errors of [ParseShape].
var ErrShape = errors.New("topology: this is no shape of a store")

// ParseShape is the inverse of [Shape.String], and takes nothing else.
func ParseShape(text string) (Shape, error) {
	s := Shape{Format: 1}
	rest := text
	ok := true
	// next takes the word that follows a name.
	next := func(name string) (found bool, value string) {
		after, found := strings.CutPrefix(rest, name)
		if found && ok {
			value, rest, ok = cutWord(after)
		}
		return found, value
	}
	_, s.Role = next("")
	if found, value := next(" tumbling="); found {
		s.Size, ok = parseSize(value, ok)
		s.Advance = s.Size
	}
	for _, kind := range []string{"sessions", "sliding"} {
		if found, value := next(" " + kind + "="); found {
			s.Windows = kind
			if s.Size, ok = parseSize(value, ok); value == "0s" {
				ok = true
			}
		}
	}
	for _, kind := range []string{"hopping", "cumulating"} {
		if found, value := next(" " + kind + "="); found {
			if s.Size, ok = parseSize(value, ok); kind == "cumulating" {
				s.Windows = kind
			}
			_, value = next("/")
			s.Advance, ok = parseSize(value, ok)
		}
	}
	for _, kind := range []string{"days", "weeks", "months"} {
		if found, value := next(" " + kind + "="); found {
			s.Windows, s.Zone = kind, value
		}
	}
	if found, value := next(" offset="); found {
		s.Offset, ok = parseSize(value, ok)
	}
	_, s.Key = next(" key=")
	_, s.Value = next(" value=")
	if after, found := strings.CutPrefix(rest, " columns="); found && ok {
		var columns []Column
		columns, rest, ok = cutColumns(after)
		s.Columns = ColumnsText(columns)
	}
	if found, value := next(" format="); found {
		n, err := strconv.Atoi(value)
		s.Format, ok = n, ok && err == nil
	}
	if !ok || rest != "" || s.String() != text {
		return Shape{}, fmt.Errorf("%w: %q", ErrShape, text)
	}
	return s, nil
}

func parseSize(text string, ok bool) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, ok && err == nil && d > 0
}

// plain reports whether a name stands in a text as it is.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_'
}

// Word returns a name as texts have it: quoted unless it is letters and digits.
func Word(name string) string {
	for i := range len(name) {
		if !plain(name[i]) {
			return strconv.Quote(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// cutWord cuts what Word has written off the beginning of a text.
func cutWord(text string) (name, rest string, ok bool) {
	if strings.HasPrefix(text, `"`) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", "", false
		}
		name, err = strconv.Unquote(quoted)
		return name, text[len(quoted):], err == nil
	}
	n := 0
	for n < len(text) && plain(text[n]) {
		n++
	}
	return text[:n], text[n:], n > 0
}

// cutColumns cuts columns off the beginning of a text.
func cutColumns(text string) (columns []Column, rest string, ok bool) {
	for rest = text; ; rest = rest[1:] {
		var c Column
		if c.Name, rest, ok = cutWord(rest); !ok || !strings.HasPrefix(rest, ":") {
			return nil, rest, false
		}
		rest, c.Gone = strings.CutPrefix(rest[1:], "-")
		if c.Function, rest, ok = cutWord(rest); !ok {
			return nil, rest, false
		}
		if columns = append(columns, c); !strings.HasPrefix(rest, ",") {
			return columns, rest, true
		}
	}
}

// ColumnList returns the columns, by name.
func (s Shape) ColumnList() []Column {
	columns, _, _ := cutColumns(s.Columns)
	return columns
}

// Differences returns in what a plan whose shape of a store is other reads the state wrongly that
// was written with the shape s, each as "window size 10m -> 5m"; nothing if it reads it rightly.
//
// Columns may be added, and begin anew for each key; and they may be taken out, for good. Where one
// of the shapes has no columns, because functions of Go compute the value, they are not compared.
func (s Shape) Differences(other Shape) []string {
	var d []string
	differ := func(what, was, is string) {
		if was != is {
			d = append(d, what+" "+was+" -> "+is)
		}
	}
	differ("kind", s.Role, other.Role)
	was, is := s.kind(), other.kind()
	differ("windows", was, is)
	switch {
	case was == "none" || is == "none":
	case s.Zone != "" || other.Zone != "":
		if was == is {
			differ("time zone of the windows", s.Zone, other.Zone)
		}
	case was == "sliding" && is == "sliding":
		differ("difference of the sliding windows", cmp.Or(Duration(s.Size), "0s"), cmp.Or(Duration(other.Size), "0s"))
	case was == "sessions" && is == "sessions":
		differ("gap of the sessions", cmp.Or(Duration(s.Size), "0s"), cmp.Or(Duration(other.Size), "0s"))
	default:
		differ("window size", Duration(s.Size), Duration(other.Size))
		if was == "hopping" || is == "hopping" || was == "cumulating" && is == was {
			differ("window advance", Duration(s.Advance), Duration(other.Advance))
		}
	}
	if was == is {
		differ("window offset", cmp.Or(Duration(s.Offset), "none"), cmp.Or(Duration(other.Offset), "none"))
	}
	differ("key serde", s.Key, other.Key)
	if s.Columns == "" || other.Columns == "" { // otherwise the columns say it better
		differ("value serde", s.Value, other.Value)
	}
	for _, was := range s.ColumnList() {
		for _, is := range other.ColumnList() {
			switch {
			case was.Name != is.Name:
			case was.Gone && !is.Gone:
				d = append(d, fmt.Sprintf("column %s taken out before -> %s", was.Name, is.Function))
			default:
				differ("column "+was.Name, was.Function, is.Function)
			}
		}
	}
	differ("format", strconv.Itoa(s.Format), strconv.Itoa(other.Format))
	return d
}

// Continued returns the shape of a store that was written with the shape s and is now written by a
// plan with the shape next, which has no differences: next, and the columns of s that next does not
// have.
func (s Shape) Continued(next Shape) Shape {
	columns := next.ColumnList()
	for _, c := range s.ColumnList() {
		if !slices.ContainsFunc(columns, func(n Column) bool { return n.Name == c.Name }) {
			c.Gone = c.Gone || next.Columns != ""
			columns = append(columns, c)
		}
	}
	next.Columns = ColumnsText(columns)
	return next
}

// Duration returns a duration as texts have it, without what is 0: "10m"; "" for 0.
func Duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
