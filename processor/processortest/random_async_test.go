package processortest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// async calls a function ahead of the records, which fails on some.
func (g *randomTopology) async() {
	from, _ := g.pick(false)
	if !from.fresh {
		return
	}
	out := *from
	out.used, out.fresh = false, false
	calls := topology.Calls{Concurrency: 1 + g.rnd.Intn(5)}
	slow := g.rnd.Intn(2) == 0
	f := func(_ context.Context, v int64) (int64, error) {
		if slow && v%2 == 0 {
			runtime.Gosched() // later ones end first
		}
		if v%7 == 0 {
			return 0, errSeven
		}
		return 3*v + 1, nil
	}
	if g.rnd.Intn(2) == 0 {
		out.s = from.s.MapValuesAsync(calls, f)
	} else {
		out.s = from.s.MapValuesRecordsAsync(calls, func(ctx context.Context, r *topology.Record[string, int64]) (int64, error) { return f(ctx, r.Value) })
	}
	out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		switch {
		case r.noValue:
		case r.value%7 == 0:
			g.m.drop(topology.Failed)
			return
		default:
			r.value = 3*r.value + 1
		}
		send(r)
	}, from.n)
	g.add(out, "%s async %d", from.name, calls.Concurrency)
}

// asyncWords is a topology that calls f for each value.
func asyncWords(t *testing.T, calls topology.Calls, f func(context.Context, string) (string, error)) *topology.Plan {
	t.Helper()
	top := topology.New("async")
	top.Stream("in", serde.String(), serde.String()).MapValuesAsync(calls, f).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// Calls run at once, as many as are allowed, and results come in the order of the records: here
// each call waits for those that begin after it.
func TestAsyncCallsRunAhead(t *testing.T) {
	const n = 8
	begun := make(chan struct{}, 100)
	goOn := make([]chan struct{}, 20)
	for i := range goOn {
		goOn[i] = make(chan struct{})
	}
	plan := asyncWords(t, topology.Calls{Concurrency: n}, func(_ context.Context, v string) (string, error) {
		var i int
		if _, err := fmt.Sscan(v, &i); err != nil {
			return "", err
		}
		begun <- struct{}{}
		<-goOn[i]
		return v + "!", nil
	})
	d := New(t, plan, Options{CommitEvery: -1})
	for i := range goOn {
		d.Input("in", serde.String(), serde.String()).Append("k", fmt.Sprint(i), int64(i))
	}
	go func() {
		for range n {
			<-begun
		}
		if len(begun) != 0 {
			t.Errorf("more than %d calls run at once", n)
		}
		for i := n - 1; i >= 0; i-- { // the last one first
			close(goOn[i])
		}
		for i := n; i < len(goOn); i++ {
			close(goOn[i])
		}
	}()
	d.Run()
	d.Commit()
	got := d.Output("out", serde.String(), serde.String()).Records()
	if len(got) != len(goOn) {
		t.Fatalf("%d results, want %d", len(got), len(goOn))
	}
	for i, r := range got {
		if r.Value != fmt.Sprintf("%d!", i) {
			t.Errorf("result %d is %s", i, r.Value)
		}
	}
}

// A call that takes too long is an error of its record: its context ends.
func TestAsyncTimeout(t *testing.T) {
	plan := asyncWords(t, topology.Calls{Timeout: time.Millisecond}, func(ctx context.Context, v string) (string, error) {
		if v == "slow" {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return v, nil
	})
	d := New(t, plan, Options{OnError: Skip})
	in := d.Input("in", serde.String(), serde.String())
	in.Send("k", "slow", 1)
	in.Send("k", "fast", 2)
	got := d.Output("out", serde.String(), serde.String()).Records()
	if len(got) != 1 || got[0].Value != "fast" || d.Dropped("map-async-1", topology.Failed) != 1 {
		t.Errorf("results %v, stats %v", got, d.Stats().Dropped)
	}
}

// A function that never returns fails its record, with an error that names node and record, and
// holds nothing up. When too many have not returned that is an error of the application, though the
// policy is to skip.
func TestAsyncLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		plan := asyncWords(t, topology.Calls{Timeout: time.Minute}, func(_ context.Context, v string) (string, error) {
			if v == "stuck" {
				<-release
			}
			return v, nil
		})
		d := New(t, plan, Options{CommitEvery: -1})
		d.Input("in", serde.String(), serde.String()).Append("k", "stuck", 1)
		err := d.TryRun()
		re, ok := errors.AsType[*report.RecordError](err)
		if !ok || re.Node != "map-async-1" || re.Topic != "in" || re.Offset != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error %v does not name the node and the record", err)
		}

		d = New(t, plan, Options{OnError: Skip, CommitEvery: -1})
		in := d.Input("in", serde.String(), serde.String())
		in.Append("k", "stuck", 1)
		in.Append("k", "fast", 2)
		d.Run()
		d.Commit()
		got := d.Output("out", serde.String(), serde.String()).Records()
		if len(got) != 1 || got[0].Value != "fast" || d.Dropped("map-async-1", topology.Failed) != 1 {
			t.Errorf("results %v, stats %v", got, d.Stats().Dropped)
		}
		for i := range 100 {
			in.Append("k", "stuck", int64(i))
		}
		if err := d.TryRun(); err == nil || !strings.Contains(err.Error(), "map-async-1: ") || !strings.Contains(err.Error(), "and 64 are the most") {
			t.Errorf("with a hundred left behind the error is %v", err)
		}
	})
}

