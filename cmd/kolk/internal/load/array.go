package load

import (
	"bufio"
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"io"
)

// elements yields the elements of one array, which is the whole file.
func (f *File) elements(in *bufio.Reader, yield func(Row, error) bool) {
	count := &lineCounter{limited: limited{in: in}, line: 1}
	// whether a row may have a name twice is its reader's to say
	d := jsontext.NewDecoder(count, jsontext.AllowDuplicateNames(true))
	fail := func(err error) {
		at := d.InputOffset()
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			at = syntax.ByteOffset
		}
		for _, plain := range []error{errLong, io.ErrUnexpectedEOF} {
			if errors.Is(err, plain) { // without the decoder's words, and where the element begins
				rest := d.UnreadBuffer()
				at, err = d.InputOffset()+int64(len(rest)-len(bytes.TrimLeft(rest, " \t\r\n,"))), plain
			}
		}
		yield(Row{}, f.at(count.lineOf(at), err))
	}
	if _, err := d.ReadToken(); err != nil {
		fail(err)
		return
	}
	for d.PeekKind() != jsontext.KindEndArray {
		v, err := d.ReadValue()
		if err != nil {
			fail(err)
			return
		}
		line := count.lineOf(d.InputOffset() - int64(len(v)))
		count.next(d.InputOffset())
		if !yield(Row{Line: line, JSON: v}, nil) {
			return
		}
	}
	if _, err := d.ReadToken(); err != nil {
		fail(err)
		return
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		yield(Row{}, f.at(count.lineOf(d.InputOffset()), errors.New("there is more after the array: a .json file is one array of rows, or rows in lines; call it .jsonl if each line is a list")))
	}
}

// limited ends a file whose row does not end: one quote that is missing makes the rest of a file
// one text.
type limited struct {
	in         io.Reader
	read, from int64 // bytes; the row began at from
}

// next says where a row begins.
func (l *limited) next(at int64) { l.from = at }

func (l *limited) Read(p []byte) (int, error) {
	if l.read-l.from > MaxRow {
		return 0, errLong
	}
	n, err := l.in.Read(p)
	l.read += int64(n)
	return n, err
}

// lineCounter knows the lines of what has been read through it.
type lineCounter struct {
	limited
	ends []int64 // the offsets behind the newlines that lineOf has not passed yet
	line int     // before them
}

func (c *lineCounter) Read(p []byte) (int, error) {
	at := c.read
	n, err := c.limited.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.ends = append(c.ends, at+int64(i)+1)
		}
	}
	return n, err
}

// lineOf is the line of a byte. Offsets do not go back.
func (c *lineCounter) lineOf(at int64) int {
	n := 0
	for n < len(c.ends) && c.ends[n] <= at {
		n++
	}
	c.ends = c.ends[n:]
	c.line += n
	return c.line
}
