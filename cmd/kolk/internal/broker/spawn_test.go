package broker_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/cmd/kolk/internal/broker"
	"github.com/kolkstream/kolk/processor/embedded"
)

func client(t *testing.T, addr string) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// This test binary is a broker too.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KOLK_TEST_BROKER"); dir != "" {
		if err := broker.Serve(embedded.Options{Dir: dir}, os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func spawn(t *testing.T, dir string) (*broker.Process, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KOLK_TEST_BROKER", dir)
	return broker.Spawn([]string{exe}, os.Stderr)
}

func TestSpawn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	p, err := spawn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(client(t, p.Addr())).CreateTopic(ctx, 1, 1, nil, "words"); err != nil {
		t.Fatal(err)
	}
	if _, err := spawn(t, dir); err == nil || !strings.Contains(err.Error(), embedded.ErrInUse.Error()) {
		t.Errorf("a second process: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()

	if p, err = spawn(t, dir); err != nil {
		t.Fatal(err)
	}
	topics, err := kadm.NewClient(client(t, p.Addr())).ListTopics(ctx)
	if err != nil || !topics.Has("words") {
		t.Errorf("topics %v, %v", topics.Names(), err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	if _, err := broker.Spawn([]string{filepath.Join(dir, "none")}, os.Stderr); err == nil {
		t.Error("a command that does not exist was started")
	}
	if _, err := broker.Spawn([]string{"go", "version"}, os.Stderr); err == nil {
		t.Error("a command that is no broker was taken for one")
	}
}
