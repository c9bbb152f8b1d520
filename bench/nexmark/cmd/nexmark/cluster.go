package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is a connection to brokers.
type cluster struct {
	brokers []string
	cl      *kgo.Client
	adm     *kadm.Client
}

func connect(brokers []string, opts ...kgo.Opt) (*cluster, error) {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...),
		// Topics come and go here: what was true a moment ago is asked again.
		kgo.MetadataMinAge(20 * time.Millisecond)}, opts...)...)
	if err != nil {
		return nil, usageError{err}
	}
	return &cluster{brokers, cl, kadm.NewClient(cl)}, nil
}

func (c *cluster) close() { c.cl.Close() }

// answerWithin bounds questions to brokers: those that are not there are asked for ever otherwise.
const answerWithin = 15 * time.Second

// ends returns the end of each partition of a topic, and false if there is no such topic.
func (c *cluster) ends(ctx context.Context, topic string) (map[int32]int64, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	listed, err := c.adm.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if _, answered := errors.AsType[*kerr.Error](err); err != nil && !answered {
		return nil, false, fmt.Errorf("no broker answers at %s: %w", strings.Join(c.brokers, ","), err)
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("topic %s: %w", topic, err)
	}
	ends := map[int32]int64{}
	for p, o := range listed[topic] {
		ends[p] = o.Offset
	}
	return ends, true, nil
}

// emptyTopic makes sure that there is a topic without messages. Zero partitions are as many as it
// has.
func (c *cluster) emptyTopic(ctx context.Context, topic string, partitions int32) error {
	ends, ok, err := c.ends(ctx, topic)
	if err != nil {
		return err
	}
	if !ok {
		if partitions == 0 {
			partitions = defaultPartitions
		}
		return c.create(ctx, topic, partitions)
	}
	if n := int32(len(ends)); partitions != 0 && n != partitions {
		return fmt.Errorf("the topic %s has %d partitions, not %d: leave -partitions out, or delete the topic", topic, n, partitions)
	}
	if n := sum(ends); n > 0 {
		return fmt.Errorf("the topic %s holds %s messages: delete it first", topic, humanize.Comma(n))
	}
	return nil
}

// create makes a topic that keeps everything, for event time may be years ago.
func (c *cluster) create(ctx context.Context, topic string, partitions int32) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for created := false; ; {
		if !created {
			_, err := c.adm.CreateTopic(ctx, partitions, -1, map[string]*string{"retention.ms": new("-1")}, topic)
			// One that has just been deleted may still be in the way.
			if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
				return fmt.Errorf("create the topic %s: %w", topic, err)
			}
			created = err == nil
		}
		// A new topic takes a moment.
		if created {
			if _, ok, err := c.ends(ctx, topic); err == nil && ok {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the topic %s cannot be created: %w", topic, ctx.Err())
		}
	}
}

func sum(ends map[int32]int64) (n int64) {
	for _, end := range ends {
		n += end
	}
	return n
}

// read calls fn with what a reader of committed messages sees of a topic, from its start to where
// it stands now.
func (c *cluster) read(ctx context.Context, topic string, fn func(*kgo.Record)) error {
	open, ok, err := c.ends(ctx, topic)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("there is no topic %s", topic)
	}
	for p, end := range open {
		if end == 0 {
			delete(open, p)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxPartitionBytes(4<<20))
	if err != nil {
		return err
	}
	defer cl.Close()
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

// forget removes an application: its topics, which begin with its name, and its group. It does its
// best: what stays is reported by the next run.
func (c *cluster) forget(ctx context.Context, app string) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if topics, err := c.topics(ctx, app); err == nil && len(topics) > 0 {
		_, _ = c.adm.DeleteTopics(ctx, topics...)
	}
	_, _ = c.adm.DeleteGroup(ctx, app)
}

// topics are those of an application: the one that is named like it, and its internal ones.
func (c *cluster) topics(ctx context.Context, app string) ([]string, error) {
	// Not by the admin client, which remembers for a while which topics there are.
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // all
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var topics []string
	for _, t := range resp.Topics {
		if t.Topic != nil && (*t.Topic == app || strings.HasPrefix(*t.Topic, app+"-")) {
			topics = append(topics, *t.Topic)
		}
	}
	return topics, nil
}
