#!/bin/sh
# kfake, the fake cluster of franz-go, gives readers of committed records those of aborted
# transactions: when an answer to a fetch is cut short by its limit of bytes in all, it does not say
# which transactions of that partition were aborted. A limit of the partition's bytes does no harm.
set -eu
export GOTOOLCHAIN=auto GOFLAGS=-mod=mod
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'EOF'
module finding

go 1.26.0

require (
	github.com/twmb/franz-go v1.22.3
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c
)
EOF
cat > main.go <<'EOF'
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// read writes ten batches of 1000 bytes in a transaction that is aborted, and returns how many of
// its records a reader of committed records is given.
func read(ctx context.Context, limit kgo.Opt) (got int) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	must(err)
	defer fake.Close()
	writer, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.DefaultProduceTopic("t"), kgo.TransactionalID("w"),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	must(err)
	defer writer.Close()
	write := func(value string, size, n int, end kgo.TransactionEndTry) {
		must(writer.BeginTransaction())
		for range n {
			must(writer.ProduceSync(ctx, &kgo.Record{Key: []byte(value), Value: make([]byte, size)}).FirstErr())
		}
		must(writer.EndTransaction(ctx, end))
	}
	write("aborted", 1000, 10, kgo.TryAbort)
	write("committed", 10, 1, kgo.TryCommit)
	reader, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.ConsumeTopics("t"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), limit)
	must(err)
	defer reader.Close()
	for {
		for _, r := range reader.PollFetches(ctx).Records() {
			if string(r.Key) == "committed" {
				return got
			}
			got++
		}
		must(ctx.Err())
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	whole := read(ctx, kgo.FetchMaxBytes(1<<20))
	partition := read(ctx, kgo.FetchMaxPartitionBytes(5000))
	cut := read(ctx, kgo.FetchMaxBytes(5000))
	fmt.Println("of 10 records of an aborted transaction, a reader of committed records is given:")
	fmt.Printf("%d, if all fit into an answer\n", whole)
	fmt.Printf("%d, if the partition's share of an answer ends after 5000 bytes\n", partition)
	fmt.Printf("%d, if the answer itself ends after 5000 bytes\n", cut)
	if whole != 0 || partition != 0 || cut == 0 {
		os.Exit(1)
	}
}
EOF
go mod tidy >/dev/null 2>&1
echo "kfake $(go list -m -f '{{.Version}}' github.com/twmb/franz-go/pkg/kfake)"
go run .
