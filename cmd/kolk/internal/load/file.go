package load

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Row is one row of a data file as JSON: a line of a JSON lines file as it stands, or an object with one string for each
// column of a CSV file.
type Row struct {
	// Line is where the row begins in the (uncompressed) file, from 1.
	Line int
	// JSON is valid until the next row, as are the others.
	JSON []byte
	// Names and Cells are what a CSV file has: the header and this row's cells. Both are nil for JSON lines.
	Names, Cells []string
}

// File is a data file: JSON lines (.jsonl, .ndjson, .json) or CSV with a header line (.csv), plain or gzip (recognized by its
// content).
type File struct {
	path   string
	csv    bool
	sha256 string
}

// Open checks that the file can be read and in which format it is, and computes its hash.
func Open(path string) (*File, error) {
	f := &File{path: path}
	ext := strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz")))
	switch ext {
	case ".jsonl", ".ndjson", ".json":
	case ".csv":
		f.csv = true
	default:
		return nil, fmt.Errorf("%s: unknown format %q: want .jsonl, .ndjson, .json or .csv, each with or without .gz", path, ext)
	}
	src, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, src); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.sha256 = hex.EncodeToString(sum.Sum(nil))
	return f, nil
}

// Path is the path that the file was opened with.
func (f *File) Path() string { return f.path }

// SHA256 is the hash of the file's bytes, in hex.
func (f *File) SHA256() string { return f.sha256 }

// Rows reads the file once. Blank lines are no rows. After an error, which names file and line, it ends.
func (f *File) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		src, err := os.Open(f.path)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer src.Close()
		in := bufio.NewReaderSize(src, 1<<16)
		if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			plain, err := gzip.NewReader(in)
			if err != nil {
				yield(Row{}, fmt.Errorf("%s: %w", f.path, err))
				return
			}
			in = bufio.NewReaderSize(plain, 1<<16)
		}
		if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
			in.Discard(3)
		}
		if f.csv {
			f.csvRows(in, yield)
		} else {
			f.lines(in, yield)
		}
	}
}

func (f *File) lines(in *bufio.Reader, yield func(Row, error) bool) {
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Row{}, fmt.Errorf("%s:%d: %w", f.path, n, err))
			return
		}
		if line := bytes.TrimSpace(line); len(line) > 0 && !yield(Row{Line: n, JSON: line}, nil) {
			return
		}
		if err != nil {
			return
		}
	}
}

func (f *File) csvRows(in *bufio.Reader, yield func(Row, error) bool) {
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	header = slices.Clone(header)
	if errors.Is(err, io.EOF) {
		return
	}
	var names [][]byte // quoted
	seen := map[string]bool{}
	for _, name := range header {
		if err != nil {
			break
		}
		if seen[name] {
			err = fmt.Errorf("line 1: two columns are named %q", name)
			break
		}
		seen[name] = true
		var quoted []byte
		quoted, err = jsontext.AppendQuote(nil, name)
		names = append(names, append(quoted, ':'))
	}
	if err != nil {
		yield(Row{}, fmt.Errorf("%s: %w", f.path, err))
		return
	}
	var row []byte
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		line := 0
		if err == nil {
			line, _ = r.FieldPos(0)
			row, err = appendObject(row[:0], names, cells)
		}
		if err != nil {
			yield(Row{}, fmt.Errorf("%s: %w", f.path, err)) // the reader's errors name the line
			return
		}
		if !yield(Row{Line: line, JSON: row, Names: header, Cells: cells}, nil) {
			return
		}
	}
}

// appendObject appends a JSON object with a string for each cell. Cells stay strings: whether 0E8 is a number or the code of
// an airport is not for the loader to guess.
func appendObject(dst []byte, names [][]byte, cells []string) ([]byte, error) {
	dst = append(dst, '{')
	for i, cell := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, names[i]...)
		var err error
		if dst, err = jsontext.AppendQuote(dst, cell); err != nil {
			return nil, fmt.Errorf("column %s: %w", names[i], err)
		}
	}
	return append(dst, '}'), nil
}
