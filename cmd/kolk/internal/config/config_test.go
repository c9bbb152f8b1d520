package config_test

import (
	"bytes"
	"errors"
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
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

var update = flag.Bool("update", false, "write the table of keys into docs/COMMAND-LINE.md")

// load reads a configuration; file is the text of a YAML file, if there is one.
func load(t *testing.T, file string, args ...string) (config.Config, error) {
	t.Helper()
	return loadFile(t, "kolk.yaml", file, args...)
}

func loadFile(t *testing.T, name, file string, args ...string) (config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Register(flags, config.Logging, config.Cluster, config.Running, config.Loading, config.Developing)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), name)
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
	for _, s := range config.Settings() {
		if s.Value(got) != s.Value(config.Default()) || got.Given(s.Key) {
			t.Errorf("%s is %q, given %v", s.Key, s.Value(got), got.Given(s.Key))
		}
	}
	if got.Partitions != 4 || got.Output != "auto" || got.Format != "text" {
		t.Errorf("%+v", got)
	}
}

// The defaults that the command line documents are the processor's.
func TestDefaultsOfTheProcessor(t *testing.T) {
	top := topology.New("copy")
	top.Stream("in", serde.String(), serde.String()).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	var c config.Config
	c.Processor = processor.Config{}.WithDefaults(plan)
	own := config.Default()
	for _, s := range config.Settings() {
		switch s.Key {
		case "application-id", "state-dir", "workers": // made from the topology and the machine
			if s.Default != "" && s.Default != "0" {
				t.Errorf("%s: the default is %q", s.Key, s.Default)
			}
			continue
		}
		if got := s.Value(own); got != s.Default {
			// the processor's, then: the command line leaves it out
			if got := s.Value(c); got != s.Default {
				t.Errorf("%s: %q on the command line, %q in the processor", s.Key, s.Default, got)
			}
		}
	}
}

func TestPrecedence(t *testing.T) {
	file := "workers: 1\ncommit-interval: 1s\nstate-dir: from-file\nbrokers: [a:1, b:2]\nmemory: 1GiB\n"
	t.Setenv("KOLK_WORKERS", "2")
	t.Setenv("KOLK_COMMIT_INTERVAL", "2s")
	t.Setenv("KOLK_FLUSH_INTERVAL", "") // as if it were not set
	got, err := load(t, file, "--workers", "7", "--workers", "3")
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Processor; p.Workers != 3 || p.CommitInterval != 2*time.Second || p.StateDir != "from-file" || p.Memory != 1<<30 || p.FlushInterval != 0 {
		t.Errorf("%+v", p)
	}
	if diff := cmp.Diff([]string{"a:1", "b:2"}, got.Processor.Brokers); diff != "" {
		t.Errorf("brokers (-want +got):\n%s", diff)
	}
	if !got.Given("workers") || !got.Given("memory") || got.Given("flush-interval") || got.Given("partitions") {
		t.Error("what is given")
	}
}

