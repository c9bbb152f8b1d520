// Package task runs one partition of a sub-topology: the record loop.
//
// A [Task] has queues of fetched messages, one for each of its inputs, and its own instances of the operators. It decides
// which message comes next, keeps time, hands messages to the operators, and writes what they send to an [Output], which is
// the worker's transaction. It knows no broker, starts no goroutine and reads no clock but the injected one.
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
//	Committed       the same writes, with the positions, go to the local database as one batch
//
// Whatever happens in between, Abort instead of Committed takes the task back to its last commit: stores, time, schedules,
// what was announced, and the operators with all their fields, which are built anew from the plan. The queues are empty
// then; the caller fetches again from Rewind.
//
// # Concurrency
//
// A Task belongs to one goroutine. Only [Stats] may be read by others.
package task
