// Package e2e tests kolk end to end: applications in this process and in child processes, on a
// broker, compared with plain loops over the same input.
//
// The suite is written against the interface Broker of its tests. Without build tags the broker is
// kfake, in the test's process or, where it is to be killed, in a process of its own; with the tag
// "kafka" it is Apache Kafka, started from its jars (see kafka_test.go), or the broker that
// KAFKA_BOOTSTRAP names. Tests that need a broker's faults injected are kfake's alone. Random tests
// print their seed and take it back from KOLK_SEED.
//
// There is no code outside tests. Child processes are the test binary itself, told by the
// environment what to be.
package e2e
