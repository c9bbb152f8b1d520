package report

import "github.com/kolkstream/kolk/topology"

// Counts are what tasks have committed: work that was aborted and done again counts once.
type Counts struct {
	// In are records read from input topics, RepartitionIn from repartition topics. Skipped ones
	// count.
	In, RepartitionIn int64
	// Out are records written to output topics, RepartitionOut to repartition topics.
	Out, RepartitionOut int64
	// Changes are changelog records.
	Changes int64
	// Announced are control records with nothing but an announcement of time.
	Announced int64
	// Punctuations are calls of punctuators.
	Punctuations int64
	// Commits are transactions of tasks.
	Commits int64
	// Late are the records dropped as late, over all nodes: those that were late for all of their
	// windows. LateWindows are the pairs of a record and a window that it was late for, those of
	// records included that other windows took.
	Late, LateWindows int64
	// Dropped has all drops, ordered by node and reason.
	Dropped []Dropped
	// Tallies are what nodes counted beside records that they dropped, ordered by node and what it
	// is.
	Tallies []Tallied
}

// Dropped is how many records a node dropped for a reason.
type Dropped struct {
	Node   string
	Reason topology.Reason
	Count  int64
}

// Tallied is how often a node counted something.
type Tallied struct {
	Node  string
	What  topology.Tally
	Count int64
}
