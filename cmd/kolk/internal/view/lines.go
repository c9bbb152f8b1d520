package view

import (
	"bufio"
	"encoding/json/jsontext"
	"io"
	"strconv"
)

// Lines prints one JSON object a line. It belongs to one goroutine.
type Lines struct {
	w   *bufio.Writer
	buf []byte
}

// NewLines returns a printer to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: bufio.NewWriterSize(w, 1<<16)} }

// Print writes a record. It may be seen only after Flush.
func (l *Lines) Print(r Record) error {
	b := append(l.buf[:0], `{"topic":`...)
	b, _ = jsontext.AppendQuote(b, r.Topic) // topics are ASCII
	b = append(b, `,"partition":`...)
	b = strconv.AppendInt(b, int64(r.Partition), 10)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, r.Offset, 10)
	b = append(append(b, `,"key":`...), r.Key...)
	b = append(append(b, `,"value":`...), r.Value...)
	b = append(b, `,"timestamp":`...)
	b = strconv.AppendInt(b, r.Timestamp, 10)
	l.buf = append(b, "}\n"...)
	_, err := l.w.Write(l.buf)
	return err
}

// Flush writes out what was printed.
func (l *Lines) Flush() error { return l.w.Flush() }
