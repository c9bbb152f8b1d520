package topology

import "github.com/kolkstream/kolk/topology/record"

// What functions and processors are handed. These types are declared in package record.
type (
	// Record is a typed record on its way through a topology. Functions that are handed one must
	// neither change nor keep it.
	//
	//	Key K; Value V            // zero values if missing
	//	NoKey, NoValue bool       // missing: null in Kafka; a record without value is a tombstone
	//	Timestamp int64           // event time, milliseconds
	//	Ref int64                 // what lateness is measured with, milliseconds
	//	Headers []Header
	//	Origin Origin             // the message that it was made from
	//	RawKey, RawValue []byte   // the bytes of Key and Value, as long as these are as they came
	//	Place                     // kolk's own: its place behind an InOrder
	//
	//	func (r *Record[K, V]) Time() time.Time                      // Timestamp, in UTC
	//	func (r *Record[K, V]) With(key K2, value V2) Record[K2, V2] // the rest is inherited
	Record[K, V any] = record.Record[K, V]
	// Header is a key (Key string) and a value (Value []byte) that travel with a record.
	Header = record.Header
	// Origin says which message a record was made from: Topic string, Partition int32, Offset
	// int64. It is the zero value for a record made by time.
	Origin = record.Origin
	// Window is a span of event time: Start and End in milliseconds, of which End does not belong
	// to it; StartTime() and EndTime() in UTC.
	Window = record.Window
	// Opt is a value that may be missing: the optional side of a left join, a bound that is none.
	// OK says that Value is there. [Some] and [None] make one.
	Opt[V any] = record.Opt[V]
	// Clock says which time drives a punctuation: [StreamTime] or [WallClock].
	Clock = record.Clock
	// Reason says why a record was dropped.
	Reason = record.Reason
	// Tally is something that a node counts beside the records that it drops.
	Tally = record.Tally
)

// The clocks, and the bounds of time; see package record.
const (
	StreamTime = record.StreamTime
	WallClock  = record.WallClock

	NoTime    = record.NoTime
	EndOfTime = record.EndOfTime
	MinTime   = record.MinTime
	MaxTime   = record.MaxTime
)

// ErrTime marks the error for a record whose event time does not lie between [MinTime] and
// [MaxTime].
var ErrTime = record.ErrTime

// The reasons for which operators drop records, and what nodes count beside; see package record.
const (
	LateRecord   = record.LateRecord
	TimePassed   = record.TimePassed
	WindowClosed = record.WindowClosed
	NullKey      = record.NullKey
	NullValue    = record.NullValue
	NoMatch      = record.NoMatch
	Limited      = record.Limited
	Duplicate    = record.Duplicate
	Failed       = record.Failed
	FutureTime   = record.FutureTime

	LateWindows   = record.LateWindows
	ClosedWindows = record.ClosedWindows
	Unmatched     = record.Unmatched
	ExpiredRows   = record.ExpiredRows
)

// Some returns a value that is there.
func Some[V any](v V) Opt[V] { return Opt[V]{Value: v, OK: true} }

// None returns a value that is missing.
func None[V any]() Opt[V] { return Opt[V]{} }
