// Package align keeps tasks together in event time whose records meet behind a repartition topic.
//
// Such a topic has the records in the order in which its writers have sent them. A writer that has
// read hours further than another one, because its partition has fewer records, or its instance
// more processors, makes time jump back and forth there. So a task waits when its next record is
// more than a bound ahead of the least next record of the others.
//
// # Who is kept together
//
// All tasks of the sub-topologies that write one repartition topic, and of those that share a topic
// with one of them: a group. A sub-topology that writes no repartition topic is in none.
//
// Times are compared less the delay of what lies behind a sub-topology (adr/0011-path-delay.md). A
// task in the middle of a way may wait for time that a task before it announces, and that stays
// behind by the delay; without it the two could wait for each other.
//
// # Why nobody waits for ever
//
// A task waits here only for one whose time is less by more than the bound, and in its choice of
// inputs only for one whose time is not greater: in a circle of tasks that wait for each other all
// times would be equal, and none of them would wait here. The choice of inputs has no circles. The
// least task therefore goes on, or waits for the broker, or for its owner, which says every second
// that it is there; if it does not, others stop waiting for it. Tasks that have nothing left to
// read, and those that are live, are not waited for; nor are those that get nothing from the broker
// for a while.
//
// # Where it is known
//
// A [Board] knows the tasks of the process. Tasks of one worker, which write one transaction, see
// each other's times as they are; other workers see what is committed. Instances tell each other by
// committed offsets of a group that nobody joins, as long as there is somebody who may have to
// wait: see [Exchange].
//
// The order in which partitions are read is all that depends on it.
package align
