// Package stores holds the stores of processors: of keys and values, of windows, of sessions, and
// of versions. They are typed views of the byte stores of a task. Each Put encodes and each Get
// decodes: what Get returns belongs to the caller.
//
// Rows of windows and sessions lie in the order of time, and have a second row that leads from the
// key to them, as those of aggregations do (docs/format/state.md). They expire: a row that is too
// old for a record is not found by it, whether it is deleted already or not, so that what is found
// does not depend on when something was committed. De-duplication is an operator over such rows.
package stores

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Opt[V any] = operator.Opt[V]

	Task = operator.Task
)

// Owner is the processor that a store is open in.
type Owner interface {
	// Ref returns the Ref of the record at hand, or the time of the punctuation at hand: what is
	// too old is so for that.
	Ref() int64
	// Stop keeps an error that is no fault of a record.
	Stop(err error)
}