func TestLists(t *testing.T) {
	brokers, data := []string{"a:1", "b:2", "c:3"}, []string{"t=a,b.csv", "u=c.csv"}
	check := func(how string, got config.Config, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(brokers, got.Processor.Brokers); diff != "" {
			t.Errorf("brokers by %s (-want +got):\n%s", how, diff)
		}
		if diff := cmp.Diff(data, got.Data); diff != "" {
			t.Errorf("data by %s (-want +got):\n%s", how, diff)
		}
	}
	got, err := load(t, "", "--brokers", "a:1,b:2", "--brokers", "c:3", "--data", "t=a,b.csv", "--data", "u=c.csv")
	check("flags", got, err)
	got, err = load(t, "", "--brokers", "a:1,b:2,c:3", "--data", "t=a,b.csv,u=c.csv")
	check("one flag", got, err)
	got, err = load(t, "brokers: [a:1, 'b:2,c:3']\ndata: ['t=a,b.csv', u=c.csv]")
	check("lists in a file", got, err)
	got, err = load(t, "brokers: a:1, b:2 , c:3\ndata: t=a,b.csv, u=c.csv")
	check("texts in a file", got, err)
	t.Setenv("KOLK_BROKERS", "a:1,b:2, c:3")
	t.Setenv("KOLK_DATA", "t=a,b.csv,u=c.csv")
	got, err = load(t, "")
	check("environment", got, err)
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name, file, format, key, env string
		args                         []string
		want                         string // after the directory of the file
	}{
		{name: "unknown key", file: "\ncomit-interval: 1s", want: "kolk.yaml:2: unknown key comit-interval; do you mean commit-interval?"},
		{name: "unknown key in TOML", format: "toml", file: "# c\nworkers = 1\nfoo.bar = 1\n", want: "kolk.toml:3: unknown key foo.bar"},
		{name: "table in TOML", format: "toml", file: "[runtime]\nworkers = 1\n", want: "kolk.toml:1: unknown key runtime"},
		{name: "letters of another size", file: "Workers: 1", want: "unknown key Workers; do you mean workers?"},
		{name: "not YAML", file: "a: b: c", want: "kolk.yaml"},
		{name: "not JSON", format: "json", file: "{\n\"workers\": 1,\n}", want: "kolk.json:2: "},
		{name: "not TOML", format: "toml", file: "workers = 1\nport = = 2\n", want: "kolk.toml:2: "},
		{name: "other format", format: "ini", file: "workers=1", want: `unknown format ".ini"`},
		{name: "two in JSON", format: "json", file: `{} {}`, want: "kolk.json:1: there is more after the object"},
		{name: "list in JSON", format: "json", file: `[]`, want: "kolk.json:1: want an object"},
		{name: "list in YAML", file: `- a`, want: "kolk.yaml:1: want keys"},
		{name: "two in YAML", file: "workers: 1\n---\nworkers: 2", want: "kolk.yaml:2: a second document"},
		{name: "twice in YAML", file: "workers: 1\nport: 1\nworkers: 1", want: "kolk.yaml:3: workers: it is given twice, first in "},
		{name: "twice in JSON", format: "json", file: "{\"workers\": 1,\n\"workers\": 2}", want: "kolk.json:2: workers: it is given twice, first in "},
		{name: "twice in TOML", format: "toml", file: "workers = 1\nworkers = 1", want: "kolk.toml:2: workers: it is given twice, first in "},
		{name: "no duration", file: "commit-interval: soon", want: `kolk.yaml:1: commit-interval: "soon" is not a duration such as 100ms, 10s, 5m or 1h30m`},
		{name: "no unit", file: "task-timeout: 3000", want: "kolk.yaml:1: task-timeout: 3000 has no unit: write 3000ms, 3000s, 3000m or 3000h"},
		{name: "no number", key: "KOLK_WORKERS", env: "many", want: `KOLK_WORKERS: workers: "many" is not a whole number`},
		{name: "no memory", key: "KOLK_MEMORY", env: "much", want: `KOLK_MEMORY: memory: "much" is not an amount of memory`},
		{name: "misspelt variable", key: "KOLK_COMIT_INTERVAL", env: "1s", want: `KOLK_COMIT_INTERVAL: no setting has this name; do you mean KOLK_COMMIT_INTERVAL?`},
		{name: "none of", args: []string{"--on-error", "explode"}, want: `--on-error: "explode" is none of fail, skip`},
		{name: "negative", args: []string{"--workers", "-1"}, want: "--workers: -1 is less than 0"},
		{name: "negative duration", args: []string{"--idle-after", "-1s"}, want: "--idle-after: -1s is less than 0"},
		{name: "a number for a text", file: "application-id: 5", want: `kolk.yaml:1: application-id: want a text, not a number: write "5", in quotes`},
		{name: "another command's", file: "port: 70000", want: `kolk.yaml:1: port: 70000 is more than 65535`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.key != "" {
				t.Setenv(tt.key, tt.env)
			}
			if tt.format == "" {
				tt.format = "yaml"
			}
			_, err := loadFile(t, "kolk."+tt.format, tt.file, tt.args...)
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

// Everything that is wrong is said at once: flags, variables and the file.
func TestAllMistakes(t *testing.T) {
	t.Setenv("KOLK_MEMORY", "0")
	_, err := load(t, "idle-after: 3\nworkers: x\nfoo: 1\n", "--port", "-1", "--fresh=yes")
	var got []string
	for line := range strings.Lines(err.Error()) {
		if at := strings.Index(line, "kolk.yaml:"); at >= 0 {
			line = line[at:]
		}
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{
		`--fresh: "yes" is neither true nor false`,
		`--port: -1 is less than 0`,
		`KOLK_MEMORY: memory: cannot be 0`,
		`kolk.yaml:1: idle-after: 3 has no unit: write 3ms, 3s, 3m or 3h; or never`,
		`kolk.yaml:2: workers: "x" is not a whole number`,
		`kolk.yaml:3: unknown key foo`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A key of another command may stand in the file, and in the environment be whatever it is: a
// Kubernetes service that is named kolk sets KOLK_PORT.
func TestKeysOfOtherCommands(t *testing.T) {
	t.Setenv("KOLK_PORT", "tcp://10.0.0.1:80")
	t.Setenv("KOLK_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KOLK_PORT_80_TCP", "tcp://10.0.0.1:80")
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Register(flags, config.Running)
	path := filepath.Join(t.TempDir(), "kolk.yaml")
	if err := os.WriteFile(path, []byte("partitions: 7\nworkers: 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := config.Read(flags, path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Processor.Workers != 2 || got.Partitions != 4 || got.Port != 0 {
		t.Errorf("workers %d, partitions %d, port %d", got.Processor.Workers, got.Partitions, got.Port)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "12B": 12, "3KiB": 3 << 10, "64MiB": 64 << 20, "2 GiB": 2 << 30} {
		c, err := load(t, "", "--memory", text)
		if err != nil || c.Processor.Memory != want {
			t.Errorf("%s: %d, %v", text, c.Processor.Memory, err)
		}
		for _, s := range config.Settings() {
			if s.Key != "memory" {
				continue
			}
			if again, err := load(t, "", "--memory", s.Value(c)); err != nil || again.Processor.Memory != want {
				t.Errorf("%s: written as %s, read as %d, %v", text, s.Value(c), again.Processor.Memory, err)
			}
		}
	}
	for _, text := range []string{"", "x", "-1", "0", "0MiB", "1.5MiB", "64MB", "64M", "1e9", "9223372036854775807GiB", "9223372036854775808"} {
		if c, err := load(t, "", "--memory", text); err == nil {
			t.Errorf("%q is read as %d", text, c.Processor.Memory)
		}
	}
}

// What the processor says of its configuration is told by keys and places.
func TestExplain(t *testing.T) {
	c, err := load(t, "commit-min: 2s\n", "--application-id", "a b")
	if err != nil {
		t.Fatal(err)
	}
	err = c.Explain(errors.Join(
		&processor.ConfigError{Field: "CommitMin", Reason: "2s is longer than CommitInterval, 100ms"},
		&processor.ConfigError{Field: "ApplicationID", Reason: "has ' ' in it"},
		&processor.ConfigError{Field: "Memory", Reason: "too little"},
		&processor.ConfigError{Field: "CacheBytes", Reason: "more than half of Memory"},
		errors.New("another"),
	))
	var got []string
	for line := range strings.Lines(err.Error()) {
		if at := strings.Index(line, "kolk.yaml:"); at >= 0 {
			line = line[at:]
		}
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{"kolk.yaml:1: commit-min: 2s is longer than commit-interval, 100ms", "--application-id: has ' ' in it",
		"memory: too little", "CacheBytes: more than half of memory", "another"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDocumentation holds the table of keys in the documentation to the table of settings. go test
// ./cmd/kolk/internal/config -update writes it.
func TestDocumentation(t *testing.T) {
	const begin, end = "<!-- keys: begin -->\n", "<!-- keys: end -->"
	var table strings.Builder
	table.WriteString("| key and flag | environment | default | what |\n|---|---|---|---|\n")
	for _, s := range config.Settings() {
		def := "-"
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s | %s |\n", s.Key, s.Env, def, s.Usage)
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
