package processortest

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// randomTopology is a topology drawn from the DSL, with its model beside it and what is to be
// compared in the end.
type randomTopology struct {
	rnd         *rand.Rand
	top         *topology.Topology
	m           *model
	text        []string // what was drawn, for messages
	sources     int32
	placed      bool            // input records lie where their keys belong
	poison      map[string]bool // sources that panic on a value
	found       []string        // sources that a pattern has found
	tables      bool            // there is a table of topic t
	behind      bool            // it is read through a repartition topic
	waits       bool            // it is joined with a grace, so that it need not be earlier
	once        bool            // more than one run would not be a function of the input
	streams     []grown
	ordered     []string // stores whose operators depend on the order of records
	checks      []check
	storeChecks []int
	n, lines    int
	global      topology.GlobalTable[int64, int64]
}

// grown is a stream and its model.
type grown struct {
	s       topology.Stream[string, int64]
	n       *modelNode
	name    string
	rekeyed bool
	parts   int32
	used    bool
	first   bool // from a source without detour: its order is known
	placed  bool // each key is in one partition only
	mixed   bool // of sources with different numbers of partitions
	line    int  // the InOrder that it lies behind, in its sub-topology; 0: none
	apart   bool // of a join of streams: results come when both records have, or later
	sorted  bool // it comes out in the order of that, record by record
	fresh   bool // nothing with state lies before it in its sub-topology
}

// check compares results in the end; it returns what is wrong.
type check func(d *Driver) string

const poisonValue = 13

var errSeven = errors.New("a multiple of seven")

// newRandomTopology draws one of the steps that are given.
func newRandomTopology(rnd *rand.Rand, steps func(*randomTopology) []func()) *randomTopology {
	g := &randomTopology{rnd: rnd, top: topology.New("random"), sources: 1 + rnd.Int31n(3), placed: rnd.Intn(2) == 0, poison: map[string]bool{}}
	g.m = &model{sources: map[string]*modelNode{}, dropped: drops{}, refs: map[string]int64{}}
	for i := range 1 + rnd.Intn(2) {
		topic := fmt.Sprintf("s%d", i)
		s, found := topology.Stream[string, int64]{}, rnd.Intn(4) == 0
		if found {
			s = g.top.StreamPattern(topic, topic+".?", serde.String(), serde.Int64())
			g.found = append(g.found, topic)
		} else {
			s = g.top.Stream(topic, serde.String(), serde.Int64())
		}
		n := g.m.source(topic)
		if rnd.Intn(4) == 0 {
			g.poison[topic] = true
			s = s.MapValues(func(v int64) int64 {
				if v == poisonValue {
					panic("poison")
				}
				return v
			})
		}
		g.add(grown{s: s, n: n, parts: g.sources, first: !found, placed: g.placed, fresh: true}, "source %s, of a pattern %v, poison %v", topic, found, g.poison[topic])
	}
	from := steps(g)
	for range 2 + rnd.Intn(9) {
		from[rnd.Intn(len(from))]()
	}
	for i := range g.streams {
		if !g.streams[i].used || rnd.Intn(4) == 0 {
			g.sink(i)
		}
		g.streams[i].s.Discard() // it may have been drawn for an operator that could not be
	}
	return g
}

// partitions are those of the topics of patterns, which are there from the start.
func (g *randomTopology) partitions() map[string]int32 {
	all := map[string]int32{}
	for _, topic := range g.found {
		all[topic] = g.sources
	}
	return all
}

func (g *randomTopology) name(kind string) string {
	g.n++
	return fmt.Sprintf("%s%d", kind, g.n)
}

func (g *randomTopology) add(s grown, format string, args ...any) {
	s.name = fmt.Sprintf("#%d", len(g.streams))
	g.streams = append(g.streams, s)
	g.text = append(g.text, fmt.Sprintf("%s = %s", s.name, fmt.Sprintf(format, args...)))
}

// pick draws a stream. ok is false if there is none that may be grouped by key, where that is asked
// for.
func (g *randomTopology) pick(keyed bool) (s *grown, ok bool) {
	for range 10 {
		s = &g.streams[g.rnd.Intn(len(g.streams))]
		if !keyed || !s.rekeyed {
			s.used = true
			return s, true
		}
	}
	return nil, false
}

