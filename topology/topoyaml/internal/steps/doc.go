// Package steps is what a topology in YAML may say, and builds it: sources, streams, their steps
// and sinks, as calls of the DSL of package topology with dynamic values.
//
// # How to add a step
//
// A step is one definition, a function that returns a step, in the file of its family: records.go
// (one record at a time), topics.go, joins.go, aggregations.go or ends.go. The list at the head of
// that file takes it in. The definition says
//
//   - its field: the name, what stands behind it (an expression, a text, a block of fields) and a
//     line of documentation. The check of files, the suggestions for misspelt names, `kolk schema`
//     and the reference in docs/yaml.md (go test ./topology/topoyaml -update) are made of it;
//   - where it may stand and what it does there: ofRecords takes a stream, behind takes any point
//     that an interface or a type names, anywhere looks for itself. What it calls of the DSL it
//     calls through builder.call, so that the DSL's mistakes have the step's place in the file and
//     nothing is built behind a mistake;
//   - whether it ends its chain, whether chains begin in it, and how the DSL's advice about it is
//     to be read in a file.
//
// A step after which a stream is something new declares that beside it: a point, with what can be
// done with it, as those in point.go.
package steps
