package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/bench/nexmark/queries"
)

func broker(t *testing.T) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{"log.retention.ms": "-1"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func runNexmark(t *testing.T, args ...string) (out, progress string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var o, p bytes.Buffer
	err = command(ctx, args, &o, &p)
	return o.String(), p.String(), err
}

func topic(t *testing.T, addr, name string) []*kgo.Record {
	t.Helper()
	c, err := connect([]string{addr})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var all []*kgo.Record
	if err := c.read(t.Context(), name, func(r *kgo.Record) { all = append(all, r) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestLoad compares the messages of a topic with the generator's, and their order within a
// partition with that of the events.
func TestLoad(t *testing.T) {
	t.Parallel()
	addr := broker(t)
	const events = 10_000
	_, progress, err := runNexmark(t, "load", "-brokers", addr, "-topic", "x", "-events", fmt.Sprint(events), "-seed", "5", "-event-rate", "7",
		"-out-of-order", "10", "-partitions", "3", "-base", "2001-02-03T04:05:06Z")
	if err != nil || !strings.Contains(progress, "10,000 events in x: ") {
		t.Fatalf("%v\n%s", err, progress)
	}
	g, err := nexmark.New(nexmark.Config{Seed: 5, Rate: 7, OutOfOrder: 10, Base: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	number := map[string]int64{} // of an event, by its message
	for n := range int64(events) {
		key, value := g.AppendMessage(nil, nil, n)
		number[fmt.Sprintf("%s %s %d", key, value, g.Time(n))] = n
	}
	last, place := map[int32]int64{}, map[string]int32{}
	for _, r := range topic(t, addr, "x") {
		m := fmt.Sprintf("%s %s %d", r.Key, r.Value, r.Timestamp.UnixMilli())
		n, ok := number[m]
		if !ok {
			t.Fatalf("no event, or one twice: %s", m)
		}
		delete(number, m)
		if before, ok := last[r.Partition]; ok && before > n {
			t.Fatalf("event %d follows %d in partition %d", n, before, r.Partition)
		}
		last[r.Partition] = n
		if p, ok := place[string(r.Key)]; ok && p != r.Partition {
			t.Fatalf("the key %s is in partitions %d and %d", r.Key, p, r.Partition)
		}
		place[string(r.Key)] = r.Partition
	}
	if len(number) != 0 || len(last) != 3 {
		t.Errorf("%d events are missing, %d partitions", len(number), len(last))
	}
}

// TestLoadAtARate makes sure that a limited rate is not exceeded. How far it is missed is up to the
// machine.
func TestLoadAtARate(t *testing.T) {
	t.Parallel()
	addr := broker(t)
	start := time.Now()
	if _, _, err := runNexmark(t, "load", "-brokers", addr, "-events", "500", "-rate", "1000"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 480*time.Millisecond {
		t.Errorf("500 events at 1000 in a second took %v", took)
	}
	if n := len(topic(t, addr, queries.Topic)); n != 500 {
		t.Errorf("%d messages", n)
	}
}

// TestRunJoinsAndWindows runs queries whose events must not be out of order by more than some
// seconds, through the topics between their sub-topologies.
func TestRunJoinsAndWindows(t *testing.T) {
	t.Parallel()
	events := 20_000
	if race {
		events = 2_000
	}
	flags := []string{"-brokers", broker(t), "-events", fmt.Sprint(events), "-event-rate", "100", "-out-of-order", "100"}
	if _, _, err := runNexmark(t, append([]string{"load", "-partitions", "3"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	out, progress, err := runNexmark(t, append([]string{"run", "-queries", "q3,q4,q5,q7,q11,q12,q15,q20", "-workers", "2"}, flags...)...)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, progress)
	}
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 1+8 {
		t.Errorf("not a result for each of eight queries:\n%s", out)
	}
}

// TestRun runs queries on a broker that load has filled, and finds their results verified.
func TestRun(t *testing.T) {
	t.Parallel()
	addr := broker(t)
	events, names := 30_000, []string{"q0", "q13", "q14", "q17", "q18", "q21"}
	if race {
		events, names = 5_000, []string{"q0", "q17", "q18"}
	}
	flags := []string{"-brokers", addr, "-events", fmt.Sprint(events), "-event-rate", "1", "-out-of-order", "100"}
	if _, _, err := runNexmark(t, append([]string{"load", "-partitions", "5"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	out, progress, err := runNexmark(t, append([]string{"run", "-queries", strings.Join(names, ","), "-languages", "go,yaml", "-workers", "2"}, flags...)...)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, progress)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 1+2*len(names) {
		t.Fatalf("not two results for each query:\n%s", out)
	}
	for i, line := range lines[1:] {
		want := fmt.Sprintf("%s %s", names[i/2], []string{"go", "yaml"}[i%2])
		if f := strings.Fields(line); len(f) != 6 || f[0]+" "+f[1] != want || f[0] == "q0" && f[5] != humanize.Comma(int64(events*46/50)) {
			t.Errorf("%q, want %s", line, want)
		}
	}
	// Nothing stays but the events: the same can run again.
	c, err := connect([]string{addr})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if left, err := c.topics(t.Context(), queries.Application("q17")); err != nil || len(left) != 0 {
		t.Errorf("topics %v are left, %v", left, err)
	}

	// Results of other events are wrong, and said to be.
	_, _, err = runNexmark(t, append([]string{"run", "-queries", "q2", "-seed", "2"}, flags...)...)
	if err == nil || !strings.Contains(err.Error(), "q2 in go: of ") || !strings.Contains(err.Error(), " are missing, and ") || !strings.Contains(err.Error(), "\nshould not be there: ") {
		t.Errorf("results of another seed: %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	addr := broker(t)
	if _, _, err := runNexmark(t, "load", "-brokers", addr, "-events", "100", "-topic", "full", "-partitions", "2"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, want string
		status     int
	}{
		{"", "", 0},
		{"load -help", "", 0},
		{"lod", `there is no command "lod"`, 2},
		{"load -evnts 5", "flag provided but not defined: -evnts", 2},
		{"load 5", `"5" is not a flag`, 2},
		{"load -events 0", "-events is 0", 2},
		{"load -rate -1", "-rate is -1", 2},
		{"load -base today", "-base is a time like 2026-01-01T00:00:00Z", 2},
		{"load -out-of-order 953", "a multiple of 953", 2},
		{"run -queries q99", `there is no query "q99"; there are q0, q1`, 2},
		{"run -languages sql", `there is no language "sql"; there are go, yaml`, 2},
		{"run -partitions 0", "-partitions is 0", 2},
		{"load -brokers 127.0.0.1:1", "no broker answers at 127.0.0.1:1: ", 1},
		{"load -topic full -brokers " + addr, "the topic full holds 100 messages: delete it first", 1},
		{"load -topic full -partitions 3 -brokers " + addr, "the topic full has 2 partitions, not 3: leave -partitions out, or delete the topic", 1},
		{"run -brokers " + addr, "the topic nexmark holds 0 events, not 1,000,000: nexmark load, with the same -events and -seed, fills it", 1},
	} {
		_, _, err := runNexmark(t, strings.Fields(c.args)...)
		var stderr bytes.Buffer
		if got := status(&stderr, err); got != c.status || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("nexmark %s: status %d, want %d\n%s\nwant %s", c.args, got, c.status, &stderr, c.want)
		}
	}
}

// TestInOrder generates parts of every size.
func TestInOrder(t *testing.T) {
	g, err := nexmark.New(nexmark.Config{Seed: 8})
	if err != nil {
		t.Fatal(err)
	}
	const events = 1000
	for _, size := range []int64{1, 3, 64, 999, 1000, 5000} {
		n := int64(0)
		for first, records := range inOrder(t.Context(), g, events, size) {
			if first != n {
				t.Fatalf("parts of %d: event %d after %d", size, first, n)
			}
			for _, r := range records {
				key, value := g.AppendMessage(nil, nil, n)
				if !bytes.Equal(r.Key, key) || !bytes.Equal(r.Value, value) || r.Timestamp.UnixMilli() != g.Time(n) {
					t.Fatalf("parts of %d, event %d: %s %s", size, n, r.Key, r.Value)
				}
				n++
			}
		}
		if n != events {
			t.Errorf("parts of %d: %d events", size, n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for first := range inOrder(ctx, g, 1<<40, 10) {
		if first == 100 {
			cancel()
		}
		if first > 1000 {
			t.Fatal("goes on after the end of its context")
		}
	}
}
