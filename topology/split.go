package topology

import (
	"context"
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Splitter splits a stream into branches: each record goes to the first one declared whose
// predicate accepts it, else to the rest. It is made by [Stream.Split].
type Splitter[K, V any] struct {
	s        Stream[K, V] // the split node
	branches []*node
	rest     Stream[K, V]
	ways     perGraph[[]way[K, V]] // the last one declared first
}

// way is where a split sends what a predicate takes, which can fail or not. The way of the rest has
// no predicate.
type way[K, V any] struct {
	when func(V) bool
	try  func(context.Context, V) (bool, error)
	by   func(*Record[K, V]) bool
	to   ops.Receiver[K, V]
}

// Split splits the stream into named branches: call [Splitter.Branch] for each, and [Splitter.Rest]
// for what no branch takes. Tombstones, which have no value to ask a predicate for, go to all of
// them, but for those of [Splitter.BranchRecords].
func (s Stream[K, V]) Split(name string) *Splitter[K, V] {
	n := s.node()
	at := n.t.caller()
	n.t.claim("split", name, at)
	split := n.t.add("split", name, at, n)
	split.reads.value = true
	sp := new(Splitter[K, V])
	sp.s = s.then(split, func(at site, _ ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		ways, _ := sp.ways.get(at.b)
		return splitting(at, ways), nil
	})
	return sp
}

// splitting returns the operator of a split.
func splitting[K, V any](at site, ways []way[K, V]) ops.Receiver[K, V] {
	op := &ops.Split[K, V]{Rest: operator.NewFan[K, V](nil)}
	var try []func(context.Context, V) (bool, error)
	fails := false
	if slices.ContainsFunc(ways, func(w way[K, V]) bool { return w.by != nil }) {
		return splittingRecords(at, ways)
	}
	for _, w := range slices.Backward(ways) {
		switch {
		case w.try != nil:
			fails = true
		case w.when != nil:
			w.try = func(_ context.Context, v V) (bool, error) { return w.when(v), nil }
		default:
			op.Rest = w.to
			continue
		}
		op.When, try = append(op.When, w.when), append(try, w.try)
		op.Branches = append(op.Branches, w.to)
	}
	if fails {
		return &ops.TrySplit[K, V]{Node: at.node(), When: try, Branches: op.Branches, Rest: op.Rest}
	}
	return op
}

// splittingRecords is splitting where predicates see records.
func splittingRecords[K, V any](at site, ways []way[K, V]) ops.Receiver[K, V] {
	op := &ops.SplitRecords[K, V]{Node: at.node(), Rest: operator.NewFan[K, V](nil)}
	for _, w := range slices.Backward(ways) {
		var when ops.TakesRecord[K, V]
		switch {
		case w.by != nil:
			when = func(r *Record[K, V]) (takes, alone bool, err error) { return w.by(r), true, nil }
		case w.when == nil && w.try == nil:
			op.Rest = w.to
			continue
		default:
			when = func(r *Record[K, V]) (takes, alone bool, err error) {
				switch {
				case r.NoValue:
					return true, false, nil
				case w.when != nil:
					return w.when(r.Value), true, nil
				}
				takes, err = w.try(op.Task.Context(), r.Value)
				return takes, true, err
			}
		}
		op.When, op.Branches = append(op.When, when), append(op.Branches, w.to)
	}
	return op
}

// BranchRecords is [Splitter.Branch] with a predicate that sees the record: its key too, and
// tombstones, of which it takes those that it accepts alone.
func (s *Splitter[K, V]) BranchRecords(name string, when func(*Record[K, V]) bool) Stream[K, V] {
	s = s.split()
	s.s.n.reads.key = true
	return s.branch(name, when == nil, way[K, V]{by: when})
}

// Branch declares the next branch. Its name is unique among the branches of the split.
func (s *Splitter[K, V]) Branch(name string, when func(V) bool) Stream[K, V] {
	return s.branch(name, when == nil, way[K, V]{when: when})
}

// branch adds a branch with a predicate.
func (s *Splitter[K, V]) branch(name string, missing bool, w way[K, V]) Stream[K, V] {
	s = s.split()
	t := s.s.n.t
	at := t.caller()
	out := s.add(name, at, w)
	if err := flow.CheckName(name); err != nil {
		mistakef(t, at, s.s.n.name, "the branch's name %q %s", name, err)
	}
	if name == "rest" {
		mistakef(t, at, s.s.n.name, "the branch's name \"rest\" is that of what no branch takes: give it another name")
	}
	for _, b := range s.branches {
		if b.name == out.n.name {
			mistakef(t, at, s.s.n.name, "there is a branch %q already, at %s: give this one another name", name, b.at)
		}
	}
	out.n.need("the predicate", missing)
	s.branches = append(s.branches, out.n)
	return out
}

// Rest returns what no branch takes, now or declared later.
func (s *Splitter[K, V]) Rest() Stream[K, V] {
	s = s.split()
	if s.rest.n == nil {
		s.rest = s.add("rest", s.s.n.t.caller(), way[K, V]{})
	}
	return s.rest
}

// split returns the splitter, or what stands for one that Split has not made.
func (s *Splitter[K, V]) split() *Splitter[K, V] {
	if s == nil {
		s = new(Splitter[K, V])
	}
	s.s.node()
	return s
}

// add adds the node of a way, which only stands for what comes after it: in a graph the way leads
// there.
func (s *Splitter[K, V]) add(name, at string, w way[K, V]) Stream[K, V] {
	n := s.s.n.t.add("branch", s.s.n.name+"."+name, at, s.s.n)
	out := link(n, func(at site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		w := w
		w.to = next
		ways, _ := s.ways.get(at.b)
		s.ways.set(at.b, append(ways, w))
		return next, nil
	})
	return Stream[K, V]{n: n, out: out, key: s.s.key, value: s.s.value}
}
