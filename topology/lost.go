package topology

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A handle that no method has returned, the zero value, has no topology that could keep a mistake
// for Build. The first method that is called on it gives it one: a lost topology, which nobody
// builds and which has nothing but that mistake. What the methods return belongs to it too, so that
// a chain goes on as if nothing were wrong, until it meets a handle of a topology that somebody
// builds. That takes the mistake over. A chain that meets none does nothing.

// lost returns a new lost topology, for the method of the zero value that is being called. from is
// where its users find what is not zero.
func lost(from string) *Topology {
	t := New("lost")
	at, method := calledFrom()
	t.lost = []error{&Mistake{Pos: at, Text: method + " was called on the zero value: use what " + from + " has returned"}}
	return t
}

// lostStream returns what a zero stream is from now on.
func lostStream[K, V any]() Stream[K, V] { return lostAt[K, V](lost("a method of the topology")) }

// lostAt returns a stream of a lost topology.
func lostAt[K, V any](t *Topology) Stream[K, V] {
	at, _ := calledFrom()
	n := t.add("lost", "", at)
	return Stream[K, V]{n: n, out: new(port[K, V]), key: &serdeRef[K]{t: n.t, key: true}, value: &serdeRef[V]{t: n.t}}
}

// take takes over the mistakes that say why another topology is lost.
func (t *Topology) take(other *Topology) {
	to := &t.mistakes
	if t.lost != nil {
		to = &t.lost
	}
	for _, m := range other.lost {
		if !slices.Contains(*to, m) {
			*to = append(*to, m)
		}
	}
}

// own reports whether a handle that is given as an argument is one of this topology; other is its
// node, nil for the zero value.
func (t *Topology) own(at, node, what string, other *node) bool {
	if other == nil {
		return t.owns(at, node, what, "a method of the topology", nil)
	}
	return t.owns(at, node, what, "", other.t)
}

// owns is own for what has no node; other is its topology, nil for the zero value. from is where
// users find what is not zero.
func (t *Topology) owns(at, node, what, from string, other *Topology) bool {
	switch {
	case other == t:
		return true
	case other == nil:
		mistakef(t, at, node, "%s is the zero value: use what %s has returned", what, from)
	case other.lost != nil:
		t.take(other)
	case t.lost != nil:
		other.take(t)
	default:
		mistakef(t, at, node, "%s belongs to another topology, %q: declare it in this one", what, other.name)
	}
	return false
}

// made returns the topology, or what stands for one that New has not made.
func (t *Topology) made() *Topology {
	switch {
	case t == nil:
		return lost("topology.New")
	case t.counts == nil:
		t.init()
		at, _ := calledFrom()
		mistakef(t, at, "", "the topology is the zero value: use what topology.New has returned")
	}
	return t
}

// calledFrom returns where the user has called this package, and which method, as Stream.Filter.
func calledFrom() (at, method string) {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, self) || strings.HasSuffix(f.File, "_test.go") {
			return f.File + ":" + strconv.Itoa(f.Line), method
		}
		if !more {
			return "?", method
		}
		method = strings.NewReplacer("[...]", "", "(*", "", ")", "").Replace(strings.TrimPrefix(f.Function, self))
	}
}

// errLost joins the mistakes of a lost topology that somebody wants to build.
func (t *Topology) errLost() error { return errors.Join(slices.Clone(t.lost)...) }
