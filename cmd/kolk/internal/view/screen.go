package view

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// Screen is the lower part of a terminal that is drawn anew in place, and log lines that scroll
// above it. It is safe for concurrent use.
type Screen struct {
	mu    sync.Mutex
	w     io.Writer
	size  func() (columns, rows int)
	drawn []string // the lines that are on the terminal, each followed by a line feed
	part  []byte   // of a log line without its end
}

// NewScreen draws on w; size is asked before each drawing.
func NewScreen(w io.Writer, size func() (columns, rows int)) *Screen {
	return &Screen{w: w, size: size}
}

// Size returns how many columns and rows there are to draw on.
func (s *Screen) Size() (columns, rows int) {
	columns, rows = s.size()
	return max(columns, 20), max(rows-1, 5) // the last row is the cursor's
}

// Draw replaces what was drawn last. Lines are cut to the width; control characters in them are
// shown as "?".
func (s *Screen) Draw(lines []string) error {
	columns, _ := s.Size()
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	s.erase(&b)
	s.drawn = s.drawn[:0]
	for _, line := range lines {
		line = printable(line, columns)
		s.drawn = append(s.drawn, line)
	}
	s.redraw(&b)
	_, err := s.w.Write(b.Bytes())
	return err
}

// Write puts complete lines above what is drawn: for a logger.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part = append(s.part, p...)
	end := bytes.LastIndexByte(s.part, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	var b bytes.Buffer
	s.erase(&b)
	b.Write(s.part[:end])
	s.part = append(s.part[:0], s.part[end:]...)
	s.redraw(&b)
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *Screen) erase(b *bytes.Buffer) {
	if n := len(s.drawn); n > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(n) + "A") // to the first line,
		b.WriteString("\r\x1b[J")                      // and clear from there
	}
}

func (s *Screen) redraw(b *bytes.Buffer) {
	for _, line := range s.drawn {
		b.WriteString(line)
		b.WriteByte('\n')
	}
}

// printable is text as it is shown, cut to columns.
func printable(text string, columns int) string { return runewidth.Truncate(shown(text), columns, "") }

// shown makes control characters harmless: data must not steer the terminal.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