// allSteps draw all operators.
func allSteps(g *randomTopology) []func() {
	return []func(){g.coGroup, g.coGroup, g.deduplicate, g.deduplicate, g.timedStores, g.timedStores, g.largest, g.async, g.async, g.limit, g.limit, g.sample, g.sessions, g.sessions, g.sliding, g.sliding, g.cuts, g.stateless, g.stateless, g.merge, g.split, g.rekey, g.rekey, g.window, g.window, g.window, g.table, g.tablesOfTables, g.tablesOfTables, g.rowsOfWindows, g.rowsOfWindows, g.suppress, g.suppress, g.suppress, g.join, g.join, g.joinWithin, g.joinWithin, g.joinGlobal, g.process, g.drain, g.orderly, g.orderly, g.inOrder, g.inOrder, g.routes, g.spread, g.outputs, g.joinForeign, g.joinForeign}
}

func keep(_ int32, r modelRecord, send func(modelRecord)) { send(r) }

func (g *randomTopology) stateless() {
	from, _ := g.pick(false)
	out := *from
	out.used = false
	c := int64(g.rnd.Intn(3))
	switch g.rnd.Intn(8) {
	case 0:
		out.s = from.s.Filter(func(v int64) bool { return v%3 != c })
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noValue || r.value%3 != c {
				send(r)
			}
		}, from.n)
		g.add(out, "%s filter %%3 != %d", from.name, c)
	case 1:
		out.s = from.s.MapValues(func(v int64) int64 { return 2*v + c })
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if !r.noValue {
				r.value = 2*r.value + c
			}
			send(r)
		}, from.n)
		g.add(out, "%s map 2v+%d", from.name, c)
	case 2:
		out.s = from.s.FlatMapValues(func(v int64) []int64 { return []int64{v, v + 1, v + 2}[:(v+c)%4] })
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noValue {
				g.m.drop(topology.NullValue)
				return
			}
			v := r.value
			for i := range (v + c) % 4 {
				r.value = v + i
				send(r)
			}
		}, from.n)
		g.add(out, "%s flat-map", from.name)
	case 3:
		out.s = from.s.TryMapValues(func(_ context.Context, v int64) (int64, error) {
			if v%7 == 0 {
				return 0, errSeven
			}
			return v, nil
		})
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if !r.noValue && r.value%7 == 0 {
				g.m.drop(topology.Failed)
				return
			}
			send(r)
		}, from.n)
		g.add(out, "%s fails on %%7", from.name)
	case 4:
		by := []int64{-3, -1, 0, 5}[g.rnd.Intn(4)]
		out.s = from.s.MapRecords(func(r *topology.Record[string, int64]) topology.Record[string, int64] {
			o := *r
			o.Timestamp = max(0, o.Timestamp+by)
			return o
		})
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			r.ts = max(0, r.ts+by)
			send(r)
		}, from.n)
		out.rekeyed = true
		g.add(out, "%s shift time %d", from.name, by)
	case 5:
		out.s = from.s.FilterRecords(func(r *topology.Record[string, int64]) bool { return !r.NoKey && !r.NoValue })
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if !r.noKey && !r.noValue {
				send(r)
			}
		}, from.n)
		g.add(out, "%s filter nulls", from.name)
	case 6:
		out.s = from.s.FlatMapRecords(func(r *topology.Record[string, int64]) []topology.Record[string, int64] {
			twice := r.With(r.Key+"2", r.Value)
			twice.NoKey, twice.NoValue = r.NoKey, r.NoValue
			return []topology.Record[string, int64]{*r, twice}
		})
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			send(r)
			if !r.noKey {
				r.key += "2"
			}
			send(r)
		}, from.n)
		out.rekeyed = true
		g.add(out, "%s flat-map-records", from.name)
	case 7:
		out.s = from.s.Peek(func(int64) {}).FilterNot(func(v int64) bool { return v%5 == c })
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noValue || r.value%5 != c {
				send(r)
			}
		}, from.n)
		g.add(out, "%s filter not %%5 == %d", from.name, c)
	}
}

func (g *randomTopology) merge() {
	a, _ := g.pick(false)
	b, _ := g.pick(false)
	if a == b || a.line != b.line {
		return
	}
	out := grown{s: a.s.Merge(b.s), n: g.m.node(keep, a.n, b.n), parts: a.parts, placed: a.placed && b.placed, line: a.line}
	out.apart = a.apart || b.apart
	out.fresh = a.fresh && b.fresh
	out.mixed = a.mixed || b.mixed || a.parts != b.parts
	out.rekeyed = a.rekeyed || b.rekeyed || out.mixed
	g.add(out, "%s merge %s", a.name, b.name)
}

