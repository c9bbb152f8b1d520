package load

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// Row is one row of a data file as JSON: a line of a JSON lines file as it stands, an element of an
// array, or an object with one string for each column of a CSV file.
type Row struct {
	// Line is where the row begins in the (uncompressed) file, from 1.
	Line int
	// JSON is valid until the next row, as are the others.
	JSON []byte
	// Names and Cells are what a CSV file has: the header and this row's cells. Both are nil for
	// JSON.
	Names, Cells []string
}

// MaxRow is the largest row, in bytes. No broker takes a message of this size in its default
// configuration.
const MaxRow = 64 << 20

// File is a data file: JSON lines (.jsonl, .ndjson, .json), an array of rows (.json) or CSV with a
// header line (.csv), plain or gzip (recognized by its content), in UTF-8.
type File struct {
	path   string
	ext    string
	sha256 string
}

// Open checks that the file can be read and in which format it is, and computes its hash.
func Open(path string) (*File, error) {
	f := &File{path: path, ext: strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz")))}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory: name the files in it", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: it could not be read twice, to know it again and to load it", path)
	}
	switch f.ext {
	case ".jsonl", ".ndjson", ".json", ".csv":
	default:
		return nil, fmt.Errorf("%s: unknown format %q: want .jsonl, .ndjson, .json or .csv, each with or without .gz", path, f.ext)
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

// Rows reads the file once. Blank lines are no rows. After an error, which names file and line, it
// ends.
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
				yield(Row{}, f.at(1, err))
				return
			}
			in = bufio.NewReaderSize(plain, 1<<16)
		}
		if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
			in.Discard(3)
		} else if bytes.HasPrefix(bom, []byte("\xff\xfe")) || bytes.HasPrefix(bom, []byte("\xfe\xff")) {
			yield(Row{}, f.at(1, errors.New("the file is UTF-16; want UTF-8")))
			return
		}
		switch {
		case f.ext == ".csv":
			f.csvRows(in, yield)
		case f.ext == ".json" && beginsWith(in, '['):
			f.elements(in, yield)
		default:
			f.lines(in, yield)
		}
	}
}

// at gives an error its place.
func (f *File) at(line int, err error) error { return fmt.Errorf("%s:%d: %w", f.path, line, err) }

// beginsWith reports whether c is the first byte that is no white space, as far as it can be seen
// without reading.
func beginsWith(in *bufio.Reader, c byte) bool {
	head, _ := in.Peek(in.Size())
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && head[0] == c
}

// lines yields the lines of JSON lines.
func (f *File) lines(in *bufio.Reader, yield func(Row, error) bool) {
	var long []byte
	for n := 1; ; n++ {
		long = long[:0]
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, line...); len(long) > MaxRow {
				break
			}
			line, err = in.ReadSlice('\n')
		}
		if len(long) > 0 && len(long) <= MaxRow {
			long = append(long, line...)
		}
		if len(long) > 0 {
			line = long
		}
		if len(line) > MaxRow {
			err = errLong
		}
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Row{}, f.at(n, err))
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

var errLong = fmt.Errorf("a row of more than %d MiB", MaxRow>>20)
