package worker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// purgeEvery is how often what nobody needs any more is deleted from internal topics: repartition records that were consumed,
// changelog records of windows that are closed.
const purgeEvery = 5 * time.Second

// purge deletes in the background, at most one request at a time. What is not deleted now is deleted later: a failure costs
// space alone.
func (s *session) purge(now time.Time) {
	if s.cfg.KeepConsumed {
		return
	}
	if now.Sub(s.purged) < purgeEvery || !s.purging.CompareAndSwap(false, true) {
		return
	}
	offsets := kadm.Offsets{}
	for _, r := range s.order {
		for topic, below := range r.task.Purgeable() {
			if below > s.purgedTo[topicPartition{topic, r.id.Partition}] {
				offsets.Add(kadm.Offset{Topic: topic, Partition: r.id.Partition, At: below})
			}
		}
	}
	if len(offsets) == 0 {
		s.purging.Store(false)
		return // looks again after the next commit
	}
	s.purged = now
	s.opening.Go(func() {
		defer s.purging.Store(false)
		ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
		defer cancel()
		resp, err := kadm.NewClient(s.cl).DeleteRecords(ctx, offsets)
		if err == nil {
			err = resp.Error()
		}
		if err != nil {
			if s.ctx.Err() == nil {
				s.log.Warn("could not delete consumed records of internal topics; trying again later", "err", err)
			}
			return
		}
		offsets.Each(func(o kadm.Offset) { s.purgedTo[topicPartition{o.Topic, o.Partition}] = o.At })
	})
}
