package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/backoff"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/report"
)

// Inputs may get more partitions while the application runs; docs/adr/0020-partitions-added.md says
// what comes of it. Each process asks the brokers for itself (cluster.View.Look), so that one may
// know of a partition, or of a task, some seconds before another.

// Grown says that there are new tasks. It is safe for concurrent use.
func (w *Worker) Grown() {
	if s := w.current.Load(); s != nil {
		s.notices.topics.Store(true)
		s.wake()
		// The leader deals out what its client knows of; if that learns of the partitions later it
		// makes the group meet itself.
		s.cl.ForceMetadataRefresh()
		s.cl.ForceRebalance()
	}
}

// awaitGrowth waits until this process too knows of the partition of topics that the leader of the
// group has given to it.
func awaitGrowth(ctx context.Context, view *cluster.View, log *slog.Logger, topics []string, partition int32) error {
	for pause := backoff.New(50*time.Millisecond, time.Second); ; {
		known := true
		for _, t := range topics {
			known = known && partition < view.Partitions(t)
		}
		if known {
			return nil
		}
		if err := cluster.Wait(ctx, log, "the number of partitions", func(ctx context.Context) error {
			_, err := view.Look(ctx)
			return err
		}); err != nil {
			return err
		}
		if pause.Wait(ctx) != nil {
			return ctx.Err()
		}
	}
}

// startFailed is the error of a task that could not be started. One whose state knows of more
// writers than this process does may be right.
func (s *session) startFailed(err error) error {
	if errors.Is(err, report.ErrWriters) {
		if more, looked := s.cfg.View.Look(s.ctx); more || looked != nil {
			return &errReset{err: err}
		}
	}
	return err
}

// stray looks for a record that shows that keys have moved: one whose key does not belong to its
// partition among as many as the topic had. The task that would process it is halted, and goes on
// with nothing, for the key's state is another task's. It is the producers' partitioner that
// decides; where it is not Kafka's own nobody knows, and the task is halted too.
func (s *session) stray(r *running, topic string, records []*kgo.Record) {
	g, grown := s.cfg.View.Refused(topic)
	if !grown || r.halted {
		return
	}
	p := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	for _, rec := range records {
		if rec.Key == nil || rec.Attrs.IsControl() || p.Partition(rec, int(g.Before)) == int(rec.Partition) {
			continue
		}
		r.halted = true
		s.log.Error("a task is halted: the key of a record belongs to another partition since its topic has more", "task", r.id,
			"topic", topic, "partition", rec.Partition, "offset", rec.Offset, "partitions", g.Partitions, "before", g.Before)
		s.cl.PauseFetchPartitions(r.partitions(nil))
		return
	}
}
