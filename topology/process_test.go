package topology_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// dedup forwards what it has not seen, and forgets everything once a second of stream time.
type dedup struct {
	c    topology.Context[string, string]
	seen topology.Store[string, int64]
	n    int // lost with the instance
}

func (d *dedup) Process(r *topology.Record[string, string]) error {
	if r.NoKey || r.NoValue {
		d.c.Drop(topology.NullValue)
		return nil
	}
	if r.Value == "bad" {
		return errOops
	}
	d.n++
	if _, ok, err := d.seen.Get(r.Value); ok || err != nil {
		return err
	}
	if err := d.seen.Put(r.Value, r.Timestamp); err != nil {
		return err
	}
	d.c.Forward(r.With(r.Key, r.Value+strconv.Itoa(d.n)))
	return nil
}

func (d *dedup) forget(at int64) error {
	var all []string
	err := d.seen.Range(topology.None[string](), topology.None[string](), func(k string, _ int64) bool {
		all = append(all, k)
		return true
	})
	if err != nil {
		return err
	}
	for _, k := range all {
		if err := d.seen.Delete(k); err != nil {
			return err
		}
	}
	d.c.Forward(topology.Record[string, string]{Key: "forgot", Value: strings.Join(all, ","), Timestamp: at})
	return nil
}

func dedupTopology() *topology.Topology {
	tp, s := text()
	seen := tp.Store("seen", serde.String(), num())
	s.Process("dedup", func(c topology.Context[string, string]) topology.Processor[string, string] {
		d := &dedup{c: c, seen: seen.Open(c)}
		if err := c.Schedule("forget", topology.StreamTime, time.Second, d.forget); err != nil {
			panic(err)
		}
		if err := c.Schedule("wall", topology.WallClock, time.Second, func(at int64) error {
			if c.Time() > 2000 {
				return errOops
			}
			c.Forward(topology.Record[string, string]{NoKey: true, Value: c.Now().UTC().Format("15:04:05"), Timestamp: at})
			return nil
		}); err != nil {
			panic(err)
		}
		return d
	}, seen).To("out")
	return tp
}

func TestProcess(t *testing.T) {
	r := newRig(t, dedupTopology())
	r.skip = true
	headers := msg("in", "k", "b", 5)
	headers.headers = "h=1"
	r.in(msg("in", "k", "a", 10), headers, msg("in", "k", "a", 11), tombstone("in", "k", 12), msg("in", "k", "bad", 13))
	r.want("out k:a1 @10", "out k:b2 @5 ref 10 {h=1}")
	r.commit()
	if rows := r.rows("seen"); fmt.Sprint(rows) != "map[a:10 b:5]" {
		t.Errorf("rows %v", rows)
	}
	r.in(msg("in", "k", "c", 14))
	r.want("out k:c4 @14")
	r.restart() // aborted: c is forgotten, and the instance
	r.in(msg("in", "k", "c", 14), msg("in", "k", "b", 1500))
	r.want("out k:c1 @14", "out forgot:a,b,c @1000")
	r.in(msg("in", "k", "b", 1501))
	r.want("out k:b3 @1501")
	r.tick(time.Second)
	r.want("out null:01:46:41 @1000000001000")
	r.advance(3000)
	r.take()
	r.tick(time.Second)
	r.want()
	r.wantDrops(map[string]int{"dedup null-value": 1})
	if len(r.failures) != 2 || r.failures[0].node != "dedup" || r.failures[0].o.Offset != 5 || r.failures[1].o != (topology.Origin{}) {
		t.Errorf("failures %+v", r.failures)
	}
	names := slices.Collect(func(yield func(string) bool) {
		for name := range r.reader("in", false).schedules {
			yield(name)
		}
	})
	slices.Sort(names)
	if !slices.Equal(names, []string{"dedup/forget", "dedup/wall"}) {
		t.Errorf("schedules %q", names)
	}
}

func TestProcessFuncAndRange(t *testing.T) {
	tp, s := text()
	st := tp.Store("st", serde.String(), num())
	s.ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		st := st.Open(c)
		lo, hi, ok := strings.Cut(r.Value, "-")
		if !ok {
			return st.Put(r.Value, r.Timestamp)
		}
		bound := func(s string) topology.Opt[string] { return topology.Opt[string]{Value: s, OK: s != ""} }
		var found []string
		err := st.Range(bound(lo), bound(hi), func(k string, v int64) bool {
			found = append(found, k)
			if err := st.Delete(k); err != nil { // writing while ranging is allowed
				t.Error(err)
			}
			if err := st.Put(k, v); err != nil {
				t.Error(err)
			}
			return len(found) < 3
		})
		c.Forward(r.With("found", strings.Join(found, "")))
		return err
	}, st).To("out")
	r := newRig(t, tp)
	for i, k := range strings.Split("gdbhacfe", "") {
		r.in(msg("in", "", k, int64(i)))
		if i == 4 {
			r.commit()
		}
	}
	r.in(msg("in", "", "-", 9), msg("in", "", "b-d", 9), msg("in", "", "g-", 9), msg("in", "", "-b", 9), msg("in", "", "x-", 9))
	r.want("out found:abc @9", "out found:bc @9", "out found:gh @9", "out found:a @9", "out found: @9")
}

