package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// opening is a task that was assigned and does not run yet: its offsets are being fetched, its state restored.
type opening struct {
	id     task.ID
	sub    *topology.SubTopology
	topics []string
	cancel context.CancelFunc

	// Set before it is sent to session.opened.
	committed []restore.Committed
	ends      map[string]int64
	doubt     map[string]int64
	run       *cluster.Run
	last      map[string][]*kgo.Record
	handle    *restore.Handle
	err       error
}

// onAssigned starts the opening of new tasks. Their partitions stay paused until their state is there. It runs as a callback:
// see the package comment.
func (s *session) onAssigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	pause := map[string][]int32{}
	for _, sub := range s.cfg.Plan.SubTopologies() {
		parts := map[int32]bool{}
		for _, in := range sub.Inputs {
			for _, p := range added[s.cfg.View.Real(in.Topic, in.Repartition)] {
				parts[p] = true
			}
		}
		for p := range parts {
			id := task.ID{Sub: sub.Name, Partition: p}
			if s.tasks[id] != nil || s.openings[id] != nil {
				// Another of its inputs has grown to its partition: the task is opened anew, with a new client.
				s.fatal = errors.Join(s.fatal, &errReset{err: fmt.Errorf("task %s has got another input", id)})
				continue
			}
			o := &opening{id: id, sub: sub, topics: s.inputs(sub, p, added)}
			for _, t := range o.topics {
				pause[t] = append(pause[t], p)
			}
			var ctx context.Context
			ctx, o.cancel = context.WithCancel(s.ctx)
			s.openings[id] = o
			s.align.Take(id)
			s.opening.Go(func() { s.open(ctx, o) })
		}
	}
	cl.PauseFetchPartitions(pause)
	if s.balancer.Leads() {
		s.cfg.Events.Leader(s.cfg.Index)
	}
	s.report()
	s.settle(added)
}

// inputs returns the topics of the inputs of a task that has been assigned: those that have its partition as far as is known here, and
// those of which the leader of the group knows it.
func (s *session) inputs(sub *topology.SubTopology, partition int32, added map[string][]int32) (topics []string) {
	for _, in := range sub.Inputs {
		topic := s.cfg.View.Real(in.Topic, in.Repartition)
		if partition < s.cfg.View.Partitions(topic) || slices.Contains(added[topic], partition) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// onRevoked gives tasks up in peace: everything they did is committed.
func (s *session) onRevoked(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	if len(lost) == 0 {
		return
	}
	if err := s.cfg.Points.Hit(failpoint.InRevoke); err != nil {
		s.fatal = errors.Join(s.fatal, err)
	}
	s.drop(lost)
}

// onLost gives tasks up after the session with the group has failed. They have nothing uncommitted here either; their databases
// hold committed data and stay as warm state.
func (s *session) onLost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	if len(lost) == 0 {
		return
	}
	if err := s.cfg.Points.Hit(failpoint.InLost); err != nil {
		s.fatal = errors.Join(s.fatal, err)
	}
	for _, ps := range lost {
		s.lost += len(ps) // why is not known yet: see sessionFailed
	}
	s.drop(lost)
}

func (s *session) drop(lost map[string][]int32) {
	gone := func(id task.ID, topics []string) bool {
		n := 0
		for _, t := range topics {
			if slices.Contains(lost[t], id.Partition) {
				n++
			}
		}
		if 0 < n && n < len(topics) {
			// It should not happen. What is left of the task would be fetched and belong to nobody, and its offsets would be old when
			// the task comes back.
			s.fatal = errors.Join(s.fatal, &errReset{err: fmt.Errorf("the group took away a part of task %s", id)})
		}
		return n > 0
	}
	resume := map[string][]int32{}
	for id, o := range s.openings {
		if gone(id, o.topics) {
			o.cancel()
			delete(s.openings, id)
			s.align.Drop(id)
			for _, t := range o.topics {
				resume[t] = append(resume[t], id.Partition)
			}
		}
	}
	kept := s.order[:0]
	for _, r := range s.order {
		if !gone(r.id, r.topics) {
			kept = append(kept, r)
			continue
		}
		for _, t := range r.topics {
			resume[t] = append(resume[t], r.id.Partition)
		}
		s.stopTask(r)
		delete(s.tasks, r.id)
		s.align.Drop(r.id)
	}
	clear(s.order[len(kept):])
	s.order = kept
	// Pauses outlive assignments.
	s.cl.ResumeFetchPartitions(resume)
	s.offMu.Lock()
	for t, ps := range lost {
		for _, p := range ps {
			delete(s.offsets, topicPartition{t, p})
		}
	}
	s.offMu.Unlock()
	s.report()
}

func (s *session) stopTask(r *running) {
	logged := r.task.Logged()
	if err := r.handle.Damaged(r.task.Close()); err != nil && !errors.Is(err, state.ErrCorrupt) {
		s.log.Warn("closing a task", "task", r.id, "err", err)
	}
	r.handle.Flush(logged)
	s.cfg.Opener.Pool.Release(r.handle)
}

// foreignOffsets are somebody else's: trying again does not help.
type foreignOffsets struct{ error }

// onOffsets remembers what the group has committed. The client asks for stable offsets: they are here only when no transaction
// is pending on them.
func (s *session) onOffsets(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	s.offMu.Lock()
	defer s.offMu.Unlock()
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			topic := t.Topic
			if topic == "" {
				topic = s.cfg.View.Name(t.TopicID)
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
						return &foreignOffsets{fmt.Errorf("the commit metadata of %s/%d in group %q is not kolk's: %w. Does another application use this group?", topic, p.Partition, s.cfg.App, err)}
					}
				}
				if c.Foreign {
					c.Metadata.Ref = topology.NoTime
				}
				s.offsets[topicPartition{topic, p.Partition}] = c
			}
		}
	}
	close(s.offChanged)
	s.offChanged = make(chan struct{})
	return nil
}