func (g *randomTopology) split() {
	from, _ := g.pick(false)
	sp := from.s.Split(g.name("split"))
	when := []func(v int64) bool{
		func(v int64) bool { return v%2 == 0 },
		func(v int64) bool { return v%3 == 0 },
	}[:1+g.rnd.Intn(2)]
	taken := func(v int64) int {
		for i, w := range when {
			if w(v) {
				return i
			}
		}
		return len(when)
	}
	records := g.rnd.Intn(2) == 0 // then tombstones are no branch's
	for i := range len(when) + 1 {
		out := *from
		out.used = false
		switch {
		case i == len(when):
			out.s = sp.Rest()
		case records:
			out.s = sp.BranchRecords(fmt.Sprintf("b%d", i), func(r *topology.Record[string, int64]) bool { return !r.NoValue && when[i](r.Value) })
		default:
			out.s = sp.Branch(fmt.Sprintf("b%d", i), when[i])
		}
		out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noValue && (!records || i == len(when)) || !r.noValue && taken(r.value) == i {
				send(r)
			}
		}, from.n)
		g.add(out, "%s branch %d, by records %v", from.name, i, records)
	}
}

func short(k string) string { return k[:min(1, len(k))] }

// rekey sends a stream through a repartition topic.
func (g *randomTopology) rekey() {
	from, _ := g.pick(false)
	name := g.name("by")
	out := grown{parts: 1 + g.rnd.Int31n(4), placed: true, fresh: true}
	if g.rnd.Intn(2) == 0 {
		out.parts = g.sources // so that joins are possible
	}
	s, n := from.s, from.n
	how := g.rnd.Intn(3)
	switch how {
	case 0:
		s = s.MapRecords(func(r *topology.Record[string, int64]) topology.Record[string, int64] {
			o := *r
			o.Key = short(o.Key)
			return o
		})
		n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			r.key = short(r.key)
			send(r)
		}, n)
	case 1:
		key := func(v int64) string { return string("abc"[v%3]) }
		s = s.SelectKey(key)
		n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
			if r.noValue {
				g.m.drop(topology.NullValue)
				return
			}
			r.key, r.noKey = key(r.value), false
			send(r)
		}, n)
	}
	out.s, out.n = s.Repartition(name, topology.Partitions(out.parts)), g.m.repartition(name, out.parts, n)
	g.add(out, "%s repartition %s to %d, key %d", from.name, name, out.parts, how)
}

func windowKey(start int64, k string) string { return fmt.Sprintf("%s@%d", k, start) }

// window aggregates in windows.
func (g *randomTopology) window() {
	from, ok := g.pick(true)
	if !ok {
		return
	}
	store := g.name("window")
	size := []int64{10, 7, 25}[g.rnd.Intn(3)]
	advance := []int64{size, size, 5, 3}[g.rnd.Intn(4)]
	grace := []int64{0, 0, 4, 20}[g.rnd.Intn(4)]
	w := topology.Tumbling(ms(size))
	if advance != size {
		w = topology.Hopping(ms(size), ms(advance))
	}
	group := from.s.GroupByKey().Window(w.Grace(ms(grace)))
	sum := func(a, v int64) int64 { return a + v }
	key := func(w topology.Window, k string) string { return windowKey(w.Start, k) }
	out := grown{parts: from.parts, rekeyed: true, line: from.line}
	what := fmt.Sprintf("%s window %s %d/%d+%d", from.name, store, size, advance, grace)
	if from.placed && g.rnd.Intn(3) == 0 { // updates, to a topic of their own
		t := group.Aggregate(store, sum)
		n := g.m.windows(store, size, advance, grace, 0, sum, windowKey, from.n)
		if g.rnd.Intn(2) == 0 {
			t = t.EachUpdate()
			what += " each"
		} else {
			what += " updates"
		}
		topic := g.name("out")
		t.Stream(key).To(topic)
		g.last(topic, n)
		g.text = append(g.text, fmt.Sprintf("%s = %s", topic, what))
		return
	}
	kind := g.rnd.Intn(5)
	switch kind {
	case 0:
		out.s = group.Aggregate(store, sum).Final().Stream(key)
		out.n = g.m.windows(store, size, advance, grace, 0, sum, windowKey, from.n)
	case 1:
		out.s = group.Count(store).Final().Stream(key)
		out.n = g.m.windows(store, size, advance, grace, 0, func(a, _ int64) int64 { return a + 1 }, windowKey, from.n)
	case 2:
		most := func(a, v int64) int64 { return max(a, v) }
		out.s = group.Reduce(store, most).Final().Stream(key)
		out.n = g.m.windows(store, size, advance, grace, -1<<60, most, windowKey, from.n)
	case 3: // an accumulator that is changed in place
		out.s = group.Aggregate(store, func(a []int64, v int64) []int64 { return append(a, v) }, topology.ValueSerde(serde.JSON[[]int64]())).
			Final().Stream(key).
			MapValues(func(a []int64) (n int64) {
				for _, v := range a {
					n += v
				}
				return n
			})
		out.n = g.m.windows(store, size, advance, grace, 0, sum, windowKey, from.n)
	case 4:
		out.s = group.AggregateWith(store, topology.Fold(sum).From(func() int64 { return 100 })).Final().Stream(key)
		out.n = g.m.windows(store, size, advance, grace, 100, sum, windowKey, from.n)
	}
	g.add(out, "%s final, kind %d", what, kind)
}

