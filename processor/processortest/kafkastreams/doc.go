// Package kafkastreams compares kolk with Kafka Streams: it has tests only.
//
// testdata/FAMILY.jsonl.gz hold small topologies, the records that were piped into them, and what
// Kafka Streams put out, recorded with its own TopologyTestDriver: 4.3.1 and 4.4.0 give the same
// answers. Each is built with the DSL and run by the driver of package processortest, with Kafka
// Streams' time and, where it makes sense, with the default: topics, order, keys, values,
// timestamps, headers and stores must be the same. Where a defect of Kafka Streams shows, the
// answer without it is compared.
//
// Lists of testdata name what is not the same: differences.txt (differences-default-time.txt) has
// the cases in which kolk is different on purpose, with the reasons that docs/kafka-streams.md
// explains; unsaid.txt those that the DSL has no words for, or beginnings of their names, which
// go test -update writes anew. A case that is listed and does not belong there fails too.
//
// make oracle-vary makes other cases of these, with other records, times and parameters, and with
// one topology behind another, and asks Kafka Streams for the answers: vary makes the cases, and
// recorder, in Java, runs them: to the recorded cases it gives the answers that were recorded.
// variations.jsonl.gz has those that have shown faults. A few in a thousand fail, for one of these
// reasons: which of two internal topics is read first where both have records of one timestamp;
// Build refuses what would wait for itself; a left join with grace fails in Kafka Streams; or what
// is different on purpose, which has no list there.
//
// make oracle runs it, and ends with the numbers. With KOLK_ORACLE=DIRECTORY it runs the cases that
// are there, in files FAMILY.jsonl or FAMILY.jsonl.gz.
package kafkastreams
