package flow

import (
	"context"
	"time"

	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology/record"
)

// Message is one message of a source partition, as the task read it.
type Message struct {
	Key, Value []byte // nil: none
	Timestamp  int64  // milliseconds
	Ref        int64
	Headers    []record.Header
	Origin     record.Origin
	// Place is where the record that the message holds stands among those of the same timestamp;
	// nil for one that is made from this message.
	Place []byte
}

// Task is what an operator sees of the task that runs it. All calls are made on the task's own
// goroutine.
type Task interface {
	// Context ends when the transaction of the current record can no longer commit. User functions
	// that take a context get it.
	Context() context.Context

	// Time is the task time (the watermark): no record that counts for a window with end+grace <=
	// Time comes any more. NoTime at first. It never goes back.
	Time() int64

	// Settled is the Time of the last commit that left nothing postponed: nothing that was due by
	// it is still to go out. In a bounded run it is no later than what every input has shown, ended
	// or not: a later run begins there. NoTime at first.
	Settled() int64

	// ClosedThrough is the largest start of a window that the end of an earlier bounded run has
	// closed, NoTime for none. Such windows stay closed although task time may not have reached
	// their end and grace. It does not change while a graph lives.
	ClosedThrough() int64

	// Clock is where an operator with a clock of its own keeps the largest timestamp that it has
	// seen, NoTime at first. The task commits it with the transaction and takes it back with an
	// abort; a new graph finds it as it is. The sub-topology has a time store.
	Clock(name string) *int64

	// Now is the wall clock: for wall-clock punctuation alone.
	Now() time.Time

	// Store returns the byte store of that name, which the plan lists for the task's sub-topology.
	Store(name string) *state.Store

	// Global returns the read side of a global table.
	Global(name string) Global

	// Partition is the number of the task in its sub-topology.
	Partition() int32

	// Partitions returns how many partitions an output topic has.
	Partitions(sink *Sink) int32

	// Send appends a message to a partition of an output topic, which has it, or to the one of the
	// key, with [ByKey]. key and value are copied by Send, or nil for none. ref is the record's
	// Ref, place what the message of a repartition topic is to have as its Place, nil for nothing.
	Send(sink *Sink, partition int32, key, value []byte, timestamp, ref int64, place []byte, headers []record.Header) error

	// Line returns the task as the operators behind the InOrder of that name see it. Its time goes
	// on where it was at the last commit that left nothing postponed.
	Line(name string) Line

	// Full reports whether the transaction is to be committed before more that is due goes out.
	// Whoever hands out what is due asks after each record, of size bytes, notes with SetMark how
	// far it got, and stops.
	Full(size int) bool

	// Postpone says that something that is due has to wait for the next transaction. Postponed
	// reports whether it was said since the flush began: then nothing else that is due goes out.
	Postpone()
	Postponed() bool

	// Mark returns the key in a store before which everything was handed on, though Time of the
	// last commit has not passed it yet; nil if there is none. It is good until SetMark.
	Mark(store string) []byte

	// SetMark sets the mark of a store. It is stored with the transaction, and forgotten when a
	// commit that leaves nothing postponed has a Time of at least until; EndOfTime: when a later
	// mark is set. The end of a bounded run closes what has begun by it, so that marks of that are
	// forgotten too.
	SetMark(store string, key []byte, until int64)

	// Handing says that user code is going to work on a record from o that was held back, until it
	// is called with another one, or with the zero Origin. skip says that the record is to be left
	// out: the code has panicked on it before.
	Handing(o record.Origin) (skip bool)

	// Tally returns the counter of node for what. It is valid as long as the task; what is added
	// counts when the transaction commits.
	Tally(node string, what record.Tally) *int64

	// Drop counts a record that node did not pass on.
	Drop(node string, reason record.Reason, o record.Origin)

	// Fail reports that node failed on a record. nil means that the error policy skips the record
	// (and has counted it); an error is to be returned from Receive.
	Fail(node string, o record.Origin, err error) error

	// Schedule asks for calls of p.Punctuate, as long as the task's instance lives. name is stable:
	// the schedule survives restarts under it. On Stream time, the first call comes at the first
	// multiple of interval that task time reaches after now. place is where the node stands in the
	// plan: of two calls that are due at one time the one of the node further ahead comes first, so
	// that what it sends is there in the other.
	Schedule(place int, name string, kind record.Clock, interval time.Duration, p Punctuator)

	// Unschedule ends the schedule of that name for good: neither a restart nor Schedule with the
	// same interval begins it anew.
	Unschedule(name string)

	// CacheBudget is how many bytes the decoded values of one store may take.
	CacheBudget() int64
}

