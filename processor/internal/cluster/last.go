package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// lastSteps are how far before the ends Last looks for a message: there may be nothing but markers
// of transactions.
var lastSteps = []int64{64, 4096}

// lastWait is how long Last waits for the next message. A log may end in a hole, behind which none
// comes.
const lastWait = 2 * time.Second

// Last returns the last committed message of each partition of a source before the run's end; those
// of which it finds none near the end are missing. client is how to reach the brokers. It asks once
// for each topic.
func (r *Run) Last(ctx context.Context, client []kgo.Opt, topic string) ([]*kgo.Record, error) {
	r.lastMu.Lock()
	defer r.lastMu.Unlock()
	if all, ok := r.last[topic]; ok {
		return all, nil
	}
	found := map[int32]*kgo.Record{}
	for _, step := range lastSteps {
		if err := r.look(ctx, client, topic, step, found); err != nil {
			return nil, fmt.Errorf("the last messages of %s: %w", topic, err)
		}
	}
	all := make([]*kgo.Record, 0, len(found))
	for _, m := range found {
		all = append(all, m)
	}
	if r.last == nil {
		r.last = map[string][]*kgo.Record{}
	}
	r.last[topic] = all
	return all, nil
}

// look reads the last offsets of the partitions that nothing was found of.
func (r *Run) look(ctx context.Context, client []kgo.Opt, topic string, step int64, found map[int32]*kgo.Record) error {
	at, missing := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, end := range r.ends[topic] {
		if found[p] == nil && end > 0 {
			at[p], missing[p] = kgo.NewOffset().At(max(end-step, 0)), end
		}
	}
	if len(at) == 0 {
		return nil
	}
	// An offset before the start of the log goes to the start.
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.FetchMaxWait(100 * time.Millisecond), kgo.DisableClientMetrics()}, append(client,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	for len(missing) > 0 {
		polling, cancel := context.WithTimeout(ctx, lastWait)
		fetches := cl.PollFetches(polling)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(fetches.Err0(), context.DeadlineExceeded) {
			return nil
		}
		fetches.EachRecord(func(m *kgo.Record) {
			end, ok := missing[m.Partition]
			if ok && m.Offset < end && !m.Attrs.IsControl() {
				found[m.Partition] = m
			}
			if ok && m.Offset >= end-1 {
				delete(missing, m.Partition)
			}
		})
	}
	return nil
}
