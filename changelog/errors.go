package changelog

import (
	"errors"
	"fmt"
)

var (
	// ErrRecreated is returned when a topic of the expected name has another id: it was deleted and
	// created again, so that positions in the old one mean nothing.
	ErrRecreated = errors.New("changelog: topic was recreated")

	// ErrDeleted is returned when a topic that should be there is not.
	ErrDeleted = errors.New("changelog: topic does not exist")

	// ErrTruncated is returned when a log ends before what is known to have been committed, or
	// before what local state holds.
	ErrTruncated = errors.New("changelog: log is shorter than its committed end")

	// ErrOutOfRange is returned when the log begins behind the position that is needed: records
	// that were not read are gone.
	ErrOutOfRange = errors.New("changelog: log begins after the position that is needed")

	// ErrPoison is what every [PoisonError] wraps.
	ErrPoison = errors.New("changelog: unreadable record")

	// ErrClosed is returned when the [Restorer] was closed.
	ErrClosed = errors.New("changelog: restorer is closed")
)

// PoisonError is a record that cannot be read. It stops the restore: leaving the record out would
// be a wrong state.
type PoisonError struct {
	Topic     string
	Partition int32
	Offset    int64
	Err       error
}

// Error names the record.
func (e *PoisonError) Error() string {
	return fmt.Sprintf("changelog: unreadable record %s/%d at offset %d: %v", e.Topic, e.Partition, e.Offset, e.Err)
}

// Unwrap returns [ErrPoison] and the cause.
func (e *PoisonError) Unwrap() []error { return []error{ErrPoison, e.Err} }
