package topology

import (
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/sessions"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Sliding returns windows that follow the records of a key: for each record the one that ends at
// it, and the one that begins a millisecond behind it if there are records in that. Their first and
// last millisecond, which both belong to them, are the difference apart, so that two records are in
// one window together if their times differ by that at most. Of the windows that would begin before
// 1970 there is one, which begins there; behind a bounded run windows begin anew in the same way.
//
// A record is late if it is out of order in its source partition by more than the grace; it counts
// for all of its windows or for none. A window is closed when time has passed its end and the
// grace. So the windows, and what is in them, are a function of the input, in whatever order
// partitions are read (KIP-450, and docs/adr/0031-sliding-windows.md).
//
// A record is added to each window that it is in: to as many as there are records of its key within
// the difference. A window keeps its accumulator: a function that returns none, as one of [FoldOpt]
// may, fails.
func Sliding(difference time.Duration) Windows { return Windows{kind: "sliding", size: difference} }

// slides adds an aggregation of sliding windows.
func slides[K, V, A any](g WindowedGroup[K, V], a aggregation[K, V, A]) WindowedTable[K, A] {
	// A window that ends now is open for one millisecond more than the grace.
	open := g.w.size + g.w.grace + time.Millisecond
	n := addWindowed(g, &a, flow.SlidingStore, open)
	n.stores[0].retention = open + g.w.size // others are made of it
	n.holdsBack = true
	w := sessions.Slides{Difference: g.w.size.Milliseconds(), Grace: g.w.grace.Milliseconds()}
	return windowedTable(g, n, a, func(at site, k serde.Serde[K], raw bool, e ops.Emission[windows.Windowed[K], A]) (timedReceiver[K, V], error) {
		by := a.clocks(at)
		if by.Put == nil {
			by.Put = at.clock("starts")
		}
		return sessions.NewSliding(at.behind(), w, by, k, raw, a.value.get(), a.step(at), e)
	})
}
