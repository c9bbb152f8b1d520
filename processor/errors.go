package processor

import (
	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/processor/internal/cluster"
	"github.com/kolkstream/kolk/processor/internal/restore"
	"github.com/kolkstream/kolk/processor/internal/task"
	"github.com/kolkstream/kolk/processor/internal/worker"
	"github.com/kolkstream/kolk/state"
)

// ErrorPolicy says what becomes of a record that cannot be processed.
type ErrorPolicy = task.Policy

const (
	// Fail stops the application with a [*RecordError]. Nothing of the record is committed.
	Fail = task.Fail
	// Skip goes on without the record and counts it.
	Skip = task.Skip
)

// RecordError is a record that could not be processed: it could not be decoded, or a function failed or panicked on it.
type RecordError = task.RecordError

// FutureError is wrapped by the error of a record whose time is further ahead than [topology.MaxFuture] allows.
type FutureError = task.FutureError

// RefusedError is wrapped by the [*RecordError] of a record that made a message which its topic does not take: too large, with a timestamp that is
// too far from the clock, or without a key.
type RefusedError = changelog.RefusedError

// MissingTopicsError names topics of the topology that do not exist.
type MissingTopicsError = cluster.MissingTopicsError

// TopicsError lists internal topics that do not fit the plan.
type TopicsError = changelog.TopicsError

// ForeignStateError is returned for a state directory that belongs to another application or cluster.
type ForeignStateError = restore.ForeignError

// StateWithoutOffsetsError is returned when a task has state and its group no committed offsets.
type StateWithoutOffsetsError = restore.StateWithoutOffsets

// OffsetsPutBackError is returned when a task's state has seen more of its input than its group's offsets say.
type OffsetsPutBackError = restore.OffsetsPutBack

// StateDiffersError is returned when a store's state was written by a plan that reads it differently.
type StateDiffersError = restore.StateDiffers

// StateLeftBehindError is returned when a store has state that the last commit of the group did not cover:
// it was taken out of the plan, and put in again.
type StateLeftBehindError = restore.StateLeftBehind

// PlanRefusedError is returned by an instance whose plan does not fit the one that its group runs.
type PlanRefusedError = worker.PlanRefused

var (
	// ErrInUse is wrapped by the error for a state directory that another process uses.
	ErrInUse = state.ErrInUse
	// ErrDisk is wrapped when local state is damaged again and again, although it is rebuilt each time.
	ErrDisk = restore.ErrDisk
	// ErrChangelogRecreated is wrapped when a changelog is not the topic that the state was committed to.
	ErrChangelogRecreated = changelog.ErrRecreated
	// ErrChangelogTruncated is wrapped when a changelog ends before what was committed to it.
	ErrChangelogTruncated = changelog.ErrTruncated
	// ErrChangelogOutOfRange is wrapped when a changelog begins after what a restore needs.
	ErrChangelogOutOfRange = changelog.ErrOutOfRange
)
