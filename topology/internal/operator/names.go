package operator

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/record"
)

// What operators hand on, and what they and a task need of each other, by short names.
type (
	Record[K, V any] = record.Record[K, V]
	Opt[V any]       = record.Opt[V]
	Header           = record.Header
	Origin           = record.Origin
	Window           = record.Window
	Reason           = record.Reason

	Message    = flow.Message
	Task       = flow.Task
	Line       = flow.Line
	Source     = flow.Source
	Timed      = flow.Timed
	Flusher    = flow.Flusher
	Punctuator = flow.Punctuator
	Sink       = flow.Sink
	Global     = flow.Global
)
