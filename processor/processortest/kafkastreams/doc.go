// Package kafkastreams compares kolk with Kafka Streams: it has tests only.
//
// testdata/FAMILY.jsonl.gz hold small topologies, the records that were piped into them, and what
// Kafka Streams put out, recorded with its own TopologyTestDriver: 4.3.1 and 4.4.0 give the same
// answers. Each is built with the DSL and run by the driver of package processortest; topics,
// order, keys, values, timestamps, headers and tables must be the same. testdata/differences.txt
// lists the cases in which kolk is different on purpose, with the reasons that
// docs/kafka-streams.md explains: a case that is listed and is not different fails too.
package kafkastreams
