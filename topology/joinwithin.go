package topology

import (
	"math"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/joins"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// JoinBounds say how far apart in event time two records may be to be joined, and how long a record
// waits for others that come out of order. They are made by [Within], and given to
// [Stream.JoinWithin].
type JoinBounds struct {
	given                bool
	before, after, grace time.Duration
}

// Within joins records that are at most d apart. Times are whole milliseconds.
func Within(d time.Duration) JoinBounds { return JoinBounds{given: true, before: d, after: d} }

// Before returns bounds in which a record of the other stream may be by up to d before one of the
// stream.
func (b JoinBounds) Before(d time.Duration) JoinBounds {
	b.before = d
	return b
}

// After returns bounds in which a record of the other stream may be by up to d behind one of the
// stream.
func (b JoinBounds) After(d time.Duration) JoinBounds {
	b.after = d
	return b
}

// Grace returns the bounds with that grace: by how much records may come out of order and still be
// joined. Without it, by nothing.
func (b JoinBounds) Grace(d time.Duration) JoinBounds {
	b.grace = d
	return b
}

// check reports what is wrong with the bounds. With a mistake all of them are 0.
func (b JoinBounds) check(n *node) JoinBounds {
	if !b.given {
		mistakef(n.t, n.at, n.name, "the bounds of the join are the zero value: use Within")
		return JoinBounds{}
	}
	bad := false
	for _, d := range []struct {
		what  string
		is    time.Duration
		where string
	}{{"how far before", b.before, "Within or Before"}, {"how far after", b.after, "Within or After"}, {"the grace", b.grace, "Grace"}} {
		switch {
		case d.is < 0:
			mistakef(n.t, n.at, n.name, "%s of the join, %s, is negative: give %s 0 or more", d.what, d.is, d.where)
		case d.is%time.Millisecond != 0:
			mistakef(n.t, n.at, n.name, "%s of the join, %s, is not a whole number of milliseconds: round it", d.what, d.is)
		default:
			continue
		}
		bad = true
	}
	if !bad && (b.before > math.MaxInt64-b.after || b.before+b.after > math.MaxInt64-time.Second-b.grace) {
		mistakef(n.t, n.at, n.name, "the bounds and the grace of the join, %s, %s and %s, are more together than a time.Duration holds, 292 years: make one smaller", b.before, b.after, b.grace)
		bad = true
	}
	if bad {
		return JoinBounds{}
	}
	return b
}

// String returns the bounds as descriptions show them.
func (b JoinBounds) String() string {
	s := "within " + flow.Duration(b.before)
	if b.before != b.after {
		s = "within " + duration(b.before) + " before and " + duration(b.after) + " after"
	} else if b.before == 0 {
		s = "within 0s"
	}
	if b.grace != 0 {
		s += ", grace " + flow.Duration(b.grace)
	}
	return s
}

func duration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	return flow.Duration(d)
}

// bounds returns the bounds as operators know them.
func (b JoinBounds) bounds() joins.Bounds {
	return joins.Bounds{Before: b.before.Milliseconds(), After: b.after.Milliseconds(), Grace: b.grace.Milliseconds()}
}

