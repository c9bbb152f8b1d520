package processortest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// running is a task with what a worker would have around it.
type running struct {
	d          *Driver
	sub        *flow.SubTopology
	partition  int32
	task       *task.Task
	db         state.DB
	checkpoint *checkpoint.Checkpoint
	out        transaction
	start      map[string]task.Start // committed positions
	ends       map[string]int64      // committed changelog ends by store
	topics     []string              // of the inputs
	read       map[string]int64      // what was handed over, by topic
	lent       lent
	deleted    map[string]int64 // where topics begin: what lies before was purged
	seq        uint64
	due        int // records that were due and went out, since a flush began or the transaction did
}

func (r *running) id() task.ID { return task.ID{Sub: r.sub.Name, Partition: r.partition} }

// open opens the task at its committed positions.
func (r *running) open(restore bool) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open %s: %w", r.id(), err)
		}
	}()
	d := r.d
	if r.db, err = d.engine.Open(r.id().String()); err != nil {
		return err
	}
	cp, err := checkpoint.Open(r.db, checkpoint.Identity{Application: d.plan.Name, ClusterID: "processortest", Task: r.id().String()})
	if err != nil {
		return err
	}
	r.checkpoint = cp
	if restore {
		if err := r.restore(cp); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	r.topics, r.read, r.lent = nil, map[string]int64{}, lent{}
	var bounded *task.Bounded
	if d.bounded {
		bounded = &task.Bounded{Run: d.run, Ends: map[string]int64{}}
	}
	for _, in := range r.sub.Inputs {
		topic := in.Topic
		if in.Repartition {
			topic = changelog.RepartitionName(d.plan.Name, topic)
		}
		if r.partition >= d.cluster.Partitions(topic) {
			continue
		}
		if _, ok := r.start[topic]; !ok {
			r.start[topic] = task.Start{Ref: topology.NoTime}
		}
		r.topics = append(r.topics, topic)
		r.read[topic] = r.start[topic].Offset
		if bounded != nil && !in.Repartition {
			bounded.Ends[topic] = d.cluster.end(topic, r.partition)
		}
	}
	globals := map[string]flow.Global{}
	for name, g := range d.globals {
		globals[name] = g
	}
	r.out.reset()
	r.task, err = task.New(task.Options{
		Shared: task.Shared{
			App: d.plan.Name, Plan: d.plan, Globals: globals, Cluster: d.cluster, Clock: d.clock, Logger: d.opts.Logger,
			OnError: d.opts.OnError, Stats: &d.stats, CacheBytes: d.opts.CacheBytes,
			Times: timing.Settings{IdleAfter: d.opts.IdleAfter, LiveWithin: max(0, d.opts.LiveWithin), WatermarkInterval: d.opts.WatermarkInterval},
		},
		Sub: r.sub, Partition: r.partition, DB: r.db, Checkpoint: cp, Output: &r.out, Bounded: bounded, Start: r.start, Full: r.full,
	})
	return err
}

// full counts what is due and goes out.
func (r *running) full() bool {
	r.due++
	return r.d.opts.portion > 0 && r.due >= r.d.opts.portion
}

// restore brings a database that is empty, or behind, up to what was committed, from the
// changelogs.
func (r *running) restore(cp *checkpoint.Checkpoint) error {
	b := r.db.NewBatch()
	unlogged := false
	u := checkpoint.Update{Changelogs: map[string]checkpoint.TopicPosition{}, Inputs: map[string]int64{}, Seq: r.seq, At: r.d.clock.now}
	for _, s := range r.sub.Stores {
		unlogged = unlogged || !s.Logged
		end, ok := r.ends[s.Name]
		if !s.Logged || !ok {
			continue
		}
		pos, _ := cp.Changelog(s.Name)
		if pos.Offset > end {
			return fmt.Errorf("the database has %s up to %d, committed is %d", s.Name, pos.Offset, end)
		}
		prefix, err := cp.Prefix(s.Name)
		if err != nil {
			return err
		}
		topic := changelog.Name(r.d.plan.Name, s.Name)
		codec := changelog.Spec{Store: s.Name, Windowed: s.Kind.Timed(), Sessions: s.Kind == flow.SessionStore, ByKey: s.Kind.ByKey(), Segment: s.Segment.Milliseconds(), Timestamped: s.Timestamped}
		for _, rec := range r.d.cluster.topics[topic][r.partition][min(end, max(pos.Offset, r.deleted[topic])):end] {
			if rec.Attrs.IsControl() {
				continue
			}
			at, err := wiretime.Of(rec)
			if err != nil {
				return err
			}
			c, _, err := codec.Decode(nil, changelog.Message{Key: rec.Key, Value: rec.Value, Timestamp: at})
			if err != nil {
				return err
			}
			key := append([]byte{byte(prefix >> 8), byte(prefix)}, c.Key...)
			set := func(key, value []byte) {
				if c.Deleted {
					b.Delete(key)
				} else {
					b.Set(key, value)
				}
			}
			set(key, c.Value)
			if codec.ByKey {
				set(codec.RowByKey(slices.Clone(key[:2]), c.Key), nil)
			}
		}
		u.Changelogs[s.Name] = checkpoint.TopicPosition{TopicID: r.d.cluster.TopicID(topic), Offset: end}
	}
	for topic, s := range r.start {
		if seen, _ := cp.Input(topic); seen > s.Offset {
			return fmt.Errorf("the database has seen %s up to %d, committed is %d", topic, seen, s.Offset)
		}
		if !unlogged {
			u.Inputs[topic] = s.Offset
		}
	}
	if err := cp.Write(b, u); err != nil {
		return err
	}
	if err := b.Commit(); err != nil {
		return err
	}
	cp.Applied()
	return b.Close()
}

