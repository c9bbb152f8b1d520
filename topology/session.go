package topology

import (
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/sessions"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Sessions returns windows that a key's records make: those that are at most gap apart are in one.
// A session begins with its first record and ends with its last one, both of which belong to it.
// Where a record comes between two sessions these become one, so that accumulators have to be
// merged: [Aggregator.Merge].
//
// A record is late if it is out of order in its source partition by more than the grace; a session
// is closed when time has passed its end, the gap and the grace. So the sessions are a function of
// the input, in whatever order partitions are read.
//
// A session that becomes another one, longer or merged, is taken back: [WindowedTable.EachUpdate]
// forwards a tombstone for it, and [WindowedTable.Updates] does so at the commit if it was
// forwarded before. Tombstones have the end of their session as timestamp, as results have, and no
// headers.
func Sessions(gap time.Duration) Windows { return Windows{kind: "sessions", size: gap} }

// sessioned adds an aggregation of sessions.
func sessioned[K, V, A any](g WindowedGroup[K, V], a aggregation[K, V, A]) WindowedTable[K, A] {
	// A session that ends now is open for one millisecond more than gap and grace.
	n := addWindowed(g, &a, flow.SessionStore, g.w.longest()+g.w.grace+time.Millisecond)
	n.stores[0].timestamps = false
	n.holdsBack = true
	if a.merge == nil && len(a.wrong) == 0 {
		mistakef(n.t, n.at, n.name, "sessions become one where a record comes between them, and it is not said how their accumulators do: use AggregateWith and give the aggregator a function with Merge, such as Fold(add).Merge(f)")
	}
	gaps := sessions.Gaps{Gap: g.w.size.Milliseconds(), Grace: g.w.grace.Milliseconds()}
	return windowedTable(g, n, a, func(at site, k serde.Serde[K], raw bool, e ops.Emission[windows.Windowed[K], A]) (timedReceiver[K, V], error) {
		return sessions.New(at.behind(), gaps, a.clocks(at), k, raw, a.value.get(),
			sessions.Fold[K, V, A]{Step: a.step(at), Merge: a.merge(at), Start: a.start, Nulls: a.nulls}, e)
	})
}
