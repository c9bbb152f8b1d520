package topology

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/versions"
)

// historyDecl is how long a table keeps what its rows were.
type historyDecl struct {
	keeps time.Duration
	at    string // where it was said; "": nowhere, and the table has no history
	d     *storeDecl
	// late is by how much an update may be out of order: as long as the history is, or as the
	// shortest grace of a join.
	late time.Duration
	// behind is by how much what reaches the table, or is looked up, may come later than its time.
	behind time.Duration
}

// History says that the table keeps what its rows were, for d: a join finds the value that a row
// had at the time of the record ([Stream.Join]). An update whose timestamp is earlier than that of
// the row goes to its place in the history and leaves the row as it is. Each update is forwarded at
// once, one that is earlier too, which [Table.ToStream] shows and what keeps rows of the table
// leaves out.
//
// An update that is out of order by more than d, or by more than the shortest [JoinGrace] of a join
// with the table, is dropped and counted as late. A record that is out of order by more than d
// finds the row as it is, if that is earlier. Updates of the same key and time replace each other
// in the order in which they come.
//
// The history is a store named like the table's with "-history", with a changelog: each update
// writes a row of it, and a row that is too old is deleted when others come. It can be said of
// tables that [Topology.Table] and [Stream.ToTable] make, whose records carry time and do not
// depend on when something was committed. With [KafkaStreamsTime] d goes by the largest timestamp
// of the table. KIP-889, KIP-914.
func (t Table[K, V]) History(d time.Duration) Table[K, V] {
	n := t.node()
	at := n.t.caller()
	h := n.history
	switch {
	case h == nil:
		mistakef(n.t, at, n.name, "this table keeps no history: say History of one that Table or ToTable has returned, such as this one's with ToStream and ToTable")
		return t
	case h.at != "":
		mistakef(n.t, at, n.name, "it is said at %s already that this table has a history: say it once", h.at)
		return t
	case d < 0:
		mistakef(n.t, at, n.name, "the history, %s, is negative: give 0 or more", d)
	case d > math.MaxInt64/2:
		mistakef(n.t, at, n.name, "the history, %s, is longer than 146 years: make it shorter", d)
	case d%time.Millisecond != 0:
		mistakef(n.t, at, n.name, "the history, %s, is not a whole number of milliseconds: round it", d)
	}
	h.keeps, h.late, h.at = d, d, at
	n.setEmit(ops.EmitEach)
	name := n.name + "-history"
	n.t.claim("store", name, at)
	h.d = n.t.addStore(&storeDecl{name: name, at: at, kind: flow.HistoryStore, role: "history", retention: d, key: t.key, value: t.value})
	n.stores = append(n.stores, h.d)
	n.timed = true
	return t
}

// kept reports whether the table has a history.
func (h *historyDecl) kept() bool { return h != nil && h.at != "" }

// versions returns what a table with a history has, in a graph.
func (s *tableStore[V]) versions(b *builder) (*versions.Store[V], error) {
	if v, ok := s.histories.get(b); ok {
		return v, nil
	}
	at, h := b.site(s.n), s.n.history
	keeps := h.keeps.Milliseconds()
	past, err := versions.NewHistory(at.task(), h.d.name, keeps)
	if err != nil {
		return nil, err
	}
	var rule versions.Rule = &versions.ByTask{Task: at.task(), Keeps: keeps, Late: h.late.Milliseconds(), Behind: h.behind.Milliseconds()}
	if clock := at.clock(); clock != nil {
		rule = &versions.ByClock{Clock: clock, Keeps: keeps}
	}
	v := versions.NewStore(s.cache(b), past, rule)
	s.histories.set(b, v)
	return v, nil
}

// asOf returns where rows are looked up as they were at a time; nil if the table has no history.
func (s *tableStore[V]) asOf(b *builder) (operator.Versions[V], error) {
	if !s.n.history.kept() {
		return nil, nil
	}
	return s.versions(b)
}

// checkHistories refuses histories that would depend on more than the input, and finds out what
// tables with one have to know of those that join them.
func (t *Topology) checkHistories(p *Plan) {
	for _, n := range p.nodes {
		if n.looks.table == nil || !n.looks.table.history.kept() {
			continue
		}
		h := n.looks.table.history
		h.behind = max(h.behind, n.since, p.nodes[n.looks.table.id].since)
	}
	for _, n := range p.nodes {
		h := n.history
		switch {
		case n.remembers && p.timeless(n):
			mistakef(t, n.at, n.name, "records of a timeless source have no time for which their ids could be remembered: leave Timeless out, or keep the ids in a store of a processor")
		case !h.kept():
		case n.held:
			mistakef(t, h.at, n.name, "a table before this one forwards what it has when something is committed, so which versions there are would depend on that: say EachUpdate there")
		case p.timeless(n):
			mistakef(t, h.at, n.name, "records of a timeless source have no place in a history: leave Timeless out, or History")
		}
	}
}

// timeless reports whether records of a timeless source reach a node.
func (p *Plan) timeless(n *planNode) bool {
	if n.reader != nil && n.reader.timeless {
		return true
	}
	for _, parent := range n.parents {
		if p.timeless(p.nodes[parent.id]) {
			return true
		}
	}
	return false
}
