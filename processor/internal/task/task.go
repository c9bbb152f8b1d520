package task

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// ID names a task: a partition of a sub-topology.
type ID = report.TaskID

// Output is the transaction that a task writes to.
type Output interface {
	// Produce appends a message. Everything is copied before it returns. Nil is no key, no value.
	Produce(topic string, partition int32, key, value []byte, timestamp int64, headers []kgo.RecordHeader)
	// End returns the offset after the last message that the current transaction has appended to a
	// partition; ok is false if there is none. It is valid once the producer has been flushed.
	End(topic string, partition int32) (offset int64, ok bool)
}

// Cluster is what a task has to know of topics, by their names on the broker.
type Cluster interface {
	// Partitions returns 0 for a topic that is not known.
	Partitions(topic string) int32
	TopicID(topic string) [16]byte
	// Limits returns what a topic takes, nil for everything.
	Limits(topic string) *changelog.Limits
	// Looked returns how many tasks a sub-topology has by the topics that were there when the
	// brokers were asked last, and how often they have been asked.
	Looked(sub string) (tasks int32, asked int)
}

// Clock tells the wall-clock time.
type Clock interface {
	Now() time.Time
}

// Bounded says where a bounded run ends.
type Bounded struct {
	// Run is the run's id, not 0.
	Run uint64
	// Ends has, by topic on the broker, the end of the task's partition. Every input that is no
	// repartition topic has one.
	Ends map[string]int64
	// Began is when the run was begun. Zero: the clock's time when the task is made.
	Began time.Time
	// Last has, by topic on the broker, the last message before the end of the run of each
	// partition of inputs with a MaxFuture.
	Last map[string][]*kgo.Record
}

// Start is where an input begins.
type Start struct {
	Offset int64 // the next to process
	// Ref is the largest timestamp that the partition has shown, topology.NoTime for none.
	Ref int64
	// Ended is the bounded run that the task had ended in.
	Ended uint64
}

// Task runs the operators of a sub-topology on one partition. See the package's documentation.
type Task struct {
	// What each record needs comes first.
	inputs  []*input
	timed   []*input  // those that carry time
	outlets []*outlet // by sink index
	graph   *flow.Graph

	now   int64 // the wall clock, read once per call
	moved bool  // an input's time may have changed
	dirty bool
	hand
	taking
	scratch
	counts     counters
	chronicle  // its fields are the task's time
	pacing     pacing
	liveWithin int64  // milliseconds
	run        uint64 // of the bounded run; 0: none

	id         ID
	name       []byte  // of the sub-topology
	opts       Options // what the task was made from
	plan       *flow.Plan
	idleAfter  int64 // milliseconds
	cacheBytes int64 // of one store
	stateful   bool  // the sub-topology has stores of operators

	stores    []*store
	journal   journal
	announcer announcer
	agenda    agenda    // what goes by the task's time
	agendas   []*agenda // that, and those of lines

	endsRead  bool
	postponed bool  // something that is due goes out with the next transaction
	again     bool  // the operators are to be made anew
	building  bool  // they are being made
	calling   bool  // the next record waits for calls
	handed    int64 // bytes of records that were due and went out in this transaction
	broken    error // what stopped the task, until the abort
	warned    map[string]warning
}

// hand is what the task is working on: whoever fails, or gets stuck, does so on that.
type hand struct {
	current *input          // whose record user code is working on
	handing topology.Origin // a record that was held back and is being worked on
	left    leftOuts        // records that are to be left out when they are handed on
	working atomic.Int64    // current for other goroutines: input's number and offset
}

// scratch is memory that is used again for each message.
type scratch struct {
	headers []kgo.RecordHeader
	encoded []byte
	keyed   kgo.Record
}

var _ flow.Task = (*Task)(nil)

// ID returns the task's name.
func (t *Task) ID() ID { return t.id }

// Enqueue hands over fetched messages of an input, in order. recs and the records belong to the
// task from then on, which recycles each when it has processed it; control records of the broker
// may be among them. end is the highest known end of the partition, -1 if it is not known; recs may
// be empty to tell nothing but the end. Without a known end an input is never idle, and others wait
// for it.
func (t *Task) Enqueue(topic string, recs []*kgo.Record, end int64) {
	in := t.input(topic)
	if in == nil {
		return
	}
	in.end = max(in.end, end)
	if len(recs) == 0 && in.pos >= in.end {
		return
	}
	in.queue.push(recs)
	t.show(in)
	if !in.repartition {
		t.read()
		in.quiet = t.now
		t.wake(in)
	}
}

// CaughtUp says that the writers of all repartition inputs have processed what was there when the
// task was opened, and that what they have sent lies below the ends that were handed over since. It
// ends Options.Doubt.
func (t *Task) CaughtUp() {
	for _, in := range t.inputs {
		if in.writers != nil {
			in.doubted = -1
			in.writers.believe()
			t.moved = true
		}
	}
}

