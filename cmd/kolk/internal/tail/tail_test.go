package tail_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/cmd/kolk/internal/tail"
)

type bundle struct {
	ctx      context.Context
	brokers  []string
	producer *kgo.Client
}

func setup(t *testing.T) bundle {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "out", "more"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.TransactionalID("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return bundle{ctx, c.ListenAddrs(), cl}
}

// send writes values to a partition in one transaction, and ends it.
func (b bundle) send(t *testing.T, end kgo.TransactionEndTry, topic string, partition int32, values ...string) {
	t.Helper()
	if err := b.producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)}
		if err := b.producer.ProduceSync(b.ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.producer.EndTransaction(b.ctx, end); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) tail(t *testing.T, o tail.Options) *tail.Tail {
	t.Helper()
	o.Brokers = b.brokers
	tl, err := tail.New(b.ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tl.Close)
	return tl
}

func TestDrain(t *testing.T) {
	b := setup(t)
	var got []string
	o := tail.Options{Topics: []string{"out", "more"}, Handle: func(r *kgo.Record) error {
		got = append(got, fmt.Sprintf("%s/%d@%d %s", r.Topic, r.Partition, r.Offset, r.Value))
		return nil
	}}

	b.send(t, kgo.TryCommit, "out", 0, "a", "b") // the marker takes offset 2
	b.send(t, kgo.TryAbort, "out", 0, "x")       // 3, 4
	tl := b.tail(t, o)
	if err := tl.Drain(b.ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"out/0@0 a", "out/0@1 b"}, got); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	want := tail.Positions{"out": {0: 5, 1: 0}, "more": {0: 0, 1: 0}}
	if diff := cmp.Diff(want, tl.Positions()); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}

	// Another tail goes on from there; the file holds the positions in between.
	path := filepath.Join(t.TempDir(), "printed.json")
	if err := tail.WritePositions(path, tl.Positions()); err != nil {
		t.Fatal(err)
	}
	b.send(t, kgo.TryCommit, "out", 0, "c")
	b.send(t, kgo.TryCommit, "more", 1, "d")
	var err error
	if o.From, err = tail.ReadPositions(path); err != nil {
		t.Fatal(err)
	}
	got = nil
	if err := b.tail(t, o).Drain(b.ctx); err != nil {
		t.Fatal(err)
	}
	less := map[string]bool{}
	for _, r := range got {
		less[r] = true
	}
	if diff := cmp.Diff(map[string]bool{"out/0@5 c": true, "more/1@0 d": true}, less); diff != "" {
		t.Errorf("second (-want +got):\n%s", diff)
	}
}

func TestFollow(t *testing.T) {
	b := setup(t)
	seen := make(chan string, 8)
	tl := b.tail(t, tail.Options{Topics: []string{"out"}, Handle: func(r *kgo.Record) error {
		seen <- string(r.Value)
		return nil
	}})
	ctx, stop := context.WithCancel(b.ctx)
	done := make(chan error, 1)
	go func() { done <- tl.Follow(ctx) }()
	for _, v := range []string{"a", "b"} {
		b.send(t, kgo.TryCommit, "out", 1, v)
		select {
		case got := <-seen:
			if got != v {
				t.Errorf("saw %s, want %s", got, v)
			}
		case err := <-done:
			t.Fatal(err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	// What comes after is left for Drain.
	b.send(t, kgo.TryCommit, "out", 1, "c")
	if err := tl.Drain(b.ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != "c" {
		t.Errorf("saw %s, want c", got)
	}
}

func TestHandleFails(t *testing.T) {
	b := setup(t)
	b.send(t, kgo.TryCommit, "out", 0, "a")
	full := errors.New("full")
	tl := b.tail(t, tail.Options{Topics: []string{"out"}, Handle: func(*kgo.Record) error { return full }})
	if err := tl.Drain(b.ctx); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if at := tl.Positions()["out"][0]; at != 0 {
		t.Errorf("the position is %d after a record that was not handled", at)
	}
}

func TestMissingTopic(t *testing.T) {
	b := setup(t)
	_, err := tail.New(b.ctx, tail.Options{Brokers: b.brokers, Topics: []string{"none"}})
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("got %v", err)
	}
}

func TestPositionsFile(t *testing.T) {
	p, err := tail.ReadPositions(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(p) != 0 {
		t.Errorf("no file: %v, %v", p, err)
	}
}
