package processortest

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology"
)

// Policy says what happens to a record that a user function or a serde fails on.
type Policy = report.ErrorPolicy

// The policies: Fail ends the test, or is returned by the Try methods; Skip drops and counts the
// record.
const (
	Fail = report.Fail
	Skip = report.Skip
)

// RecordError is a record that could not be processed.
type RecordError = report.RecordError

// Stats are counters of committed work.
type Stats = report.Counts

// Options of a Driver. The zero value is good for most tests.
type Options struct {
	// Partitions of topics by name. Topics not listed have DefaultPartitions. Repartition topics
	// are as the plan says.
	Partitions map[string]int32
	// DefaultPartitions is 1 by default.
	DefaultPartitions int32
	// Now is what the clock shows at first. Default: 2020-01-01 00:00 UTC.
	Now time.Time
	// CommitEvery says after how many sent records the tasks commit. Default: 1. With a negative
	// number only [Driver.Commit] commits. What was not committed is seen by no other task, and in
	// no output.
	CommitEvery int
	// OnError is the error policy. Default: Fail.
	OnError Policy
	// IdleAfter is how long a quiet input holds time back. Default: 10 s, as in production.
	// Negative: for ever.
	IdleAfter time.Duration
	// LiveWithin: records younger than that wait for no other input. Default: 1 s, as in
	// production. Negative: all wait.
	LiveWithin time.Duration
	// WatermarkInterval is how long a repartition topic is left without news of time. Default: told
	// at each commit.
	WatermarkInterval time.Duration
	// CacheBytes is each task's budget for decoded values. Default: 1 MiB. Negative: no cache.
	CacheBytes int64
	// Logger gets warnings about skipped records. Default: none.
	Logger *slog.Logger

	portion int // how many records that are due a transaction may hand out; 0: all
}

// Driver runs all tasks of a plan. It is not safe for concurrent use.
//
// Errors end the test, unless a method's name begins with Try.
type Driver struct {
	t         testing.TB
	plan      *flow.Plan
	opts      Options
	cluster   *cluster
	clock     *clock
	engine    *memstate.Engine
	globals   map[string]*global
	tasks     []*running // in the order of the plan's sub-topologies
	stats     task.Stats
	run       uint64 // of bounded runs so far
	bounded   bool   // the tasks are those of a bounded run
	purges    bool   // changelogs lose what the tasks say is not needed
	pending   int    // records since the last commit
	postponed int    // commits that left something postponed
	reruns    int    // how often a bounded run may be given up in its middle for another one
}

// clock stands still.
type clock struct{ now time.Time }

// Now implements task.Clock.
func (c *clock) Now() time.Time { return c.now }

// New starts all tasks of a plan. They are closed when the test ends.
func New(t testing.TB, plan *topology.Plan, opts Options) *Driver {
	t.Helper()
	d := &Driver{t: t, plan: plan.ForRuntime(flow.Key{}), opts: opts.complete(), clock: &clock{}, engine: memstate.New(), globals: map[string]*global{}}
	d.clock.now = d.opts.Now
	if err := d.start(); err != nil {
		t.Fatalf("processortest: %v", err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Errorf("processortest: close: %v", err)
		}
	})
	return d
}

// complete fills in the defaults.
func (o Options) complete() Options {
	o.DefaultPartitions = max(1, o.DefaultPartitions)
	if o.Now.IsZero() {
		o.Now = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.CommitEvery == 0 {
		o.CommitEvery = 1
	}
	if o.IdleAfter == 0 {
		o.IdleAfter = 10 * time.Second
	}
	if o.LiveWithin == 0 {
		o.LiveWithin = time.Second
	}
	if o.WatermarkInterval == 0 {
		o.WatermarkInterval = time.Nanosecond
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 1 << 20
	}
	o.CacheBytes = max(0, o.CacheBytes)
	return o
}

func (d *Driver) start() error {
	var err error
	d.cluster, err = newCluster(d.plan.Name, d.plan, func(topic string) int32 {
		if n := d.opts.Partitions[topic]; n > 0 {
			return n
		}
		return d.opts.DefaultPartitions
	})
	if err != nil {
		return err
	}
	for _, g := range d.plan.Globals {
		db, err := d.engine.Open("global/" + g.Name)
		if err != nil {
			return err
		}
		d.globals[g.Name] = &global{DB: db, topic: g.Topic, read: make([]int, d.cluster.Partitions(g.Topic))}
	}
	for _, sub := range d.plan.SubTopologies {
		for p := range d.cluster.tasks[sub.Name] {
			r := &running{d: d, sub: sub, partition: p, start: map[string]task.Start{}}
			r.out.cluster, r.out.ends = d.cluster, map[place]int64{}
			d.tasks = append(d.tasks, r)
			if err := r.open(false); err != nil {
				return err
			}
		}
	}
	return d.settle(true)
}

func (d *Driver) close() error {
	var all []error
	for _, r := range d.tasks {
		all = append(all, r.close())
	}
	for _, g := range d.globals {
		all = append(all, g.Close())
	}
	return errors.Join(append(all, d.engine.Close())...)
}

// Append appends a message to a topic without processing it. key decides the partition, as in
// Kafka's own producer. Nil is no key, or no value. timestamp is in milliseconds.
func (d *Driver) Append(topic string, key, value []byte, timestamp int64, headers ...topology.Header) {
	d.t.Helper()
	if d.cluster.Partitions(topic) == 0 {
		d.t.Fatalf("processortest: the plan has no topic %q", topic)
	}
	d.AppendTo(topic, d.cluster.partition(topic, key), key, value, timestamp, headers...)
}

// AppendTo is Append to a partition of one's choice.
func (d *Driver) AppendTo(topic string, partition int32, key, value []byte, timestamp int64, headers ...topology.Header) {
	d.t.Helper()
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
	if err := d.settle(true); err != nil {
		d.t.Fatalf("processortest: %v", err)
	}
}

// Advance moves the clock: idle inputs and wall-clock punctuations act. Then it does what Run does.
func (d *Driver) Advance(by time.Duration) {
	d.t.Helper()
	d.clock.now = d.clock.now.Add(by)
	if err := d.settle(d.opts.CommitEvery > 0); err != nil {
		d.t.Fatalf("processortest: %v", err)
	}
}

// Now is what the clock shows.
func (d *Driver) Now() time.Time { return d.clock.now }

// EndOfInput runs to the end of what the input topics hold, as a bounded run does: it commits,
// starts the tasks anew as a bounded run, and returns when all have ended. Windows are closed then.
// Input sent later begins another, unbounded run.
func (d *Driver) EndOfInput() {
	d.t.Helper()
	if err := d.tryEndOfInput(); err != nil {
		d.t.Fatalf("processortest: end of input: %v", err)
	}
}

func (d *Driver) tryEndOfInput() error {
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

// Stats returns what the tasks have committed.
func (d *Driver) Stats() Stats { return d.stats.Snapshot() }

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