// Behind says that there is going to be more to process as soon as it is fetched, or calls are
// over.
func (t *Task) Behind() bool { return t.calling || slices.ContainsFunc(t.inputs, (*input).lacks) }

// Lacking calls fn for each input that has nothing queued although there is more, as far as is
// known: with its position.
func (t *Task) Lacking(fn func(topic string, pos int64)) {
	for _, in := range t.inputs {
		if in.lacks() {
			fn(in.topic, in.pos)
		}
	}
}

// Pass says that an input has no record from the offset from on up to the offset to: its position
// moves there, if it still is at from.
func (t *Task) Pass(topic string, from, to int64) {
	in := t.input(topic)
	if in == nil || in.pos != from || to <= from || in.ready || !in.queue.empty() || t.ended || t.end.ending != running {
		return
	}
	in.pos = to
	t.touch()
	t.moved = true
}

// Buffered is about how much memory the queue of an input takes.
func (t *Task) Buffered(topic string) int64 {
	if in := t.input(topic); in != nil {
		return in.queue.bytes
	}
	return 0
}

func (t *Task) input(topic string) *input {
	for _, in := range t.inputs {
		if in.topic == topic {
			return in
		}
	}
	return nil
}

// Process handles up to limit messages and returns how many it did. Fewer than limit means that the
// queues are empty, or that the task waits for an input; see [Task.Waiting]. After an error the
// task does nothing until [Task.Abort].
func (t *Task) Process(limit int) (n int, err error) {
	if t.broken != nil {
		return 0, t.broken
	}
	if t.postponed {
		return 0, nil
	}
	if t.ended || t.end.ending != running {
		t.rest() // also where it had ended before it was opened
		return 0, nil
	}
	t.read()
	defer t.rescue(&err)
	if t.moved {
		if err := t.retime(); err != nil {
			return 0, err
		}
	}
	t.pacing.turn()
	for n < limit && !t.postponed {
		in, err := t.choose()
		if err != nil {
			return n, err
		}
		if in == nil || t.postponed {
			break
		}
		if err := t.take(in); err != nil {
			return n, err
		}
		n++
	}
	if t.moved {
		if err := t.retime(); err != nil {
			return n, err
		}
	}
	if t.run != 0 {
		return n, t.finish()
	}
	return n, nil
}

const offsetBits = 56 // of working, for the offset

// Current returns the record that is being processed, or was the last. Unlike the other methods it
// may be called by any goroutine, while Process runs.
func (t *Task) Current() topology.Origin {
	w := t.working.Load()
	return topology.Origin{Topic: t.inputs[w>>offsetBits].topic, Partition: t.id.Partition, Offset: w & (1<<offsetBits - 1)}
}

// Lag returns how many offsets of the task's inputs are known to be there and not processed.
func (t *Task) Lag() (n int64) {
	for _, in := range t.inputs {
		n += max(0, in.end-in.pos)
	}
	return n
}

// Waiting returns the topic of an input that the task waits for although another one has something
// queued, "" if there is none.
func (t *Task) Waiting() string {
	at, best := int64(math.MaxInt64), -1
	for i, in := range t.inputs {
		if in.ready && in.at < at {
			at, best = in.at, i
		}
	}
	if best < 0 {
		return ""
	}
	for i, in := range t.inputs {
		if !in.ready && t.waits(in, at, best < i) {
			return in.topic
		}
	}
	return ""
}

// Tick lets the wall clock act: idle inputs, punctuations, and a bounded run whose inputs are
// empty. It is to be called again and again, whether or not there is something to process: see
// [Task.Quiet].
func (t *Task) Tick() (err error) {
	if t.broken != nil {
		return t.broken
	}
	if t.ended || t.postponed || t.end.ending != running {
		return nil
	}
	t.read()
	defer t.rescue(&err)
	t.watch()
	t.depart()
	if t.moved {
		if err := t.retime(); err != nil {
			return err
		}
	}
	if err := t.tickWall(); err != nil {
		return err
	}
	return t.finish()
}

// tickEvery is how often what has no time of its own is looked at, tickIdle how often everything
// else.
const (
	tickEvery = 100 * time.Millisecond
	tickIdle  = time.Second
)

