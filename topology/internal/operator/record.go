// Package operator holds what every operator of a topology is made of: its node, the receiver that
// it is and the one that comes next, the encoding of keys and values, rows read in portions.
//
// The operators are in package ops and beside it: typed state machines over state interfaces. There
// is no Kafka, no goroutine and no clock in any of them. A task builds its own instances (Graph),
// feeds them one message at a time, and is told through [Task] what they send, drop and fail on.
package operator

// Receiver is the input of an operator.
type Receiver[K, V any] interface {
	// Receive handles one record. An error stops the task: it is one that the error policy did not
	// skip.
	Receive(r *Record[K, V]) error
}
