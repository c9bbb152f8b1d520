package topology

import (
	"context"
	"slices"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/internal/sessions"
)

// Aggregator says how inputs of In are folded into an accumulator of A. It is made by [Fold],
// [TryFold], [FoldOpt] or [Top], and is given to [Grouped.AggregateWith],
// [WindowedGroup.AggregateWith], [GroupedTable.AggregateWith] and, with whole records as In, to the
// twins AggregateRecords. It is a value: its methods return changed copies, and one Aggregator may
// serve any number of aggregations.
//
//	total := topology.Fold(Stats.Add).From(NewStats)
//	orders.GroupByKey().AggregateWith("stats", total)
//	orders.GroupByKey().Window(topology.Tumbling(time.Hour)).AggregateWith("stats-by-hour", total)
//
// The accumulator belongs to the aggregate: a function may change it in place and return it, but
// not keep it elsewhere. A function that is given a value may keep it, or parts of it, in the
// accumulator as long as it changes neither. It must not keep a record.
//
// Functions are called by many tasks at once. A function that is nil is a mistake that
// [Topology.Build] returns, with the position of the method that the Aggregator was given to.
type Aggregator[In, A any] struct {
	form     fold
	add      func(A, In) A
	try      func(context.Context, A, In) (A, error)
	opt      func(Opt[A], In) Opt[A]
	init     func() A
	merge    func(A, A) A
	tryMerge func(context.Context, A, A) (A, error) // of files
	subtract func(context.Context, A, In) (Opt[A], error)
	// byBytes, of a Top, returns the aggregator that compares inputs by the bytes that a serde
	// writes, for one task.
	byBytes func(serde.Serde[In]) Aggregator[In, A]
	wrong   []string // what is wrong, for Build
}

// fold is what an aggregator's function is like.
type fold int

const (
	noFold fold = iota // of the zero value
	plainFold
	tryFold
	optFold
	topFold
)

// Fold returns the aggregator that adds each input to the accumulator, which starts as the zero
// value of A; see [Aggregator.From].
func Fold[In, A any](add func(A, In) A) Aggregator[In, A] {
	a := Aggregator[In, A]{form: plainFold, add: add}
	return a.need("the function", add == nil)
}

// TryFold is [Fold] with a function that can fail: its errors go to the error policy. When it fails
// it must have left the accumulator as it was. When it fails for one of several windows, those
// before it have counted the input. The context ends when the transaction of the record can no
// longer commit.
func TryFold[In, A any](add func(context.Context, A, In) (A, error)) Aggregator[In, A] {
	a := Aggregator[In, A]{form: tryFold, try: add}
	return a.need("the function", add == nil)
}

// FoldOpt is [Fold] with a function that is told whether there is an accumulator, and deletes it by
// returning none. Where there is none it makes the start itself, unless From gives one.
func FoldOpt[In, A any](add func(Opt[A], In) Opt[A]) Aggregator[In, A] {
	a := Aggregator[In, A]{form: optFold, opt: add}
	return a.need("the function", add == nil)
}

// From returns the aggregator with a start: init makes a new accumulator where there is none yet.
func (a Aggregator[In, A]) From(init func() A) Aggregator[In, A] {
	a.init = init
	return a.plain("From").need("the function of the start", init == nil)
}

// Merge returns the aggregator with a function that makes one accumulator of two, the earlier one
// first: it may change that and return it. Sessions need it; see [Sessions]. Others do not call it.
func (a Aggregator[In, A]) Merge(f func(A, A) A) Aggregator[In, A] {
	a.merge = f
	return a.plain("Merge").need("the function given to Merge", f == nil)
}

// Subtract returns the aggregator with a function that takes an input out of the accumulator again.
// It is for aggregations whose inputs are replaced, as those of a [GroupedTable] are; it has to
// undo what adding the same input has done. Others do not call it.
func (a Aggregator[In, A]) Subtract(f func(A, In) A) Aggregator[In, A] {
	a.subtract = func(_ context.Context, acc A, in In) (Opt[A], error) { return Some(f(acc, in)), nil }
	return a.need("the function given to Subtract", f == nil)
}

// SubtractOpt is [Aggregator.Subtract] with a function that deletes the accumulator by returning
// [None]. What is subtracted from a group without accumulator is lost: delete it only if it holds
// nothing any more.
func (a Aggregator[In, A]) SubtractOpt(f func(A, In) Opt[A]) Aggregator[In, A] {
	a.subtract = func(_ context.Context, acc A, in In) (Opt[A], error) { return f(acc, in), nil }
	return a.need("the function given to SubtractOpt", f == nil)
}

// TrySubtract is [Aggregator.SubtractOpt] with a function that can fail: its errors go to the error
// policy. When it fails it must have left the accumulator as it was.
func (a Aggregator[In, A]) TrySubtract(f func(context.Context, A, In) (Opt[A], error)) Aggregator[In, A] {
	a.subtract = f
	return a.need("the function given to TrySubtract", f == nil)
}