// A range longer than what is read at once.
func TestLongRange(t *testing.T) {
	tp, s := text()
	st := tp.Store("st", num(), num())
	n := 0
	s.ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		st := st.Open(c)
		for i := range int64(1000) {
			if err := st.Put(10000+i, i); err != nil {
				return err
			}
		}
		return st.Range(topology.None[int64](), topology.None[int64](), func(k, v int64) bool {
			if k != 10000+v || v != int64(n) {
				t.Errorf("%d: %d %d", n, k, v)
			}
			n++
			return true
		})
	}, st)
	r := newRig(t, tp)
	r.in(msg("in", "", "", 1))
	if n != 1000 {
		t.Errorf("%d rows", n)
	}
}

// An error of a receiver or store stops the task, whatever the processor returns and the policy is.
func TestProcessStops(t *testing.T) {
	tp, s := text()
	st := tp.Store("st", serde.String(), num())
	s.ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		if r.Value == "store" {
			_, _, err := st.Open(c).Get("k")
			if err == nil {
				t.Error("the stored value does not decode")
			}
			return nil
		}
		c.Forward(*r)
		c.Forward(*r) // not delivered any more
		return nil
	}, st).TryFilter(func(_ context.Context, _ string) (bool, error) { return false, errOops }).Discard()
	r := newRig(t, tp)
	if err := r.try(msg("in", "k", "a", 1)); !errors.Is(err, errOops) {
		t.Errorf("got %v", err)
	}
	if len(r.failures) != 1 {
		t.Errorf("failures %v", r.failures)
	}
	r.restart()
	r.skip = true
	r.reader("in", false).Store("st").Put([]byte("k"), []byte("x"))
	if err := r.try(msg("in", "k", "store", 1)); err == nil || !strings.Contains(err.Error(), "store st: decode a stored value as decimal") {
		t.Errorf("got %v", err)
	}
}

// A store that was not given to the processor is an error with the way out, not a panic.
func TestStoreNotGiven(t *testing.T) {
	tp, s := text()
	st := tp.Store("st", serde.String(), num())
	other := tp.Store("other", serde.String(), num())
	s.ProcessFunc("p", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		return st.Open(c).Put("a", 1)
	}, other).Discard()
	r := newRig(t, tp)
	r.skip = true
	if err := r.try(msg("in", "k", "a", 1)); err == nil || !strings.Contains(err.Error(), "processor p: store st was not given to this processor: add it to the arguments of Process") {
		t.Errorf("got %v", err)
	}

	tp, s = text()
	st = tp.Store("st", serde.String(), num())
	s.Process("p", func(c topology.Context[string, string]) topology.Processor[string, string] {
		return &dedup{c: c, seen: st.Open(c)}
	}).Discard()
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.ForRuntime(flow.Key{}).NewGraph(plan.ForRuntime(flow.Key{}).SubTopologies[0], &rigTask{}); err == nil || !strings.Contains(err.Error(), "store st was not given") || !strings.Contains(err.Error(), "process_test.go:") {
		t.Errorf("got %v", err)
	}
}

// Two processors share a store, and so a task.
func TestSharedStore(t *testing.T) {
	tp := topology.New("test")
	st := tp.Store("st", serde.String(), serde.String())
	tp.Stream("a", serde.String(), serde.String()).ProcessFunc("writer", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		return st.Open(c).Put(r.Key, r.Value)
	}, st)
	tp.Stream("b", serde.String(), serde.String()).ProcessFunc("reader", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		v, ok, err := st.Open(c).Get(r.Key)
		if ok {
			c.Forward(r.With(r.Key, v))
		}
		return err
	}, st).To("out")
	r := newRig(t, tp)
	if n := len(r.plan.ForRuntime(flow.Key{}).SubTopologies); n != 1 {
		t.Errorf("%d sub-topologies", n)
	}
	if c := r.plan.ForRuntime(flow.Key{}).CoPartitioned; len(c) != 1 || !slices.Equal(c[0].Topics, []string{"a", "b"}) || c[0].Node != "reader" {
		t.Errorf("co-partitioned %v", c)
	}
	r.in(msg("b", "k", "", 1), msg("a", "k", "v", 2), msg("b", "k", "", 3))
	r.want("out k:v @3")
}
