package worker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/cluster"
)

// What a task has stored of the writers of its repartition inputs is as old as its last commit:
// after an outage they may have a backlog, and yet have said last that they had caught up. So new
// tasks doubt it (task.Options.Doubt), until the group has committed what lay in the inputs of all
// sub-topologies upstream when they were opened, one after the other from the sources on. Where
// there was no outage that takes a few requests.

// doubts are the tasks that wait for that, by sub-topology. They belong to the session's goroutine.
type doubts struct {
	view    *cluster.View
	cl      *kgo.Client
	log     *slog.Logger
	errands *errands

	bySub map[string]*doubters
	known inbox[caughtUp]
}

// doubters are the tasks of one sub-topology that wait.
type doubters struct {
	asking  []*running // those for which it is being found out
	waiting []*running // opened since
}

// caughtUp says that everything upstream of sub was processed; ends are those of its repartition
// inputs after that.
type caughtUp struct {
	sub  *flow.SubTopology
	ends cluster.Ends
	err  error
}

// doubtful returns the ends below which a new task is to doubt what writers of its inputs have
// said; nil if it need not.
func (o *openings) doubtful(ctx context.Context, p *opening) (map[string]int64, error) {
	if o.cfg.Run != nil {
		return nil, nil
	}
	ends := map[string]int64{}
	for _, in := range p.sub.Inputs {
		if in.Repartition && !in.Timeless {
			// what is stored is doubted, nothing else is there
			ends[o.cfg.View.Real(in.Topic, true)] = 0
		}
	}
	if len(ends) == 0 {
		return ends, nil
	}
	topics := slices.Collect(maps.Keys(ends))
	return ends, cluster.Wait(ctx, o.log, "the ends of the repartition topics", func(ctx context.Context) error {
		bounds, err := changelog.ListBounds(ctx, o.cl, topics, p.id.Partition, false)
		for topic, b := range bounds {
			if b.End > b.Start {
				ends[topic] = b.End
			}
		}
		return err
	})
}

// add notes a task that was opened and doubts.
func (d *doubts) add(r *running) {
	ds := d.bySub[r.sub.Name]
	if ds == nil {
		ds = new(doubters)
		d.bySub[r.sub.Name] = ds
	}
	ds.waiting = append(ds.waiting, r)
}

// resolve tells those of the tasks for which it is known that their writers have caught up, and
// begins to find out for those that were added since the last time.
func (d *doubts) resolve(tasks *roster) error {
	for k, ok := d.known.next(); ok; k, ok = d.known.next() {
		if k.err != nil {
			if d.errands.ctx.Err() != nil {
				continue
			}
			return fmt.Errorf("whether the tasks before sub-topology %s have caught up: %w", k.sub.Name, k.err)
		}
		ds := d.bySub[k.sub.Name]
		for _, r := range ds.asking {
			if !tasks.has(r) { // given up meanwhile
				continue
			}
			for topic, ends := range k.ends {
				if end, ok := ends[r.id.Partition]; ok {
					r.task.Enqueue(topic, nil, end)
				}
			}
			r.task.CaughtUp()
		}
		ds.asking = nil
	}
	for _, ds := range d.bySub {
		if len(ds.asking) > 0 || len(ds.waiting) == 0 {
			continue
		}
		ds.asking, ds.waiting = ds.waiting, nil
		sub := ds.asking[0].sub
		d.errands.run(func(ctx context.Context) {
			ends, err := d.view.Upstream(ctx, kadm.NewClient(d.cl), d.log, sub)
			d.known.put(caughtUp{sub, ends, err})
		})
	}
	return nil
}
