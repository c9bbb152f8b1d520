package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary the embedded broker when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == serveArg {
		exit(serve())
	}
	os.Exit(m.Run())
}

// TestPrograms runs the programs of the repository as children, as compare does.
func TestPrograms(t *testing.T) {
	if err := checkPlatform(); err != nil {
		t.Skip(err)
	}
	d := dirs{work: t.TempDir(), bin: t.TempDir()}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", d.bin, "../peer", "../loop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("unknown workload", func(t *testing.T) { refuse(t, d) })
	t.Run("all workloads", func(t *testing.T) { runAll(t, d) })
}

// refuse: a program that does not know a workload says so with status 2.
func refuse(t *testing.T, d dirs) {
	for _, p := range []string{"peer", "loop"} {
		args := settings{commit: time.Second, threads: 1, cacheMB: 1}.args("no-such-workload", "127.0.0.1:1", "app", t.TempDir(), []string{"in"}, "out")
		cmd := exec.CommandContext(t.Context(), filepath.Join(d.bin, p), args...)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 2 {
			t.Errorf("%s: status %d (%v), want 2\n%s", p, code, err, out)
		}
	}
}

// runAll runs every workload on kolk, and the loop on its own, small: all results are right, every
// figure is there, and nothing stays on the broker.
func runAll(t *testing.T, d dirs) {
	ctx := t.Context()
	br, err := startBroker(ctx, "embedded", d)
	if err != nil {
		t.Fatal(err)
	}
	defer br.stop()
	cl, err := connect(br.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.close()
	ps, err := programs([]string{loop, kolk}, d)
	if err != nil {
		t.Fatal(err)
	}
	data := data{n: 20_000, keys: 1000, valueBytes: 100, partitions: 2, seed: 1, base: time.Now().UTC().Truncate(24 * time.Hour).UnixMilli()}
	b := &bench{cluster: cl, broker: br, dirs: d, data: data, settings: settings{commit: 50 * time.Millisecond, threads: 2, cacheMB: 16},
		limit: time.Minute, checks: map[string]func() check{}}
	all := strings.Fields("passthrough count count-nocache table window-count window-final session-count join-table join-stream rekey-count")
	results, err := b.all(ctx, ps, all, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(all) + 4; len(results) != want {
		t.Errorf("%d runs, want %d", len(results), want)
	}
	for _, r := range results {
		if r.records < int64(data.n) || r.output == 0 || r.wall == 0 || r.first == 0 || r.cpu == 0 || r.rss == 0 {
			t.Errorf("a figure is missing: %+v", r)
		}
	}
	if left, err := cl.internal(ctx, "kolk-bench-kolk"); err != nil || len(left) > 0 {
		t.Errorf("topics stay behind: %v %v", left, err)
	}
	var text strings.Builder
	b.table(&text, results)
	if lines := strings.Count(text.String(), " 1/1 "); lines != len(results) {
		t.Errorf("%d lines of the table, want %d:\n%s", lines, len(results), text.String())
	}
	runSeries(t, b, ps)
}
