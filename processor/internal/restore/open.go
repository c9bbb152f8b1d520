package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/processor/report"
)

// Committed is what the consumer group has committed for one input partition.
type Committed struct {
	Topic     string
	Partition int32
	// Offset is the next to read; -1 if nothing was committed. Start is where to read from in
	// either case.
	Offset, Start int64
	Metadata      checkpoint.Metadata
	// Foreign: Offset comes from another program, for it has no metadata. kolk's always have.
	Foreign bool
}

// Opener opens tasks' databases and brings them up to date. It is safe for concurrent use.
type Opener struct {
	Pool     *Pool
	Restorer *changelog.Restorer
	App      string
	// TopicID and DeleteRetention look up changelogs.
	TopicID         func(topic string) [16]byte
	DeleteRetention func(topic string) time.Duration
	Report          func(report.Restoration)
	Now             func() time.Time
	// AtLeastOnce: changelogs may hold what was written before the first offsets were committed. It
	// is processed again.
	AtLeastOnce bool
	// Stateful are the sub-topologies whose input must not be processed twice, as [Stateful] says.
	Stateful map[string]bool
	// Stores are the plan's, as [Stores] says.
	Stores map[string]bool
}

// Open acquires the database of a task and restores it. The committed offsets must come from a
// stable fetch that was made before: only then no transaction of the group is pending, and
// everything it has committed lies below the log ends read here.
//
// A worker that died may have left a transaction that has no offsets yet, only changelog records.
// held, which may be nil, is called while one is in the way.
func (o *Opener) Open(ctx context.Context, sub *flow.SubTopology, partition int32, committed []Committed, held func()) (*Handle, error) {
	h, err := o.Pool.Acquire(ctx, sub.Name, partition)
	if err != nil {
		return nil, err
	}
	if err := h.Damaged(o.restore(ctx, h, sub, partition, committed, held)); err != nil {
		o.Pool.Discard(h)
		return nil, fmt.Errorf("restore task %s: %w", h.id, err)
	}
	return h, nil
}

