// Package task runs one partition of a sub-topology: the record loop.
//
// A [Task] has queues of fetched messages, one for each of its inputs, and its own instances of the
// operators. It decides which message comes next, keeps time, hands messages to the operators, and
// writes what they send to an [Output], which is the worker's transaction. It knows no broker,
// starts no goroutine and reads no clock but the injected one.
//
// # Parts
//
// What the task knows of one thing is in one place, as of now and as of the last commit:
//
//	input      a partition that is read: queue, position, the largest time that it has shown
//	writers    what the writers of a repartition input have announced
//	store      a store of the operators, with its changelog
//	journal    what was written to stores, what of that is committed, and what is in the database
//	chronicle  what there is to know of time: how far it is, lines, marks, when schedules are due
//	announcer  what the readers of repartition topics were told
//	pacing     how the task keeps together with others in event time
//	counters   what was counted
//	hand       what is being worked on
//
// # Transactions
//
// Everything between two commits is one transaction. The caller commits in this order:
//
//	Flush           caches, changelog records and announcements go to the Output
//	                (the Output is flushed)
//	ChangelogEnds   for the metadata of the offset commit
//	Positions       the offsets to commit
//	                (the transaction is committed)
//	Committed       the same writes are the task's state; Persist brings them to the database
//
// Whatever happens in between, Abort instead of Committed takes the task back to its last commit:
// each part by itself, and the operators with all their fields, which are built anew from the plan.
// The queues are empty then; the caller fetches again from Rewind.
//
// # Concurrency
//
// A Task belongs to one goroutine. Only [Stats] may be read by others, and [Task.Current] called.
package task
