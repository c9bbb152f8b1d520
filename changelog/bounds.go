package changelog

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bounds are the offset of a partition's first record and the one after its last.
type Bounds struct{ Start, End int64 }

// ListBounds asks for the bounds of one partition of each topic, and of no other partition: every
// task asks. The end is that of the whole log or, if committed is set, of its committed part.
// Errors of brokers are [*kerr.Error].
func ListBounds(ctx context.Context, cl *kgo.Client, topics []string, partition int32, committed bool) (map[string]Bounds, error) {
	const latest, earliest = -1, -2
	const readUncommitted, readCommitted = 0, 1
	isolation := int8(readUncommitted)
	if committed {
		isolation = readCommitted
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
		return nil, fmt.Errorf("changelog: list offsets: %w", err)
	}
	offsets := map[string]int64{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.Partition != partition {
				continue
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("changelog: list offsets of %s/%d: %w", t.Topic, partition, err)
			}
			offsets[t.Topic] = p.Offset
		}
	}
	for _, topic := range topics {
		if _, ok := offsets[topic]; !ok {
			return nil, fmt.Errorf("changelog: list offsets: no answer for %s/%d", topic, partition)
		}
	}
	return offsets, nil
}
