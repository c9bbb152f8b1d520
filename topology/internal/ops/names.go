package ops

import "github.com/kolkstream/kolk/topology/internal/operator"

// What all operators have in common, by short names.
type (
	Record[K, V any]   = operator.Record[K, V]
	Receiver[K, V any] = operator.Receiver[K, V]
	Opt[V any]         = operator.Opt[V]
	Change[V any]      = operator.Change[V]
	Row[V any]         = operator.Row[V]
	Lookup[V any]      = operator.Lookup[V]
	Header             = operator.Header
	Origin             = operator.Origin
	Reason             = operator.Reason

	Message    = operator.Message
	Node       = operator.Node
	Task       = operator.Task
	Line       = operator.Line
	Source     = operator.Source
	Timed      = operator.Timed
	Flusher    = operator.Flusher
	Punctuator = operator.Punctuator
	Sink       = operator.Sink
	Global     = operator.Global
)
