#!/bin/sh
# franz-go hands timestamps through nanoseconds in an int64: a record whose time lies behind April 2262 gets another one on the wire,
# without an error. The broker here is kfake, of the same authors.
set -eu
export GOTOOLCHAIN=auto GOFLAGS=-mod=mod
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'EOF'
module finding

go 1.25

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
	"github.com/twmb/franz-go/pkg/kmsg"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func main() {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	must(err)
	defer fake.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// What a produce request says is seen on its way to the broker.
	var onWire []int64
	fake.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		for _, t := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				var b kmsg.RecordBatch
				if b.ReadFrom(p.Records) == nil {
					onWire = append(onWire, b.FirstTimestamp)
				}
			}
		}
		return nil, nil, false
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(err)
	defer cl.Close()
	wrong := 0
	times := []string{"2024-05-01", "2262-04-11", "2262-04-12", "2600-01-01", "9999-12-31"}
	for _, day := range times {
		at, err := time.Parse(time.DateOnly, day)
		must(err)
		must(cl.ProduceSync(ctx, &kgo.Record{Value: []byte(day), Timestamp: at}).FirstErr())
	}
	for i := 0; i < len(times); {
		for _, r := range cl.PollFetches(ctx).Records() {
			at, _ := time.Parse(time.DateOnly, string(r.Value))
			fmt.Printf("asked for %s: %d ms; on the wire %d; read back as %s\n",
				r.Value, at.UnixMilli(), onWire[i], r.Timestamp.UTC().Format(time.RFC3339))
			if onWire[i] != at.UnixMilli() {
				wrong++
			}
			i++
		}
		must(ctx.Err())
	}
	fmt.Printf("%d of %d timestamps were written as another time, with no error\n", wrong, len(times))
	if wrong != 3 {
		os.Exit(1)
	}
}
EOF
go mod tidy >/dev/null 2>&1
echo "franz-go $(go list -m -f '{{.Version}}' github.com/twmb/franz-go)"
go run .
