package topology

import (
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// What users, the processor and the operators share. The operators own these types.
type (
	// Record is a typed record on its way through a topology. Functions that are handed one must neither change nor keep it.
	Record[K, V any] = ops.Record[K, V]
	// Header is a key and a value that travel with a record.
	Header = ops.Header
	// Origin says which message a record was made from.
	Origin = ops.Origin
	// Window is a span of event time.
	Window = ops.Window
	// Opt is a value that may be missing: the optional side of a left join, a bound that is none.
	Opt[V any] = ops.Opt[V]

	// Processor handles records one by one, with state of its own.
	Processor[K, V any] = ops.Processor[K, V]
	// Context is what a processor sees of its task.
	Context[K, V any] = ops.Context[K, V]
	// Store is an open key-value store of a processor; [StoreRef] opens it.
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
)

// The reasons for which operators drop records.
const (
	LateRecord   = ops.LateRecord
	WindowClosed = ops.WindowClosed
	NullKey      = ops.NullKey
	NullValue    = ops.NullValue
	NoMatch      = ops.NoMatch
	Failed       = ops.Failed
	NegativeTime = ops.NegativeTime
)

// Some returns a value that is there.
func Some[V any](v V) Opt[V] { return Opt[V]{Value: v, OK: true} }

// None returns a value that is missing.
func None[V any]() Opt[V] { return Opt[V]{} }