// Quiet returns how long the task needs no Tick if nothing comes in: until the next wall-clock
// punctuation, and not long in a bounded run or while an announcement waits for its time. That an
// input is idle may be noticed a tenth of the time later that makes it so.
func (t *Task) Quiet() time.Duration {
	if t.postponed {
		return 0
	}
	if t.bounded() || t.untold() {
		return tickEvery
	}
	d := tickIdle
	if t.idleAfter > 0 {
		d = min(d, max(time.Duration(t.idleAfter)*time.Millisecond/10, tickEvery))
	}
	now := t.opts.Clock.Now().UnixMilli()
	for _, s := range t.agenda.schedules {
		switch {
		case s.key.clock != topology.WallClock:
		case s.due <= now:
			return 0
		case s.due-now < d.Milliseconds():
			d = time.Duration(s.due-now) * time.Millisecond
		}
	}
	return d
}

// Dirty says that there is something to commit, announcements that are due included, or to abort.
func (t *Task) Dirty() bool { return t.dirty || t.broken != nil || t.postponed || t.announcing() }

// Uncommitted is about how many bytes the writes of this transaction to stores take, with what
// becomes of records that were due.
func (t *Task) Uncommitted() int64 { return t.journal.overlay.Size() + t.handed }

// Done says that the task has ended in the bounded run, and committed that.
func (t *Task) Done() bool { return t.was.ended }

// Close persists what is committed, and releases what the task holds. The database belongs to the
// caller.
func (t *Task) Close() error {
	t.Stop()
	return errors.Join(t.Persist(), t.journal.close())
}

// read reads the clock.
func (t *Task) read() { t.now = t.opts.Clock.Now().UnixMilli() }

// touch notes that there is something to commit.
func (t *Task) touch() { t.dirty = true }

func (t *Task) bounded() bool { return t.run != 0 }

// Context ends when the transaction of the present record can no longer commit.
func (t *Task) Context() context.Context { return t.opts.Context }

// Time is the task time; see [flow.Task].
func (t *Task) Time() int64 {
	if t.ended || t.end.ending != running && !t.building {
		return topology.EndOfTime
	}
	return t.at
}

// ClosedThrough is the largest start of a window that the end of a bounded run has closed, NoTime
// for none. Such windows stay closed although task time may not have reached their end and grace.
func (t *Task) ClosedThrough() int64 { return t.closed }

// Settled is the time of the last commit that left nothing postponed; in a bounded run no more than
// what every input has shown, because that is the time that the next run begins with.
func (t *Task) Settled() int64 {
	if t.run == 0 {
		return t.was.time
	}
	return min(t.was.time, t.shown())
}

// Clock is the clock of an operator; see [flow.Task].
func (t *Task) Clock(name string) *int64 { return &t.chronicle.clock(name).now }

// Now is the wall clock.
func (t *Task) Now() time.Time { return t.opts.Clock.Now() }

// Store returns a store of the sub-topology, nil if the plan lists none of that name.
func (t *Task) Store(name string) *state.Store {
	for _, s := range t.stores {
		if s.spec.Name == name {
			return s.bytes
		}
	}
	return nil
}

// Global returns the read side of a global table, nil if there is none of that name.
func (t *Task) Global(name string) flow.Global { return t.opts.Globals[name] }

// CacheBudget is how many bytes the decoded values of one store may take.
func (t *Task) CacheBudget() int64 { return t.cacheBytes }

// Tally is the counter of a node for something; see [flow.Task].
func (t *Task) Tally(node string, what topology.Tally) *int64 {
	return t.counts.tally(node, what)
}

// Drop counts a record that node did not pass on.
func (t *Task) Drop(node string, reason topology.Reason, o topology.Origin) {
	t.counts.drop(node, reason)
	if t.opts.OnDrop != nil {
		t.opts.OnDrop(node, reason, o)
	}
}

// Fail applies the error policy to a record that node failed on.
func (t *Task) Fail(node string, o topology.Origin, err error) error {
	re := &report.RecordError{Task: t.id, Node: node, Err: err}
	t.identify(re, o)
	if in := t.current; in != nil && in.msg.Origin == o {
		re.Key = clone(in.msg.Key)
	}
	if isRefused(err) && o != (topology.Origin{}) {
		return t.refuse(re)
	}
	if t.opts.OnError != report.Skip {
		return re
	}
	reason := topology.Failed
	var future *report.FutureError
	if errors.As(err, &future) {
		reason = topology.FutureTime
	}
	t.Drop(node, reason, o)
	t.warn(node, re)
	return nil
}

// warning is when a node was last warned about, and how often it failed since.
type warning struct {
	at      int64
	silence int64
}

// warn logs a skipped record, at most one a second for each node.
func (t *Task) warn(node string, err *report.RecordError) {
	w, ok := t.warned[node]
	if ok && t.now-w.at < 1000 {
		w.silence++
		t.warned[node] = w
		return
	}
	t.opts.Logger.Warn("record skipped", "task", t.id.String(), "error", err, "unreported", w.silence)
	t.warned[node] = warning{at: t.now}
}

// errMissing makes the error for an option that is not set.
func errMissing(name string) error { return errors.New("task: option " + name + " is missing") }
