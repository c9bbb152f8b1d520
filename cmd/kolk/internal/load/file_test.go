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
		{"empty CSV", "a.csv", "", nil, ":1: the file is empty"},
		{"CSV with a long line", "a.csv", "a,b\n1,2,3\n", nil, ":2: wrong number of fields: the header has 2"},
		{"CSV with a column without a name", "a.csv", "a,\n1,2\n", nil, ":1: column 2 has no name"},
		{"CSV with blanks in the header", "a.csv", "a, b\n1,2\n", nil, `:1: the name of column 2 has white space around it: " b"`},
		{"CSV with carriage returns alone", "a.csv", "a,b\r1,2\r", nil, ":1: the name of column 2 has a"},
		{"CSV with both", "a.csv", "a,b\r\n1,2\r\n", []string{`2 {"a":"1","b":"2"}`}, ""},
		{"CSV, byte order mark", "a.csv", "\xef\xbb\xbfa\n1\n", []string{`2 {"a":"1"}`}, ""},
		{"CSV with an open quote", "a.csv", "a,b\n1,2\n\"3,4\n5,6\n", []string{`2 {"a":"1","b":"2"}`}, `:3: extraneous or missing " in quoted-field`},
		{"CSV with a quote in a cell", "a.csv", "a\nb\"c\n", nil, `:2: bare " in non-quoted-field`},
		{"CSV with a header that is not UTF-8", "a.csv", "a\xff\n1\n", nil, ":1: the name of column 1 is not UTF-8"},
		{"UTF-16", "a.csv", "\xff\xfea\x00\n\x00", nil, ":1: the file is UTF-16; want UTF-8"},
		{"array", "a.json", "\n[ {\"a\":1},\n{\"a\":\n2}\n , 3]\n", []string{`2 {"a":1}`, "3 {\"a\":\n2}", `5 3`}, ""},
		{"empty array", "a.json", " [ ]\n", nil, ""},
		{"array, gzip", "a.json.gz", "[1,\n2]", []string{"1 1", "2 2"}, ""},
		{"array with more behind it", "a.json", "[1]\n[2]\n", []string{"1 1"}, ":2: there is more after the array"},
		{"array that does not end", "a.json", "[1,\n2,\n", []string{"1 1", "2 2"}, ":3: unexpected EOF"},
		{"array with a comma too many", "a.json", "[1,\n]", []string{"1 1"}, ":1: "},
		{"array in lines", "a.jsonl", "[1]\n[2]\n", []string{"1 [1]", "2 [2]"}, ""},
		{"CSV with a short line", "a.csv", "a,b\n1,2\n3\n", []string{`2 {"a":"1","b":"2"}`}, ":3: wrong number of fields: the header has 2"},
		{"CSV with one name twice", "a.csv", "a,a\n1,2\n", nil, `:1: two columns are named "a"`},
		{"CSV that is not UTF-8", "a.csv", "a\n\xff\n", nil, `:2: column "a": the cell is not UTF-8: "\xff"`},
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

// A row that does not end is refused before it fills the memory.
func TestLongRows(t *testing.T) {
	for name, content := range map[string]string{
		"a.jsonl": "1\n" + strings.Repeat("x", load.MaxRow+1),
		"a.json":  "[1,\n\"" + strings.Repeat("x", load.MaxRow+1),
		"a.csv":   "a\n\"" + strings.Repeat("x", load.MaxRow+1),
	} {
		f, err := load.Open(write(t, name+".gz", content))
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		for _, err := range f.Rows() {
			failed = err
		}
		if failed == nil || !strings.HasSuffix(failed.Error(), name+".gz:2: a row of more than 64 MiB") {
			t.Errorf("%s: %v", name, failed)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d.jsonl")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := load.Open(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory gives %v", err)
	}
	if _, err := load.Open(os.DevNull); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a device gives %v", err)
	}
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
