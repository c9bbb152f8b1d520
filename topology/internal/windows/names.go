package windows

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Record[K, V any]   = operator.Record[K, V]
	Receiver[K, V any] = operator.Receiver[K, V]
	Origin             = operator.Origin
	Window             = operator.Window

	Node    = operator.Node
	Task    = operator.Task
	Timed   = operator.Timed
	Flusher = operator.Flusher
)
