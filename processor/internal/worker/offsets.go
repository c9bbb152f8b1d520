package worker

import (
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/topology"
)

// offsets are what the group has committed for the partitions of the session, as of the client's
// last fetch of them. The client asks for stable offsets: they are here only when no transaction is
// pending on them. It is safe for concurrent use.
type offsets struct {
	mu      sync.Mutex
	known   map[topicPartition]restore.Committed
	changed chan struct{} // closed at the next change
}

func newOffsets() offsets {
	return offsets{known: map[topicPartition]restore.Committed{}, changed: make(chan struct{})}
}

// foreignOffsets are somebody else's: trying again does not help.
type foreignOffsets struct{ error }

// note remembers what a broker has answered to the group of an application. name looks up topics
// that the answer names by id alone.
func (o *offsets) note(resp *kmsg.OffsetFetchResponse, app string, name func(id [16]byte) string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			topic := t.Topic
			if topic == "" {
				topic = name(t.TopicID)
			}
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					continue
				}
				c := restore.Committed{Topic: topic, Partition: p.Partition, Offset: p.Offset, Start: p.Offset}
				c.Foreign = p.Offset >= 0 && (p.Metadata == nil || *p.Metadata == "")
				if p.Metadata != nil {
					var err error
					if c.Metadata, err = checkpoint.ParseMetadata(*p.Metadata); err != nil {
						return &foreignOffsets{fmt.Errorf("the commit metadata of %s/%d in group %q is not kolk's: %w. Does another application use this group?", topic, p.Partition, app, err)}
					}
				}
				if c.Foreign {
					c.Metadata.Ref = topology.NoTime
				}
				o.known[topicPartition{topic, p.Partition}] = c
			}
		}
	}
	close(o.changed)
	o.changed = make(chan struct{})
	return nil
}

// of returns what is committed for one partition of each topic, or a channel that is closed when
// that may be known.
func (o *offsets) of(topics []string, partition int32) (all []restore.Committed, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range topics {
		c, ok := o.known[topicPartition{t, partition}]
		if !ok {
			return nil, o.changed
		}
		all = append(all, c)
	}
	return all, nil
}

// forget drops what is known of partitions that were given up: when they come back it is old.
func (o *offsets) forget(lost map[string][]int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for t, ps := range lost {
		for _, p := range ps {
			delete(o.known, topicPartition{t, p})
		}
	}
}
