package embedded_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/embedded"
)

func start(t *testing.T, dir string) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(embedded.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func TestSecondRunGoesOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()

	b := start(t, dir)
	addr := b.Addr()
	cl := client(t, addr)
	adm := kadm.NewClient(cl)
	if _, err := adm.CreateTopic(ctx, 3, 1, nil, "words"); err != nil {
		t.Fatal(err)
	}
	// Older than any default retention.
	old := &kgo.Record{Topic: "words", Value: []byte("a"), Timestamp: time.UnixMilli(978307620000)}
	if err := cl.ProduceSync(ctx, old).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("words", old.Partition, 1, 0)
	if err := adm.CommitAllOffsets(ctx, "readers", offsets); err != nil {
		t.Fatal(err)
	}
	first, err := adm.BrokerMetadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cl.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = start(t, dir)
	defer b.Close()
	if b.Addr() != addr {
		t.Errorf("the second run listens on %s, the first one did on %s", b.Addr(), addr)
	}
	adm = kadm.NewClient(client(t, b.Addr()))
	second, err := adm.BrokerMetadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if first.Cluster == "" || first.Cluster != second.Cluster {
		t.Errorf("cluster ids %q and %q", first.Cluster, second.Cluster)
	}
	ends, err := adm.ListEndOffsets(ctx, "words")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(ends["words"]); n != 3 {
		t.Errorf("%d partitions, want 3", n)
	}
	if end, _ := ends.Lookup("words", old.Partition); end.Offset != 1 {
		t.Errorf("the partition ends at %d, want 1", end.Offset)
	}
	committed, err := adm.FetchOffsets(ctx, "readers")
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := committed.Lookup("words", old.Partition); !ok || at.At != 1 {
		t.Errorf("the group's offset is %v, want 1", at.At)
	}
}

func TestDirectoriesAreClustersOfTheirOwn(t *testing.T) {
	ids := map[string]bool{}
	for range 2 {
		b := start(t, t.TempDir())
		defer b.Close()
		md, err := kadm.NewClient(client(t, b.Addr())).BrokerMetadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids[md.Cluster] = true
	}
	if len(ids) != 2 {
		t.Errorf("two directories have the cluster ids %v", ids)
	}
}

func TestDirectoryIsHeld(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	if _, err := embedded.Start(embedded.Options{Dir: dir}); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("a second broker on the directory: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := start(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dir := t.TempDir()
	port := ln.Addr().(*net.TCPAddr).Port
	if b, err := embedded.Start(embedded.Options{Dir: dir, Port: port}); err == nil {
		b.Close()
		t.Fatal("started on a port in use")
	}
	// The failed start has let the directory go.
	if err := start(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFresh(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	adm := kadm.NewClient(client(t, b.Addr()))
	if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, "words"); err != nil {
		t.Fatal(err)
	}
	before, err := adm.BrokerMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(embedded.Options{Dir: dir, Fresh: true}); !errors.Is(err, embedded.ErrInUse) {
		t.Fatalf("a fresh broker in a directory in use: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "state", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err = embedded.Start(embedded.Options{Dir: dir, Fresh: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	adm = kadm.NewClient(client(t, b.Addr()))
	topics, err := adm.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := adm.BrokerMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 0 || before.Cluster == after.Cluster {
		t.Errorf("fresh, with topics %v and cluster id %s after %s", topics.Names(), after.Cluster, before.Cluster)
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); !os.IsNotExist(err) {
		t.Errorf("the state is still there: %v", err)
	}
}

func TestForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(precious, []byte("."), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(embedded.Options{Dir: dir, Fresh: true}); !errors.Is(err, embedded.ErrForeign) {
		t.Errorf("in a directory with other files: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// What a killed broker has kept is not to be trusted.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "running")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "running"), nil, 0o644); err != nil {
		// as a killed one leaves it
		t.Fatal(err)
	}
	if _, err := embedded.Start(embedded.Options{Dir: dir}); !errors.Is(err, embedded.ErrKilled) {
		t.Errorf("after a kill: %v", err)
	}
	b, err := embedded.Start(embedded.Options{Dir: dir, Fresh: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// Without a directory everything is forgotten, and the next broker is another cluster.
func TestInMemory(t *testing.T) {
	ids := map[string]bool{}
	for range 2 {
		b := start(t, "")
		adm := kadm.NewClient(client(t, b.Addr()))
		if topics, err := adm.ListTopics(t.Context()); err != nil || len(topics) != 0 {
			t.Fatal(topics.Names(), err)
		}
		for range 2 { // what is there stays
			if err := b.CreateTopics(t.Context(), 3, "words"); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.CreateTopics(t.Context(), 3, "a/b"); err == nil || !strings.Contains(err.Error(), "a/b") {
			t.Errorf("a bad name: %v", err)
		}
		// a client keeps what it has heard for a while
		topics, err := kadm.NewClient(client(t, b.Addr())).ListTopics(t.Context())
		if err != nil || len(topics["words"].Partitions) != 3 {
			t.Error(topics, err)
		}
		md, err := adm.BrokerMetadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids[md.Cluster] = true
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 {
		t.Errorf("cluster ids %v", ids)
	}
}
