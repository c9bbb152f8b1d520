// Package topoyaml reads topologies from YAML files.
//
// A file is a program in the DSL of package topology: [Load] calls that DSL with dynamic values, so
// a file and a Go program that say the same have the same plan and the same description.
// Expressions are those of github.com/expr-lang/expr; they are compiled and type-checked once, when
// the file is loaded. docs/yaml.md is the reference of the language.
//
// Everything that is wrong with a file is reported at once, each mistake as an [Error] with its
// line and column.
package topoyaml
