// Package kolk is the root of a Kafka-native stream processor for Go. It holds no code.
//
//   - [github.com/kolkstream/kolk/topology] declares a topology in Go;
//     [github.com/kolkstream/kolk/topology/topoyaml] reads one from YAML.
//   - [github.com/kolkstream/kolk/processor] runs it against Kafka.
//   - [github.com/kolkstream/kolk/processor/processortest] runs it in a test, without a broker.
//   - cmd/kolk is the command line, examples holds whole jobs on real data.
//
// README.md shows the whole in one page, docs/ARCHITECTURE.md is the map.
package kolk
