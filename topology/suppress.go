package topology

import (
	"fmt"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/suppress"
	"github.com/kolkstream/kolk/topology/internal/windows"
)

// Suppression is for how long a table holds back the updates of a key: [UntilTimeLimit] or
// [UntilWindowCloses]. What is held lies in a store, on disk as far as it does not fit in memory,
// so that it needs no bound.
type Suppression struct {
	windows bool
	limit   time.Duration
	bound   suppress.Bound
	bounded bool
}

// UntilTimeLimit holds updates back for that long: the first update of a key is held, later ones
// take its place, and the last one comes out when the time has passed by the limit since the first.
//
// With the default time that is the time of the source partition that the updates come from, so
// what comes out is a function of the input: an update belongs to those before it if its partition
// had not shown a time that is later by the limit. The updates of the table have to be one by
// themselves, which Build demands: the table forwards each of them ([Table.EachUpdate]), and their
// order is that of one topic, or an [Stream.InOrder] comes before it. With [KafkaStreamsTime] it is
// the largest timestamp of the updates, of whatever key.
func UntilTimeLimit(d time.Duration) Suppression { return Suppression{limit: d} }

// UntilWindowCloses holds the updates of a window back until it has closed, and hands the last one
// on: the final result. Deletions are not handed on.
//
// Where nobody reads the updates [WindowedTable.Final] gives the same results, and holds nothing
// back: it forwards from the store of the windows.
func UntilWindowCloses() Suppression { return Suppression{windows: true} }

// MaxRecords bounds how many keys are held. With a time limit what is over it comes out early, the
// first to come out first. Until windows close it is an error, as with [Suppression.FailWhenFull].
//
// How many are held at a time depends on what is read when, and so would the results: with the
// default time Build refuses bounds.
func (s Suppression) MaxRecords(n int64) Suppression {
	s.bound.Max.Records, s.bounded = n, true
	return s
}

// MaxBytes bounds how many bytes the rows of the store have, keys and headers included; see
// [Suppression.MaxRecords].
func (s Suppression) MaxBytes(n int64) Suppression {
	s.bound.Max.Bytes, s.bounded = n, true
	return s
}

// FailWhenFull makes an update that is over the bound an error of its record, for the error policy.
// If that skips it what was held of its key before is held on.
func (s Suppression) FailWhenFull() Suppression {
	s.bound.Fails = true
	return s
}

// String returns the suppression as descriptions show it.
func (s Suppression) String() string {
	text := "until " + duration(s.limit)
	if s.windows {
		text = "until windows close"
	}
	if n := s.bound.Max.Records; n != 0 {
		text += fmt.Sprintf(", at most %d records", n)
	}
	if n := s.bound.Max.Bytes; n != 0 {
		text += fmt.Sprintf(", at most %d bytes", n)
	}
	return text + where(s.bound.Fails, ", fails when full")
}

// check reports what is wrong with the suppression of a table with windows, or without.
func (s Suppression) check(n *node, windowed bool) {
	wrong := func(format string, args ...any) { mistakef(n.t, n.at, n.name, format, args...) }
	clocks := n.t.config.clocks
	switch {
	case s.windows && !windowed:
		wrong("the rows of this table have no windows that close: use UntilTimeLimit, or Window before the aggregation")
	case s.windows:
	case s.limit < 0 || s.limit == 0 && !clocks:
		wrong("the time limit %s holds nothing back: give more, or leave Suppress out", s.limit)
	case s.limit%time.Millisecond != 0:
		wrong("the time limit %s is not a whole number of milliseconds: round it", s.limit)
	}
	switch {
	case !s.bounded && s.bound.Fails:
		wrong("it is to fail when it is full, and has no bound: give MaxRecords or MaxBytes, or leave FailWhenFull out")
	case s.bounded && (s.bound.Max.Records < 0 || s.bound.Max.Bytes < 0 || s.bound.Max == suppress.Size{}):
		wrong("the bound of %d records and %d bytes holds nothing: give positive numbers, or leave it out", s.bound.Max.Records, s.bound.Max.Bytes)
	case s.bounded && !clocks:
		wrong("how much is held at a time depends on what is read when, and so would the results of a bound: leave it out, the buffer lies on disk; or say KafkaStreamsTime, time: kafka-streams")
	}
}

