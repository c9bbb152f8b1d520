package processortest

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
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
	// are as the plan says. Topics listed here that a pattern of the plan matches are there from
	// the start; others join in when they are first named.
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
	// CacheBytes is each store's budget for decoded values. Default: 1 MiB. Negative: no cache.
	CacheBytes int64
	// Logger gets a warning for the first record that each node skips, with the error. Default: the
	// log of the test.
	Logger *slog.Logger

	portion int // how many records that are due a transaction may hand out; 0: all
}

// T is what a Driver needs of a test: [testing.T], [testing.B] and [testing.F] have it.
type T interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	// Fatalf does not return.
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Driver runs all tasks of a plan. It is not safe for concurrent use.
//
// Errors end the test, unless a method's name begins with Try.
type Driver struct {
	t         T
	declared  *flow.Plan // with its patterns
	plan      *flow.Plan // with the topics that they have found
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
func New(t T, plan *topology.Plan, opts Options) *Driver {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{ReplaceAttr: untimed}))
	}
	d := &Driver{t: t, opts: opts.complete(), clock: &clock{}, engine: memstate.New(), globals: map[string]*global{}}
	d.declared = plan.ForRuntime(flow.Key{})
	d.plan, d.clock.now = d.declared, d.opts.Now
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

// logWriter writes lines into the log of a test.
type logWriter struct{ t T }

func (w logWriter) Write(line []byte) (int, error) {
	w.t.Logf("processortest: %s", strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// untimed leaves out when a line was written: the driver's clock stands still.
func untimed(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
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
	d.cluster = newCluster(d.declared.Name, d.declared, d.size)
	for _, g := range d.declared.Globals {
		db, err := d.engine.Open("global/" + g.Name)
		if err != nil {
			return err
		}
		d.globals[g.Name] = &global{DB: db, topic: g.Topic, read: make([]int, d.cluster.Partitions(g.Topic))}
	}
	return d.found(slices.Sorted(maps.Keys(d.opts.Partitions)))
}

// size is how many partitions a topic has.
func (d *Driver) size(topic string) int32 {
	if n := d.opts.Partitions[topic]; n > 0 {
		return n
	}
	return d.opts.DefaultPartitions
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
