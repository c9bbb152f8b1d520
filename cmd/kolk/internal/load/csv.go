package load

import (
	"bufio"
	"encoding/csv"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func (f *File) csvRows(in *bufio.Reader, yield func(Row, error) bool) {
	limit := &limited{in: in}
	r := csv.NewReader(limit)
	r.ReuseRecord = true
	fail := func(line int, err error) {
		var of *csv.ParseError
		switch {
		case errors.As(err, &of) && errors.Is(err, csv.ErrFieldCount):
			line, err = of.StartLine, fmt.Errorf("%w: the header has %d", of.Err, r.FieldsPerRecord)
		case errors.As(err, &of):
			line, err = of.StartLine, of.Err
			if of.Line != of.StartLine {
				err = fmt.Errorf("%w (in line %d)", err, of.Line)
			}
		}
		yield(Row{}, f.at(line, err))
	}
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		err = errors.New("the file is empty: want a line with the names of the columns")
	}
	header = slices.Clone(header)
	var names [][]byte // quoted
	if err == nil {
		names, err = columns(header)
	}
	if err != nil {
		fail(1, err)
		return
	}
	var row []byte
	last := 1
	for {
		limit.next(r.InputOffset())
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		line := last + 1
		if err == nil {
			line, _ = r.FieldPos(0)
			last, _ = r.FieldPos(len(cells) - 1)
			row, err = appendObject(row[:0], names, cells)
		}
		if err != nil {
			fail(line, err)
			return
		}
		if !yield(Row{Line: line, JSON: row, Names: header, Cells: cells}, nil) {
			return
		}
	}
}

// columns checks the names of a header and returns them as JSON, each with its colon.
func columns(header []string) (names [][]byte, err error) {
	seen := map[string]bool{}
	for i, name := range header {
		switch {
		case name == "":
			return nil, fmt.Errorf("column %d has no name", i+1)
		case seen[name]:
			return nil, fmt.Errorf("two columns are named %q", name)
		case !utf8.ValidString(name):
			return nil, fmt.Errorf("the name of column %d is not UTF-8: %q", i+1, name)
		case strings.TrimSpace(name) != name:
			return nil, fmt.Errorf("the name of column %d has white space around it: %q", i+1, name)
		case strings.ContainsFunc(name, unicode.IsControl):
			return nil, fmt.Errorf("the name of column %d has a control character in it: %q (lines end in a newline, or in a carriage return and a newline)", i+1, name)
		}
		seen[name] = true
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", i+1, err)
		}
		names = append(names, append(quoted, ':'))
	}
	return names, nil
}

// appendObject appends a JSON object with a string for each cell. Cells stay strings: whether 0E8
// is a number or the code of an airport is not for the loader to guess.
func appendObject(dst []byte, names [][]byte, cells []string) ([]byte, error) {
	dst = append(dst, '{')
	for i, cell := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, names[i]...)
		var err error
		if dst, err = jsontext.AppendQuote(dst, cell); err != nil {
			return nil, fmt.Errorf("column %s the cell is not UTF-8: %q", names[i], cell)
		}
	}
	return append(dst, '}'), nil
}
