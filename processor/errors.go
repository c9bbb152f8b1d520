package processor

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

// Errors of [App.Run] and [New]. All of them come wrapped: find them with [errors.As] and
// [errors.Is].

// ErrorPolicy says what becomes of a record that cannot be processed.
type ErrorPolicy = report.ErrorPolicy

const (
	// Fail stops the application with a [*RecordError]. Nothing of the record is committed.
	Fail = report.Fail
	// Skip goes on without the record and counts it.
	Skip = report.Skip
)

// ConfigError is one thing that is wrong with a [Config]. [New] and [Config.Validate] return all
// that there are, joined; [App.Run] returns those that only the brokers can tell.
type ConfigError = report.ConfigError

// RecordError is a record that could not be processed: it could not be decoded, or a function
// failed or panicked on it.
type RecordError = report.RecordError

// FutureError is wrapped by the error of a record whose time is further ahead than
// [topology.MaxFuture] allows.
type FutureError = report.FutureError

// RefusedError is wrapped by the [*RecordError] of a record that made a message which its topic
// does not take: too large, with a timestamp that is too far from the clock, or without a key.
type RefusedError = changelog.RefusedError

// ProduceError is a message that the brokers did not take.
type ProduceError = report.ProduceError

// MissingTopicsError names topics of the topology that do not exist.
type MissingTopicsError = report.MissingTopicsError

// NoTopicsError lists patterns that match no topic when a bounded run begins.
type NoTopicsError = report.NoTopicsError

// TopicsError lists internal topics that do not fit the plan.
type TopicsError = changelog.TopicsError

// ForeignStateError is returned for a state directory that belongs to another application or
// cluster.
type ForeignStateError = report.ForeignStateError

// StateWithoutOffsetsError is returned when a task has state and its group no committed offsets.
type StateWithoutOffsetsError = report.StateWithoutOffsetsError

// OffsetsPutBackError is returned when a task's state has seen more of its input than its group's
// offsets say.
type OffsetsPutBackError = report.OffsetsPutBackError

// StateDiffersError is returned when a store's state was written by a plan that reads it
// differently.
type StateDiffersError = report.StateDiffersError

// StateLeftBehindError is returned when a store has state that the last commit of the group did not
// cover: it was taken out of the plan, and put in again.
type StateLeftBehindError = report.StateLeftBehindError

// PlanRefusedError is returned by an instance whose plan does not fit the one that its group runs.
type PlanRefusedError = report.PlanRefusedError

var (
	// ErrInUse is wrapped by the error for a state directory that another process uses.
	ErrInUse = state.ErrInUse
	// ErrDisk is wrapped when local state is damaged again and again, although it is rebuilt each
	// time.
	ErrDisk = report.ErrDisk
	// ErrState is wrapped when what a task has stored of time was written by a newer kolk, or by
	// none.
	ErrState = report.ErrState
	// ErrWriters is wrapped when fewer tasks write a repartition topic than the state behind it has
	// heard of: an input was made anew with fewer partitions.
	ErrWriters = report.ErrWriters
	// ErrNotMember is wrapped when a worker was no longer the member of the group that had read the
	// records of a transaction.
	ErrNotMember = report.ErrNotMember
	// ErrChangelogRecreated is wrapped when a changelog is not the topic that the state was
	// committed to.
	ErrChangelogRecreated = changelog.ErrRecreated
	// ErrChangelogTruncated is wrapped when a changelog ends before what was committed to it.
	ErrChangelogTruncated = changelog.ErrTruncated
	// ErrChangelogOutOfRange is wrapped when a changelog begins after what a restore needs.
	ErrChangelogOutOfRange = changelog.ErrOutOfRange
)

// StuckError is returned when processing a batch of records took longer than [Config.TaskTimeout].
type StuckError struct {
	Task TaskID
	// Origin is the record that was being processed.
	Origin topology.Origin
	// For is the time-out.
	For time.Duration
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("task %s has been processing %s/%d offset %d for more than %v (config TaskTimeout): a function of the topology does not return, or waits for something slow", e.Task, e.Origin.Topic, e.Origin.Partition, e.Origin.Offset, e.For)
}