// Suppress returns the table that hands on fewer updates: of each key the last one, when it has
// been held for as long as s says. The timestamp and the headers are those of that update.
//
// What is held lies in a store of that name, with a changelog. It comes out at a commit, in the
// order of the time since which it is held, then of keys as bytes; with [KafkaStreamsTime] with the
// update that makes it due. The end of a bounded run lets all of it come out.
//
// With the default time the table's rows cannot be looked up, in joins: put
// `ToStream().ToTable(store)` behind it there.
func (t Table[K, V]) Suppress(name string, s Suppression) Table[K, V] {
	of := t.relation()
	return Table[K, V](suppressed(of, name, s, nil, of.key, func(at site) suppress.Keys[K] {
		k, raw := keySerde(at, t.key)
		return suppress.NewKeys(operator.NewEncoder("key", k, raw))
	}))
}

// Suppress returns the windowed table that hands on fewer updates: of each key and window the last
// one, when it has been held for as long as s says; see [Table.Suppress]. Until windows close the
// results are those of [WindowedTable.Final]. A session that has become another one is deleted, by
// its start and end: it is a key of its own here.
func (t WindowedTable[K, V]) Suppress(name string, s Suppression) WindowedTable[K, V] {
	return windowRows(t, suppressed(t.relation(), name, s, &t.w, nil, func(site) suppress.Keys[windows.Windowed[K]] {
		return suppress.NewWindowKeys(operator.NewEncoder("key", t.key.get(), false), t.w.kind == "sessions")
	}, t.key))
}

// suppressed adds a suppression. key is the serde of keys whose bytes come along, nil if they do
// not; stored is that of the store, if it is another.
func suppressed[K, V any](t relation[K, V], name string, s Suppression, w *Windows, key anySerde, keys func(site) suppress.Keys[K], stored ...anySerde) relation[K, V] {
	tp := t.n.t
	at := tp.caller()
	tp.claim("store", name, at)
	n := tp.add("suppress", name, at, t.n)
	s.check(n, w != nil)
	n.suppresses, n.details.Until = &s, s.String()
	rule := suppress.Rule{Windows: s.windows, For: s.limit.Milliseconds()}
	n.holds, n.atCommit, n.timed = hold{by: max(0, s.limit)}, true, true
	kind := flow.SuppressStore
	if s.windows && w != nil {
		kind, s.bound.Fails = flow.SuppressWindowStore, true
		rule.For = w.waits(tp.config.clocks).Milliseconds()
		n.holds.by = sum(sum(w.longest(), w.grace), time.Millisecond)
	}
	d := tp.addStore(&storeDecl{name: name, at: at, kind: kind, role: "suppress" + where(w != nil, "-windows"), key: key, value: t.value})
	if key == nil {
		d.key = stored[0]
	}
	n.stores = []*storeDecl{d}
	n.partitioned = true
	n.reads.key, n.reads.wantKey, n.reads.wantValue = key == nil, key, t.value
	n.key, n.value = output{serde: key}, output{serde: t.value}
	out := new(port[K, V])
	ops := new(perGraph[*suppress.Suppress[K, V]])
	op := func(b *builder) *suppress.Suppress[K, V] {
		op, ok := ops.get(b)
		if !ok {
			op = new(suppress.Suppress[K, V])
			ops.set(b, op)
		}
		return op
	}
	n.build = func(at site) error {
		op := op(at.b)
		v, raw := valueSerde(at, t.value)
		rule := rule
		rule.Clock = at.clock()
		err := op.Open(at.behind(), suppress.Options[K, V]{
			Keys: keys(at), Rule: rule, Bound: s.bound, Emission: emission(at, out),
			Value: operator.NewEncoder("value", v, raw), Older: operator.NewEncoder("value", v, false),
		})
		if err != nil {
			return err
		}
		at.flushes(op)
		at.timed(op)
		if op.Olds() {
			t.out.handChanges(at.b, op.Changes())
		} else {
			t.out.hand(at.b, op)
		}
		return nil
	}
	r := rows[V]{stores: append([]*storeDecl{d}, t.rows.stores...), lookup: func(b *builder) operator.Lookup[V] {
		op(b).KeepOlds()
		return &suppress.Handed[K, V]{By: op(b), Of: t.rows.lookup(b)}
	}}
	return relation[K, V]{n: n, out: out, key: t.key, value: t.value, rows: r}
}

