package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is the harness's own connection to the broker.
type cluster struct {
	addr string
	cl   *kgo.Client
	adm  *kadm.Client
}

func connect(addr string) (*cluster, error) {
	c := &cluster{addr: addr}
	var err error
	if c.cl, err = c.client(); err != nil {
		return nil, err
	}
	c.adm = kadm.NewClient(c.cl)
	return c, nil
}

func (c *cluster) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(strings.Split(c.addr, ",")...),
		// Topics come and go here: what was true a moment ago is asked again.
		kgo.MetadataMinAge(20 * time.Millisecond),
	}, opts...)...)
}

func (c *cluster) close() { c.cl.Close() }

// create makes a topic that keeps everything.
func (c *cluster) create(ctx context.Context, topic string, partitions int32) error {
	_, err := c.adm.CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, topic)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return c.known(ctx, topic)
}

// known waits until the broker answers for every partition of a topic: a new one takes a moment.
func (c *cluster) known(ctx context.Context, topics ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return retry(ctx, func() error {
		ends, err := c.adm.ListEndOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		return ends.Error()
	})
}

// retry calls fn, at most every 20 ms, until it succeeds or ctx ends.
func retry(ctx context.Context, fn func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// load makes a topic with the records of its kind, unless an earlier run left it there complete.
func (c *cluster) load(ctx context.Context, topic, kind string, d data) error {
	switch ends, err := c.adm.ListEndOffsets(ctx, topic); {
	case err != nil:
		return err
	case ends.Error() == nil && sum(ends[topic]) == d.size(kind):
		return nil
	case !errors.Is(ends.Error(), kerr.UnknownTopicOrPartition):
		if err := c.remove(ctx, topic); err != nil {
			return err
		}
	}
	if err := c.create(ctx, topic, d.partitions); err != nil {
		return err
	}
	cl, err := c.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerLinger(10*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	d.records(kind, func(r *kgo.Record) {
		r.Topic = topic
		cl.Produce(ctx, r, promise)
	})
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("load %s: %w", topic, *err)
	}
	return nil
}

func sum(offsets map[int32]kadm.ListedOffset) (n int64) {
	for _, o := range offsets {
		n += o.Offset
	}
	return n
}

// scan calls fn with what a read-committed reader sees of a topic, from its start to its end. It
// waits for transactions that are open: Apache Kafka has answered a commit before it has told all
// partitions.
func (c *cluster) scan(ctx context.Context, topic string, fn func(*kgo.Record)) error {
	ends, err := c.adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if err := ends.Error(); err != nil {
		return fmt.Errorf("ends of %s: %w", topic, err)
	}
	open := map[int32]int64{}
	for p, o := range ends[topic] {
		if o.Offset > 0 {
			open[p] = o.Offset
		}
	}
	cl, err := c.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.FetchMaxPartitionBytes(8<<20))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for len(open) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, ok := open[r.Partition]
			if !ok || r.Offset >= end {
				return
			}
			if !r.Attrs.IsControl() {
				fn(r)
			}
			if r.Offset+1 == end {
				delete(open, r.Partition)
			}
		})
	}
	return nil
}

// internal are the topics that an application made for itself.
func (c *cluster) internal(ctx context.Context, app string) ([]string, error) {
	// Not by the admin client, which remembers the topics that it saw some seconds ago.
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // all
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return nil, err
	}
	var topics []string
	for _, t := range resp.Topics {
		if t.Topic != nil && strings.HasPrefix(*t.Topic, app+"-") {
			topics = append(topics, *t.Topic)
		}
	}
	return topics, nil
}

// remove deletes topics, as far as they exist.
func (c *cluster) remove(ctx context.Context, topics ...string) error {
	if len(topics) == 0 {
		return nil
	}
	deleted, err := c.adm.DeleteTopics(ctx, topics...)
	if err != nil {
		return err
	}
	for _, d := range deleted {
		if d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", d.Topic, d.Err)
		}
	}
	return nil
}

// forget removes everything that a run left on the broker. It does its best: what stays is in
// nobody's way.
func (c *cluster) forget(ctx context.Context, app string, topics ...string) {
	internal, err := c.internal(ctx, app)
	if err != nil {
		return
	}
	_ = c.remove(ctx, append(topics, internal...)...)
	_, _ = c.adm.DeleteGroup(ctx, app)
}
