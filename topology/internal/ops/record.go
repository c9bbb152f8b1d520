// Package ops holds the operators of a topology: typed state machines over state interfaces.
//
// There is no Kafka, no goroutine and no clock here. A task builds its own instances of the
// operators (Graph), feeds them one message at a time, and is told through [Task] what they send,
// drop and fail on. Package topology re-exports the types that users and the processor see.
package ops

// Receiver is the input of an operator.
type Receiver[K, V any] interface {
	// Receive handles one record. An error stops the task: it is one that the error policy did not
	// skip.
	Receive(r *Record[K, V]) error
}
