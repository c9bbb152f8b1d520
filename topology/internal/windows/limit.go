package windows

import (
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/cache"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// Limit passes on the first records of each key and window, up to a number. It is an aggregate that
// counts what it has passed on, and of which nobody sees the count.
type Limit[K, V any] struct {
	*WindowedAggregate[K, V, int64]
	within, over ops.Receiver[K, V]
	at           verdict
}

// verdict is what becomes of a record.
type verdict int

const (
	noWindow verdict = iota // none took it: it was dropped
	inLimit
	overLimit
)

// NewLimit returns a limit of so many records, over the cache of its counts; see
// [NewWindowedAggregate]. A record lies in one window at most. over is nil if what exceeds the
// limit is dropped.
func NewLimit[K, V any](n Node, limit int64, spans Spans, held bool, clock *operator.Clock, k serde.Serde[K], keyRaw bool, c *cache.Cache[int64], within, over ops.Receiver[K, V]) (*Limit[K, V], error) {
	l := &Limit[K, V]{within: within, over: over}
	count := func(passed int64, _ bool, _ *Record[K, V]) (int64, bool, error) {
		if passed >= limit {
			l.at = overLimit
			return passed, true, nil
		}
		l.at = inLimit
		return passed + 1, true, nil
	}
	a, err := NewWindowedAggregate(n, spans, held, operator.Clocks{Seen: clock}, true, k, keyRaw, c, count, ops.Emission[Windowed[K], int64]{Next: operator.NewFan[Windowed[K], int64](nil)})
	if err != nil {
		return nil, err
	}
	a.tombstones, a.nulls = true, true
	l.WindowedAggregate = a
	return l, nil
}

// Receive implements Receiver.
func (l *Limit[K, V]) Receive(r *Record[K, V]) error {
	l.at = noWindow
	if err := l.WindowedAggregate.Receive(r); err != nil {
		return err
	}
	switch {
	case l.at == noWindow:
		return nil
	case l.at == inLimit:
		return l.within.Receive(r)
	case l.over != nil:
		return l.over.Receive(r)
	}
	l.Drop(record.Limited, r.Origin)
	return nil
}
