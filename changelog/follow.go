package changelog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// FollowRequest asks for all partitions of a topic, for ever: the content of a global table.
type FollowRequest struct {
	Topic string
	// TopicID is the id that the topic must have; another is [ErrRecreated]. Zero takes any.
	TopicID [16]byte
	// From is, by partition, the offset of the first record that the table does not have.
	// Partitions that are not in it are read from the beginning.
	From map[int32]int64

	// Apply adds changes of one partition, in the order of its log, to the table, together with the
	// position next. As in [Request], changes are valid during the call only. Records without key
	// are left out.
	Apply func(partition int32, changes []Change, next int64) error
	// Reset, if not nil, forgets what the table holds of a partition whose position is below the
	// log's start: the topic's retention deleted records that were not read. The partition is then
	// read from the log's start. Without it that is [ErrOutOfRange].
	Reset func(partition int32) error
	// Loaded is called once, when everything that was committed at the time of the call of Follow
	// has been applied.
	Loaded func(TopicInfo)
	// Progress, if not nil, is called for a partition after each Apply until all are loaded, and
	// from time to time while nothing comes before that.
	Progress func(Progress)
}

// Follow reads all partitions of the topic from the positions given to their ends, calls Loaded,
// and goes on reading until ctx ends, which is what it then returns. Partitions that the topic gets
// meanwhile are noticed within [Config.Refresh]. Only committed records are read, and only those up
// to the committed end at the start are waited for.
//
// All callbacks are called by Follow itself, one at a time.
func (r *Restorer) Follow(ctx context.Context, req FollowRequest) error {
	f := &follow{Restorer: r, req: req, began: time.Now(), notify: make(chan struct{}, 1)}
	defer f.end()
	err := f.run(ctx)
	if err != nil && !errors.Is(err, context.Cause(ctx)) {
		err = fmt.Errorf("follow topic %s: %w", req.Topic, err)
	}
	return err
}

// follow is one call of Follow.
type follow struct {
	*Restorer
	req    FollowRequest
	began  time.Time
	id     [16]byte
	parts  []*followed // by partition
	notify chan struct{}
	loaded bool
}

type followed struct {
	*part
	batch    batch
	progress Progress
}

func (f *follow) end() {
	for _, p := range f.parts {
		f.reader.remove(p.part)
		f.reader.release(p.batch.held)
	}
}

func (f *follow) run(ctx context.Context) error {
	meta, err := f.topic(ctx, f.req.Topic, f.req.TopicID)
	if err != nil {
		return err
	}
	f.id = meta.id
	if err := f.grow(ctx, int32(len(meta.leaders))); err != nil {
		return err
	}
	tick := time.NewTicker(f.cfg.Report)
	defer tick.Stop()
	refresh := time.NewTicker(f.cfg.Refresh)
	defer refresh.Stop()
	for {
		if err := f.drain(ctx); err != nil {
			return err
		}
		select {
		case <-f.notify:
		case <-tick.C:
			f.reportWaiting()
		case <-refresh.C:
			if err := f.refresh(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// grow begins to read the partitions from len(f.parts) to n.
func (f *follow) grow(ctx context.Context, n int32) error {
	for i := int32(len(f.parts)); i < n; i++ {
		from, ok := f.req.From[i]
		start, end, err := f.bounds(ctx, f.req.Topic, i, true)
		if err != nil {
			return err
		}
		if !ok {
			from = start
		}
		p := &followed{progress: Progress{Topic: f.req.Topic, Partition: i, End: end}}
		if from, err = f.place(i, from, start, end); err != nil {
			return err
		}
		p.progress.Start, p.progress.Position = from, from
		p.part = f.reader.add(f.req.Topic, f.id, i, from, false, f.notify)
		f.parts = append(f.parts, p)
	}
	return nil
}

// place checks a position against the log's bounds and returns where to read from.
func (f *follow) place(partition int32, from, start, end int64) (int64, error) {
	switch {
	case from > end:
		return 0, fmt.Errorf("%w: partition %d ends at %d, but local state holds it up to %d", ErrTruncated, partition, end, from)
	case from >= start:
		return from, nil
	case f.req.Reset == nil:
		return 0, fmt.Errorf("%w: partition %d begins at %d, but %d is needed", ErrOutOfRange, partition, start, from)
	}
	return start, f.req.Reset(partition)
}

// refresh looks for new partitions. That the brokers cannot be asked now does not matter.
func (f *follow) refresh(ctx context.Context) error {
	found, err := f.reader.metadata(ctx, []string{f.req.Topic})
	if err != nil || found[f.req.Topic].err != nil || found[f.req.Topic].id != f.id {
		return nil //nolint:nilerr // reading fails by itself if the topic is gone
	}
	return f.grow(ctx, int32(len(found[f.req.Topic].leaders)))
}

// drain applies what was fetched.
func (f *follow) drain(ctx context.Context) error {
	for more := true; more; {
		more = false
		for _, p := range f.parts {
			some, err := f.drainPart(ctx, p)
			if err != nil {
				return err
			}
			more = more || some
		}
	}
	if f.loaded {
		return nil
	}
	for _, p := range f.parts {
		if p.progress.Position < p.progress.End {
			return nil
		}
	}
	f.loaded = true
	if f.req.Loaded != nil {
		f.req.Loaded(TopicInfo{Name: f.req.Topic, ID: f.id, Partitions: int32(len(f.parts))})
	}
	return nil
}

// drainPart applies one batch of one partition.
func (f *follow) drainPart(ctx context.Context, p *followed) (some bool, err error) {
	req := Request{Topic: f.req.Topic, Partition: p.partition}
	next := p.progress.Position
	for limit := f.reader.batchBytes(); p.batch.held < limit; {
		c, ok, ended := f.reader.take(p.part)
		if ended != nil {
			err = ended
		}
		if !ok {
			break
		}
		if err := p.batch.add(req, c, true); err != nil {
			return false, err
		}
		next = c.next
	}
	if next > p.progress.Position {
		b := &p.batch
		applied := f.req.Apply(p.partition, b.changes, next)
		f.reader.release(b.held)
		p.progress.Records += b.records
		p.progress.Bytes += b.bytes
		p.progress.Skipped += b.skipped
		b.reset()
		if applied != nil {
			return false, applied
		}
		p.progress.Position = next
		if !f.loaded {
			f.report(p, "")
		}
		some = true
	}
	if errors.Is(err, errPastStart) {
		return true, f.restart(ctx, p)
	}
	return some, err
}

// restart reads a partition again whose log's start has moved past the position.
func (f *follow) restart(ctx context.Context, p *followed) error {
	f.reader.remove(p.part)
	start, end, err := f.bounds(ctx, f.req.Topic, p.partition, true)
	if err != nil {
		return err
	}
	from, err := f.place(p.partition, p.progress.Position, start, end)
	if err != nil {
		return err
	}
	p.progress.Position = from
	p.part = f.reader.add(f.req.Topic, f.id, p.partition, from, false, f.notify)
	return nil
}

func (f *follow) reportWaiting() {
	if f.loaded {
		return
	}
	for _, p := range f.parts {
		if p.progress.Position < p.progress.End {
			why := f.reader.why(p.part)
			f.cfg.Logger.Warn("global table waits", "topic", f.req.Topic, "partition", p.partition,
				"position", p.progress.Position, "end", p.progress.End, "for", why)
			f.report(p, why)
		}
	}
}

func (f *follow) report(p *followed, waiting string) {
	if f.req.Progress == nil {
		return
	}
	q := p.progress
	q.Elapsed, q.Waiting = time.Since(f.began), waiting
	f.req.Progress(q)
}
