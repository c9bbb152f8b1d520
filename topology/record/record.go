// Package record has what functions of a topology are handed: records, and what they consist of.
//
// Users know these types by their names in package topology (topology.Record, topology.Window,
// ...), which are the same types. They are declared here, below the operators, which hand them on.
package record

import (
	"time"

	"github.com/kolkstream/kolk/internal/place"
)

// Record is a typed record on its way through a topology.
//
// Functions and processors that are handed one must neither change it nor keep it, nor its byte
// slices: the memory is used again for the next one. Key and Value themselves may be kept where the
// operator's documentation says so.
type Record[K, V any] struct {
	// Key and Value are the zero values where NoKey and NoValue say that there is none.
	Key   K
	Value V

	// NoKey and NoValue say that the message had no key (null in Kafka), or no value. A record
	// without value is a tombstone: it deletes its key in a table.
	NoKey, NoValue bool

	// Timestamp is the event time in milliseconds since 1970 UTC, from [MinTime] to [MaxTime].
	Timestamp int64

	// Ref is what lateness is measured with, in milliseconds: the largest timestamp that the
	// record's source partition had shown up to it. What is made from a record inherits it; a
	// record made by time, such as a final result, has its own timestamp.
	Ref int64

	// Headers travel with the record, in this order. They may be nil.
	Headers []Header

	// Origin is the message that the record was made from.
	Origin Origin

	// RawKey and RawValue are the bytes that Key and Value were decoded from, or would be, if they
	// are still the same; nil otherwise. They let a store or a topic have the bytes as they came.
	RawKey, RawValue []byte

	// Place orders records of the same timestamp behind an InOrder, and is nil in topologies
	// without. It is kolk's own: what is made from a record inherits it, whatever a function sets.
	Place *place.Place
}

// Time returns the timestamp in UTC.
func (r *Record[K, V]) Time() time.Time { return time.UnixMilli(r.Timestamp).UTC() }

// With returns a record with another key and value that inherits everything else: timestamp, ref,
// headers and origin. It has a key and a value; set NoKey or NoValue on the result where it has
// not.
func (r *Record[K, V]) With[K2, V2 any](key K2, value V2) Record[K2, V2] {
	return Record[K2, V2]{
		Key: key, Value: value,
		Timestamp: r.Timestamp, Ref: r.Ref, Headers: r.Headers, Origin: r.Origin, Place: r.Place,
	}
}

// Header is a key and a value that travel with a record. Operators that keep a record's identity
// pass them on.
type Header struct {
	Key   string
	Value []byte
}

// Origin says which message a record was made from, for error messages and logs. It is the zero
// value for a record made by time: a final result, a punctuation.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Opt is a value that may be missing: the optional side of a left join, a bound that is none.
type Opt[V any] struct {
	// Value is the zero value unless OK.
	Value V
	// OK says that the value is there.
	OK bool
}

// Window is a span of event time.
type Window struct {
	// Start and End are milliseconds since 1970 UTC. End does not belong to the window.
	Start, End int64
}

// StartTime returns the start in UTC.
func (w Window) StartTime() time.Time { return time.UnixMilli(w.Start).UTC() }

// EndTime returns the end in UTC.
func (w Window) EndTime() time.Time { return time.UnixMilli(w.End).UTC() }