// adds returns how the aggregator adds an input to an accumulator that may be missing.
func (a Aggregator[In, A]) adds() func(context.Context, Opt[A], In) (Opt[A], error) {
	start := func(acc Opt[A]) A {
		if !acc.OK && a.init != nil {
			return a.init()
		}
		return acc.Value
	}
	switch a.form {
	case optFold:
		return func(_ context.Context, acc Opt[A], in In) (Opt[A], error) { return a.opt(acc, in), nil }
	case tryFold:
		return func(ctx context.Context, acc Opt[A], in In) (Opt[A], error) {
			v, err := a.try(ctx, start(acc), in)
			return Some(v), err
		}
	}
	return func(_ context.Context, acc Opt[A], in In) (Opt[A], error) { return Some(a.add(start(acc), in)), nil }
}

// need notes that a function is missing.
func (a Aggregator[In, A]) need(what string, missing bool) Aggregator[In, A] {
	if missing {
		return a.is(what + " is nil: give a function")
	}
	return a
}

// plain notes that a method was called on a Top.
func (a Aggregator[In, A]) plain(method string) Aggregator[In, A] {
	if a.byBytes != nil {
		return a.is(method + " was called on a Top, which begins empty and merges by itself: leave it out")
	}
	return a
}

// is notes what is wrong.
func (a Aggregator[In, A]) is(wrong string) Aggregator[In, A] {
	a.wrong = append(slices.Clip(a.wrong), wrong)
	return a
}

// merging returns what makes one accumulator of two, nil if nothing was given.
func (a Aggregator[In, A]) merging() func(site) sessions.Merge[A] {
	if f := a.tryMerge; f != nil {
		return func(at site) sessions.Merge[A] {
			return func(x, y A) (A, error) { return f(at.b.task.Context(), x, y) }
		}
	}
	return merging(a.merge)
}

// start returns what makes the accumulator before the first input, nil if that makes it itself.
func (a Aggregator[In, A]) start() func() A {
	if a.init == nil && a.form != optFold {
		return func() (none A) { return none }
	}
	return a.init
}

// mistakes returns what is wrong with the aggregator.
func (a Aggregator[In, A]) mistakes() []string {
	if a.form == noFold {
		return []string{"the aggregator is the zero value: use Fold, TryFold, FoldOpt or Top"}
	}
	return a.wrong
}

// in returns the aggregator for a task whose inputs are written by a serde.
func (a Aggregator[In, A]) in(of *serdeRef[In]) Aggregator[In, A] {
	if a.byBytes == nil {
		return a
	}
	return a.byBytes(of.get())
}

// ofValues returns the aggregation of a store by values of a stream.
func ofValues[K, V, A any](s Stream[K, V], store string, a Aggregator[V, A], opts []ValueOption[A]) aggregation[K, V, A] {
	of := aggregation[K, V, A]{
		kind: "aggregate", store: store, wrong: a.mistakes(), usesValue: true, opts: opts, merge: a.merging(), start: a.start(),
		step: func(at site) ops.Step[K, V, A] {
			switch a := a.in(s.value); a.form {
			case tryFold:
				return ops.TryFoldStep[K](at.b.task, a.init, a.try)
			case optFold:
				return ops.FoldOptStep[K](a.init, a.opt)
			default:
				return ops.FoldStep[K](a.init, a.add)
			}
		},
	}
	if a.byBytes != nil {
		of.wantValue = s.value
		of.merge = func(at site) sessions.Merge[A] { return a.in(s.value).merging()(at) }
	}
	return of
}

// ofRecords returns the aggregation of a store by whole records.
func ofRecords[K, V, A any](store string, a Aggregator[*Record[K, V], A], opts []ValueOption[A]) aggregation[K, V, A] {
	if a.byBytes != nil {
		a = a.is("a Top keeps what it is given, and a record must not be kept: use AggregateWith, which gives it values; MapValuesRecords before the group makes values of records")
	}
	return aggregation[K, V, A]{
		kind: "aggregate", store: store, wrong: a.mistakes(), usesKey: true, usesValue: true, nulls: true, opts: opts, merge: a.merging(), start: a.start(),
		step: func(at site) ops.Step[K, V, A] {
			switch a.form {
			case tryFold:
				return ops.TryFoldRecordsStep(at.b.task, a.init, a.try)
			case optFold:
				return ops.FoldOptRecordsStep(a.init, a.opt)
			}
			return ops.FoldRecordsStep(a.init, a.add)
		},
	}
}

// ofCount returns the aggregation of Count.
func ofCount[K, V any](store string) aggregation[K, V, int64] {
	return aggregation[K, V, int64]{
		kind: "count", store: store, nulls: true,
		step:  func(site) ops.Step[K, V, int64] { return ops.CountStep[K, V]() },
		merge: merging(func(a, b int64) int64 { return a + b }),
		start: func() int64 { return 0 },
	}
}
