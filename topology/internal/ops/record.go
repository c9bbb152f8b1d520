// Package ops holds the operators of a topology: typed state machines over state interfaces.
//
// There is no Kafka, no goroutine and no clock here. A task builds its own instances of the operators (Graph), feeds them
// one message at a time, and is told through [Task] what they send, drop and fail on. Package topology re-exports the types
// that users and the processor see.
package ops

import "time"

// Header is a key and a value that travel with a record. Operators that keep a record's identity pass them on.
type Header struct {
	Key   string
	Value []byte
}

// Origin says which message a record was made from, for error messages and logs. It is the zero value for a record made by
// time (a final result, a punctuation).
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Record is a typed record on its way through a topology.
//
// Between operators records go by pointer. A receiver must neither change the record nor keep it (or its byte slices) after
// Receive has returned: the sender uses it again.
type Record[K, V any] struct {
	Key   K
	Value V

	// NoKey and NoValue say that the message had no key (Kafka: null), or no value (a tombstone). Key and Value are the zero
	// values then.
	NoKey, NoValue bool

	// Timestamp is the event time in milliseconds since the Unix epoch.
	Timestamp int64

	// Ref is what lateness is measured with: the largest timestamp that the record's source partition had shown up to it.
	// Records derived from it inherit it; a record made by time has its own timestamp.
	Ref int64

	Headers []Header
	Origin  Origin

	// place is what orders records of the same timestamp; nil where the plan has no InOrder further on.
	place *place

	// RawKey and RawValue are the bytes that Key and Value were decoded from, or would be, if they are still the same; nil
	// otherwise. They let a store or a sink use the bytes as they came. An operator that changes the key (the value) clears
	// RawKey (RawValue). A non-nil RawKey with a serde of another name is not to be used.
	RawKey, RawValue []byte
}

// Time returns the timestamp in UTC.
func (r *Record[K, V]) Time() time.Time { return time.UnixMilli(r.Timestamp).UTC() }

// With returns a record with another key and value that inherits everything else: timestamp, ref, headers and origin. It has a
// key and a value; set NoKey or NoValue on the result where it has not.
func (r *Record[K, V]) With[K2, V2 any](key K2, value V2) Record[K2, V2] {
	return Record[K2, V2]{
		Key: key, Value: value,
		Timestamp: r.Timestamp, Ref: r.Ref, Headers: r.Headers, Origin: r.Origin, place: r.place,
	}
}

// Receiver is the input of an operator.
type Receiver[K, V any] interface {
	// Receive handles one record. An error stops the task: it is one that the error policy did not skip.
	Receive(r *Record[K, V]) error
}

// Message is one message of a source partition, as the task read it.
type Message struct {
	Key, Value []byte // nil: none
	Timestamp  int64  // milliseconds
	Ref        int64
	Headers    []Header
	Origin     Origin
	// Place is where the record that the message holds stands among those of the same timestamp; nil for one that is made from
	// this message.
	Place []byte
}
