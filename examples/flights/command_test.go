package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
)

var binDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "kolk")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binDir = dir
		return m.Run()
	}())
}

// build builds the command kolk once.
var build = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(binDir, "kolk.exe")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/kolk").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return bin, nil
})

// kolk runs the command, which must succeed.
func kolk(t *testing.T, args ...string) (stdout []byte, stderr string) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("kolk %s: %v\n%s", strings.Join(args, " "), err, &errs)
	}
	return out.Bytes(), errs.String()
}

var data = []string{"--data", "flights=" + flightsFile, "--data", "airports=" + airportsFile}

// printed are the results among the JSON lines of a standard output.
func printed(t *testing.T, stdout []byte) []string {
	t.Helper()
	var results []string
	seen := map[string]bool{}
	for line := range bytes.Lines(stdout) {
		var r struct {
			Topic             string
			Partition         int32
			Offset, Timestamp int64
			Key               string
			Value             json.RawMessage
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if place := fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset); seen[place] || r.Topic != "delays-by-state" {
			t.Errorf("unexpected or printed twice: %s", place)
		} else {
			seen[place] = true
		}
		results = append(results, result(r.Key, string(r.Value), r.Timestamp))
	}
	return results
}

func TestDev(t *testing.T) {
	t.Parallel()
	want := reference(t)
	for _, partitions := range []string{"1", "4", "7"} {
		for _, workers := range []string{"1", "2"} {
			t.Run(partitions+" partitions, "+workers+" workers", func(t *testing.T) {
				t.Parallel()
				stdout, stderr := kolk(t, append([]string{"dev", "topology.yaml", "--until-end", "--data-dir", t.TempDir(),
					"--partitions", partitions, "--workers", workers}, data...)...)
				compare(t, want, printed(t, stdout))
				if !strings.Contains(stderr, "flight-delays: 20,000 records in, 3,340 out, 0 late;") {
					t.Errorf("summary:\n%s", stderr)
				}
			})
		}
	}
}

// cluster is a broker with the data in 4 partitions.
func cluster(t *testing.T) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	kolk(t, append([]string{"load", "topology.yaml", "--brokers", c.ListenAddrs()[0]}, data...)...)
	return c.ListenAddrs()
}

// committed reads what a read-committed consumer sees of the results.
func committed(t *testing.T, brokers []string) []string {
	t.Helper()
	const topic = "delays-by-state"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	open := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open[o.Partition] = o.Offset
		}
	})
	var results []string
	for len(open) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			if !r.Attrs.IsControl() {
				results = append(results, result(string(r.Key), string(r.Value), r.Timestamp.UnixMilli()))
			}
			if r.Offset+1 >= open[r.Partition] {
				delete(open, r.Partition)
			}
		}
	}
	return results
}

func TestGoProgram(t *testing.T) {
	t.Parallel()
	want := reference(t)
	brokers := cluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := run(ctx, processor.Config{Brokers: brokers, StateDir: t.TempDir(), UntilEnd: true}); err != nil {
		t.Fatal(err)
	}
	compare(t, want, committed(t, brokers))
}

// TestThreeProcesses shares the work: whichever process does what, the results are the same.
func TestThreeProcesses(t *testing.T) {
	t.Parallel()
	want := reference(t)
	brokers := cluster(t)
	var all sync.WaitGroup
	for range 3 {
		dir := t.TempDir()
		all.Go(func() {
			bin, err := build()
			if err != nil {
				t.Error(err)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, bin, "run", "topology.yaml", "--brokers", brokers[0], "--state-dir", dir, "--until-end", "--workers", "1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("kolk run: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
	compare(t, want, committed(t, brokers))
}

// TestDevKilled kills the command at random moments and starts it again: what all runs together
// have printed is right, each result in one place.
func TestDevKilled(t *testing.T) {
	t.Parallel()
	want := reference(t)
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	random := seeds.Rand(t)
	args := append([]string{"dev", "topology.yaml", "--data-dir", t.TempDir()}, data...)
	places := map[string]string{}
	collect := func(stdout []byte) {
		stdout = stdout[:bytes.LastIndexByte(stdout, '\n')+1] // a kill may cut a line
		for line := range bytes.Lines(stdout) {
			place, _, _ := strings.Cut(string(line), `"key"`)
			if first, ok := places[place]; ok && first != string(line) {
				t.Errorf("printed first\n%sand later\n%s", first, line)
			}
			places[place] = string(line)
		}
	}
	for range 6 {
		var stdout bytes.Buffer
		cmd := exec.Command(bin, args...)
		cmd.Stdout = &stdout
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The broker, a child, ends by itself; Wait does not wait for it, for it has no part in
		// standard output.
		kill := time.AfterFunc(time.Duration(random.Int64N(int64(time.Second))), func() { cmd.Process.Kill() })
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Errorf("ended before it was killed: %v", cmd.ProcessState)
		}
		kill.Stop()
		collect(stdout.Bytes())
	}
	stdout, _ := kolk(t, append(args, "--until-end")...)
	collect(stdout)
	compare(t, want, printed(t, []byte(strings.Join(slices.Collect(maps.Values(places)), ""))))
}