// ByKey is the partition of a message's key: murmur2 of it, as Kafka's own producer has it.
const ByKey int32 = -1

// Punctuator is called when a schedule is due.
type Punctuator interface {
	// Punctuate gets the time that was due, in milliseconds.
	Punctuate(at int64) error
}

// Global reads a global table: the whole topic, shared by all tasks of the process. Safe for
// concurrent use.
type Global interface {
	state.Reader
	// Version changes whenever the table does: a decoded copy is good as long as it stands.
	Version() uint64
}

// Sink is an output topic as operators know it.
type Sink struct {
	// Topic is the topic's name. Of a repartition topic it is the name without the application's
	// prefix.
	Topic string
	// Repartition says that the topic is internal and kolk's own headers go with its records.
	Repartition bool
	// Places says that an InOrder behind the repartition topic wants to know where records stand.
	Places bool
	// Index numbers the sinks of the plan from 0, for a task's own tables.
	Index int
}

// Timed is an operator that acts when task time advances.
type Timed interface {
	// Advance is called after task time has become now, upstream operators first. done is false if
	// it stopped because the task is full: then it is called with the same time again, in the next
	// transaction.
	Advance(now int64) (done bool, err error)
}

// Flusher is an operator that holds back results or changes until the commit.
type Flusher interface {
	// Flush writes what is held back to the stores and forwards it. It is called at every commit,
	// upstream operators first, again and again until no call reports that it did something.
	Flush() (did bool, err error)
}

// Source is where the task hands in the messages of one topic. For each message the task calls
// Time, then (unless it is skipped) Receive, before Time of the next one: what Time decodes,
// Receive need not decode again.
type Source interface {
	// Time returns the event time of m, whose Ref is the largest that its partition has shown
	// before, NoTime for none: the message's own, or the one its decoded value or the clock gives,
	// as the source is declared. ok is false if m could not be decoded, or its time is out of
	// range, and the error policy skips it.
	Time(m *Message) (timestamp int64, ok bool, err error)

	// Receive sends m through the operators, with Timestamp and Ref set by the task. m is not kept.
	Receive(m *Message) error
}

// Graph is one task's instances of the operators of a sub-topology.
type Graph struct {
	// Sources by topic (for repartition topics: the name without prefix).
	Sources map[string]Source
	// Timed and Flushers in topological order.
	Timed    []Timed
	Flushers []Flusher
	// Ahead are the calls of functions that may block; nil: there are none.
	Ahead Ahead
}

// Ahead are calls that run ahead of the records. The task shows what it has queued of an input, in
// order and each message once, to the source that Ahead has for it: with that, calls begin. All
// methods are the task's to call, from its goroutine. Topics are named as the origins of messages
// name them, for Source alone as Graph.Sources has them.
type Ahead interface {
	// Source returns where messages of a topic of Graph.Sources are shown, nil if no call depends
	// on them. What it is shown is not kept beyond Passed, and headers not changed until then.
	Source(topic string) Source
	// Wants reports whether more messages of a topic are to be shown. The next one to be processed
	// is shown in any case.
	Wants(topic string) bool
	// Ready reports whether the calls of the messages up to offset are over, so that these can be
	// processed without waiting. If not, wake is called when they are, by any goroutine.
	Ready(topic string, offset int64, wake func()) bool
	// Await waits until they are.
	Await(topic string, offset int64)
	// Passed says that the messages up to offset have been processed, or are left out: the task
	// uses their memory for others, unless it is lost: calls that have not returned may use it
	// still, and are waited for no longer. Passed ends calls that nobody has asked for.
	Passed(topic string, offset int64) (lost bool)
	// Stop ends all calls: their context is done, and Stop waits until they are over. The memory of
	// the messages that were shown may be lost.
	Stop() (lost bool)
}

// Line is a task as the operators behind an InOrder see it: with a time of its own, which only goes
// on as records are handed on. Its stream-time schedules are called in between.
type Line interface {
	Task
	// Advance makes now the time of the line: punctuations that are due come first, then timed
	// operators. EndOfTime is the end of a bounded run. done is false if one of them has stopped:
	// Resume goes on with it, in the next transaction. With nothing left it does nothing.
	Advance(now int64, timed []Timed) (done bool, err error)
	Resume(timed []Timed) (done bool, err error)
}
