package processortest

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/topology"
)

// Append appends a message to a topic without processing it. key decides the partition, as in
// Kafka's own producer. Nil is no key, or no value. timestamp is in milliseconds.
func (d *Driver) Append(topic string, key, value []byte, timestamp int64, headers ...topology.Header) {
	d.t.Helper()
	d.need(topic)
	d.AppendTo(topic, d.cluster.partition(topic, key), key, value, timestamp, headers...)
}

// AppendTo is Append to a partition of one's choice.
func (d *Driver) AppendTo(topic string, partition int32, key, value []byte, timestamp int64, headers ...topology.Header) {
	d.t.Helper()
	d.need(topic)
	if n := d.cluster.Partitions(topic); partition < 0 || partition >= n {
		d.t.Fatalf("processortest: topic %q has no partition %d", topic, partition)
	}
	r := &kgo.Record{Key: clone(key), Value: clone(value)}
	for _, h := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: clone(h.Value)})
	}
	wiretime.Set(r, timestamp)
	d.cluster.append(topic, partition, r)
	d.pending++
}

// Pipe appends a message and processes everything that can be processed.
func (d *Driver) Pipe(topic string, key, value []byte, timestamp int64, headers ...topology.Header) {
	d.t.Helper()
	d.Append(topic, key, value, timestamp, headers...)
	d.Run()
}

// TryPipe is Pipe that returns an error. The tasks are back at their last commit then: the same
// record comes again.
func (d *Driver) TryPipe(topic string, key, value []byte, timestamp int64, headers ...topology.Header) error {
	d.t.Helper()
	d.Append(topic, key, value, timestamp, headers...)
	return d.TryRun()
}

// Run processes everything that can be processed, and commits if CommitEvery says so.
func (d *Driver) Run() {
	d.t.Helper()
	if err := d.TryRun(); err != nil {
		d.t.Fatalf("processortest: %v", err)
	}
}

// TryRun is Run that returns an error.
func (d *Driver) TryRun() error {
	commit := d.opts.CommitEvery > 0 && d.pending >= d.opts.CommitEvery
	return d.settle(commit)
}

// Commit processes everything that can be processed and commits, until nothing is left to do.
func (d *Driver) Commit() {
	d.t.Helper()
	if err := d.TryCommit(); err != nil {
		d.t.Fatalf("processortest: %v", err)
	}
}

// TryCommit is Commit that returns an error.
func (d *Driver) TryCommit() error { return d.settle(true) }

// Advance moves the wall clock: idle inputs and wall-clock punctuations act. Then it does what Run
// does.
func (d *Driver) Advance(by time.Duration) {
	d.t.Helper()
	if err := d.TryAdvance(by); err != nil {
		d.t.Fatalf("processortest: %v", err)
	}
}

// TryAdvance is Advance that returns an error.
func (d *Driver) TryAdvance(by time.Duration) error {
	d.clock.now = d.clock.now.Add(by)
	return d.settle(d.opts.CommitEvery > 0)
}

// AdvanceTime moves event time on to a timestamp, in milliseconds: what it does is what a record of
// that time would do in every partition of every input, one that no operator has a use for. Windows
// close, stream-time punctuations are called, records before it are out of order. Then it does what
// Run does. Inputs whose time is later, and sources that are timeless, stay as they are.
//
// With the time of Kafka Streams nothing closes: there the time of an operator is that of the
// records that have reached it.
func (d *Driver) AdvanceTime(to int64) {
	d.t.Helper()
	if err := d.TryAdvanceTime(to); err != nil {
		d.t.Fatalf("processortest: %v", err)
	}
}

// TryAdvanceTime is AdvanceTime that returns an error.
func (d *Driver) TryAdvanceTime(to int64) error {
	if to < topology.MinTime || to > topology.MaxTime {
		return fmt.Errorf("advance time to %d: %w", to, topology.ErrTime)
	}
	for _, r := range d.tasks {
		if err := r.reach(to); err != nil {
			return d.back(err)
		}
	}
	return d.settle(d.opts.CommitEvery > 0)
}

// Now is what the clock shows.
func (d *Driver) Now() time.Time { return d.clock.now }

// EndOfInput runs to the end of what the input topics hold, as a bounded run does: it commits,
// starts the tasks anew as a bounded run, and returns when all have ended. Windows are closed then.
// Input sent later begins another, unbounded run.
func (d *Driver) EndOfInput() {
	d.t.Helper()
	if err := d.TryEndOfInput(); err != nil {
		d.t.Fatalf("processortest: end of input: %v", err)
	}
}

// TryEndOfInput is EndOfInput that returns an error.
func (d *Driver) TryEndOfInput() error {
	d.run++
	d.bounded = true
	if err := d.reopen(closed); err != nil {
		return err
	}
	if err := d.settle(true); err != nil {
		return err
	}
	for _, r := range d.tasks {
		if !r.task.Done() {
			return fmt.Errorf("task %s has not ended", r.task.ID())
		}
	}
	d.bounded = false
	return d.reopen(closed)
}

// Restart stops all tasks as a deployment does, with a commit, and starts them again.
func (d *Driver) Restart() {
	d.t.Helper()
	d.Commit()
	if err := d.reopen(closed); err != nil {
		d.t.Fatalf("processortest: restart: %v", err)
	}
}

// Crash loses everything that was not committed: the tasks start again from their local state, the
// changelogs and committed positions.
func (d *Driver) Crash() {
	d.t.Helper()
	if err := d.reopen(crashed); err != nil {
		d.t.Fatalf("processortest: crash: %v", err)
	}
}

// CrashLosingState is Crash on another machine: the local state is lost too, and restored from the
// changelogs.
func (d *Driver) CrashLosingState() {
	d.t.Helper()
	if err := d.reopen(wiped); err != nil {
		d.t.Fatalf("processortest: crash: %v", err)
	}
}

// reopen ends all tasks without a commit and opens them again.
func (d *Driver) reopen(how ending) error {
	for _, r := range d.tasks {
		if err := r.reopen(how); err != nil {
			return err
		}
	}
	return nil
}

// Stats returns what the tasks have committed. Its Dropped has what became of records that came to
// nothing.
func (d *Driver) Stats() Stats { return d.stats.Snapshot() }

// Dropped returns how many records a node has dropped for a reason, as far as it is committed.
// [topology.Failed] is that of records that a function or a serde failed on, if the policy is Skip.
func (d *Driver) Dropped(node string, reason topology.Reason) int64 {
	for _, of := range d.Stats().Dropped {
		if of.Node == node && of.Reason == reason {
			return of.Count
		}
	}
	return 0
}

// settle lets all tasks work until none can. With commit they commit whenever there is something to
// commit, which gives work to others.
func (d *Driver) settle(commit bool) error {
	for _, g := range d.globals {
		if err := g.follow(d.cluster.topics[g.topic]); err != nil {
			return err
		}
	}
	for again := true; again; {
		again = false
		for _, r := range d.tasks {
			did, err := r.work(commit)
			if err != nil {
				return d.back(err)
			}
			again = again || did
		}
	}
	if commit {
		d.pending = 0
	}
	return nil
}

// back takes all tasks to their last commit after an error.
func (d *Driver) back(err error) error {
	for _, r := range d.tasks {
		err = errors.Join(err, r.abort())
	}
	return err
}