// open brings a task's state up to date, on a goroutine of its own.
func (s *session) open(ctx context.Context, o *opening) {
	if o.err = s.awaitGrowth(ctx, o); o.err == nil {
		o.committed, o.err = s.awaitOffsets(ctx, o)
	}
	if o.err == nil {
		o.err = s.bounds(ctx, o)
	}
	if o.err == nil {
		o.doubt, o.err = s.doubtful(ctx, o)
	}
	if o.err == nil && s.cfg.Run != nil {
		o.run, o.err = s.cfg.Run(ctx)
		o.last = map[string][]*kgo.Record{}
		for _, in := range o.sub.Inputs {
			if o.err == nil && in.MaxFuture > 0 {
				o.last[in.Topic], o.err = o.run.Last(ctx, s.cfg.Client, in.Topic)
			}
		}
	}
	if o.err == nil {
		o.handle, o.err = s.cfg.Opener.Open(ctx, o.sub, o.id.Partition, o.committed, func() { s.fence(ctx) })
	}
	s.openMu.Lock()
	s.opened = append(s.opened, o)
	s.openMu.Unlock()
	s.wake()
}

// takeOpened returns the openings that have come to an end since the last call.
func (s *session) takeOpened() []*opening {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	all := s.opened
	s.opened = nil
	return all
}

