package worker

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// purgeEvery is how often what nobody needs any more is deleted from internal topics: repartition
// records that were consumed, changelog records of windows that are closed.
const purgeEvery = 5 * time.Second

// purger deletes it in the background, with one request at a time. What is not deleted now is
// deleted later: a failure costs space alone.
type purger struct {
	cl      *kgo.Client
	log     *slog.Logger
	errands *errands
	off     bool // nothing is to be deleted

	last    time.Time
	pending atomic.Bool
	done    map[topicPartition]int64 // belongs to the one that has set pending
}

// purge deletes what the tasks have no use for, if it is time to.
func (p *purger) purge(tasks *roster, now time.Time) {
	if p.off || now.Sub(p.last) < purgeEvery || !p.pending.CompareAndSwap(false, true) {
		return
	}
	offsets := kadm.Offsets{}
	for _, r := range tasks.all {
		for topic, below := range r.task.Purgeable() {
			if below > p.done[topicPartition{topic, r.id.Partition}] {
				offsets.Add(kadm.Offset{Topic: topic, Partition: r.id.Partition, At: below})
			}
		}
	}
	if len(offsets) == 0 {
		p.pending.Store(false)
		return // looks again after the next commit
	}
	p.last = now
	p.errands.run(func(ctx context.Context) {
		defer p.pending.Store(false)
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		resp, err := kadm.NewClient(p.cl).DeleteRecords(ctx, offsets)
		if err == nil {
			err = resp.Error()
		}
		if err != nil {
			if p.errands.ctx.Err() == nil {
				p.log.Warn("could not delete consumed records of internal topics; trying again later", "err", err)
			}
			return
		}
		offsets.Each(func(o kadm.Offset) { p.done[topicPartition{o.Topic, o.Partition}] = o.At })
	})
}
