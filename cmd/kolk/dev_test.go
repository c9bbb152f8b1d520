package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// printed returns key, value and timestamp of each line of a standard output, sorted.
func printed(t *testing.T, stdout string) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(stdout) {
		var r struct {
			Topic      string
			Key, Value json.RawMessage
			Timestamp  int64
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, fmt.Sprintf("%s %s=%s @%d", r.Topic, r.Key, r.Value, r.Timestamp))
	}
	slices.Sort(all)
	return all
}

func TestDevPrintsRecords(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, "dev", path(t, "words.yaml"), "--data", "words="+words(t, "a", "b", "a"), "--until-end", "--partitions", "1")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	want := `{"topic":"counted","partition":0,"offset":0,"key":"a","value":1,"timestamp":1000}
{"topic":"counted","partition":0,"offset":1,"key":"b","value":1,"timestamp":2000}
{"topic":"counted","partition":0,"offset":2,"key":"a","value":2,"timestamp":3000}
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, want := range []string{`embedded broker on 127\.0\.0\.1:\d+, kept in kolk-data/words; to join: kolk run \S+words.yaml --brokers 127`,
		`words: loaded 3 records from `, `words: 3 records in, 3 out, 0 late; [\d,]+/s, \d+ commits, [\d.]+ s`} {
		if !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
}

func TestDevGoesOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	dev := func(more ...string) (string, string) {
		t.Helper()
		code, stdout, stderr := run(t, append([]string{"dev", path(t, "words.yaml"), "--until-end", "--data-dir", dir}, more...)...)
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		return stdout, stderr
	}
	ab, bc := "words="+words(t, "a", "b"), "words="+words(t, "b", "c")

	stdout, _ := dev("--data", ab)
	if diff := cmp.Diff([]string{`counted "a"=1 @1000`, `counted "b"=1 @2000`}, printed(t, stdout)); diff != "" {
		t.Errorf("first run (-want +got):\n%s", diff)
	}
	// Nothing new: nothing is loaded, processed or printed again.
	stdout, stderr := dev("--data", ab)
	if stdout != "" || !strings.Contains(stderr, "words: already there: 2 records") || !strings.Contains(stderr, "words: 0 records in, 0 out") {
		t.Errorf("second run: %q\n%s", stdout, stderr)
	}
	// The counts go on.
	stdout, _ = dev("--data", ab, "--data", bc)
	if diff := cmp.Diff([]string{`counted "b"=2 @2000`, `counted "c"=1 @2000`}, printed(t, stdout)); diff != "" {
		t.Errorf("third run (-want +got):\n%s", diff)
	}
	stdout, _ = dev("--data", ab, "--fresh")
	if diff := cmp.Diff([]string{`counted "a"=1 @1000`, `counted "b"=1 @2000`}, printed(t, stdout)); diff != "" {
		t.Errorf("fresh run (-want +got):\n%s", diff)
	}
	// Another number of partitions needs a fresh directory, and says so.
	code, _, stderr := run(t, "dev", path(t, "words.yaml"), "--until-end", "--data-dir", dir, "--partitions", "5")
	if code != 1 || !strings.Contains(stderr, "counted has 4") || !strings.Contains(stderr, "--fresh") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestDevLive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"dev", path(t, "words.yaml"), "--data-dir", dir, "--data", "words=" + words(t, "a", "b", "c")}
	dev := start(t, nil, args...)
	dev.stdout.find(t, `"topic":"counted"`, 3)

	// While it runs nobody else may use the directory,
	code, _, stderr := run(t, args...)
	if code != 1 || !strings.Contains(stderr, "the data directory is in use by another process") {
		t.Errorf("a second run: exit code %d\n%s", code, stderr)
	}
	// but others may join, and load.
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(dev.stderr.find(t, "embedded broker on", 1))
	joined := start(t, nil, "run", path(t, "words.yaml"), "--brokers", address, "--workers", "1")
	code, _, stderr = run(t, "load", path(t, "words.yaml"), "--brokers", address, "--data", "words="+words(t, "a", "c", "d"))
	if code != 0 || !strings.Contains(stderr, "words: loaded 3 records") {
		t.Errorf("load: exit code %d\n%s", code, stderr)
	}
	dev.stdout.find(t, `"topic":"counted"`, 6)

	joined.signal(os.Interrupt)
	if code := joined.wait(); code != 0 {
		t.Errorf("the joined process: exit code %d\n%s", code, joined.stderr)
	}
	dev.signal(syscall.SIGTERM)
	if code := dev.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, dev.stderr)
	}
	want := []string{`counted "a"=1 @1000`, `counted "a"=2 @1000`, `counted "b"=1 @2000`, `counted "c"=1 @3000`, `counted "c"=2 @3000`, `counted "d"=1 @3000`}
	if diff := cmp.Diff(want, printed(t, dev.stdout.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Everything was committed and printed.
	code, stdout, stderr := run(t, append(args, "--until-end")...)
	if code != 0 || stdout != "" {
		t.Errorf("exit code %d, %q\n%s", code, stdout, stderr)
	}
}

func TestDevTable(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, "dev", path(t, "words.yaml"), "--data", "words="+words(t, "a", "b", "a"), "--until-end", "--output", "table")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	last := stdout[strings.LastIndex(stdout, "counted: "):]
	want := "counted: 3 records\nKEY  TIME                 VALUE\na    1970-01-01 00:00:03      2\nb    1970-01-01 00:00:02      1\n\n3 in, 3 out, 0 late, 0 dropped, "
	if !strings.HasPrefix(last, want) {
		t.Errorf("the table at the end:\n%s\nwant\n%s", last, want)
	}
}

// The environment configures as flags do.
func TestDevByEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := []string{"KOLK_DATA=words=" + words(t, "a"), "KOLK_UNTIL_END=true", "KOLK_DATA_DIR=" + dir, "KOLK_OUTPUT=none"}
	code, stdout, stderr := runWith(t, env, "dev", path(t, "words.yaml"))
	if code != 0 || stdout != "" || !strings.Contains(stderr, "words: 1 records in, 1 out") {
		t.Errorf("exit code %d, %q\n%s", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "broker")); err != nil {
		t.Error(err)
	}
}

func TestDevRefuses(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	code, _, stderr := run(t, "dev", path(t, "words.yaml"), "--port", port)
	if code != 1 || !strings.Contains(stderr, "port "+port+" is in use") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}

	precious := filepath.Dir(file(t, "thesis.txt", "."))
	code, _, stderr = run(t, "dev", path(t, "words.yaml"), "--data-dir", precious, "--fresh")
	if _, err := os.Stat(filepath.Join(precious, "thesis.txt")); code != 1 || err != nil || !strings.Contains(stderr, "the directory is not empty") {
		t.Errorf("exit code %d, %v\n%s", code, err, stderr)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBadRows(t *testing.T) {
	t.Parallel()
	rows := read(t, words(t, "a", "b"))
	data := file(t, "rows.jsonl", string(rows)+"oops\n"+strings.ReplaceAll(string(rows), `"a"`, `"c"`))
	args := []string{"dev", path(t, "words.yaml"), "--data", "words=" + data, "--until-end", "--partitions", "1"}

	code, stdout, stderr := run(t, args...)
	if code != 1 || stdout != "" || !strings.Contains(stderr, data+":3: ") {
		t.Errorf("exit code %d, %q\n%s", code, stdout, stderr)
	}
	code, stdout, stderr = run(t, append(args, "--on-error", "skip")...)
	want := []string{`counted "a"=1 @1000`, `counted "b"=1 @2000`, `counted "b"=2 @2000`, `counted "c"=1 @1000`}
	if diff := cmp.Diff(want, printed(t, stdout)); code != 0 || diff != "" {
		t.Errorf("exit code %d (-want +got):\n%s\n%s", code, diff, stderr)
	}
	for _, want := range []string{"words: 1 of them are no messages of the topology", "dropped: 1 at "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
}

// What is not wrong, but often not meant, is said when a file is loaded, and not again.
func TestDevRemarks(t *testing.T) {
	t.Parallel()
	topology := file(t, "orders.yaml", `
