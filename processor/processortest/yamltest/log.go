package yamltest

import (
	"context"
	"errors"
	"log/slog"

	"github.com/kolkstream/kolk/processor/processortest"
)

// firsts is a handler that keeps the error of the first record that each node skips.
type firsts struct{ first map[string]string }

// Enabled implements slog.Handler.
func (e *firsts) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (e *firsts) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		err, _ := a.Value.Any().(error)
		if bad, ok := errors.AsType[*processortest.RecordError](err); ok && e.first[bad.Node] == "" {
			e.first[bad.Node] = err.Error()
		}
		return true
	})
	return nil
}

// WithAttrs implements slog.Handler.
func (e *firsts) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup implements slog.Handler.
func (e *firsts) WithGroup(string) slog.Handler { return e }
