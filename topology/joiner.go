package topology

import (
	"context"

	"github.com/kolkstream/kolk/topology/internal/tables"
)

// Joiner makes the result O of a join from what both sides have: L of the stream or table, R of
// what it is joined with. It is made by [Inner], [Left] or [Outer], with [TryInner], [TryLeft] and
// [TryOuter] for functions that can fail, and is given to [Table.Join], [Stream.Join],
// [Stream.JoinWithin] and [Stream.JoinGlobal]. It also decides what becomes of a record that finds
// nothing.
//
// [Outer] and [TryOuter] are for joins in which both sides make output: [Table.Join] and
// [Stream.JoinWithin]. To give them to others is a mistake that [Topology.Build] returns, as is a
// function that is nil, with the position of the method that the Joiner was given to.
//
// A Joiner is a value, and may serve any number of joins. Functions are called by many tasks at
// once, and must not change what they are given.
type Joiner[L, R, O any] struct {
	kind  joinKind
	join  func(context.Context, L, Opt[R]) (O, error)      // of inner and left joins
	outer func(context.Context, Opt[L], Opt[R]) (O, error) // of outer ones
	isNil bool
}

// joinKind says which sides of a join may be missing.
type joinKind int

const (
	noJoin joinKind = iota // of the zero value
	innerJoin
	leftJoin
	outerJoin
)

// Inner returns a joiner for what both sides have: a record that finds nothing is dropped, and
// counted as [NoMatch].
func Inner[L, R, O any](f func(L, R) O) Joiner[L, R, O] {
	return Joiner[L, R, O]{kind: innerJoin, isNil: f == nil, join: func(_ context.Context, l L, r Opt[R]) (O, error) {
		return f(l, r.Value), nil
	}}
}

// TryInner is [Inner] with a function that can fail: its errors go to the error policy. The context
// ends when the transaction of the record can no longer commit.
func TryInner[L, R, O any](f func(context.Context, L, R) (O, error)) Joiner[L, R, O] {
	return Joiner[L, R, O]{kind: innerJoin, isNil: f == nil, join: func(ctx context.Context, l L, r Opt[R]) (O, error) {
		return f(ctx, l, r.Value)
	}}
}

// Left returns a joiner for what the left side has: a record that finds nothing is joined with
// [None], and counted as [Unmatched].
func Left[L, R, O any](f func(L, Opt[R]) O) Joiner[L, R, O] {
	return Joiner[L, R, O]{kind: leftJoin, isNil: f == nil, join: func(_ context.Context, l L, r Opt[R]) (O, error) {
		return f(l, r), nil
	}}
}

// TryLeft is [Left] with a function that can fail; see [TryInner].
func TryLeft[L, R, O any](f func(context.Context, L, Opt[R]) (O, error)) Joiner[L, R, O] {
	return Joiner[L, R, O]{kind: leftJoin, isNil: f == nil, join: f}
}

// Outer returns a joiner for what either side has; at least one is there. See [Joiner].
func Outer[L, R, O any](f func(Opt[L], Opt[R]) O) Joiner[L, R, O] {
	return Joiner[L, R, O]{kind: outerJoin, isNil: f == nil, outer: func(_ context.Context, l Opt[L], r Opt[R]) (O, error) {
		return f(l, r), nil
	}}
}

// TryOuter is [Outer] with a function that can fail; see [TryInner].
func TryOuter[L, R, O any](f func(context.Context, Opt[L], Opt[R]) (O, error)) Joiner[L, R, O] {
	return Joiner[L, R, O]{kind: outerJoin, isNil: f == nil, outer: f}
}

// nodeKind returns what plans call the join: base if it is inner.
func (j *Joiner[L, R, O]) nodeKind(base string) string {
	switch j.kind {
	case leftJoin:
		return "left-" + base
	case outerJoin:
		return "outer-" + base
	}
	return base
}

// tables returns the kind and the function of a join of two tables.
func (j *Joiner[L, R, O]) tables() (tables.Kind, tables.JoinFunc[L, R, O]) {
	switch j.kind {
	case leftJoin:
		return tables.Left, j.ofLeft
	case outerJoin:
		return tables.Outer, j.outer
	}
	return tables.Inner, j.ofLeft
}

// ofLeft joins what the left side has, which is there.
func (j *Joiner[L, R, O]) ofLeft(ctx context.Context, l Opt[L], r Opt[R]) (O, error) {
	return j.join(ctx, l.Value, r)
}

// check reports what is wrong with the joiner of a join; outer says that it may be an outer one.
func (j *Joiner[L, R, O]) check(n *node, outer bool) {
	switch {
	case j.kind == noJoin && outer:
		mistakef(n.t, n.at, n.name, "the joiner is the zero value: use Inner, Left or Outer")
	case j.kind == noJoin:
		mistakef(n.t, n.at, n.name, "the joiner is the zero value: use Inner or Left")
	case j.isNil:
		mistakef(n.t, n.at, n.name, "the joiner is nil: give a function")
	case j.kind == outerJoin && !outer:
		mistakef(n.t, n.at, n.name, "a join of a stream with a table cannot be outer, because only records of the stream make output: use Inner or Left")
	}
}

// any returns the joiner as a function of what there is.
func (j *Joiner[L, R, O]) any() func(context.Context, Opt[L], Opt[R]) (O, error) {
	if j.kind == outerJoin {
		return j.outer
	}
	join := j.join
	return func(ctx context.Context, l Opt[L], r Opt[R]) (O, error) { return join(ctx, l.Value, r) }
}

// checkForeign reports what is wrong with the joiner of a join by a foreign key.
func (j *Joiner[L, R, O]) checkForeign(n *node) {
	if j.kind == outerJoin && !j.isNil {
		mistakef(n.t, n.at, n.name, "a join by a foreign key cannot be outer, because a right row that nobody refers to has no key on the left: use Inner or Left")
		return
	}
	j.check(n, false)
}
