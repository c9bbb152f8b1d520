// Package versions holds tables that keep what their rows were: a look-up finds the value that a
// row had at a time.
//
// The latest version of each key lies in the table's store, as that of any table does. What came
// before lies in a second store, the history: versions that ended. A table forgets what ended
// longer ago than its history is long.
package versions

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Record[K, V any] = operator.Record[K, V]
	Opt[V any]       = operator.Opt[V]
	Row[V any]       = operator.Row[V]
	Node             = operator.Node
	Task             = operator.Task
)
