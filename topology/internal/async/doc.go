// Package async has the operator whose function may block, such as a request to another service.
//
// Its calls run ahead of the records. A task shows what it has queued to a second graph, which has
// nothing but the operators from the sources to here, and ends in calls that begin: so many at
// once, in the order of the records. When a record is processed, later and in its turn, its result
// is there; until then the task processes nothing. So order, time and transactions are as if the
// function had been called when the record was processed, and what is in flight belongs to records
// that are not processed yet: no commit waits for it, and an abort gives it up.
package async
