package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/state"
)

// onAssigned starts the opening of new tasks. Their partitions stay paused until their state is
// there. It runs as a callback: see the package comment.
func (s *session) onAssigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	pause := map[string][]int32{}
	if topic := s.unknown(added); topic != "" {
		cl.PauseFetchPartitions(added) // nothing of them is for this session
		s.callbacks.fail(&errReset{err: fmt.Errorf("topic %s has joined in", topic), meant: true})
		return
	}
	for _, sub := range s.cfg.Plan.SubTopologies {
		parts := map[int32]bool{}
		for _, in := range sub.Inputs {
			for _, p := range added[s.cfg.View.Real(in.Topic, in.Repartition)] {
				parts[p] = true
			}
		}
		for p := range parts {
			id := task.ID{Sub: sub.Name, Partition: p}
			if s.tasks.find(id) != nil || s.openings.has(id) {
				// Another of its inputs has grown to its partition: the task is opened anew, with a
				// new client.
				s.callbacks.fail(&errReset{err: fmt.Errorf("task %s has got another input", id)})
				continue
			}
			topics := s.inputs(sub, p, added)
			pause = addAll(pause, topics, p)
			s.align.Take(id)
			s.openings.add(id, sub.Only(func(topic string) bool { return slices.Contains(topics, topic) }), topics)
		}
	}
	cl.PauseFetchPartitions(pause)
	if s.balancer.Leads() {
		s.cfg.Events.Leader(s.cfg.Index)
	}
	s.report()
	s.fences.settle(s.ctx, s.cfg.View, added)
}

// inputs returns the topics of the inputs of a task that has been assigned: those that have its
// partition as far as is known here, and those of which the leader of the group knows it. Topics
// that a pattern has found are read once the leader deals them out.
func (s *session) inputs(sub *flow.SubTopology, partition int32, added map[string][]int32) (topics []string) {
	for _, in := range sub.Inputs {
		topic := s.cfg.View.Real(in.Topic, in.Repartition)
		if in.Of == "" && partition < s.cfg.View.Partitions(topic) || slices.Contains(added[topic], partition) {
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
		s.callbacks.fail(err)
	}
	s.drop(lost)
}

// onLost gives tasks up after the session with the group has failed. They have nothing uncommitted
// here either; their databases hold committed data and stay as warm state.
func (s *session) onLost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	if len(lost) == 0 {
		return
	}
	if err := s.cfg.Points.Hit(failpoint.InLost); err != nil {
		s.callbacks.fail(err)
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
			// It should not happen. What is left of the task would be fetched and belong to nobody,
			// and its offsets would be old when the task comes back.
			s.callbacks.fail(&errReset{err: fmt.Errorf("the group took away a part of task %s", id)})
		}
		return n > 0
	}
	resume := map[string][]int32{}
	s.openings.drop(gone, func(o *opening) {
		s.align.Drop(o.id)
		resume = addAll(resume, o.topics, o.id.Partition)
	})
	s.tasks.drop(gone, func(r *running) {
		resume = r.partitions(resume)
		s.stopTask(r)
		s.align.Drop(r.id)
	})
	// Pauses outlive assignments.
	s.cl.ResumeFetchPartitions(resume)
	s.offsets.forget(lost)
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

// adopt starts the tasks whose state has become ready.
func (s *session) adopt() error {
	for o := s.openings.next(); o != nil; o = s.openings.next() {
		if o.err != nil && s.ctx.Err() != nil {
			// the end of the application has ended it: a restore says so with an error of its own
			continue
		}
		if o.err != nil {
			return o.err
		}
		r, err := o.start(s)
		if err != nil {
			o.handle.Damaged(err)
			s.cfg.Opener.Pool.Release(o.handle)
			return s.startFailed(err)
		}
		for _, origin := range s.suspects.skips {
			r.task.Skip(origin)
		}
		if len(o.doubt) > 0 {
			s.doubts.add(r)
		}
		s.tasks.add(r)
		s.cl.ResumeFetchPartitions(r.partitions(nil))
		s.report()
	}
	return nil
}

// report tells the application what runs here.
func (s *session) report() { s.cfg.Events.Assigned(s.cfg.Index, s.tasks.ids()) }
