package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/pebblestate"
)

const (
	benchPartitions = 4
	benchRecords    = 1_000_000 // in all
)

// benchBroker is a broker with a changelog of benchRecords keys in no order, with values of 100
// bytes that compress to two thirds.
func benchBroker(b *testing.B) []string {
	b.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(benchPartitions, kvLog))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(broker.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, i := range rnd.Perm(benchRecords) {
		value := make([]byte, 100)
		for at := range 50 {
			value[at] = byte(rnd.Uint32())
		}
		cl.Produce(b.Context(), &kgo.Record{Topic: kvLog, Partition: int32(i % benchPartitions), Key: []byte("user-" + strconv.Itoa(i)), Value: value}, nil)
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return broker.ListenAddrs()
}

func benchEngine(b *testing.B) *pebblestate.Engine {
	b.Helper()
	e, err := pebblestate.New(pebblestate.Options{CacheBytes: 64 << 20, MemTableBytes: 96 << 20, MemTableSize: 64 << 10})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// BenchmarkOpenWiped restores all tasks of an application from nothing, as a process does whose
// directory was lost: until they may run.
func BenchmarkOpenWiped(b *testing.B) {
	addrs := benchBroker(b)
	sub := &flow.SubTopology{Name: "sub", Stores: []flow.StoreSpec{{Name: "kv", Kind: flow.KeyValueStore, Logged: true, Timestamped: true}}}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		engine := benchEngine(b)
		dir, err := OpenDir(b.TempDir(), "app", "cluster")
		if err != nil {
			b.Fatal(err)
		}
		restorer, err := changelog.NewRestorer(changelog.Config{Client: []kgo.Opt{kgo.SeedBrokers(addrs...)}})
		if err != nil {
			b.Fatal(err)
		}
		pool := NewPool(PoolConfig{Dir: dir, Engine: engine, Application: "app", Logger: slog.New(slog.DiscardHandler), FlushBytes: 64 << 20, Times: timing.Settings{Flush: time.Hour}})
		o := &Opener{Pool: pool, Restorer: restorer, App: "app", Now: time.Now, AtLeastOnce: true, Report: func(report.Restoration) {},
			TopicID:         func(string) (id [16]byte) { return id },
			DeleteRetention: func(string) time.Duration { return 0 }}
		var all sync.WaitGroup
		for p := range int32(benchPartitions) {
			all.Go(func() {
				if _, err := o.Open(b.Context(), sub, p, nil, nil); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
		b.StopTimer()
		restorer.Close()
		if err := errors.Join(pool.Close(), engine.Close(), dir.Close()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n*benchRecords)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkPlain is what there is to compare with: a consumer that reads the same log into the same
// databases, in large batches, without positions, checks, or committed data only.
func BenchmarkPlain(b *testing.B) {
	addrs := benchBroker(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		engine, path := benchEngine(b), b.TempDir()
		offsets := map[int32]kgo.Offset{}
		for p := range int32(benchPartitions) {
			offsets[p] = kgo.NewOffset().AtStart()
		}
		cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{kvLog: offsets}), kgo.FetchMaxPartitionBytes(4<<20))
		if err != nil {
			b.Fatal(err)
		}
		var dbs [benchPartitions]state.DB
		var writers [benchPartitions]chan []*kgo.Record
		var all sync.WaitGroup
		for p := range dbs {
			if dbs[p], err = engine.Open(filepath.Join(path, fmt.Sprint(p))); err != nil {
				b.Fatal(err)
			}
			writers[p] = make(chan []*kgo.Record, 1)
			all.Go(func() { writePlain(b, dbs[p], writers[p]) })
		}
		for got := 0; got < benchRecords; {
			fetches := cl.PollFetches(b.Context())
			if err := fetches.Err0(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				b.Fatal(err)
			}
			fetches.EachPartition(func(p kgo.FetchTopicPartition) {
				got += len(p.Records)
				writers[p.Partition] <- p.Records
			})
		}
		for _, w := range writers {
			close(w)
		}
		all.Wait()
		b.StopTimer()
		cl.Close()
		for _, db := range dbs {
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
		}
		if err := engine.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n*benchRecords)/b.Elapsed().Seconds(), "records/s")
}

func writePlain(b *testing.B, db state.DB, records <-chan []*kgo.Record) {
	batch := db.NewBatch()
	var value []byte
	for rs := range records {
		for _, r := range rs {
			value = append(append(value[:0], "12345678"...), r.Value...)
			batch.Set(r.Key, value)
		}
		if batch.Size() < 8<<20 {
			continue
		}
		if err := batch.Commit(); err != nil {
			b.Error(err)
		}
	}
	if err := errors.Join(batch.Commit(), batch.Close()); err != nil {
		b.Error(err)
	}
}