// JoinWithin joins each record with all records of another stream that have its key and a time
// within the bounds, as often as there are any: each pair makes one result, with the later of the
// two timestamps and without headers. An [Inner] join makes nothing else. A [Left] join also makes
// a result, with its own timestamp, of each record of the stream that was in no pair, and an
// [Outer] join of each record of either stream.
//
// A record is closed when the bounds and the grace have passed behind its time. It is late, and
// dropped and counted, if the largest timestamp that its source partition had shown is beyond that;
// two records are joined if each had come before the other was closed. So the results are a
// function of the input, whichever stream is read faster. A record that was in no pair comes out at
// a commit, when the task's time (the least of what all inputs have shown) is beyond its close; so
// the last ones of streams that stand still wait for the next record, except at the end of a
// bounded run, which closes all. Records without value are dropped and counted; so are those
// without key, unless they make output alone: then they do at once.
//
// Records are kept, in stores name-left and name-right with changelogs, until they are closed, on
// disk as far as they do not fit in memory; left and outer joins have a store name-unmatched too,
// of those that are in no pair so far. Both streams have to be co-partitioned: equal keys in equal
// partitions of as many. A stream may be joined with itself; a record then meets itself once.
//
// It is KStream.join, leftJoin and outerJoin of Kafka Streams (KIP-633), but for what is late.
func (s Stream[K, V]) JoinWithin[V2, R any](name string, with Stream[K, V2], b JoinBounds, j Joiner[V, V2, R]) Stream[K, R] {
	from := s.node()
	t := from.t
	at := t.caller()
	t.claim("join", name, at)
	other := with.n
	if !t.own(at, name, "the stream to join with", other) {
		other, with.out = from, new(port[K, V2])
		with.key, with.value = s.key, derived[V2](t, s.value, false)
	}
	t.needPartitioned(at, name, "a join", from)
	if other != from {
		t.needPartitioned(at, name, "a join", other)
	}

	l, r := t.add("join-side", name+"-left", at, from), t.add("join-side", name+"-right", at, other)
	n := t.add(j.nodeKind("join-within"), name, at, l, r)
	b = b.check(n)
	j.check(n, true)
	n.details.Within = b.String()
	n.keys = [2]anySerde{s.key, with.key}
	n.timed = true
	n.key, n.value = output{serde: s.key}, output{}
	o := joins.Options{
		Bounds: b.bounds(), Left: l.name, Right: r.name,
		LeftAlone: j.kind == leftJoin || j.kind == outerJoin, RightAlone: j.kind == outerJoin,
	}
	stores := []*storeDecl{joinStore(l, s.key, s.value, b.after+b.grace, o.Bounds), joinStore(r, with.key, with.value, b.before+b.grace, o.Bounds)}
	if o.LeftAlone {
		o.Waiting = name + "-unmatched"
		t.claim("store", o.Waiting, at)
		stores = append(stores, t.addStore(&storeDecl{
			name: o.Waiting, at: at, kind: flow.WaitingStore, marked: t.config.clocks, kept: t.config.clocks, role: "join-unmatched", retention: time.Millisecond, key: s.key, value: given(t, serde.Bytes(), false),
		}))
		n.holds, n.atCommit = hold{by: b.after + b.grace}, true
		if o.RightAlone {
			n.holds.by = max(n.holds.by, b.before+b.grace)
		}
	}
	for _, side := range []*node{l, r} {
		side.stores, side.partitioned = stores, true
		side.reads.value, side.value = true, output{}
	}
	l.reads.wantKey, l.reads.wantValue = s.key, s.value
	r.reads.wantKey, r.reads.wantValue = with.key, with.value

	var made perGraph[*joins.Join[K, V, V2, R]]
	left := link(l, func(at site, _ operator.Receiver[K, R]) (operator.Receiver[K, V], error) {
		op, _ := made.get(at.b)
		_, keyRaw := keySerde(at, s.key)
		_, valueRaw := valueSerde(at, s.value)
		return op.OfLeft(keyRaw, valueRaw), nil
	}, s.out)
	right := link(r, func(at site, _ operator.Receiver[K, R]) (operator.Receiver[K, V2], error) {
		op, _ := made.get(at.b)
		_, keyRaw := keySerde(at, with.key)
		_, valueRaw := valueSerde(at, with.value)
		return op.OfRight(keyRaw, valueRaw), nil
	}, with.out)
	out := link(n, func(at site, next operator.Receiver[K, R]) (operator.Receiver[K, R], error) {
		o := o
		o.Held, o.NeedKey = at.n.held, at.n.outKey
		if at.n.places {
			o.Branches = at.b.branches
		}
		if seen := at.clock(); seen != nil {
			o.Clocks = &joins.Clocks{Seen: seen, Left: at.clock("left"), Right: at.clock("right"), Sent: at.clock("sent")}
		}
		op, err := joins.New(at.behind(), o, s.key.get(), s.value.get(), with.value.get(), j.any(), next)
		if err != nil {
			return nil, err
		}
		made.set(at.b, op)
		at.flushes(op)
		at.timed(op)
		return next, nil // what comes from the sides has been joined there
	}, left, right)
	return Stream[K, R]{n: n, out: out, key: s.key, value: derived[R](t, s.value, false)}
}

// joinStore declares the store of a side, whose records are closed that much behind their times.
func joinStore(side *node, key, value anySerde, closes time.Duration, b joins.Bounds) *storeDecl {
	side.t.claim("store", side.name, side.at)
	return side.t.addStore(&storeDecl{
		name: side.name, at: side.at, kind: flow.JoinStore, marked: side.t.config.clocks, kept: side.t.config.clocks, role: "join", timestamps: true, segment: time.Duration(b.Width()) * time.Millisecond,
		retention: closes + time.Millisecond, key: key, value: value,
	})
}
