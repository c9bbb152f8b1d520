package report

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrWriters is wrapped when fewer tasks write a repartition topic than the state of a task
	// behind it has heard of: an input of one of them was made anew with fewer partitions. Time
	// would wait for those that are missing, for ever. The way out is a new application id, or the
	// old number of partitions.
	ErrWriters = errors.New("task: a repartition topic has fewer writers than it had")

	// ErrState is wrapped for bytes in the store of a task's time that no version of kolk known to
	// this one has written.
	ErrState = errors.New("task: unreadable time store")

	// ErrDisk is wrapped when local state is damaged again and again, although it is rebuilt each
	// time.
	ErrDisk = errors.New("local state is damaged again and again: look at the disk")
)

// ForeignStateError is returned for a state directory that belongs to another application or
// cluster.
type ForeignStateError struct {
	Path       string
	What       string // "application", "cluster"
	Have, Want string
}

func (e *ForeignStateError) Error() string {
	return fmt.Sprintf("state directory %s belongs to %s %q, not to %q: give this one a directory of its own, or delete it (state is rebuilt from the changelogs)", e.Path, e.What, e.Have, e.Want)
}

// StateWithoutOffsetsError is returned for a task that has state, or leads to some, but whose group
// has no committed offsets: processing would count its input twice.
type StateWithoutOffsetsError struct{ App, Task string }

func (e *StateWithoutOffsetsError) Error() string {
	return fmt.Sprintf("task %s has state, or writes to a repartition topic that leads to some, but consumer group %q has no committed offsets for its inputs: they were reset, or have expired. Processing the input again would count it twice: delete the application's changelog topics and state directories to begin anew, or restore the offsets", e.Task, e.App)
}

// OffsetsPutBackError is returned for a task whose state has seen more of an input than the group's
// committed offset says: a tool has put the offset back, or the broker has lost commits. Processing
// would count the records between twice.
type OffsetsPutBackError struct {
	App, Task string
	// Topic and Partition are those of the input; of the store's changelog, if it alone gives it
	// away.
	Topic     string
	Partition int32
	// Committed is the group's offset of the input; of a changelog, where it ended at the group's
	// last commit.
	Committed int64
	// Seen is up to where the state has seen the input, or the changelog has committed records. -1:
	// nobody knows, because the offset that was committed with the changelogs is gone, and the
	// database has less than they.
	Seen int64
	// Changelog says that Topic is a changelog.
	Changelog bool
}

func (e *OffsetsPutBackError) Error() string {
	what := fmt.Sprintf("the offset of %s/%d in consumer group %q is %d, but the state of the task has seen the input up to %d: the offset was put back, or the broker has lost it", e.Topic, e.Partition, e.App, e.Committed, e.Seen)
	switch {
	case e.Changelog:
		what = fmt.Sprintf("the offsets of consumer group %q are behind the state of the task: at the commit that they are of, changelog %s/%d ended at %d, but it has committed records up to %d. They were put back, or the broker has lost commits", e.App, e.Topic, e.Partition, e.Committed, e.Seen)
	case e.Seen < 0:
		what = fmt.Sprintf("another program has set the offset of %s/%d in consumer group %q to %d. Whether the state of the task has seen the input beyond that is not known, for the changelogs have more than the state directory", e.Topic, e.Partition, e.App, e.Committed)
	}
	return fmt.Sprintf("%s. Input would be counted twice. Begin anew: delete the application's changelog and repartition topics and its state directories, and set the offsets of all inputs; or set the offset to where it was; or accept it: delete the state directories alone, and run once with the guarantee AtLeastOnce", what)
}

// StateDiffersError is returned for a store whose state was written by a plan that reads it
// differently: its windows have other sizes, its values another serde. Nothing was changed.
type StateDiffersError struct {
	Store, Changelog string
	// Differences says in what, as "window size 10m -> 5m"; nil where only a hash is known of what
	// the store was.
	Differences []string
	// Is is what the store is in this plan: "count tumbling=10m key=string value=int64".
	Is string
}

func (e *StateDiffersError) Error() string {
	what := "is read differently by this plan: " + strings.Join(e.Differences, ", ")
	if e.Differences == nil {
		what = fmt.Sprintf("was written by a plan that reads it differently from this one, where it is %q (in what they differ is known where a state directory has the task)", e.Is)
	}
	return fmt.Sprintf("the state of store %s %s. Nothing was changed. Give the store another name, and it begins empty; or run the plan that it was written by; or, with no instance running, delete its changelog (kafka-topics.sh --delete --topic %s), and it begins empty under its name. Input that the group has committed is not read again in any case", e.Store, what, e.Changelog)
}

// StateLeftBehindError is returned for a store that has state, but was not part of the plan that
// committed last: it was taken out of the plan, and put in again. It lacks what was processed in
// between.
type StateLeftBehindError struct{ Store, Changelog string }

func (e *StateLeftBehindError) Error() string {
	return fmt.Sprintf("store %s has state, but the plan that has committed last did not have the store: its state lacks the input since then. Nothing was changed. Give the store another name, and it begins empty; or, with no instance running, delete its changelog (kafka-topics.sh --delete --topic %s) and this state directory's tasks, and it begins empty under its name. Input that the group has committed is not read again in any case", e.Store, e.Changelog)
}
