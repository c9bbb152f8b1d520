package report

import "time"

// Growth is an input topic that has got more partitions while the application runs, or a topic of a
// pattern that has come, with nothing before, or is gone, with no partitions.
type Growth struct {
	SubTopology, Topic string
	// Partitions is how many are there, Before how many were read until then.
	Partitions, Before int32
	// Refused is nil if the new ones are read: as they are where the sub-topology that reads the
	// topic keeps nothing by key. Otherwise it says why not, with the way out.
	Refused error
}

// Restoration is the progress of one store's restore.
type Restoration struct {
	Task, Store string
	// Topic and Partition are those of the changelog, From and End the offsets between which it is
	// read.
	Topic     string
	Partition int32
	From, End int64
	// Records is how many were read so far.
	Records int64
	// Done says that it is over.
	Done bool
}

// Alignment is how the tasks of a group keep together in event time: those whose records meet
// behind repartition topics, of all instances.
type Alignment struct {
	SubTopologies []string
	// Spread is how far, in event time, the task in front is ahead of the one that others may wait
	// for, as far as it is known here; tasks that are live or have nothing to read do not count. 0
	// if there are no two.
	Spread time.Duration
	// Waiting are the tasks of this instance that wait now.
	Waiting []Waiting
	// Waited is how long tasks of this instance have waited, all together.
	Waited time.Duration
}

// Waiting is a task that waits for another one, which is the last in event time.
type Waiting struct {
	Task, On TaskID
	For      time.Duration
}