// A call that panics is a panic on its record: with skip that is left out, and those behind it are
// called again.
func TestAsyncPanics(t *testing.T) {
	plan := asyncWords(t, topology.Calls{}, func(_ context.Context, v string) (string, error) {
		if v == "bad" {
			panic("oops")
		}
		return v, nil
	})
	d := New(t, plan, Options{OnError: Skip, CommitEvery: -1})
	in := d.Input("in", serde.String(), serde.String())
	for i, v := range []string{"a", "bad", "b"} {
		in.Append("k", v, int64(i))
	}
	d.Run()
	d.Commit()
	if got := d.Output("out", serde.String(), serde.String()).Records(); len(got) != 2 || got[0].Value != "a" || got[1].Value != "b" {
		t.Errorf("results %v", got)
	}
	d = New(t, plan, Options{CommitEvery: -1})
	d.Input("in", serde.String(), serde.String()).Append("k", "bad", 1)
	err := d.TryRun()
	re, ok := errors.AsType[*report.RecordError](err)
	if !ok || !re.Panicked || re.Topic != "in" || re.Offset != 0 {
		t.Errorf("the error %v does not name the record", err)
	}
}

// Calls of records that were not committed are made again after a crash, and results come once.
// Whoever ends a task ends its calls.
func TestAsyncCrash(t *testing.T) {
	begun, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	block := make(chan struct{})
	plan := asyncWords(t, topology.Calls{Concurrency: 1}, func(ctx context.Context, v string) (string, error) {
		if v == "b" {
			begun <- struct{}{}
			select {
			case <-ctx.Done():
				ended <- struct{}{}
				return "", ctx.Err()
			case <-block:
			}
		}
		return v, nil
	})
	d := New(t, plan, Options{CommitEvery: -1})
	in := d.Input("in", serde.String(), serde.String())
	in.Append("k", "a", 1)
	d.Run()
	in.Append("k", "b", 2)
	for _, r := range d.tasks {
		r.feed() // the call begins
	}
	<-begun
	d.Crash()
	<-ended
	close(block)
	d.Run()
	d.Commit()
	if got := d.Output("out", serde.String(), serde.String()).Records(); len(got) != 2 || got[0].Value != "a" || got[1].Value != "b" {
		t.Errorf("results %v", got)
	}
}

// What is shown to look at is shown once, though the functions before the calls see each record
// twice.
func TestAsyncPeeksOnce(t *testing.T) {
	top := topology.New("async")
	peeked := 0
	top.Stream("in", serde.String(), serde.String()).
		Peek(func(string) { peeked++ }).
		MapValuesAsync(topology.Calls{}, func(_ context.Context, v string) (string, error) { return v, nil }).
		To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{})
	for i := range 5 {
		d.Input("in", serde.String(), serde.String()).Send("k", "v", int64(i))
	}
	if peeked != 5 {
		t.Errorf("%d records were peeked at, want 5", peeked)
	}
}
