// Package flow has what a topology, its operators and the tasks that run them need of each other: a
// plan as the runtime knows it, and the calls between a task and the operators of its graph.
//
// It is the seam of the house. Package topology makes a [Plan] and the operators of a [Graph];
// package processor has the tasks, and hands it messages. Users see neither: topology.Plan has a
// door for the runtime, to which [Key] is the key.
package flow

// Key is the argument of topology.Plan.ForRuntime. Only packages of this module have it.
type Key struct{}