func (s *session) awaitOffsets(ctx context.Context, o *opening) ([]restore.Committed, error) {
	for {
		s.offMu.Lock()
		changed := s.offChanged
		var all []restore.Committed
		for _, t := range o.topics {
			if c, ok := s.offsets[topicPartition{t, o.id.Partition}]; ok {
				all = append(all, c)
			}
		}
		s.offMu.Unlock()
		if len(all) == len(o.topics) {
			return all, nil
		}
		select {
		case <-changed:
		case <-time.After(fenceAfter):
			s.fence(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// bounds lists the ends of the inputs, and where those begin that were never committed: at the start of the log.
func (s *session) bounds(ctx context.Context, o *opening) error {
	return cluster.Wait(ctx, s.log, "the offsets of the inputs", func(ctx context.Context) error {
		bounds, err := changelog.ListBounds(ctx, s.cl, o.topics, o.id.Partition, true)
		if err != nil {
			return err
		}
		o.ends = map[string]int64{}
		for i, c := range o.committed {
			if c.Offset < 0 {
				o.committed[i].Start, o.committed[i].Metadata.Ref = bounds[c.Topic].Start, topology.NoTime
			}
			o.ends[c.Topic] = bounds[c.Topic].End
		}
		return nil
	})
}

// adopt starts the tasks whose state has become ready.
func (s *session) adopt() error {
	for _, o := range s.takeOpened() {
		if s.openings[o.id] != o { // revoked meanwhile
			if o.handle != nil {
				s.cfg.Opener.Pool.Release(o.handle)
			}
			continue
		}
		delete(s.openings, o.id)
		if o.err != nil && s.ctx.Err() != nil {
			continue // the end of the application has ended it: a restore says so with an error of its own
		}
		if o.err != nil {
			return o.err
		}
		if err := s.start(o); err != nil {
			o.handle.Damaged(err)
			s.cfg.Opener.Pool.Release(o.handle)
			return s.startFailed(o, err)
		}
	}
	return nil
}

func (s *session) start(o *opening) error {
	var bounded *task.Bounded
	if o.run != nil {
		bounded = &task.Bounded{Run: o.run.ID, Ends: o.run.Ends(o.topics, o.id.Partition), Began: o.run.Began(), Last: o.last}
	}
	starts := map[string]task.Start{}
	for _, c := range o.committed {
		starts[c.Topic] = task.Start{Offset: c.Start, Ref: c.Metadata.Ref, Ended: c.Metadata.Ended}
	}
	t, err := task.New(task.Options{
		App: s.cfg.App, Plan: s.cfg.Plan, Sub: o.sub, Partition: o.id.Partition,
		DB: o.handle.DB, Checkpoint: o.handle.Checkpoint, Globals: s.cfg.Globals,
		Output: s.producer, Cluster: s.cfg.View, Clock: s.cfg.Clock, Logger: s.log, OnError: s.cfg.OnError, Stats: s.cfg.Stats, CacheBytes: s.cfg.CacheBytes,
		IdleAfter: s.cfg.IdleAfter, LiveWithin: s.cfg.LiveWithin, WatermarkInterval: s.cfg.WatermarkInterval, Alignment: s.align.Task(o.id),
		Doubt: o.doubt, Bounded: bounded, Start: starts, Context: s.hard,
	})
	if err != nil {
		return err
	}
	r := &running{id: o.id, task: t, handle: o.handle, sub: o.sub, topics: o.topics, paused: map[string]bool{}, quantum: firstQuantum}
	for _, topic := range o.topics {
		// The client says nothing of a partition without records: the task would wait for it for ever.
		t.Enqueue(topic, nil, o.ends[topic])
	}
	for _, origin := range s.skips {
		t.Skip(origin)
	}
	if len(o.doubt) > 0 {
		s.doubt(r)
	}
	s.tasks[o.id] = r
	s.order = append(s.order, r)
	slices.SortFunc(s.order, func(a, b *running) int {
		return cmp.Or(cmp.Compare(a.id.Sub, b.id.Sub), cmp.Compare(a.id.Partition, b.id.Partition))
	})
	resume := map[string][]int32{}
	for _, topic := range o.topics {
		resume[topic] = append(resume[topic], o.id.Partition)
	}
	s.cl.ResumeFetchPartitions(resume)
	s.report()
	return nil
}

// endOpenings ends what is being opened, when the session ends.
func (s *session) endOpenings() {
	for _, o := range s.openings {
		o.cancel()
	}
	clear(s.openings)
	s.askNoMore()
	s.opening.Wait()
	for _, o := range s.takeOpened() {
		if o.handle != nil {
			s.cfg.Opener.Pool.Release(o.handle)
		}
	}
}

func (s *session) report() {
	ids := make([]task.ID, 0, len(s.order))
	for _, r := range s.order {
		ids = append(ids, r.id)
	}
	s.cfg.Events.Assigned(s.cfg.Index, ids)
}
