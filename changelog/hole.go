package changelog

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Beyond returns the offset up to which a partition has no committed record from the offset from
// on: markers of transactions, aborted records, what compaction has removed, offsets that a broker
// keeps for itself. It is from itself where there is a record. Beyond waits until there is anything
// to say, and so for ever at the end of what is committed.
//
// A consumer is not told of such offsets, for it is told of records only: where they are the last
// of a log, it does not know that it has read it to its end.
func (r *Restorer) Beyond(ctx context.Context, topic string, id [16]byte, partition int32, from int64) (int64, error) {
	notify := make(chan struct{}, 1)
	p := r.reader.add(topic, id, partition, from, false, notify)
	defer r.reader.remove(p)
	for {
		c, ok, err := r.reader.take(p)
		if err != nil {
			return 0, fmt.Errorf("changelog: what lies behind %s/%d offset %d: %w", topic, partition, from, err)
		}
		if ok {
			defer r.reader.release(c.held)
			i := slices.IndexFunc(c.records, func(rec *kgo.Record) bool { return !rec.Attrs.IsControl() })
			if i >= 0 {
				return c.records[i].Offset, nil
			}
			return c.next, nil
		}
		select {
		case <-notify:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}
