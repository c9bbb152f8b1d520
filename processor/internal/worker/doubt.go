package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/topology"
)

// What a task has stored of the writers of its repartition inputs is as old as its last commit: after an outage they may have a backlog,
// and yet have said last that they had caught up. So new tasks doubt it (task.Options.Doubt), until the group has committed what
// lay in the inputs of all sub-topologies upstream when they were opened, one after the other from the sources on. Where there was
// no outage that takes a few requests.

// doubts are the tasks of a sub-topology that wait for that. They belong to the session's goroutine.
type doubts struct {
	asking  []*running // those for which it is being found out
	waiting []*running // opened since
}

// doubtful returns the ends below which a new task is to doubt what writers of its inputs have said; nil if it need not.
func (s *session) doubtful(ctx context.Context, o *opening) (map[string]int64, error) {
	if s.cfg.Run != nil {
		return nil, nil
	}
	ends := map[string]int64{}
	for _, in := range o.sub.Inputs {
		if in.Repartition && !in.Timeless {
			ends[s.cfg.View.Real(in.Topic, true)] = 0 // what is stored is doubted, nothing else is there
		}
	}
	if len(ends) == 0 {
		return ends, nil
	}
	topics := slices.Collect(maps.Keys(ends))
	return ends, cluster.Wait(ctx, s.log, "the ends of the repartition topics", func(ctx context.Context) error {
		bounds, err := changelog.ListBounds(ctx, s.cl, topics, o.id.Partition, false)
		for topic, b := range bounds {
			if b.End > b.Start {
				ends[topic] = b.End
			}
		}
		return err
	})
}

// doubt notes a task that was opened.
func (s *session) doubt(r *running) {
	d := s.doubts[r.sub.Name]
	if d == nil {
		d = new(doubts)
		s.doubts[r.sub.Name] = d
	}
	d.waiting = append(d.waiting, r)
}

// ask begins to find out for tasks that were opened since the last time, and tells those for which it is known.
func (s *session) ask() error {
	s.openMu.Lock()
	known := s.caughtUp
	s.caughtUp = nil
	s.openMu.Unlock()
	for _, k := range known {
		if k.err != nil {
			if s.ctx.Err() != nil {
				continue
			}
			return fmt.Errorf("whether the tasks before sub-topology %s have caught up: %w", k.sub.Name, k.err)
		}
		d := s.doubts[k.sub.Name]
		for _, r := range d.asking {
			if s.tasks[r.id] != r { // given up meanwhile
				continue
			}
			for topic, ends := range k.ends {
				if end, ok := ends[r.id.Partition]; ok {
					r.task.Enqueue(topic, nil, end)
				}
			}
			r.task.CaughtUp()
		}
		d.asking = nil
	}
	for _, d := range s.doubts {
		if len(d.asking) > 0 || len(d.waiting) == 0 {
			continue
		}
		d.asking, d.waiting = d.waiting, nil
		sub := d.asking[0].sub
		s.opening.Go(func() {
			ends, err := s.cfg.View.Upstream(s.asking, kadm.NewClient(s.cl), s.log, sub)
			s.openMu.Lock()
			s.caughtUp = append(s.caughtUp, caughtUp{sub, ends, err})
			s.openMu.Unlock()
			s.wake()
		})
	}
	return nil
}

// caughtUp says that everything upstream of sub was processed; ends are those of its repartition inputs after that.
type caughtUp struct {
	sub  *topology.SubTopology
	ends cluster.Ends
	err  error
}
