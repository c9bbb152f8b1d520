package main_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	t.Parallel()
	good, data := path(t, "words.yaml"), words(t, "a")
	config := file(t, "kolk.yaml", "comit-interval: 1s\n")
	semicolons := file(t, "semicolons.csv", "word;at\na;1000\n")
	tests := []struct {
		name string
		env  []string
		args []string
		code int
		want string // in the message
	}{
		{name: "unknown command", args: []string{"rnu"}, code: 2, want: `unknown command "rnu"`},
		{name: "unknown flag", args: []string{"run", good, "--broker", "x"}, code: 2, want: "unknown flag: --broker"},
		{name: "no file", args: []string{"run", "--brokers", "x"}, code: 2, want: "accepts 1 arg(s), received 0"},
		{name: "missing file", args: []string{"validate", "none.yaml"}, code: 2, want: "topology file none.yaml does not exist"},
		{name: "no brokers", args: []string{"run", good}, code: 2, want: "no brokers: give --brokers HOST:PORT, or set KOLK_BROKERS"},
		{name: "bad value", args: []string{"dev", good, "--workers", "many"}, code: 2, want: `--workers: "many" is not a whole number`},
		{name: "bad choice", args: []string{"dev", good, "--on-error", "shrug"}, code: 2, want: `--on-error: "shrug" is none of fail, skip`},
		{name: "bad environment", env: []string{"KOLK_WORKERS=many"}, args: []string{"dev", good}, code: 2, want: `KOLK_WORKERS: workers: "many" is not a whole number`},
		{name: "bad configuration file", args: []string{"dev", good, "--config", config}, code: 2, want: config + ":1: unknown key comit-interval; do you mean commit-interval?"},
		{name: "data without topic", args: []string{"dev", good, "--data", data}, code: 2, want: "want TOPIC=FILE"},
		{name: "data of another topic", args: []string{"dev", good, "--data", "wrods=" + data}, code: 2, want: "wrods is no input of the topology; its inputs are words"},
		{name: "data of nowhere", args: []string{"dev", good, "--data", "words=none.jsonl"}, code: 2, want: "none.jsonl: no such file"},
		{name: "data of another kind", args: []string{"dev", good, "--data", "words=" + good}, code: 2, want: `unknown format ".yaml"`},
		{name: "data of other columns", args: []string{"dev", good, "--data", "words=" + semicolons}, code: 2,
			want: `names the columns ["word;at"], and the schema of words none of them; it has ["word" "at"]. (Columns are separated by commas.)`},
		{name: "bad name", args: []string{"dev", good, "--application-id", "a b"}, code: 2, want: "--application-id: has ' ' in it"},
		{name: "values that do not go together", env: []string{"KOLK_COMMIT_MIN=2s"}, args: []string{"run", good, "--brokers", "x"}, code: 2,
			want: "KOLK_COMMIT_MIN: commit-min: 2s is longer than commit-interval, 100ms"},
		{name: "never, where it is not meant", args: []string{"dev", good, "--task-timeout", "never"}, code: 2, want: `--task-timeout: "never" is not a duration`},
		{name: "no partitions", args: []string{"dev", good, "--partitions", "0"}, code: 2, want: "--partitions: 0 is less than 1"},
		{name: "unknown form", args: []string{"describe", good, "-o", "svg"}, code: 2, want: `"svg" is none of text, json, dot`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runWith(t, tt.env, tt.args...)
			message, hint, _ := strings.Cut(stderr, "\n")
			if code != tt.code || !strings.HasPrefix(message, "kolk: ") || !strings.Contains(message, tt.want) {
				t.Errorf("exit code %d, want %d; message, want %q:\n%s", code, tt.code, tt.want, stderr)
			}
			if !regexp.MustCompile(`^See 'kolk( [a-z]+)? --help'\.\n$`).MatchString(hint) || stdout != "" {
				t.Errorf("after the message %q, on standard output %q", hint, stdout)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good, bad := path(t, "words.yaml"), path(t, "bad.yaml")
	code, stdout, stderr := run(t, "validate", good)
	if want := good + ": ok: topology words, 1 sub-topology\n"; code != 0 || stdout != want || stderr != "" {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}

	// All mistakes, each with its place, as editors like it.
	for _, command := range [][]string{{"validate"}, {"describe"}, {"dev"}, {"run", "--brokers", "x"}, {"load", "--brokers", "x"}} {
		code, stdout, stderr = run(t, append(command, bad)...)
		got := strings.Split(strings.TrimSpace(stderr), "\n")
		if code != 3 || stdout != "" || len(got) != 2 {
			t.Fatalf("%v: %d, %q, %q", command, code, stdout, stderr)
		}
		if !strings.HasPrefix(got[0], bad+`:6:5: unknown field "tme"`) || !strings.HasPrefix(got[1], bad+`:10:17: filter needs a condition`) {
			t.Errorf("%v: %q", command, got)
		}
	}

	// Of several files every one is looked at.
	code, stdout, stderr = run(t, "validate", bad, good, bad)
	if code != 3 || strings.Count(stderr, ":6:5: ") != 2 || !strings.Contains(stdout, good+": ok") {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	flights := filepath.Join("..", "..", "examples", "flights", "topology.yaml")
	flights, err := filepath.Abs(flights)
	if err != nil {
		t.Fatal(err)
	}
	code, text, stderr := run(t, "describe", flights)
	if code != 0 || stderr != "" {
		t.Fatalf("%d, %q", code, stderr)
	}
	for _, want := range []string{"flight-delays", "flights", "airports", "delays", "delays-by-state", "string", "json"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	code, text, _ = run(t, "describe", flights, "-o", "json")
	var d struct{ Topology string }
	if err := json.Unmarshal([]byte(text), &d); code != 0 || err != nil || d.Topology != "flight-delays" {
		t.Errorf("%d, %v, %+v", code, err, d)
	}
	code, text, _ = run(t, "describe", flights, "--output", "dot")
	if code != 0 || !strings.HasPrefix(text, "digraph") || !strings.HasSuffix(text, "}\n") {
		t.Errorf("%d\n%s", code, text)
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"dev", "--help"}, {"help", "run"}} {
		code, stdout, stderr := run(t, args...)
		if code != 0 || !strings.Contains(stdout, "Usage:") || stderr != "" {
			t.Errorf("%v: %d, %q, %q", args, code, stdout, stderr)
		}
	}
	code, stdout, stderr := run(t, "version")
	if code != 0 || !regexp.MustCompile(`^kolk \S+.* go1\.\d+.* \w+/\w+\n$`).MatchString(stdout) || stderr != "" {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
	code, stdout, _ = run(t, "completion", "bash")
	if code != 0 || !strings.Contains(stdout, "kolk") {
		t.Errorf("completion: %d", code)
	}
}