// waits is how long after its end a window is closed, by the task's time or by a clock.
func (w Windows) waits(clocks bool) time.Duration {
	d := w.grace
	if w.kind == "sessions" {
		d += w.size
	}
	if !clocks && (w.kind == "sessions" || w.kind == "sliding") {
		// One that ends now is open for one millisecond more.
		return sum(d, time.Millisecond)
	}
	return d
}

// checkSuppressions refuses suppressions whose results would depend on more than the input.
func (t *Topology) checkSuppressions(p *Plan) {
	for _, n := range p.nodes {
		if s := n.suppresses; s != nil {
			t.checkSuppression(p, n, s)
			continue
		}
		for _, d := range n.stores {
			if d.role == "suppress" && !t.config.clocks {
				mistakef(t, n.at, n.name, "it looks up rows of table %s, which knows of rows only what it holds back: put ToStream and ToTable behind Suppress, or Suppress behind this", d.name)
			}
		}
	}
}

func (t *Topology) checkSuppression(p *Plan, n *planNode, s *Suppression) {
	if s.windows {
		if f := p.finalTable(n); f != nil {
			mistakef(t, n.at, n.name, "table %s forwards final results already: leave Final or Suppress out", f.name)
		}
		return
	}
	if t.config.clocks {
		return
	}
	topic := ""
	var visit func(n *planNode) (why string)
	visit = func(at *planNode) (why string) {
		switch r := at.reader; {
		case at.orders:
			return ""
		case at.emits != nil && at.emit == ops.EmitUpdates:
			return fmt.Sprintf("table %s forwards what it has when something is committed: say EachUpdate there", at.name)
		case at.races:
			return fmt.Sprintf("which updates %s makes depends on which side of it is read first: put Suppress before it", at.name)
		case r == nil:
		case r.internal:
			return fmt.Sprintf("what comes through the repartition topic %s comes in the order in which it was written: put InOrder before the table", at.name)
		case r.timeless:
			return "records of a timeless source carry no time: leave Timeless out"
		case r.pattern != nil:
			return fmt.Sprintf("records of the topics of pattern %s come in the order in which they are read: put InOrder before the table", at.name)
		default:
			for _, name := range r.topics {
				if topic != "" && topic != name {
					return fmt.Sprintf("records of the topics %s and %s come in the order in which they are read: put InOrder before the table", topic, name)
				}
				topic = name
			}
		}
		for _, parent := range at.parents {
			if why := visit(p.nodes[parent.id]); why != "" {
				return why
			}
		}
		return ""
	}
	if why := visit(n); why != "" {
		mistakef(t, n.at, n.name, "which updates a time limit lets through would depend on more than the input, because %s. Or say KafkaStreamsTime, time: kafka-streams", why)
	}
}

// finalTable returns the table with final results that a node is made of, row by row; nil if there
// is none.
func (p *Plan) finalTable(n *planNode) *planNode {
	for len(n.parents) == 1 {
		if n = p.nodes[n.parents[0].id]; n.emits != nil {
			if n.emit == ops.EmitFinal {
				return n
			}
			return nil
		}
	}
	return nil
}
