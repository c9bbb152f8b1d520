package processor_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestBoundedCount counts per key, over two sub-topologies, and compares with what was produced.
func TestBoundedCount(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := map[string]int64{}
	for i := range 10_000 {
		field := fmt.Sprintf("f%d", i%97)
		want[field]++
		cl.Produce(ctx, &kgo.Record{Topic: "in", Key: fmt.Appendf(nil, "k%d", i%1000), Value: []byte(field)}, nil)
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}

	top := topology.New("counter")
	top.Stream("in", serde.String(), serde.String()).
		GroupBy("field", func(v string) string { return v }).
		Count("counts").
		ToStream().
		To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	app, err := processor.New(plan, processor.Config{Brokers: broker.ListenAddrs(), StateDir: t.TempDir(), UntilEnd: true, Workers: 2, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", app.Stats())

	got := map[string]int64{}
	rd, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	total := func() (n int64) {
		for _, c := range got {
			n += c
		}
		return n
	}
	for total() < 10_000 {
		fs := rd.PollFetches(ctx)
		if err := fs.Err0(); err != nil {
			t.Fatal(err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			n, err := serde.Int64().Decode(r.Value)
			if err != nil {
				t.Error(err)
			}
			got[string(r.Key)] = n
		})
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%s: %d, want %d", k, got[k], n)
		}
	}
}