// table aggregates without windows, to a topic of its own.
func (g *randomTopology) table() {
	from, ok := g.pick(true)
	if !ok {
		return
	}
	if !from.placed {
		return
	}
	store, topic := g.name("table"), g.name("out")
	sum := func(a, v int64) int64 { return a + v }
	t := from.s.GroupByKey().Aggregate(store, sum)
	each := g.rnd.Intn(2) == 0
	if each {
		t = t.EachUpdate()
	}
	t.ToStream().To(topic)
	g.last(topic, g.m.summed(from.n))
	g.text = append(g.text, fmt.Sprintf("%s = %s table %s, each %v", topic, from.name, store, each))
}

// join joins with a table of the topic t.
func (g *randomTopology) join() {
	from, ok := g.pick(true)
	if !ok || from.apart || from.line != 0 || from.parts != g.sources || g.tables && g.rnd.Intn(2) == 0 {
		return
	}
	topic := "t"
	if g.tables {
		return
	}
	g.tables = true
	n := g.m.source(topic)
	var table topology.Table[string, int64]
	through := g.rnd.Intn(2) == 0
	if through {
		g.behind = true
		name := g.name("by")
		n = g.m.repartition(name, g.sources, n)
		table = g.top.Stream(topic, serde.String(), serde.Int64()).
			Repartition(name, topology.Partitions(g.sources)).
			ToTable(g.name("latest"))
	} else {
		table = g.top.Table(topic, serde.String(), serde.Int64())
	}
	history := []int64{-1, -1, -1, 0, 5, 30, 1000}[g.rnd.Intn(7)]
	grace := int64(-1) // none
	var find func(p int32, r modelRecord) (value int64, ok bool)
	if history < 0 {
		find = g.latest(n)
	} else {
		table = table.History(ms(history))
		late := history
		if g.rnd.Intn(2) == 0 {
			grace = min(history, []int64{0, 5, 40}[g.rnd.Intn(3)])
			late = grace
			g.waits = true
		}
		find = g.m.history(history, late, n).at
	}
	out := *from
	out.fresh = false
	out.used, out.first = false, false
	left := g.rnd.Intn(2) == 0
	var opts []topology.JoinOption
	if grace >= 0 {
		opts = append(opts, topology.JoinGrace(ms(grace)))
		g.lines++
		out.line, out.sorted = g.lines, true
	}
	if left {
		out.s = from.s.Join(g.name("join"), table, topology.Left(func(v int64, o topology.Opt[int64]) int64 { return 1000*v + o.Value }), opts...)
	} else {
		out.s = from.s.Join(g.name("join"), table, topology.Inner(func(v, o int64) int64 { return 1000*v + o }), opts...)
	}
	waiting := from.n
	if grace >= 0 {
		waiting = g.m.inOrder(grace, from.n)
	}
	out.n = g.m.node(func(p int32, r modelRecord, send func(modelRecord)) {
		switch v, ok := find(p, r); {
		case r.noValue:
			g.m.drop(topology.NullValue)
		case r.noKey && !left:
			g.m.drop(topology.NullKey)
		case r.noKey:
			r.value *= 1000
			send(r)
		case !ok && !left:
			g.m.drop(topology.NoMatch)
		default:
			r.value = 1000*r.value + v
			send(r)
		}
	}, waiting)
	g.add(out, "%s join t, through a repartition topic %v, left %v, history %d, grace %d", from.name, through, left, history, grace)
}

