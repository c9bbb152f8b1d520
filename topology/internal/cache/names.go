package cache

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Record[K, V any] = operator.Record[K, V]
	Header           = operator.Header
	Origin           = operator.Origin
	Node             = operator.Node
	Task             = operator.Task
)
