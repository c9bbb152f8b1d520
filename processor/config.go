package processor

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/topology"
)

// Guarantee says what a crash may do to the results.
type Guarantee int

const (
	// ExactlyOnce commits input offsets, state, changelogs and output as one transaction. It is the
	// default.
	ExactlyOnce Guarantee = iota
	// AtLeastOnce commits offsets after output and changelogs, without a transaction: after a crash
	// records may be processed twice.
	AtLeastOnce
)

// Never is a duration that does not end, for the settings that say that they may be that: it is how
// "never" is written in a Config. The command line writes it `never`.
const Never time.Duration = -1

// Config configures an [App]. The zero value of each field means its default; Brokers alone is
// required.
type Config struct {
	// Brokers are addresses host:port to begin with.
	Brokers []string
	// ApplicationID names the consumer group, and begins the names of internal topics and
	// transactional ids. Default: the topology's name. It must not change while the application has
	// state.
	ApplicationID string
	// StateDir is the directory of this instance: databases and its identity. Each running instance
	// needs one of its own; the same directory is the same instance. Default:
	// kolk-state/<application id> under the working directory.
	StateDir string
	// Workers is how many run in this process. Each has a client, a transaction and a share of the
	// tasks. Default: GOMAXPROCS, or as many as Memory suffices for, at 16 MiB each.
	Workers int
	// Guarantee: [ExactlyOnce] by default.
	Guarantee Guarantee
	// ReplicationFactor of internal topics. Default: -1, the brokers' default.
	ReplicationFactor int
	// MaxMessageBytes is the largest message of the internal topics that are created (their
	// max.message.bytes): a value of a store, a record behind a repartition. A topic that exists
	// keeps what it has. Default: as much as the largest of the application's own topics takes, and
	// 64 KiB more.
	MaxMessageBytes int64

	// CommitInterval is the longest time from processing a record to committing it. Default: 100
	// ms.
	CommitInterval time.Duration
	// CommitMin is the shortest time between two commits when all input is drained: then results
	// are committed at once. Default: 10 ms; at most CommitInterval.
	CommitMin time.Duration
	// OnError says what becomes of a record that cannot be processed: [Fail] (default) or [Skip].
	OnError ErrorPolicy
	// UntilEnd makes a bounded run: the sources are read up to their ends as of now, all windows
	// close, Run returns nil. Then whoever reads committed records sees all that this process has
	// written; a bounded run on top of it can begin.
	UntilEnd bool

	// IdleAfter is how long a source partition must be caught up and quiet until it no longer holds
	// back the time of others. Default: 10 s; [Never]: it always does.
	IdleAfter time.Duration
	// LiveWithin is the age up to which a record is processed without waiting for other inputs.
	// Default: 1 s.
	LiveWithin time.Duration
	// MaxAhead keeps source partitions together in event time while old records are read. A
	// partition waits as long as its next record is more than MaxAhead ahead of the slowest of
	// those whose records meet its own behind a repartition topic, over all instances. Default: 1
	// h, or what the slowest covers in a moment if that is more, so that nothing is lost; a bound
	// that is set is kept, whatever it costs. [Never]: no partition waits.
	MaxAhead time.Duration
	// WatermarkInterval is how often time is announced to a repartition topic that gets no records.
	// Default: 1 s.
	WatermarkInterval time.Duration

	// TaskTimeout is how long the processing of a batch of records may take until the worker counts
	// as stuck: it leaves the group, and the application fails with the record named. Default: 5
	// min.
	TaskTimeout time.Duration
	// SessionTimeout is how long the group waits for a worker that is gone. Default: 10 s.
	SessionTimeout time.Duration
	// TransactionTimeout is how long a transaction may stay open. Default: 10 s, and never less
	// than 10 commit intervals. Where a function of the topology takes longer for a record, the
	// broker ends the transaction, and its records are processed again in smaller ones: give it
	// more than the slowest function takes.
	TransactionTimeout time.Duration
	// ShutdownTimeout bounds a clean shutdown, from when Run's context ends. Default: 30 s.
	ShutdownTimeout time.Duration
	// StayInGroup keeps the membership at a clean shutdown: for a restart within SessionTimeout,
	// which then moves no task. Default: leave, and let others take over at once.
	StayInGroup bool

	// Memory is what caches, memtables, queues, uncommitted transactions and committed writes on
	// their way to the databases take together, with the garbage they make. The process takes up to
	// 80 MiB more, if its program is built without cgo and calls [Config.TuneGC]. Default: 256 MiB.
	Memory int64
	// CacheBytes is the part of Memory for the decoded values that the stores of all tasks keep: at
	// most half of it. What is there is neither read from the databases nor written to changelogs
	// again and again within a commit. Default: a quarter.
	CacheBytes int64
	// FlushBytes and FlushInterval bound what a crash loses of a task's database, and so what a
	// restart replays. Default: 64 MiB, 5 min.
	FlushBytes    int64
	FlushInterval time.Duration

	// Logger gets what an operator should know. Default: slog.Default().
	Logger *slog.Logger
	// Hooks are told what happens. See [Hook].
	Hooks []Hook
	// Clock is the wall clock of the tasks: wall-clock punctuation, idleness. Default: the
	// system's.
	Clock Clock
	// ClientOptions are added to every Kafka client: TLS, SASL, dialer. Options that change how
	// records are consumed, produced or committed break the guarantees.
	ClientOptions []kgo.Opt
}

// WithDefaults returns c with every zero field set to its default.
func (c Config) WithDefaults(plan *topology.Plan) Config { return c.withDefaults(plan.Name()) }

