package topology

import (
	"context"
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/tables"
)

// Join returns the table of what both tables have for a key. An [Inner] join has the keys that are
// in both, a [Left] join those of t, an [Outer] join those of either. An update of a row on either
// side updates the row of the join. Its timestamp is the larger one of the sides that are there.
// Where joining fails there is no row.
//
// Each side is joined with what the other one has forwarded last. So the content of the table, in
// the end, is a function of the input; which updates there are on the way depends on when the two
// forward: with [Table.Updates] on the commits, with [Table.EachUpdate] on the order of records.
// Where both forward at the commit, those of t come first.
//
// Where the table is joined again its rows are made of those of both sides, so the joiner has to
// give the same result for the same values, always. It has no store of its own, unless both sides
// are made of one table: then what it has forwarded is kept in a store of its name, because an
// update comes by both sides. (With [KafkaStreamsTime] there is no store: as in Kafka Streams, an
// inner join says nothing of a row that goes away on both sides at once.)
//
// Both sides have to be co-partitioned, with keys written alike. The name is the node's, in
// statistics and messages.
func (t Table[K, V]) Join[V2, R any](name string, with Table[K, V2], j Joiner[V, V2, R]) Table[K, R] {
	from := t.node()
	tp := from.t
	at := tp.caller()
	tp.claim("join", name, at)
	n := tp.add(j.nodeKind("join-tables"), name, at, from)
	j.check(n, true)
	if !tp.own(at, name, "the table to join with", with.n) {
		return Table[K, R]{n: n, out: new(port[K, R]), key: t.key, value: derived[R](tp, t.value, false)}
	}
	n.parents = append(n.parents, with.n)
	if n.rekeyed == nil {
		n.rekeyed = with.n.rekeyed
	}
	tp.needPartitioned(at, name, "a join", n)
	n.partitioned = true
	n.stores = slices.Concat(t.rows.stores, with.rows.stores)
	n.looks = lookup{table: with.n, key: with.key}
	n.reads.value, n.reads.wantKey = true, t.key
	n.value = output{}
	out, value := new(port[K, R]), derived[R](tp, t.value, false)
	kind, join := j.tables()
	var kept *storeDecl
	if ofOneTable(from, with.n) && !tp.config.clocks {
		kept = tp.addStore(&storeDecl{name: name, at: at, kind: flow.KeyValueStore, role: "join", timestamps: true, key: t.key, value: value})
		n.stores = append(n.stores, kept)
	}
	n.build = func(at site) error {
		if !out.read(at.b) {
			return nil // it is looked up only
		}
		next := out.changes(at.b)
		k, raw := keySerde(at, t.key)
		left := &tables.Side[K, V, V2, R]{
			Node: at.node(), Key: operator.NewEncoder("key", k, raw), Bytes: !at.n.mixedKey, Deletions: tp.config.clocks, Next: next,
			Other: with.rows.lookup(at.b), Has: kind.Rows, Join: join,
		}
		if kept != nil {
			left.Kept = tables.NewKept(at.node(), kept.name, value.get())
		}
		right := &tables.Side[K, V2, V, R]{
			Node: at.node(), Key: operator.NewEncoder("key", k, raw), Bytes: !at.n.mixedKey, Deletions: tp.config.clocks, Next: next,
			Other: t.rows.lookup(at.b), Has: func(right, left bool) bool { return kind.Rows(left, right) },
			Kept: left.Kept,
			Join: func(ctx context.Context, r Opt[V2], l Opt[V]) (R, error) { return join(ctx, l, r) },
		}
		with.out.handChanges(at.b, right) // the last one first
		t.out.handChanges(at.b, left)
		return nil
	}
	rows := rows[R]{stores: slices.Concat(t.rows.stores, with.rows.stores), lookup: func(b *builder) operator.Lookup[R] {
		return &tables.Joined[V, V2, R]{Node: b.site(n).node(), Left: t.rows.lookup(b), Right: with.rows.lookup(b), Kind: kind, Join: join}
	}}
	return Table[K, R]{n: n, out: out, key: t.key, value: value, rows: rows}
}

// ofOneTable reports whether there is a table with a store that both nodes are, or are made of, in
// their sub-topology.
func ofOneTable(a, b *node) bool {
	of := make(map[*node]bool)
	var visit func(n *node, found func(*node) bool) bool
	visit = func(n *node, found func(*node) bool) bool {
		return found(n) || slices.ContainsFunc(n.parents, func(p *node) bool { return visit(p, found) })
	}
	visit(a, func(n *node) bool { of[n] = true; return false })
	return visit(b, func(n *node) bool { return of[n] && n.emits != nil })
}
