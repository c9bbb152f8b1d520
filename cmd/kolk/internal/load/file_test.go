package load_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kolkstream/kolk/cmd/kolk/internal/load"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	data := []byte(content)
	if strings.HasSuffix(name, ".gz") {
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		w.Write(data)
		w.Close()
		data = buf.Bytes()
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRows(t *testing.T) {
	tests := []struct {
		name, file, content string
		want                []string // line and row
		err                 string   // after the file's name
	}{
		{"JSON lines", "a.jsonl", "{\"a\":1}\n{\"a\":2}\n", []string{`1 {"a":1}`, `2 {"a":2}`}, ""},
		{"no newline at the end", "a.ndjson", `{"a":1}`, []string{`1 {"a":1}`}, ""},
		{"blank lines and white space", "a.json", "\n {\"a\":1} \r\n\n[2]\n", []string{`2 {"a":1}`, `4 [2]`}, ""},
		{"gzip", "a.jsonl.gz", "1\n2\n", []string{"1 1", "2 2"}, ""},
		{"byte order mark", "a.jsonl", "\xef\xbb\xbf1\n", []string{"1 1"}, ""},
		{"empty", "a.jsonl", "", nil, ""},
		{"CSV", "a.csv", "code,name\n0E8,\"Say \"\"hi\"\"\"\n,x\n", []string{
			`2 {"code":"0E8","name":"Say \"hi\""}`, `3 {"code":"","name":"x"}`}, ""},
		{"CSV with a line break in a cell", "a.csv", "a,b\n\"1\n2\",3\n4,5\n", []string{
			`2 {"a":"1\n2","b":"3"}`, `4 {"a":"4","b":"5"}`}, ""},
		{"CSV, gzip", "a.csv.gz", "a\n1\n", []string{`2 {"a":"1"}`}, ""},
		{"CSV without rows", "a.csv", "a,b\n", nil, ""},
		{"empty CSV", "a.csv", "", nil, ""},
		{"CSV with a short line", "a.csv", "a,b\n1,2\n3\n", []string{`2 {"a":"1","b":"2"}`}, ": record on line 3: wrong number of fields"},
		{"CSV with one name twice", "a.csv", "a,a\n1,2\n", nil, `: line 1: two columns are named "a"`},
		{"CSV that is not UTF-8", "a.csv", "a\n\xff\n", nil, `: column "a":: `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.file, tt.content)
			f, err := load.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // a file can be read again
				var got []string
				var failed error
				for row, err := range f.Rows() {
					if failed != nil {
						t.Fatalf("a row after the error %v", failed)
					}
					if failed = err; err == nil {
						got = append(got, fmt.Sprintf("%d %s", row.Line, row.JSON))
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
				switch {
				case tt.err == "" && failed != nil:
					t.Error(failed)
				case tt.err != "" && (failed == nil || !strings.HasPrefix(failed.Error(), path+tt.err)):
					t.Errorf("error %v, want %s%s", failed, path, tt.err)
				}
			}
		})
	}
}

func TestTruncatedGzip(t *testing.T) {
	path := write(t, "a.jsonl.gz", strings.Repeat("{\"a\":1}\n", 100))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)-8], 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	for _, err := range f.Rows() {
		failed = err
	}
	if failed == nil || !strings.Contains(failed.Error(), "unexpected EOF") {
		t.Errorf("a truncated file gives %v", failed)
	}
}

func TestOpen(t *testing.T) {
	if _, err := load.Open(write(t, "a.parquet", "")); err == nil || !strings.Contains(err.Error(), `unknown format ".parquet"`) {
		t.Errorf("an unknown format gives %v", err)
	}
	if _, err := load.Open(filepath.Join(t.TempDir(), "none.jsonl")); !os.IsNotExist(err) {
		t.Errorf("a missing file gives %v", err)
	}
	a, err := load.Open(write(t, "a.jsonl", "1\n"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := load.Open(write(t, "b.jsonl", "1\n"))
	if err != nil {
		t.Fatal(err)
	}
	// sha256 of "1\n"
	if want := "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"; a.SHA256() != want || b.SHA256() != want {
		t.Errorf("hashes %s and %s, want %s", a.SHA256(), b.SHA256(), want)
	}
}
