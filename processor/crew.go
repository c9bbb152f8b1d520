package processor

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/processor/internal/align"
	"github.com/kolkstream/kolk/processor/internal/assign"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/worker"
)

// crew is the workers of a run.
type crew struct {
	*base
	workers []*worker.Worker
	runs    *cluster.Runs // of a bounded run
}

// hire makes the workers. They differ in their numbers alone.
func (b *base) hire(ctx context.Context) *crew {
	a, cfg := b.app, &b.app.cfg
	c := &crew{base: b}
	memory := cfg.shares()
	events := a.events()
	w := worker.Config{
		Shared: task.Shared{
			App: cfg.ApplicationID, Plan: a.plan, Globals: b.globals, Cluster: b.view, Clock: cfg.Clock, Logger: cfg.Logger,
			OnError: cfg.OnError, Stats: &a.stats, CacheBytes: b.cacheShare(), Times: cfg.times(),
		},
		Instance: b.dir.Instance().ID,
		View:     b.view, Dir: b.dir, Reread: b.reread, Client: b.options, Codec: b.codec(),
		Board: a.board.Load(), Siblings: assign.NewSiblings(cfg.Workers),
		Opener: &restore.Opener{
			Pool: b.pool, Restorer: b.restorer, App: cfg.ApplicationID, TopicID: b.view.TopicID, DeleteRetention: b.view.DeleteRetention,
			Report: a.onRestore, Now: time.Now, AtLeastOnce: cfg.Guarantee == AtLeastOnce, Stateful: restore.Stateful(a.plan), Stores: restore.Stores(a.plan),
		},
		ExactlyOnce: cfg.Guarantee == ExactlyOnce,
		Memory:      worker.Memory{Uncommitted: memory.uncommitted, Held: memory.held, Queue: memory.queue},
		Counters:    &a.counters, Points: failpoint.From(ctx), Leave: c.leave,
	}
	w.Memory.Fetch, w.Memory.FetchPartition = b.fetchBytes()
	events.Leader = func(int) {}
	if cfg.UntilEnd {
		c.runs = &cluster.Runs{View: b.view, App: cfg.ApplicationID, Admin: kadm.NewClient(b.client), Logger: cfg.Logger}
		c.runs.Settled = func() { a.follow() }
		w.Run = c.runs.Await
		events.Leader = func(int) { c.runs.Leader.Store(true) }
	}
	w.Events = events
	for i := range cfg.Workers {
		w.Index = i
		c.workers = append(c.workers, worker.New(w))
	}
	return c
}

// codec is what the program prefers for produced batches, or else the client.
func (b *base) codec() kgo.CompressionCodec {
	if codecs, _ := b.client.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec); len(codecs) > 0 {
		return codecs[0]
	}
	return kgo.SnappyCompression()
}

// exchange tells other instances how far the tasks of this one are, and asks them, until ctx ends.
func (c *crew) exchange(ctx context.Context) {
	x := align.Exchange{Board: c.app.board.Load(), App: c.app.cfg.ApplicationID, Admin: kadm.NewClient(c.client), Logger: c.app.cfg.Logger, Input: func(id task.ID) string {
		sub, _ := c.view.Plan().SubTopology(id.Sub)
		if topics := c.view.Inputs(sub, id.Partition); len(topics) > 0 {
			return topics[0]
		}
		return ""
	}}
	x.Run(ctx)
}

// standing is how far the workers are.
func (c *crew) standing() []worker.Standing {
	all := make([]worker.Standing, len(c.workers))
	for i, w := range c.workers {
		all[i] = w.Standing()
	}
	return all
}

// abandon leaves the workers and what they use behind: a function of the user does not return. The
// databases hold committed data only.
func (c *crew) abandon() {
	for _, w := range c.workers {
		w.Abandon()
	}
	c.left = true
}

// leave takes the workers whose clients are closed out of the group: static members do not leave by
// themselves. A member must not be taken out while its client is joining; the others would meet,
// and the client wait for the meeting.
func (c *crew) leave() {
	a := c.app
	a.mu.Lock()
	var members []string
	for i := range a.closed {
		members = append(members, worker.Member(c.dir.Instance().ID, i))
	}
	a.mu.Unlock()
	if len(members) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := kadm.NewClient(c.client).LeaveGroup(ctx, kadm.LeaveGroup(a.cfg.ApplicationID).InstanceIDs(members...)); err != nil {
		a.cfg.Logger.Warn("could not leave the group: others take over after the session time-out", "err", err)
	}
}
