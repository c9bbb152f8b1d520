package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Splitter splits a stream into branches: each record goes to the first one declared whose
// predicate accepts its value, else to the rest. It is made by [Stream.Split].
type Splitter[K, V any] struct {
	s        Stream[K, V] // the split node
	branches []branch[K, V]
	rest     branch[K, V]
}

// branch is a branch: its node only stands for what comes after it.
type branch[K, V any] struct {
	node *node
	in   *port[K, V] // where the split sends what the branch gets
	out  *port[K, V]
	when func(V) bool
	try  func(context.Context, V) (bool, error) // instead of when
}

// Split splits the stream into named branches: call [Splitter.Branch] for each, and [Splitter.Rest]
// for what no branch takes. Tombstones go to all of them.
func (s Stream[K, V]) Split(name string) *Splitter[K, V] {
	n := s.node()
	at := n.t.caller()
	n.t.claim("split", name, at)
	split := n.t.add("split", name, at, n)
	split.reads.value = true
	sp := new(Splitter[K, V])
	sp.s = s.then(split, func(at site, _ ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		op := &ops.Split[K, V]{Rest: ops.NewFan[K, V](nil)}
		var try []func(context.Context, V) (bool, error)
		for _, br := range sp.branches {
			if at.b.has(br.node) {
				op.When = append(op.When, br.when)
				try = append(try, br.trying())
				op.Branches = append(op.Branches, br.in.next(at.b))
			}
		}
		if sp.rest.node != nil && at.b.has(sp.rest.node) {
			op.Rest = sp.rest.in.next(at.b)
		}
		if sp.tries() {
			return &ops.TrySplit[K, V]{Node: at.node(), When: try, Branches: op.Branches, Rest: op.Rest}, nil
		}
		return op, nil
	})
	return sp
}

// Branch declares the next branch. Its name is unique among the branches of the split.
func (s *Splitter[K, V]) Branch(name string, when func(V) bool) Stream[K, V] {
	t := s.s.n.t
	at := t.caller()
	br := s.add(name, at)
	n := br.node
	if err := checkName(name); err != nil {
		mistakef(t, at, s.s.n.name, "the branch's name %q %s", name, err)
	}
	if name == "rest" {
		mistakef(t, at, s.s.n.name, "the branch's name \"rest\" is that of what no branch takes: give it another name")
	}
	for _, b := range s.branches {
		if b.node.name == n.name {
			mistakef(t, at, s.s.n.name, "there is a branch %q already, at %s: give this one another name", name, b.node.at)
		}
	}
	n.need("the predicate", when == nil)
	br.when = when
	s.branches = append(s.branches, br)
	return s.stream(br)
}

// Rest returns what no branch takes, now or declared later.
func (s *Splitter[K, V]) Rest() Stream[K, V] {
	if s.rest.node == nil {
		s.rest = s.add("rest", s.s.n.t.caller())
	}
	return s.stream(s.rest)
}

// add adds a branch.
func (s *Splitter[K, V]) add(name, at string) branch[K, V] {
	n := s.s.n.t.add("branch", s.s.n.name+"."+name, at, s.s.n)
	br := branch[K, V]{node: n, in: new(port[K, V])}
	br.out = link(n, func(_ site, next ops.Receiver[K, V]) (ops.Receiver[K, V], error) { return next, nil }, br.in)
	return br
}

// stream returns what a branch gets.
func (s *Splitter[K, V]) stream(br branch[K, V]) Stream[K, V] {
	return Stream[K, V]{n: br.node, out: br.out, key: s.s.key, value: s.s.value}
}
