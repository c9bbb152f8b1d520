package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/kolkstream/kolk/cmd/kolk/internal/config"
)

var update = flag.Bool("update", false, "write the table of keys into docs/COMMAND-LINE.md")

func load(t *testing.T, file string, args ...string) (config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Register(flags, config.Log{}, config.Cluster{}, config.Runtime{}, config.Load{}, config.Dev{})
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "kolk.yaml")
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return config.Read(flags, path)
}

func TestDefaults(t *testing.T) {
	got, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Brokers, want.Data = []string{}, []string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPrecedence(t *testing.T) {
	file := "workers: 1\ncommit-interval: 1s\nstate-dir: from-file\nbrokers: [a:1, b:2]\nmemory: 1GiB\n"
	t.Setenv("KOLK_WORKERS", "2")
	t.Setenv("KOLK_COMMIT_INTERVAL", "2s")
	got, err := load(t, file, "--workers", "3")
	if err != nil {
		t.Fatal(err)
	}
	if got.Workers != 3 || got.CommitInterval != 2*time.Second || got.StateDir != "from-file" || got.Memory != 1<<30 {
		t.Errorf("%+v", got.Runtime)
	}
	if diff := cmp.Diff([]string{"a:1", "b:2"}, got.Brokers); diff != "" {
		t.Errorf("brokers (-want +got):\n%s", diff)
	}
}

func TestLists(t *testing.T) {
	want := []string{"a:1", "b:2", "c:3"}
	got, err := load(t, "", "--brokers", "a:1,b:2", "--brokers", "c:3", "--data", "t=a,b.csv", "--data", "u=c.csv")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Brokers); diff != "" {
		t.Errorf("brokers by flag (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"t=a,b.csv", "u=c.csv"}, got.Data); diff != "" {
		t.Errorf("data by flag (-want +got):\n%s", diff)
	}
	t.Setenv("KOLK_BROKERS", "a:1,b:2, c:3")
	if got, err = load(t, ""); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Brokers); diff != "" {
		t.Errorf("brokers by environment (-want +got):\n%s", diff)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name, file, key, env string
		args                 []string
		want                 string
	}{
		{name: "unknown key", file: "comit-interval: 1s", want: "unknown key comit-interval"},
		{name: "not YAML", file: "a: b: c", want: "kolk.yaml"},
		{name: "no duration", file: "commit-interval: soon", want: "commit-interval: "},
		{name: "no number", key: "KOLK_WORKERS", env: "many", want: "workers: "},
		{name: "no memory", key: "KOLK_MEMORY", env: "much", want: `memory: `},
		{name: "none of", args: []string{"--on-error", "explode"}, want: `on-error: "explode" is none of fail, skip`},
		{name: "negative", args: []string{"--workers", "-1"}, want: "workers: -1 is less than 0"},
		{name: "negative duration", args: []string{"--idle-after", "-1s"}, want: "idle-after: -1s is less than 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key != "" {
				t.Setenv(tt.key, tt.env)
			}
			_, err := load(t, tt.file, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q in one line", err, tt.want)
			}
		})
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	if _, err := config.Read(flags, filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a missing file gives %v", err)
	}
}

// A key of another command may stand in the file, and in the environment be whatever it is: a Kubernetes service that is named
// kolk sets KOLK_PORT.
func TestKeysOfOtherCommands(t *testing.T) {
	t.Setenv("KOLK_PORT", "tcp://10.0.0.1:80")
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Register(flags, config.Runtime{})
	path := filepath.Join(t.TempDir(), "kolk.yaml")
	if err := os.WriteFile(path, []byte("partitions: 7\nworkers: 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := config.Read(flags, path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Workers != 2 || got.Partitions != 4 || got.Port != 0 {
		t.Errorf("workers %d, partitions %d, port %d", got.Workers, got.Partitions, got.Port)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]config.Bytes{"0": 0, "1": 1, "12B": 12, "3KiB": 3 << 10, "64MiB": 64 << 20, "2 GiB": 2 << 30} {
		var b config.Bytes
		if err := b.Set(text); err != nil || b != want {
			t.Errorf("%s: %d, %v", text, b, err)
		}
		var again config.Bytes
		if err := again.Set(b.String()); err != nil || again != b {
			t.Errorf("%s: written as %s, read as %d, %v", text, b, again, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5MiB", "64MB", "9223372036854775807GiB"} {
		var b config.Bytes
		if err := b.Set(text); err == nil {
			t.Errorf("%q is read as %d", text, b)
		}
	}
}

// TestDocumentation holds the table of keys in the documentation to the struct. go test ./cmd/kolk/internal/config -update
// writes it.
func TestDocumentation(t *testing.T) {
	const begin, end = "<!-- keys: begin -->\n", "<!-- keys: end -->"
	var table strings.Builder
	table.WriteString("| key and flag | environment | default | what |\n|---|---|---|---|\n")
	for _, s := range config.Settings() {
		usage := s.Usage
		if s.OneOf != nil {
			usage += " (`" + strings.Join(s.OneOf, "`, `") + "`)"
		}
		def := "-"
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s | %s |\n", s.Key, s.Env, def, usage)
	}
	path := filepath.Join("..", "..", "..", "..", "docs", "COMMAND-LINE.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(doc, []byte(begin))
	got, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		t.Fatalf("%s has no %q and %q", path, begin, end)
	}
	if *update {
		doc = []byte(string(before) + begin + table.String() + end + string(after))
		if err := os.WriteFile(path, doc, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(got), table.String()); diff != "" {
		t.Errorf("%s (-documented +struct); run with -update:\n%s", path, diff)
	}
}
