package sessions

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Record[K, V any] = operator.Record[K, V]
	Origin           = operator.Origin
	Window           = operator.Window

	Node = operator.Node
	Task = operator.Task
)