func (r *running) close() error {
	if r.task == nil {
		return nil
	}
	err := errors.Join(r.task.Close(), r.db.Close())
	r.task = nil
	return err
}

// ending is how a task ends before it is opened again.
type ending int

const (
	closed  ending = iota // in peace, after what it had not committed is dropped
	crashed               // what it has committed and not persisted is lost
	wiped                 // its database is lost
)

func (r *running) reopen(how ending) error {
	if how != closed && r.task != nil {
		r.task.Stop()
		r.task = nil
		if err := r.db.Close(); err != nil {
			return err
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	if how == wiped {
		if err := r.d.engine.Remove(r.id().String()); err != nil {
			return err
		}
	}
	return r.open(how != closed)
}

// feed hands over new messages of each input.
func (r *running) feed() {
	for _, topic := range r.topics {
		r.feedOne(topic, math.MaxInt32)
	}
}

// feedOne hands over up to limit new messages of one input.
func (r *running) feedOne(topic string, limit int64) {
	log := r.d.cluster.topics[topic][r.partition]
	from := r.read[topic]
	to := min(int64(len(log)), from+limit)
	r.task.Enqueue(topic, r.lent.lend(topic, log[from:to]), int64(len(log)))
	r.read[topic] = to
}

// process lets the task process up to limit messages.
func (r *running) process(limit int) (int, error) {
	n, err := r.task.Process(limit)
	r.lent.spoil(r.task.Buffered)
	return n, err
}

// work does what there is to do, and commits if it is to.
func (r *running) work(commit bool) (did bool, err error) {
	for again := true; again; {
		var some bool
		some, err = r.try(commit)
		did = did || some
		again, err = r.skip(err)
		did = did || again
	}
	return did, err
}

// try is work until the first record that panics.
func (r *running) try(commit bool) (did bool, err error) {
	r.feed()
	for {
		n, err := r.process(1 << 20)
		if err != nil {
			return false, err
		}
		if n == 0 {
			break
		}
		did = true
	}
	if err := r.task.Tick(); err != nil {
		return false, err
	}
	if commit && r.task.Dirty() {
		did = true
		if err := r.commit(); err != nil {
			return false, err
		}
	}
	return did, nil
}

// reach moves the time of the inputs.
func (r *running) reach(at int64) error {
	for {
		again, err := r.skip(r.task.Reach(at))
		if !again {
			return err
		}
	}
}

// skip takes the task back to its last commit if err says that a record is to be left out. again is
// false if it says something else.
func (r *running) skip(err error) (again bool, _ error) {
	var skip *task.AbortToSkip
	if !errors.As(err, &skip) {
		return false, err
	}
	if err := r.abort(); err != nil {
		return false, err
	}
	r.task.Skip(skip.Origin)
	return true, nil
}

// commit ends the transaction as a worker does.
func (r *running) commit() error {
	r.due = 0
	if err := r.task.Flush(); err != nil {
		return err
	}
	r.out.commit()
	ends := map[string]int64{}
	for _, e := range r.task.ChangelogEnds() {
		ends[e.Store] = e.Offset
	}
	start := map[string]task.Start{}
	for _, p := range r.task.Positions() {
		start[p.Topic] = task.Start{Offset: p.Offset, Ref: p.Ref, Ended: p.Ended}
	}
	r.seq++
	r.start, r.ends = start, ends
	r.task.Committed(r.seq)
	if r.task.Postponed() {
		r.d.postponed++
	}
	r.out.reset()
	r.due = 0
	return nil
}

// abort drops the transaction.
func (r *running) abort() error {
	r.out.reset()
	r.due = 0
	if err := r.task.Abort(); err != nil {
		return err
	}
	for _, p := range r.task.Rewind() {
		r.read[p.Topic] = p.Offset
	}
	return nil
}
