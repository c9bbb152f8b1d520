// Package testfile reads tests of topologies that are written in YAML, and says whether what came
// is what they expect. Package yamltest runs them: go doc
// github.com/kolkstream/kolk/processor/processortest/yamltest. docs/testing.md is the reference of
// the files.
//
// Everything that is wrong with a file is reported at once, each mistake as a [topoyaml.Error] with
// its line and column: [Load] checks fields, names of topics, stores and nodes, and that the serdes
// of the topology can write what the file says.
package testfile
