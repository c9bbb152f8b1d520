package topology

import (
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// What users, the processor and the operators share. The operators own these types.
type (
	// Record is a typed record on its way through a topology. Functions that are handed one must
	// neither change nor keep it.
	//
	//	Key K; Value V            // zero values if missing
	//	NoKey, NoValue bool       // missing: null in Kafka; a record without value is a tombstone
	//	Timestamp int64           // event time, milliseconds
	//	Ref int64                 // the largest timestamp of the source partition: for lateness
	//	Headers []Header
	//	Origin Origin             // the message that it was made from
	//	RawKey, RawValue []byte   // the bytes of Key and Value, as long as these are as they came
	//
	//	func (r *Record[K, V]) Time() time.Time                      // Timestamp, in UTC
	//	// With returns a record of another key and value; the rest is inherited.
	//	func (r *Record[K, V]) With(key K2, value V2) Record[K2, V2]
	Record[K, V any] = ops.Record[K, V]
	// Header is a key (Key string) and a value (Value []byte) that travel with a record.
	Header = ops.Header
	// Origin says which message a record was made from: Topic string, Partition int32, Offset
	// int64. It is the zero value for a record made by time.
	Origin = ops.Origin
	// Window is a span of event time: Start and End in milliseconds, of which End does not belong
	// to it; StartTime() and EndTime() in UTC.
	Window = ops.Window
	// Opt is a value that may be missing: the optional side of a left join, a bound that is none.
	// OK says that Value is there. [Some] and [None] make one.
	Opt[V any] = ops.Opt[V]

	// Processor handles records one by one, with state of its own.
	//
	//	Process(r *Record[K, V]) error // must not keep r; an error goes to the error policy
	//
	// A task makes its instance when it starts and a new one after every transaction that failed:
	// what its fields hold between records is gone then, and what must last belongs in a store.
	Processor[K, V any] = ops.Processor[K, V]
	// Context is what a processor sees of its task: where it sends records of K and V, time and
	// schedules. It belongs to one instance, and to the goroutine of its task.
	//
	//	Forward(r Record[K, V])    // sends a record on, as late as the one at hand
	//	Schedule(name string, clock Clock, interval time.Duration, fn func(at int64) error) error
	//	                           // calls fn at the multiples of interval; once, with the last
	//	                           // one due, if several are
	//	Time() int64               // the task's stream time before this record; NoTime at first
	//	Now() time.Time            // the wall clock: results that depend on it differ each time
	//	Drop(reason Reason)        // counts the record at hand as dropped
	//	Stop(err error)            // stops the task, whatever the error policy
	//	Context() context.Context  // ends when the transaction can no longer commit
	Context[K, V any] = ops.Context[K, V]
	// Store is an open key-value store of a processor; [StoreRef] opens it. Values are encoded and
	// decoded by each call: what Get returns belongs to the caller. Writes become visible to others
	// with the transaction, or never.
	//
	//	Get(key K) (v V, ok bool, err error)
	//	Put(key K, value V) error
	//	Delete(key K) error
	//	// Range goes from lo on and before hi, in the order of the keys' bytes, until fn returns false.
	//	Range(lo, hi Opt[K], fn func(K, V) bool) error
	Store[K, V any] = ops.Store[K, V]
	// Clock says which time drives a punctuation.
	Clock = ops.Clock
)

// What a task and a topology's operators need of each other.
type (
	// Message is one message of a source partition, as the task read it.
	Message = ops.Message
	// Task is what an operator sees of the task that runs it.
	Task = ops.Task
	// Global reads a global table.
	Global = ops.Global
	// Sink is an output topic as operators know it.
	Sink = ops.Sink
	// Graph is one task's instances of the operators of a sub-topology.
	Graph = ops.Graph
	// Source is where a task hands in the messages of one topic.
	Source = ops.Source
	// Timed is an operator that acts when task time advances.
	Timed = ops.Timed
	// Flusher is an operator that holds back results or changes until the commit.
	Flusher = ops.Flusher
	// Punctuator is called when a schedule is due.
	Punctuator = ops.Punctuator
	// Line is a task as the operators behind an InOrder see it.
	Line = ops.Line
	// Reason says why a record was dropped.
	Reason = ops.Reason
)

const (
	// StreamTime punctuates as task time advances.
	StreamTime = ops.StreamTime
	// WallClock punctuates as the clock of the task runs.
	WallClock = ops.WallClock

	// NoTime is the task time before any input has shown a timestamp.
	NoTime = ops.NoTime
	// EndOfTime is the task time after all inputs of a bounded run have ended.
	EndOfTime = ops.EndOfTime

	// MinTime and MaxTime are the smallest and the largest event time of a record, in milliseconds:
	// 1970, and the year 146140482.
	MinTime = ops.MinTime
	MaxTime = ops.MaxTime
)

// ErrTime marks the error for a record whose event time does not lie between [MinTime] and
// [MaxTime]: as it came, as a source's function found it, or as an operator's function made it. The
// error policy decides what becomes of the record.
var ErrTime = ops.ErrTime

// The reasons for which operators drop records.
const (
	LateRecord   = ops.LateRecord
	TimePassed   = ops.TimePassed
	WindowClosed = ops.WindowClosed
	NullKey      = ops.NullKey
	NullValue    = ops.NullValue
	NoMatch      = ops.NoMatch
	Failed       = ops.Failed
	// FutureTime: the record lies further ahead than its source allows ([MaxFuture]), and the error
	// policy is skip.
	FutureTime = ops.FutureTime
)

// Tally is something that a node counts beside the records that it drops.
type Tally = ops.Tally

// What nodes count: windows that records were too late for, and left joins that found nothing.
const (
	LateWindows   = ops.LateWindows
	ClosedWindows = ops.ClosedWindows
	Unmatched     = ops.Unmatched
)

// Some returns a value that is there.
func Some[V any](v V) Opt[V] { return Opt[V]{Value: v, OK: true} }

// None returns a value that is missing.
func None[V any]() Opt[V] { return Opt[V]{} }
