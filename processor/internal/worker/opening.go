package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/topology"
)

// opening is a task that was assigned and does not run yet: its offsets are being fetched, its
// state restored.
type opening struct {
	id     task.ID
	sub    *flow.SubTopology
	topics []string
	cancel context.CancelFunc

	// What was found, when it is over.
	committed []restore.Committed
	ends      map[string]int64 // of the inputs, by topic
	doubt     map[string]int64 // see doubts
	run       *cluster.Run     // nil if it is not bounded
	last      map[string][]*kgo.Record
	handle    *restore.Handle // nil after an error
	err       error
}

// openings are the tasks on their way: each has an errand that finds out where it begins and brings
// its state up to date. Those that are over come out of next, unless they were dropped meanwhile.
// They belong to the session's goroutine.
type openings struct {
	cfg     *Config
	log     *slog.Logger
	cl      *kgo.Client
	offsets *offsets
	fences  *fences
	errands *errands

	byID   map[task.ID]*opening
	opened inbox[*opening]
}

// has reports whether the task with the id is on its way.
func (o *openings) has(id task.ID) bool { return o.byID[id] != nil }

// add begins to open a task.
func (o *openings) add(id task.ID, sub *flow.SubTopology, topics []string) {
	p := &opening{id: id, sub: sub, topics: topics}
	o.byID[id] = p
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(o.errands.ctx)
	o.errands.run(func(context.Context) {
		defer p.cancel()
		p.err = o.open(ctx, p)
		o.opened.put(p)
	})
}

// drop gives up those that are gone, and hands each to each.
func (o *openings) drop(gone func(task.ID, []string) bool, each func(*opening)) {
	for id, p := range o.byID {
		if gone(id, p.topics) {
			p.cancel()
			delete(o.byID, id)
			each(p)
		}
	}
}

// next returns a task whose opening is over, with or without an error; nil if there is none.
func (o *openings) next() *opening {
	for {
		p, ok := o.opened.next()
		if !ok {
			return nil
		}
		if o.byID[p.id] == p {
			delete(o.byID, p.id)
			return p
		}
		o.release(p) // given up meanwhile
	}
}

// close gives all up. It is called when the errands have ended.
func (o *openings) close() {
	clear(o.byID)
	for o.next() != nil {
	}
}

func (o *openings) release(p *opening) {
	if p.handle != nil {
		o.cfg.Opener.Pool.Release(p.handle)
	}
}

// open brings a task's state up to date.
func (o *openings) open(ctx context.Context, p *opening) error {
	if err := awaitGrowth(ctx, o.cfg.View, o.log, p.topics, p.id.Partition); err != nil {
		return err
	}
	var err error
	if p.committed, err = o.awaitOffsets(ctx, p); err != nil {
		return err
	}
	if err := o.bounds(ctx, p); err != nil {
		return err
	}
	if p.doubt, err = o.doubtful(ctx, p); err != nil {
		return err
	}
	if o.cfg.Run != nil {
		if p.run, err = o.cfg.Run(ctx); err != nil {
			return err
		}
		p.last = map[string][]*kgo.Record{}
		for _, in := range p.sub.Inputs {
			if in.MaxFuture > 0 {
				if p.last[in.Topic], err = p.run.Last(ctx, o.cfg.Client, in.Topic); err != nil {
					return err
				}
			}
		}
	}
	p.handle, err = o.cfg.Opener.Open(ctx, p.sub, p.id.Partition, p.committed, func() { o.fences.fence(ctx) })
	return err
}

// awaitOffsets waits until it is known what the group has committed.
func (o *openings) awaitOffsets(ctx context.Context, p *opening) ([]restore.Committed, error) {
	for {
		all, changed := o.offsets.of(p.topics, p.id.Partition)
		if changed == nil {
			return all, nil
		}
		select {
		case <-changed:
		case <-time.After(fenceAfter):
			o.fences.fence(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// bounds lists the ends of the inputs, and where those begin that were never committed: at the
// start of the log.
func (o *openings) bounds(ctx context.Context, p *opening) error {
	return cluster.Wait(ctx, o.log, "the offsets of the inputs", func(ctx context.Context) error {
		bounds, err := changelog.ListBounds(ctx, o.cl, p.topics, p.id.Partition, true)
		if err != nil {
			return err
		}
		p.ends = map[string]int64{}
		for i, c := range p.committed {
			if c.Offset < 0 {
				p.committed[i].Start, p.committed[i].Metadata.Ref = bounds[c.Topic].Start, topology.NoTime
			}
			p.ends[c.Topic] = bounds[c.Topic].End
		}
		return nil
	})
}

// start makes a task that runs of one whose opening is over.
func (p *opening) start(s *session) (*running, error) {
	var bounded *task.Bounded
	if p.run != nil {
		bounded = &task.Bounded{Run: p.run.ID, Ends: p.run.Ends(p.topics, p.id.Partition), Began: p.run.Began(), Last: p.last}
	}
	starts := map[string]task.Start{}
	for _, c := range p.committed {
		starts[c.Topic] = task.Start{Offset: c.Start, Ref: c.Metadata.Ref, Ended: c.Metadata.Ended}
	}
	t, err := task.New(task.Options{
		Shared: s.cfg.Shared, Sub: p.sub, Partition: p.id.Partition,
		DB: p.handle.DB, Checkpoint: p.handle.Checkpoint, Output: s.producer, Alignment: s.align.Task(p.id),
		Doubt: p.doubt, Bounded: bounded, Start: starts, Context: s.hard, Full: s.full, Wake: s.called,
	})
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", p.id, err)
	}
	for _, topic := range p.topics {
		// The client says nothing of a partition without records: the task would wait for it for
		// ever.
		t.Enqueue(topic, nil, p.ends[topic])
	}
	return &running{id: p.id, task: t, handle: p.handle, sub: p.sub, topics: p.topics, paused: map[string]bool{}, quantum: firstQuantum}, nil
}
