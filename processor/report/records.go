package report

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TaskID names a task: a partition of a sub-topology.
type TaskID struct {
	Sub       string
	Partition int32
}

// String returns "sub/partition".
func (id TaskID) String() string { return id.Sub + "/" + strconv.Itoa(int(id.Partition)) }

// ErrorPolicy says what becomes of a record that a user's function or a serde fails on, or whose
// result a topic refuses.
type ErrorPolicy int

const (
	// Fail stops the application with a [*RecordError]. Nothing of the record is committed. It is
	// the default.
	Fail ErrorPolicy = iota
	// Skip drops the record, counts it and goes on. After a panic, and when a topic does not take
	// what the record made, the transaction is done again without it.
	Skip
)

// String returns the policy's name as configuration spells it.
func (p ErrorPolicy) String() string {
	switch p {
	case Fail:
		return "fail"
	case Skip:
		return "skip"
	}
	return "policy " + strconv.Itoa(int(p))
}

// RecordError is a record that could not be processed: it could not be decoded, a function failed
// or panicked on it, or a topic refuses what it made. It is final: trying again fails again.
type RecordError struct {
	Task TaskID
	// Topic, Partition and Offset name the message that the record was made from. Topic is empty
	// for a record made by time.
	Topic     string
	Partition int32
	Offset    int64
	// Sources are the application's input topics that the message was made from, if Topic is a
	// repartition topic.
	Sources []string
	// Node is the operator, empty if it is not known (a panic).
	Node string
	// Key is the message's key.
	Key []byte
	// Panicked says that the user's code panicked; Err has the panic's value and the place in the
	// code.
	Panicked bool
	// Err is the cause.
	Err error
}

// Error names task, message, key and operator.
func (e *RecordError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "task %s", e.Task)
	if e.Topic != "" {
		fmt.Fprintf(&b, ": record %s/%d at offset %d", e.Topic, e.Partition, e.Offset)
		var more []string
		if e.Key != nil {
			more = append(more, "key "+quote(e.Key))
		}
		if len(e.Sources) > 0 {
			more = append(more, "made from "+strings.Join(e.Sources, ", "))
		}
		if len(more) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(more, "; "))
		}
	}
	if e.Node != "" {
		fmt.Fprintf(&b, ": operator %q", e.Node)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// quote shows a key's beginning.
func quote(key []byte) string {
	const most = 80
	if len(key) <= most {
		return strconv.Quote(string(key))
	}
	return strconv.Quote(string(key[:most])) + "..."
}

// FutureError is wrapped by the error of a record whose time is further ahead than
// topology.MaxFuture allows.
type FutureError struct {
	// Time is the record's.
	Time time.Time
	// Latest is what MaxFuture was measured from: the wall clock or, in a bounded run, the largest
	// time that the last records of the topic's other partitions have, or the beginning of the run.
	Latest    time.Time
	MaxFuture time.Duration
}

func (e *FutureError) Error() string {
	return fmt.Sprintf("its time, %s, is further ahead of %s than its source allows (%v)", e.Time.UTC().Format(time.RFC3339Nano), e.Latest.UTC().Format(time.RFC3339Nano), e.MaxFuture)
}

// ProduceError is a message that could not be produced. If the broker has refused it, it is the
// first of those that were refused together, because of any of them.
type ProduceError struct {
	Topic     string
	Partition int32
	Key       []byte
	// Err is what the broker or the client said.
	Err error
}

func (e *ProduceError) Error() string {
	return fmt.Sprintf("produce to %s/%d: %v", e.Topic, e.Partition, e.Err)
}

// Unwrap returns the cause.
func (e *ProduceError) Unwrap() error { return e.Err }

// ErrNotMember is wrapped by the error of a transaction that was aborted because the worker was no
// longer the member of the group that had read the records.
var ErrNotMember = errors.New("txn: no longer a member of the group")
