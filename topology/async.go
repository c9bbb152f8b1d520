package topology

import (
	"context"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/topology/internal/async"
	"github.com/kolkstream/kolk/topology/internal/ops"
	"github.com/kolkstream/kolk/topology/record"
)

// Calls are the limits of a function that may block; see [Stream.MapValuesAsync].
type Calls struct {
	// Concurrency is how many calls run at once, in each task and for each topic that it reads.
	// Default: 64.
	Concurrency int
	// Timeout is how long a call may take: then its context ends, and the function has to return
	// within 2 s. Default: 10 s.
	Timeout time.Duration
}

// MapValuesAsync replaces each value by what f returns, which may take its time: a request to
// another service. Calls run at once, up to a limit, ahead of the records; the records come out in
// the order in which they came in, of all keys, so that results, time and joins are those of
// [Stream.TryMapValues]. Tombstones pass, and f does not see them.
//
// An error of f, that of its context included, goes to the error policy. Calls are made at least
// once: after a crash, an abort or when a task moves, those of records whose transaction has not
// committed are made again. Results are written exactly once. No transaction waits for a call, for
// the call of a record ends before the record is processed. f is called by several goroutines at
// once, and may keep its value until it returns.
//
// f has to heed its context, which ends with the time-out, or when the task does. If it has not
// returned 2 s after that, the call is over with an error of its record, for the error policy, and
// its goroutine is left behind. When more than 64 of them have not come back, of all tasks of the
// process, the application ends with an error.
//
// f is called ahead of the record, which can be where the record is known ahead: nothing with
// state, and no other function that may block, lies between it and the topic that is read, which
// Build checks. [Stream.Repartition] before it makes it so. The functions in between (filters,
// mappings) are called twice for each record, and have to return the same for the same; Peek is
// called once.
func (s Stream[K, V]) MapValuesAsync[V2 any](limits Calls, f func(context.Context, V) (V2, error)) Stream[K, V2] {
	var of func(context.Context, *Record[K, V]) (V2, error)
	if f != nil {
		of = ops.OfValue[K](f)
	}
	return mapAsync(s, s.add("map-async"), limits, of)
}

// MapValuesRecordsAsync is [Stream.MapValuesAsync] with a function that sees the whole record,
// which it must not change. The record and its bytes are its own until it returns.
func (s Stream[K, V]) MapValuesRecordsAsync[V2 any](limits Calls, f func(context.Context, *Record[K, V]) (V2, error)) Stream[K, V2] {
	n := s.add("map-async")
	n.reads.key = true
	return mapAsync(s, n, limits, f)
}

// mapAsync adds a function that may block.
func mapAsync[K, V, V2 any](s Stream[K, V], n *node, limits Calls, f async.Func[K, V, V2]) Stream[K, V2] {
	n.calls = true
	n.need("the function", f == nil)
	if limits.Concurrency < 0 {
		mistakef(n.t, n.at, n.name, "the concurrency is %d: give 1 or more, or leave it out for 64", limits.Concurrency)
	}
	if limits.Timeout < 0 {
		mistakef(n.t, n.at, n.name, "the time-out is %v: give how long a call may take, or leave it out for 10s", limits.Timeout)
	}
	of := async.Limits(limits)
	if of.Concurrency == 0 {
		of.Concurrency = 64
	}
	if of.Timeout == 0 {
		of.Timeout = 10 * time.Second
	}
	n.details.Calls = of.Concurrency
	n.details.Timeout = flow.Duration(of.Timeout)
	var results perGraph[*async.Results[K, V, V2]]
	left := new(async.Left)
	return withValues(s, n, func(at site, next ops.Receiver[K, V2]) (ops.Receiver[K, V], error) {
		if at.b.ahead {
			r, _ := results.get(at.b.of)
			return &async.Begin[K, V, V2]{Results: r}, nil
		}
		r := async.NewResults(at.b.task.Context(), of, left, f)
		results.set(at.b, r)
		if at.b.calls == nil {
			at.b.calls = new(async.Ahead)
		}
		async.Add(at.b.calls, r)
		return &async.Map[K, V, V2]{Node: at.node(), Results: r, Next: next}, nil
	})
}

// checkCalls finds out which nodes calls depend on, and refuses those that are not known ahead.
func (t *Topology) checkCalls(p *Plan) {
	for _, n := range p.nodes {
		if n.calls {
			t.checkCall(p, n)
		}
	}
	for _, n := range p.nodes {
		// Or its split would send records another way.
		n.ahead = n.ahead || n.kind == "branch" && p.nodes[n.parents[0].id].ahead
	}
}

// checkCall marks a node that calls and all that lies before it.
func (t *Topology) checkCall(p *Plan, n *planNode) {
	n.ahead = true
	before := []*planNode{n}
	for len(before) > 0 {
		last := before[len(before)-1]
		before = before[:len(before)-1]
		for _, parent := range last.parents {
			from := p.nodes[parent.id]
			switch {
			case from.calls:
				mistakef(t, n.at, n.name, "its records are known when the calls of %s at %s are over, and not ahead: put Repartition in between, or call both functions in one", from.name, from.at)
				return
			case len(from.stores) != 0 || from.looks.table != nil || len(from.looks.global) != 0 || from.timed || from.emits != nil:
				mistakef(t, n.at, n.name, "it calls its function ahead of the records, and which records %s at %s makes is not known ahead: put Repartition before this, or this before that", from.name, from.at)
				return
			}
			if !from.ahead {
				from.ahead = true
				before = append(before, from)
			}
		}
	}
}

// callAhead makes the graph ahead, which begins the calls of the graph that b has made.
func (p *Plan) callAhead(b *builder, g *flow.Graph, sub int) error {
	if b.calls == nil {
		return nil
	}
	a := &builder{plan: p, inputs: b.inputs, task: silent{b.task}, branches: new(place.Branches), lines: b.lines, sources: make(map[string][]flow.Source), ahead: true, of: b}
	defer a.done()
	for i := len(p.nodes) - 1; i >= 0; i-- {
		if n := p.nodes[i]; n.sub == sub && n.ahead {
			if err := n.build(site{b: a, n: n}); err != nil {
				return err
			}
		}
	}
	sources := make(map[string]flow.Source)
	a.gather(sources)
	b.calls.Begin(sources)
	g.Ahead = b.calls
	return nil
}

// silent is the task as the graph ahead sees it: what is dropped there, or fails, will be dropped,
// or fail, when it is processed.
type silent struct{ flow.Task }

// Drop does nothing.
func (silent) Drop(string, record.Reason, record.Origin) {}

// Fail does nothing; the record goes no further.
func (silent) Fail(string, record.Origin, error) error { return nil }