name: orders
sources:
  orders: {stream: orders, schema: {user: string, amount: int, at: int}, time: value.at, key-from: value.user}
  users: {table: users, schema: {id: string, name: string}, key-from: value.id}
streams:
  - from: orders
    steps:
      - join: {name: user, table: users, left: true, value: {name: right.name, amount: left.amount}}
      - to: named
`)
	orders := file(t, "orders.csv", "user,at\nu1,1000\n")
	users := file(t, "users.csv", "id,name\nu1,Ann\n")
	args := []string{"dev", topology, "--data-dir", filepath.Join(t.TempDir(), "data"), "--data", "orders=" + orders, "--data", "users=" + users, "--until-end"}
	remarks := []string{
		`orders.csv has no columns ["amount"], which the schema names: they are null`,
		"users: its rows are of now, for the source has no time: joins do not find them for older records; time: 0 makes them older than all",
	}
	for i := range 2 {
		code, stdout, stderr := run(t, args...)
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		for _, remark := range remarks {
			if got, want := strings.Contains(stderr, remark), i == 0; got != want {
				t.Errorf("run %d: %q is there: %v\n%s", i, remark, got, stderr)
			}
		}
		if i == 0 {
			if diff := cmp.Diff([]string{`named "u1"={"name":null,"amount":null} @1000`}, printed(t, stdout)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
	topology = file(t, "older.yaml", strings.ReplaceAll(string(read(t, topology)), "{table: users,", "{table: users, time: 0,"))
	code, stdout, stderr := run(t, "dev", topology, "--data", "orders="+orders, "--data", "users="+users, "--until-end")
	if code != 0 || strings.Contains(stderr, "of now") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if diff := cmp.Diff([]string{`named "u1"={"name":"Ann","amount":null} @1000`}, printed(t, stdout)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
