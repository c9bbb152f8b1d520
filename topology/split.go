package topology

import (
	"context"
	"slices"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// Splitter splits a stream into branches: each record goes to the first one declared whose predicate accepts its value, else to
// the rest. It is made by [Stream.Split].
type Splitter[K, V any] struct {
	s        Stream[K, V] // the split node
	branches []branch[V]
	rest     *node
}

type branch[V any] struct {
	node *node
	when func(V) bool
	try  func(context.Context, V) (bool, error) // instead of when
}

// Split splits the stream into named branches: call [Splitter.Branch] for each, and [Splitter.Rest] for what no branch takes. Tombstones
// go to all of them.
func (s Stream[K, V]) Split(name string) *Splitter[K, V] {
	n := s.node()
	at := n.t.caller()
	n.t.claim("split", name, at)
	split := n.t.add("split", name, at, n)
	split.usesValue = true
	sp := &Splitter[K, V]{s: s.then(split)}
	split.build = func(b *builder, p *planNode) error {
		op := &ops.Split[K, V]{Rest: ops.NewFan[K, V](nil)}
		var try []func(context.Context, V) (bool, error)
		for _, br := range sp.branches {
			if slices.Contains(p.children, br.node.id) { // declared before Build
				op.When = append(op.When, br.when)
				try = append(try, br.trying())
				op.Branches = append(op.Branches, input[K, V](b, br.node.id))
			}
		}
		if sp.rest != nil && slices.Contains(p.children, sp.rest.id) {
			op.Rest = input[K, V](b, sp.rest.id)
		}
		if sp.tries() {
			b.set(p, &ops.TrySplit[K, V]{Node: b.node(p), When: try, Branches: op.Branches, Rest: op.Rest})
		} else {
			b.set(p, op)
		}
		return nil
	}
	return sp
}

// Branch declares the next branch. Its name is unique among the branches of the split.
func (s *Splitter[K, V]) Branch(name string, when func(V) bool) Stream[K, V] {
	t := s.s.n.t
	at := t.caller()
	n := s.add(name, at)
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
	t.needFunc(n, "the predicate", when)
	s.branches = append(s.branches, branch[V]{node: n, when: when})
	return s.s.then(n)
}

// Rest returns what no branch takes, now or declared later.
func (s *Splitter[K, V]) Rest() Stream[K, V] {
	if s.rest == nil {
		s.rest = s.add("rest", s.s.n.t.caller())
	}
	return s.s.then(s.rest)
}

// add adds the node of a branch, which only stands for what comes after it.
func (s *Splitter[K, V]) add(name, at string) *node {
	n := s.s.n.t.add("branch", s.s.n.name+"."+name, at, s.s.n)
	n.build = func(b *builder, p *planNode) error {
		b.set(p, next[K, V](b, p))
		return nil
	}
	return n
}