// latest adds a table, and returns what a record finds.
func (g *randomTopology) latest(n *modelNode) func(p int32, r modelRecord) (value int64, ok bool) {
	latest := map[modelRow]int64{}
	g.m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		switch {
		case r.noKey:
			g.m.drop(topology.NullKey)
		case r.noValue:
			delete(latest, modelRow{p, r.key})
		default:
			latest[modelRow{p, r.key}] = r.value
		}
	}, n)
	return func(p int32, r modelRecord) (value int64, ok bool) {
		value, ok = latest[modelRow{p, r.key}]
		return value, ok
	}
}

// joinGlobal joins with a table of a few numbers.
func (g *randomTopology) joinGlobal() {
	if g.m.globals == nil {
		g.m.globals = map[int64]int64{0: 5, 1: 50}
		g.global = g.top.GlobalTable("g", serde.Int64(), serde.Int64())
	}
	from, _ := g.pick(false)
	out := *from
	out.fresh = false
	out.used = false
	out.s = from.s.JoinGlobal(g.name("global"), g.global, func(v int64) int64 { return v % 3 }, topology.Inner(func(v, o int64) int64 { return v + o }))
	out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		if r.noValue {
			g.m.drop(topology.NullValue)
			return
		}
		o, ok := g.m.globals[r.value%3]
		if !ok {
			g.m.drop(topology.NoMatch)
			return
		}
		r.value += o
		send(r)
	}, from.n)
	g.add(out, "%s join global", from.name)
}

// process counts records in a store and passes them on.
func (g *randomTopology) process() {
	from, _ := g.pick(false)
	if from.mixed {
		return
	}
	store := g.name("counts")
	ref := g.top.Store(store, serde.String(), serde.Int64())
	out := *from
	out.fresh = false
	out.used, out.rekeyed, out.first = false, true, false
	out.s = from.s.MarkPartitioned().ProcessFunc(g.name("count"), func(c topology.Context[string, int64], r *topology.Record[string, int64]) error {
		s := ref.Open(c)
		n, _, err := s.Get(r.Key)
		if err != nil {
			return err
		}
		c.Forward(*r)
		return s.Put(r.Key, n+1)
	}, ref)
	g.storeChecks = append(g.storeChecks, len(g.checks))
	want := map[string]int64{}
	out.n = g.m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		want[r.key]++
		send(r)
	}, from.n)
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]int64{}
		for _, e := range d.Store(store, serde.String(), serde.Int64()) {
			got[e.Key] += e.Value
		}
		return differ("store "+store, got, want)
	})
	g.add(out, "%s process with store %s", from.name, store)
}

// processFunc is a function as a processor.
type processFunc func(*topology.Record[string, int64]) error

func (f processFunc) Process(r *topology.Record[string, int64]) error { return f(r) }

// drain sums up in a store, and sends and deletes the sums now and then. What it has sent in all is
// a function of the input.
func (g *randomTopology) drain() {
	from, _ := g.pick(false)
	if from.mixed {
		return
	}
	g.once = true
	topic := g.name("out")
	ref := g.top.Store(g.name("sums"), serde.String(), serde.Int64())
	from.s.MarkPartitioned().Process(g.name("drain"), func(c topology.Context[string, int64]) topology.Processor[string, int64] {
		s := ref.Open(c)
		err := c.Schedule("drain", topology.StreamTime, 15*time.Millisecond, func(at int64) error {
			var keys []string
			err := s.Range(topology.None[string](), topology.None[string](), func(k string, v int64) bool {
				c.Forward(topology.Record[string, int64]{Key: k, Value: v, Timestamp: at})
				keys = append(keys, k)
				return true
			})
			for _, k := range keys {
				err = errors.Join(err, s.Delete(k))
			}
			return err
		})
		if err != nil {
			c.Stop(err)
		}
		return processFunc(func(r *topology.Record[string, int64]) error {
			n, _, err := s.Get(r.Key)
			return errors.Join(err, s.Put(r.Key, n+r.Value))
		})
	}, ref).To(topic)
	want := map[string]int64{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) { want[r.key] += r.value }, from.n)
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]int64{}
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			got[r.Key] += r.Value
		}
		return differ(topic, got, want)
	})
	g.text = append(g.text, fmt.Sprintf("%s = %s drain", topic, from.name))
}

func (g *randomTopology) String() string { return strings.Join(g.text, "\n") }