// withDefaults is WithDefaults for a plan of that name.
func (c Config) withDefaults(plan string) Config {
	c = c.withMemory()
	def(&c.ApplicationID, plan)
	def(&c.StateDir, "kolk-state/"+c.ApplicationID)
	def(&c.ReplicationFactor, -1)
	def(&c.CommitInterval, 100*time.Millisecond)
	def(&c.CommitMin, min(10*time.Millisecond, c.CommitInterval))
	def(&c.IdleAfter, 10*time.Second)
	def(&c.LiveWithin, time.Second)
	def(&c.WatermarkInterval, time.Second)
	def(&c.TaskTimeout, 5*time.Minute)
	def(&c.SessionTimeout, 10*time.Second)
	def(&c.TransactionTimeout, max(10*time.Second, 10*c.CommitInterval))
	def(&c.ShutdownTimeout, 30*time.Second)
	def(&c.FlushBytes, 64<<20)
	def(&c.FlushInterval, 5*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	return c
}

// leastSession is the client's bound.
const leastSession = 100 * time.Millisecond

// mostMessage is Kafka's default of socket.request.max.bytes.
const mostMessage = 100 << 20

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns everything that is wrong with c, which has its defaults: a [*ConfigError] for
// each.
func (c Config) Validate() error {
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, &ConfigError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if len(c.Brokers) == 0 {
		wrong("Brokers", "give at least one address host:port")
	}
	if err := flow.CheckName(c.ApplicationID); err != nil {
		wrong("ApplicationID", "%v", err)
	}
	positive := func(field string, n int64) {
		if n <= 0 {
			wrong(field, "must be positive, not %d", n)
		}
	}
	positive("Workers", int64(c.Workers))
	positive("CacheBytes", c.CacheBytes)
	positive("FlushBytes", c.FlushBytes)
	if c.Memory < leastMemory*int64(max(c.Workers, 1)) {
		wrong("Memory", "%d bytes are too little for %d workers: give each at least %d", c.Memory, c.Workers, leastMemory)
	}
	if c.CacheBytes > c.Memory/2 {
		wrong("CacheBytes", "%d are more than half of Memory, %d", c.CacheBytes, c.Memory)
	}
	// What is shorter than a millisecond would be none to brokers and tasks, which count
	// milliseconds; the former in 32 bits.
	const most = math.MaxInt32 * time.Millisecond
	for _, d := range []struct {
		field string
		value time.Duration
		never bool
		most  time.Duration
	}{
		{field: "CommitInterval", value: c.CommitInterval},
		{field: "CommitMin", value: c.CommitMin},
		{field: "IdleAfter", value: c.IdleAfter, never: true},
		{field: "LiveWithin", value: c.LiveWithin},
		// zero is chosen as it runs
		{field: "MaxAhead", value: cmp.Or(c.MaxAhead, Never), never: true},
		{field: "WatermarkInterval", value: c.WatermarkInterval},
		{field: "TaskTimeout", value: c.TaskTimeout, most: most},
		{field: "SessionTimeout", value: c.SessionTimeout, most: most},
		{field: "TransactionTimeout", value: c.TransactionTimeout, most: most},
		{field: "ShutdownTimeout", value: c.ShutdownTimeout},
		{field: "FlushInterval", value: c.FlushInterval},
	} {
		switch {
		case d.value == Never && d.never:
		case d.value < 0 && d.never:
			wrong(d.field, "must be positive, or Never, not %v", d.value)
		case d.value <= 0:
			wrong(d.field, "must be positive, not %v", d.value)
		case d.value < time.Millisecond:
			wrong(d.field, "must be at least 1ms, not %v", d.value)
		case d.most > 0 && d.value > d.most:
			wrong(d.field, "must be at most %v, not %v", d.most, d.value)
		}
	}
	if c.CommitMin > c.CommitInterval {
		wrong("CommitMin", "%v is longer than CommitInterval, %v", c.CommitMin, c.CommitInterval)
	}
	if c.SessionTimeout > 0 && c.SessionTimeout < leastSession {
		wrong("SessionTimeout", "%v is shorter than %v, which the heartbeats need", c.SessionTimeout, leastSession)
	}
	if c.TransactionTimeout < 2*c.CommitInterval {
		wrong("TransactionTimeout", "%v leaves a transaction of %v no time to commit", c.TransactionTimeout, c.CommitInterval)
	}
	if c.MaxMessageBytes < 0 || c.MaxMessageBytes > mostMessage {
		wrong("MaxMessageBytes", "%d is not between 0 and %d, which is what a request to a broker may have (its socket.request.max.bytes) by default", c.MaxMessageBytes, mostMessage)
	}
	if c.ReplicationFactor < -1 || c.ReplicationFactor == 0 || c.ReplicationFactor > 32767 {
		wrong("ReplicationFactor", "%d is not a replication factor; -1 is the brokers' default", c.ReplicationFactor)
	}
	for _, h := range c.Hooks {
		if !isHook(h) {
			wrong("Hooks", "a %T is none of the hooks: StateHook, CommitHook, AbortHook, RestoreHook, TasksHook, GrowthHook (is a method misspelt, or declared on the pointer?)", h)
		}
	}
	if c.Guarantee != ExactlyOnce && c.Guarantee != AtLeastOnce {
		wrong("Guarantee", "%d is unknown", c.Guarantee)
	}
	return errors.Join(errs...)
}

// times returns the settings of time, for the parts that go by them.
func (c Config) times() timing.Settings {
	return timing.Settings{
		CommitInterval: c.CommitInterval, CommitMin: c.CommitMin,
		IdleAfter: c.IdleAfter, LiveWithin: c.LiveWithin, WatermarkInterval: c.WatermarkInterval, MaxAhead: c.MaxAhead,
		Task: c.TaskTimeout, Session: c.SessionTimeout, Transaction: c.TransactionTimeout, Shutdown: c.ShutdownTimeout,
		Flush: c.FlushInterval,
	}
}
