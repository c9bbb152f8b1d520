package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pollAt is the part of QueueBytes below which a worker polls. What has just been decoded is in the
// processor's caches: a long queue would only push it out.
const pollAt = 16

// mostWait is how long a poll waits at most.
const mostWait = time.Second

// wants reports whether to poll: little is queued, or nothing of it can be processed, or the group
// waits for the poll. Otherwise what is queued is processed first. The client has the next fetch
// ready meanwhile, and no more than that.
func (s *session) wants() bool {
	return !s.more || s.notices.meets.Load() || s.queued() < s.cfg.Memory.Queue/pollAt
}

// queued is about how much memory the queues of all tasks take.
func (s *session) queued() (n int64) {
	for _, r := range s.tasks.all {
		for _, t := range r.topics {
			if !r.halted {
				n += r.task.Buffered(t)
			}
		}
	}
	return n
}

// poll takes what was fetched; with nothing to process it waits for that, until something else is
// due. Before, it commits if a commit is due, and allows a rebalance whenever nothing is
// uncommitted.
func (s *session) poll() (kgo.Fetches, error) {
	due := s.commitDue(time.Now())
	if due <= 0 {
		if err := s.commit(); err != nil {
			return nil, err
		}
	}
	s.throttle()
	allow := !s.tempo.dirty()
	if allow {
		due = s.idleWait()
		// From here on callbacks may run, until the poll returns. Nothing of the session is touched
		// in between.
		s.callbacks.begin()
		s.notices.meets.Store(false)
		s.cl.AllowRebalance()
	}
	if s.more {
		// Without a context a poll does not wait. What it returns holds back callbacks, and if it
		// returns nothing they are as before.
		//lint:ignore SA1012 the client's documentation says so
		if fetches := s.cl.PollFetches(nil); len(fetches) > 0 || !allow {
			return fetches, s.hard.Err()
		}
		due = 0
	}
	ctx, cancel := context.WithTimeout(s.hard, due)
	defer cancel()
	s.waker.poll.Store(&cancel)
	if s.ctx.Err() != nil || s.news(allow) {
		cancel() // it was told before it could be woken
	}
	// A poll that returns nothing at all, not even the end of its context, holds back no callbacks:
	// what it was woken for was taken away by one that ran meanwhile. The session must not go on
	// like that.
	var fetches kgo.Fetches
	for len(fetches) == 0 {
		fetches = s.cl.PollFetches(ctx)
	}
	s.waker.poll.Store(nil)
	return fetches, s.hard.Err()
}

// idleWait is how long a poll may wait when nothing is uncommitted: until a task needs a tick. All
// else wakes it: openings that are done, a rebalance, the shutdown.
func (s *session) idleWait() time.Duration {
	d := mostWait
	for _, r := range s.tasks.all {
		if !r.halted {
			d = min(d, r.task.Quiet())
		}
	}
	return d
}

// news reports whether something has come that is not to wait for the poll. A meeting of the group
// does if the session has allowed it.
func (s *session) news(allowed bool) bool {
	n := &s.notices
	return n.meets.Load() && !allowed || n.called.Load() || n.refused.Load() != nil || n.orphans.Load() || n.topics.Load() || n.behind.Load() || s.align.News() ||
		!s.openings.opened.empty() || !s.doubts.known.empty() || !s.holes.found.empty()
}

// throttle pauses partitions while the queues are full and yet nothing can be processed: tasks wait
// for inputs that have nothing queued, and only those are fetched. Anywhere else a pause would cost
// more than it brings, for the client throws away what it has fetched of a paused partition, and a
// resumed one waits for the fetch that is under way.
func (s *session) throttle() {
	stuck := !s.more && s.queued() >= s.cfg.Memory.Queue
	var pause, resume map[string][]int32
	for _, r := range s.tasks.all {
		for _, t := range r.topics {
			n := r.task.Buffered(t)
			switch {
			case r.halted: // paused for good
			case stuck && n > 0 && !r.paused[t]:
				r.paused[t] = true
				pause = add(pause, t, r.id.Partition)
			case r.paused[t] && (n == 0 || !stuck && n < s.cfg.Memory.Queue/4):
				r.paused[t] = false
				resume = add(resume, t, r.id.Partition)
			}
		}
	}
	if pause != nil {
		s.cl.PauseFetchPartitions(pause)
	}
	if resume != nil {
		s.cl.ResumeFetchPartitions(resume)
	}
}

// enqueue hands what was fetched to the tasks.
func (s *session) enqueue(fetches kgo.Fetches) error {
	var failed error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil {
			if err := s.fetchError(p.Topic, p.Partition, p.Err); err != nil && failed == nil {
				failed = err
			}
			return
		}
		r := s.tasks.owner(p.Topic, p.Partition)
		if r == nil {
			// The partitions of a task that was not adopted yet are paused, and nothing comes of
			// those that were given up. If it did, the client would go on behind these records, and
			// the task never see them.
			if len(p.Records) > 0 && failed == nil {
				failed = &errReset{err: fmt.Errorf("records of %s/%d from offset %d on belong to no task that runs here", p.Topic, p.Partition, p.Records[0].Offset)}
			}
			return
		}
		end := p.LastStableOffset
		if end < 0 {
			end = p.HighWatermark
		}
		s.stray(r, p.Topic, p.Records)
		if !r.halted {
			r.task.Enqueue(p.Topic, p.Records, end)
		}
	})
	return failed
}
