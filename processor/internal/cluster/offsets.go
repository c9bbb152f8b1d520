package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bounds are the offset of a partition's first record and the one after its last.
type Bounds struct{ Start, End int64 }

// ListBounds asks for the bounds of one partition of each topic, and of no other partition: every task asks. The end is that of what is
// stable or, if written is set, of the whole log.
func ListBounds(ctx context.Context, cl *kgo.Client, topics []string, partition int32, written bool) (map[string]Bounds, error) {
	const latest, earliest = -1, -2
	const readUncommitted, readCommitted = 0, 1
	isolation := int8(readCommitted)
	if written {
		isolation = readUncommitted
	}
	starts, err := listOffsets(ctx, cl, topics, partition, earliest, isolation)
	if err != nil {
		return nil, err
	}
	ends, err := listOffsets(ctx, cl, topics, partition, latest, isolation)
	if err != nil {
		return nil, err
	}
	bounds := map[string]Bounds{}
	for _, t := range topics {
		bounds[t] = Bounds{starts[t], ends[t]}
	}
	return bounds, nil
}

func listOffsets(ctx context.Context, cl *kgo.Client, topics []string, partition int32, at int64, isolation int8) (map[string]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, isolation
	for _, topic := range topics {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp, p.CurrentLeaderEpoch = partition, at, -1
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	offsets := map[string]int64{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.Partition != partition {
				continue
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("list offsets of %s/%d: %w", t.Topic, partition, err)
			}
			offsets[t.Topic] = p.Offset
		}
	}
	for _, topic := range topics {
		if _, ok := offsets[topic]; !ok {
			return nil, fmt.Errorf("list offsets: no answer for %s/%d", topic, partition)
		}
	}
	return offsets, nil
}

// Pending reports whether transactions that are not over have committed offsets of these partitions.
func Pending(ctx context.Context, cl *kgo.Client, v *View, group string, partitions map[string][]int32) (bool, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	for topic, ps := range partitions {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.TopicID, t.Partitions = topic, v.TopicID(topic), ps
		g.Topics = append(g.Topics, t)
	}
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return false, fmt.Errorf("fetch offsets of group %q: %w", group, err)
	}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return false, fmt.Errorf("fetch offsets of group %q: %w", group, err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if errors.Is(kerr.ErrorForCode(p.ErrorCode), kerr.UnstableOffsetCommit) {
					return true, nil
				}
			}
		}
	}
	return false, nil
}
