package topology

import (
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Limit passes on the first most records of each key and window, and drops the others, which are
// counted as [Limited]: at most 100 records a minute of each key are
//
//	s.Limit("quota", 100, topology.Tumbling(time.Minute))
//
// Windows are of event time and do not overlap: [Tumbling], [Days], [Weeks] or [Months]. A record
// that is late for its window is dropped as late; [Windows.Grace] says how long after its end a
// window takes records. Tombstones count as records do; records without key are dropped.
//
// The counts lie in a store of that name, with a changelog, until their window closes: after a
// crash the same records pass. Of several records of a key the first ones pass, in the order in
// which they come, which is that of a source partition; behind a repartition topic, where those of
// several partitions come together, it is a function of the input only behind [Stream.InOrder].
// most may be changed when a program is deployed anew.
func (s Stream[K, V]) Limit(name string, most int64, w Windows) Stream[K, V] {
	return s.limit(name, most, w, func(site) ops.Receiver[K, V] { return nil })
}

// SplitLimit is [Stream.Limit] with a second stream, over, of the records that exceed the limit.
func (s Stream[K, V]) SplitLimit(name string, most int64, w Windows) (within, over Stream[K, V]) {
	var to perGraph[ops.Receiver[K, V]]
	within = s.limit(name, most, w, func(at site) ops.Receiver[K, V] {
		r, _ := to.get(at.b)
		return r
	})
	n := s.n.t.add("branch", name+".over", within.n.at, within.n)
	n.beside = true
	over = s
	over.n, over.out = n, link(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		to.set(at.b, next)
		return next, nil
	})
	return within, over
}

// limit adds a limit. over returns what is handed the records that exceed it, nil if they are
// dropped.
func (s *Stream[K, V]) limit(name string, most int64, w Windows, over func(site) ops.Receiver[K, V]) Stream[K, V] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("store", name, at)
	t.needPartitioned(at, name, "a limit", from)
	w.check(func(format string, args ...any) { mistakef(t, at, name, format, args...) })
	if w.kind != "" && w.kind != "tumbling" && !w.calendar() {
		mistakef(t, at, name, "a limit counts each record in one window, and windows of %s may share records: use Tumbling, Days, Weeks or Months", w.kind)
	}
	if most < 1 {
		mistakef(t, at, name, "the limit is %d: give 1 or more, or leave the stream out", most)
	}
	n := t.add("limit", name, at, from)
	n.timed, n.partitioned = true, true
	n.reads.wantKey = s.key
	n.details.Windows, n.details.Limit = w.String(), most
	counts := given(t, serde.Int64(), false)
	d := &storeDecl{
		name: name, at: at, kind: flow.WindowStore, role: "limit", windows: &w, timestamps: true,
		retention: w.longest() + w.grace, marked: t.config.clocks, key: s.key, value: counts,
	}
	n.stores = []*storeDecl{t.addStore(d)}
	rows := &tableStore[int64]{d: n.stores[0], value: counts}
	return s.then(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		k, raw := keySerde(at, s.key)
		l, err := windows.NewLimit(at.behind(), most, w.spans(), at.n.held, at.clock(), k, raw, rows.cache(at.b), next, over(at))
		if err != nil {
			return nil, err
		}
		at.flushes(l)
		at.timed(l)
		return l, nil
	})
}
