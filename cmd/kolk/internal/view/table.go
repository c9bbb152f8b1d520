package view

import (
	"cmp"
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
)

// Table shows, for each topic, the newest record of the keys that changed last. It is safe for
// concurrent use.
type Table struct {
	mu     sync.Mutex
	screen *Screen
	now    func() time.Time
	topics []*topicTable
	status string
	next   time.Time // of the next drawing
	dirty  bool
}

// interval is the time between two drawings.
const interval = 100 * time.Millisecond

// keep is how many keys of a topic are remembered; more than any terminal has rows.
const keep = 512

type topicTable struct {
	name    string
	records int64
	keys    map[string]*rowOf
	clock   int64 // counts updates
}

type rowOf struct {
	key       string
	timestamp int64
	fields    []field
	updated   int64
}

type field struct{ name, value string }

// NewTable returns a table of these topics. now is the wall clock; it decides when to draw.
func NewTable(screen *Screen, now func() time.Time, topics []string) *Table {
	t := &Table{screen: screen, now: now, dirty: true}
	for _, name := range topics {
		t.topics = append(t.topics, &topicTable{name: name, keys: map[string]*rowOf{}})
	}
	return t
}

// Print remembers a record.
func (t *Table) Print(r Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.topics, func(tt *topicTable) bool { return tt.name == r.Topic })
	if i < 0 {
		return nil
	}
	t.topics[i].add(r)
	t.dirty = true
	return nil
}

// SetStatus sets the line below the tables.
func (t *Table) SetStatus(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text != t.status {
		t.status, t.dirty = text, true
	}
}

// Flush draws if something changed and the last drawing is some time ago.
func (t *Table) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.now(); t.dirty && !now.Before(t.next) {
		t.next = now.Add(interval)
		return t.draw()
	}
	return nil
}

// Draw draws now.
func (t *Table) Draw() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.draw()
}

func (t *Table) draw() error {
	t.dirty = false
	return t.screen.Draw(t.lines())
}

func (t *Table) lines() []string {
	_, rows := t.screen.Size()
	if t.status != "" {
		rows -= 2
	}
	var lines []string
	for i, tt := range t.topics {
		share := (rows - len(lines)) / (len(t.topics) - i)
		lines = append(lines, tt.lines(share-3)...)
		lines = append(lines, "")
	}
	if t.status != "" {
		lines = append(lines, t.status)
	}
	return lines
}

func (tt *topicTable) add(r Record) {
	tt.records++
	tt.clock++
	row := &rowOf{key: plain(r.Key), timestamp: r.Timestamp, fields: fields(r.Value), updated: tt.clock}
	tt.keys[row.key] = row
	if len(tt.keys) > 2*keep {
		newest := tt.newest(keep)
		clear(tt.keys)
		for _, row := range newest {
			tt.keys[row.key] = row
		}
	}
}

// newest returns up to n rows that changed last, by key.
func (tt *topicTable) newest(n int) []*rowOf {
	rows := make([]*rowOf, 0, len(tt.keys))
	for _, row := range tt.keys {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *rowOf) int { return cmp.Compare(b.updated, a.updated) })
	rows = rows[:min(max(n, 1), len(rows))]
	slices.SortFunc(rows, func(a, b *rowOf) int { return strings.Compare(a.key, b.key) })
	return rows
}

func (tt *topicTable) lines(n int) []string {
	rows := tt.newest(n)
	title := fmt.Sprintf("%s: %s records", tt.name, humanize.Comma(tt.records))
	if more := len(tt.keys) - len(rows); more > 0 {
		title += fmt.Sprintf(", the %d keys that changed last", len(rows))
	}
	lines := []string{title}
	if len(rows) == 0 {
		return lines
	}
	head := []string{"KEY", "TIME"}
	column := map[string]int{}
	for _, row := range rows {
		for _, f := range row.fields {
			if _, ok := column[f.name]; !ok {
				column[f.name] = len(head)
				head = append(head, shown(strings.ToUpper(f.name)))
			}
		}
	}
	cells := [][]string{head}
	for _, row := range rows {
		line := make([]string, len(head))
		line[0], line[1] = shown(row.key), time.UnixMilli(row.timestamp).UTC().Format(time.DateTime)
		for _, f := range row.fields {
			line[column[f.name]] = shown(f.value)
		}
		cells = append(cells, line)
	}
	return append(lines, align(cells)...)
}

// align pads the columns: numbers to the right, text to the left.
func align(cells [][]string) []string {
	width := make([]int, len(cells[0]))
	right := make([]bool, len(cells[0]))
	for c := range width {
		right[c] = true
		for i, line := range cells {
			width[c] = max(width[c], runewidth.StringWidth(line[c]))
			right[c] = right[c] && (i == 0 || line[c] == "" || isNumber(line[c]))
		}
	}
	lines := make([]string, len(cells))
	for i, line := range cells {
		var b strings.Builder
		for c, cell := range line {
			pad := strings.Repeat(" ", width[c]-runewidth.StringWidth(cell))
			if c > 0 {
				b.WriteString("  ")
			}
			if right[c] {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

func isNumber(text string) bool {
	v := jsontext.Value(text)
	return v.Kind() == '0' && v.IsValid()
}

// fields returns the fields of an object in their order, or the value as a whole.
func fields(v jsontext.Value) []field {
	dec := jsontext.NewDecoder(strings.NewReader(string(v)))
	if dec.PeekKind() != '{' {
		return []field{{"value", plain(v)}}
	}
	dec.ReadToken()
	var fs []field
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			break
		}
		n := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			break
		}
		fs = append(fs, field{n, plain(value)})
	}
	return fs
}

// plain is JSON without the quotes of a string.
func plain(v jsontext.Value) string {
	if v.Kind() == '"' {
		if text, err := jsontext.AppendUnquote(nil, v); err == nil {
			return string(text)
		}
	}
	return string(v)
}