func (o *Opener) restore(ctx context.Context, h *Handle, sub *flow.SubTopology, partition int32, committed []Committed, held func()) error {
	shapes, anew, err := o.shapes(h, sub, committed)
	if err != nil {
		return err
	}
	if o.stale(h, sub) {
		o.Pool.log.Warn("the local state of a task is older than its changelogs keep deletions: it is rebuilt", "task", h.id, "last commit", h.Checkpoint.LastCommit())
		if err := o.Pool.Reset(h); err != nil {
			return err
		}
	}
	o.left(h, committed)
	any := false
	for _, c := range committed {
		any = any || c.Offset >= 0
	}
	ends, err := o.ends(h, sub, committed)
	if err != nil {
		return err
	}
	for store := range anew {
		ends[store] = changelogEnd{complete: -1}
	}
	// Until all is restored the database is as old as it was, or as the log is now: a deletion that
	// is yet to be read may be gone before it is.
	asOf := h.Checkpoint.LastCommit()
	if asOf.IsZero() {
		asOf = o.Now()
	}
	var mu sync.Mutex // one batch at a time
	var restored int64
	logged := false
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range sub.Stores {
		if !s.Logged {
			continue
		}
		logged = true
		g.Go(func() error {
			n, err := o.store(ctx, h, s, partition, ends[s.Name], asOf, held, &mu)
			mu.Lock()
			defer mu.Unlock()
			restored += n
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if o.Stateful[sub.Name] {
		if !any && (restored > 0 && !o.AtLeastOnce || h.Checkpoint.Seq() > 0) && (restored > 0 || !h.joined(sub, committed)) {
			return &report.StateWithoutOffsetsError{App: o.App, Task: h.id}
		}
		if err := o.checkOffsets(h, committed); err != nil {
			return err
		}
	}
	if err := o.Pool.points.Hit(failpoint.AfterRestore); err != nil {
		return err
	}
	if logged {
		if err := h.whole(o.Now(), sub, committed, shapes); err != nil {
			return err
		}
	}
	if restored > 0 {
		h.Flush(0) // a crash is not to repeat it
	}
	return nil
}

// whole notes that the database holds all that its changelogs did at the time, and so what was
// committed with these offsets. If there are stores without a changelog, they are still where the
// database was. An offset of another program has skipped records at most: until it is committed the
// database has seen what it had before.
func (h *Handle) whole(at time.Time, sub *flow.SubTopology, committed []Committed, shapes map[string]string) error {
	b := h.DB.NewBatch()
	defer b.Close()
	u := checkpoint.Update{At: at, Shapes: shapes, Inputs: map[string]int64{}}
	if !slices.ContainsFunc(sub.Stores, func(s flow.StoreSpec) bool { return !s.Logged }) {
		for _, c := range committed {
			if c.Offset >= 0 && !c.Foreign {
				u.Inputs[c.Topic] = c.Offset
			}
		}
	}
	if err := h.Checkpoint.Write(b, u); err != nil {
		return err
	}
	if err := b.Commit(); err != nil {
		return err
	}
	h.Checkpoint.Applied()
	return nil
}

// store restores one store of a task.
func (o *Opener) store(ctx context.Context, h *Handle, s flow.StoreSpec, partition int32, end changelogEnd, asOf time.Time, held func(), mu *sync.Mutex) (int64, error) {
	topic := changelog.Name(o.App, s.Name)
	prefix, pos, have, err := place(h, s.Name, mu)
	if err != nil {
		return 0, err
	}
	var zero [16]byte
	id := o.TopicID(topic)
	switch {
	case end.TopicID != zero && end.TopicID != id:
		return 0, fmt.Errorf("store %s: %w: the last commit wrote to another topic named %s. Its data is gone with that topic; delete the application's state, changelogs and offsets to begin anew", s.Name, changelog.ErrRecreated, topic)
	case have && pos.TopicID != id:
		return 0, fmt.Errorf("store %s: %w: the local state follows another topic named %s. If that is intended delete the state directory", s.Name, changelog.ErrRecreated, topic)
	}
	r := report.Restoration{Task: h.id, Store: s.Name, Topic: topic, Partition: partition, From: pos.Offset}
	o.Pool.filling.Add(1)
	defer o.Pool.filling.Add(-1)
	spec := changelog.Spec{Store: s.Name, Windowed: s.Kind.Timed(), Sessions: s.Kind == flow.SessionStore, ByKey: s.Kind.ByKey(), Segment: s.Segment.Milliseconds(), Timestamped: s.Timestamped}
	fill := &fill{h: h, task: mu, store: s.Name, spec: spec, prefix: prefix, id: id, asOf: asOf}
	defer fill.drop()
	var prev int64
	res, err := o.Restorer.Restore(ctx, changelog.Request{
		Topic: topic, Partition: partition, TopicID: id, From: pos.Offset, Committed: end.Offset,
		Spec:   spec,
		Purged: s.Kind.Windowed(),
		Check:  func(last int64) error { return o.checkEnd(h, end, s.Name, topic, partition, last) },
		Apply:  fill.add,
		Held:   held,
		// What lies between the stored position and the log's start was purged because its windows
		// are closed: every change of an open window is still in the log. So the store stays, and
		// goes on at the log's start; the task drops closed windows.
		Reset: func() error { return nil },
		Progress: func(p changelog.Progress) {
			r.From, r.End, r.Records = p.Start, p.End, p.Records
			if p.Waiting != "" {
				o.Pool.log.Warn("waiting in a restore", "task", h.id, "store", s.Name, "for", p.Waiting)
			}
			if p.Records != prev {
				prev = p.Records
				o.Report(r)
			}
		},
	})
	if err == nil {
		err = fill.flush()
	}
	if put, ok := errors.AsType[*report.OffsetsPutBackError](err); ok {
		return 0, put // it names what matters
	}
	if left, ok := errors.AsType[*report.StateLeftBehindError](err); ok {
		return 0, left
	}
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", s.Name, err)
	}
	r.From, r.End, r.Records, r.Done = res.Start, res.End, res.Records, true
	o.Report(r)
	return r.Records, nil
}

// place says where a store is in the database, and where that is in its changelog. The stores that
// are restored beside it write to the same checkpoint.
func place(h *Handle, store string, task *sync.Mutex) (prefix uint16, pos checkpoint.TopicPosition, have bool, err error) {
	task.Lock()
	defer task.Unlock()
	prefix, err = h.Checkpoint.Prefix(store)
	pos, have = h.Checkpoint.Changelog(store)
	return prefix, pos, have, err
}

// stale reports whether a deletion may be missing from the changelogs that the database has not
// seen: its key would rise again.
func (o *Opener) stale(h *Handle, sub *flow.SubTopology) bool {
	last := h.Checkpoint.LastCommit()
	if last.IsZero() {
		return false
	}
	age := o.Now().Sub(last)
	for _, s := range sub.Stores {
		if keep := o.DeleteRetention(changelog.Name(o.App, s.Name)); s.Logged && keep > 0 && age > keep/2 {
			return true
		}
	}
	return false
}
