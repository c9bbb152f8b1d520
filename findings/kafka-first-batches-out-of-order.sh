#!/bin/bash
# Apache Kafka 4.4 logs errors, "Expected sequence 0 for transactions v2 idempotent producer with
# no existing state", about a transactional franz-go producer that is used as it should be and
# loses nothing. A transaction that begins while the broker is still finishing the one before has
# its first produce request refused (CONCURRENT_TRANSACTIONS), once the broker has tried for
# add.partitions.to.txn.retry.backoff.max.ms, 100 by default: a busy broker takes longer. franz-go
# has one request in flight for a partition until one went well, but keeps that from one
# transaction to the next. So more batches of the partition are on their way; meanwhile the broker
# has finished, and refuses each of them, as it has seen no sequence 0 of this transaction. The
# client sends all of them again, in order. That costs what they are long, and no time: the first
# one waits as long without them. The broker here tries only once, so that it need not be slow for
# this to be seen. Deleted records and new topics have no part in it, and
# MaxProduceRequestsInflightPerBroker is not for such a producer.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B -Dstyle.color=never dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars >&2
cat > go.mod <<'MOD'
module finding

go 1.25

require github.com/twmb/franz-go v1.22.3
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
add.partitions.to.txn.retry.backoff.max.ms=%[3]s
`

func java(args ...string) *exec.Cmd {
	c := exec.Command("java", append([]string{"-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", "jars/*"}, args...)...)
	log, err := os.OpenFile("broker.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(err)
	c.Stdout, c.Stderr = log, log
	return c
}

// refusals counts what the client says of answers to produce requests.
type refusals struct{ concurrent, outOfOrder, written atomic.Int64 }

func (r *refusals) OnProduceBatchWritten(kgo.BrokerMetadata, string, int32, kgo.ProduceBatchMetrics) {
	r.written.Add(1)
}

func (*refusals) Level() kgo.LogLevel { return kgo.LogLevelDebug }
func (r *refusals) Log(_ kgo.LogLevel, _ string, kv ...any) {
	for _, v := range kv {
		if s, ok := v.(string); ok {
			r.concurrent.Add(int64(strings.Count(s, "(CONCURRENT_TRANSACTIONS")))
			r.outOfOrder.Add(int64(strings.Count(s, "(OUT_OF_ORDER_SEQUENCE")))
		}
	}
}

const partitions, transactions, records = 4, 30, 400

// state returns how far the broker is with the transaction.
func state(ctx context.Context, cl *kgo.Client, id string) string {
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	describe.TransactionalIDs = []string{id}
	resp, err := describe.RequestWith(ctx, cl)
	must(err)
	return resp.TransactionStates[0].State
}

// run writes transactions of many batches to a new topic, and reads them back.
func run(ctx context.Context, addr, topic string, untilFinished, firstAlone bool) (logged int) {
	said := &refusals{}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(2000), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.WithLogger(said), kgo.WithHooks(said))
	must(err)
	defer cl.Close()
	create := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, partitions, 1
	create.Topics = append(create.Topics, t)
	_, err = create.RequestWith(ctx, cl)
	must(err)
	var took time.Duration
	var lost atomic.Int64
	for n := range transactions {
		must(cl.BeginTransaction())
		begin := time.Now()
		for i := range records {
			value := binary.BigEndian.AppendUint64(nil, uint64((n*records+i)/partitions))
			cl.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(i % partitions), Value: append(value, make([]byte, 92)...)},
				func(_ *kgo.Record, err error) {
					if err != nil {
						lost.Add(1)
					}
				})
			if firstAlone && i == partitions-1 {
				must(cl.Flush(ctx))
			}
		}
		must(cl.Flush(ctx))
		took += time.Since(begin)
		if lost.Load() > 0 {
			panic("a record was refused for good")
		}
		must(cl.EndTransaction(ctx, kgo.TryCommit))
		for untilFinished && state(ctx, cl, topic) != "CompleteCommit" {
			time.Sleep(5 * time.Millisecond)
		}
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(err)
	defer reader.Close()
	var next [partitions]uint64
	for read := 0; read < transactions*records; {
		f := reader.PollFetches(ctx)
		must(f.Err0())
		for _, r := range f.Records() {
			if got := binary.BigEndian.Uint64(r.Value); got != next[r.Partition] {
				panic(fmt.Sprintf("partition %d: record %d where %d is due", r.Partition, got, next[r.Partition]))
			}
			next[r.Partition]++
			read++
		}
	}
	log, err := os.ReadFile("broker.log")
	must(err)
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "partition "+topic+"-") && strings.Contains(line, "with no existing state") {
			logged++
		}
	}
	fmt.Printf("%s: %d errors logged; %d batches, refused %d times as a transaction's first and %d times behind it; "+
		"%d ms a transaction; all read, in order\n",
		topic, logged, said.written.Load(), said.concurrent.Load(), said.outOfOrder.Load(), took.Milliseconds()/transactions)
	return logged
}

func main() {
	if !asKnown() {
		fmt.Println("not as it was: errors were logged for the transactions one after the other only")
		os.Exit(1)
	}
}

// asKnown runs the broker and the producers, and reports whether they behave as described.
func asKnown() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var addrs [2]string
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(err)
		defer l.Close()
		addrs[i] = l.Addr().String()
		l.Close()
	}
	must(os.WriteFile("server.properties", fmt.Appendf(nil, properties, addrs[0], addrs[1], os.Args[1]), 0o644))
	must(java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", "server.properties").Run())
	broker := java("kafka.Kafka", "server.properties")
	must(broker.Start())
	defer broker.Wait()
	defer broker.Process.Kill()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs[0]))
	must(err)
	for cl.Ping(ctx) != nil {
		must(ctx.Err())
		time.Sleep(100 * time.Millisecond)
	}
	cl.Close()
	run(ctx, addrs[0], "to-warm-up", true, true)
	atOnce := run(ctx, addrs[0], "one-after-the-other", false, false)
	finished := run(ctx, addrs[0], "when-the-one-before-is-finished", true, false)
	alone := run(ctx, addrs[0], "first-records-awaited", false, true)
	return atOnce > 0 && finished == 0 && alone == 0
}
GO
export GOTOOLCHAIN=auto GOFLAGS=-mod=mod
go mod tidy >/dev/null 2>&1
echo "Apache Kafka 4.4.0, franz-go $(go list -m -f '{{.Version}}' github.com/twmb/franz-go)"
go run . 0
