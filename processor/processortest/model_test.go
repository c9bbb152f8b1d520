package processortest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/topology"
)

// model is the reference of the random topologies: every operator as a plain loop over maps,
// without tasks, logs, transactions or a clock. Nodes push records to their children. Each
// sub-topology sees all of a run's input before those behind it.
type model struct {
	partition func(key string, n int32) int32
	subs      []*modelSub // upstream first
	sources   map[string]*modelNode
	logs      map[string][][]modelRecord // of this run, by topic as the plan names it
	dropped   drops
	globals   map[int64]int64
	refs      map[string]int64 // by origin
	// of windows and orders, upstream first; each checks whether it belongs to the sub
	atEnd    []func(p int32, sub *modelSub)
	branched modelPlace // what was branched last
	branches int
}

type modelSub struct {
	name    string
	tasks   int32
	inputs  []flow.Input
	largest []int64 // ref, by task
	closed  []int64 // windows that have begun by it are closed
}

// modelRecord is a record with where it came from.
type modelRecord struct {
	key            string
	noKey, noValue bool
	value          int64
	ts, ref        int64
	origin         string // topic/partition of the source
	number         int64  // place in the input, within its origin
	poisons        bool
	place          modelPlace
}

// modelEvent is a record of the input.
type modelEvent struct {
	topic          string
	partition      int32
	key            string
	noKey, noValue bool
	value, ts      int64
	poisons        bool // it makes its source panic
	number         int64
}

// modelNode is an operator.
type modelNode struct {
	m        *model
	sub      *modelSub // set when the plan is known
	children []*modelNode
	recv     func(p int32, r modelRecord)
}

// node adds an operator behind parents. f handles a record and calls send for each one that goes
// on.
func (m *model) node(f func(p int32, r modelRecord, send func(modelRecord)), parents ...*modelNode) *modelNode {
	n := &modelNode{m: m}
	n.recv = func(p int32, r modelRecord) {
		f(p, r, func(r modelRecord) { n.send(p, r) })
	}
	for _, parent := range parents {
		parent.children = append(parent.children, n)
	}
	return n
}

func (n *modelNode) send(p int32, r modelRecord) {
	for _, c := range n.children {
		c.recv(p, r)
	}
}

func (m *model) drop(reason topology.Reason) { m.dropped[reason]++ }

// source adds the source of a topic.
func (m *model) source(topic string) *modelNode {
	n := m.node(func(_ int32, r modelRecord, send func(modelRecord)) { send(r) })
	m.sources[topic] = n
	return n
}

// repartition adds a repartition topic.
func (m *model) repartition(name string, n int32, parent *modelNode) *modelNode {
	return m.repartitionBy(name, n, nil, parent)
}

// repartitionBy adds a repartition topic whose partitions by chooses, or the key: then there has to
// be one. A partition that is negative is an error.
func (m *model) repartitionBy(name string, n int32, by func(modelRecord) int32, parent *modelNode) *modelNode {
	m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
		var p int32
		switch {
		case by != nil:
			p = by(r)
		case r.noKey:
			m.drop(topology.NullKey)
			return
		default:
			p = m.partition(r.key, n)
		}
		if p < 0 {
			m.drop(topology.Failed)
			return
		}
		r.ref = max(r.ref, r.ts)
		r.place = m.branch(r.place)
		m.log(name, n)[p] = append(m.log(name, n)[p], r)
	}, parent)
	return m.source(name)
}

// summed adds up the values of each key.
func (m *model) summed(parent *modelNode) *modelNode {
	type sum struct{ value, ts int64 }
	all := map[string]sum{}
	return m.node(func(_ int32, r modelRecord, send func(modelRecord)) {
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
			return
		case r.noValue:
			m.drop(topology.NullValue)
			return
		}
		a := all[r.key]
		a = sum{a.value + r.value, max(a.ts, r.ts)}
		all[r.key] = a
		send(modelRecord{key: r.key, value: a.value, ts: a.ts})
	}, parent)
}

func (m *model) log(topic string, n int32) [][]modelRecord {
	if m.logs[topic] == nil {
		m.logs[topic] = make([][]modelRecord, n)
	}
	return m.logs[topic]
}

// windows adds a windowed aggregation with final results.
func (m *model) windows(store string, size, advance, grace int64, start int64, add func(a, v int64) int64, key func(start int64, key string) string, parent *modelNode) *modelNode {
	type slot struct {
		p     int32
		start int64
		key   string
	}
	type agg struct{ value, ts int64 }
	open := map[slot]agg{}
	passed := map[int32]int64{} // starts of windows that a run's end has closed
	var sub func() *modelSub
	n := m.node(func(p int32, r modelRecord, _ func(modelRecord)) {
		switch {
		case r.noKey:
			m.drop(topology.NullKey)
			return
		case r.noValue:
			m.drop(topology.NullValue)
			return
		}
		late, closed, taken := false, false, false
		last, any := passed[p]
		for s := max(0, r.ts-size+advance) / advance * advance; s <= r.ts; s += advance {
			switch {
			case r.ref >= s+size+grace:
				late = true
			case s <= sub().closed[p], any && s <= last:
				closed = true
			default:
				taken = true
				at := slot{p, s, r.key}
				a, ok := open[at]
				if !ok {
					a = agg{start, r.ts}
				}
				open[at] = agg{add(a.value, r.value), max(a.ts, r.ts)}
			}
		}
		switch {
		case taken:
		case late:
			m.drop(topology.LateRecord)
		case closed:
			m.drop(topology.WindowClosed)
		}
	}, parent)
	sub = func() *modelSub { return n.sub }
	m.atEnd = append(m.atEnd, func(p int32, of *modelSub) {
		if of != n.sub {
			return
		}
		all := slices.SortedFunc(maps.Keys(open), func(a, b slot) int {
			return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
		})
		for _, at := range all {
			if at.p == p {
				a := open[at]
				delete(open, at)
				passed[p] = max(passed[p], at.start)
				n.send(p, modelRecord{key: key(at.start, at.key), value: a.value, ts: a.ts, ref: a.ts,
					place: modelPlace{kind: 2, name: store, a: at.start, key: at.key, task: p}})
			}
		}
	})
	return n
}

// bind tells the nodes their sub-topologies.
func (m *model) bind(plan *topology.Plan, partitions func(topic string, repartition bool) int32) error {
	writers := map[string]string{} // of repartition topics
	for _, r := range plan.ForRuntime(flow.Key{}).Repartitions {
		for _, w := range r.Writers {
			writers[r.Name] = w.SubTopology
		}
	}
	byName := map[string]*modelSub{}
	for _, s := range plan.ForRuntime(flow.Key{}).SubTopologies {
		sub := &modelSub{name: s.Name, inputs: s.Inputs}
		for _, in := range s.Inputs {
			sub.tasks = max(sub.tasks, partitions(in.Topic, in.Repartition))
		}
		sub.largest, sub.closed = make([]int64, sub.tasks), make([]int64, sub.tasks)
		for i := range sub.tasks {
			sub.largest[i], sub.closed[i] = -1, -1
		}
		byName[s.Name] = sub
		for _, in := range s.Inputs {
			if n := m.sources[in.Topic]; n != nil {
				n.bind(sub)
			}
		}
	}
	done := map[string]bool{}
	for len(m.subs) < len(byName) {
		before := len(m.subs)
		for _, s := range plan.ForRuntime(flow.Key{}).SubTopologies {
			ready := !done[s.Name]
			for _, in := range s.Inputs {
				ready = ready && (!in.Repartition || done[writers[in.Topic]])
			}
			if ready {
				done[s.Name] = true
				m.subs = append(m.subs, byName[s.Name])
			}
		}
		if len(m.subs) == before {
			return fmt.Errorf("the sub-topologies form a loop")
		}
	}
	return nil
}

func (n *modelNode) bind(sub *modelSub) {
	n.sub = sub
	for _, c := range n.children {
		c.bind(sub)
	}
}

// run processes one bounded run's events.
func (m *model) run(sources int32, events []modelEvent) {
	m.logs = map[string][][]modelRecord{}
	for _, e := range events {
		log := m.log(e.topic, sources)
		origin := fmt.Sprintf("%s/%d", e.topic, e.partition)
		switch {
		case e.ts < 0:
			m.drop(topology.Failed)
			continue
		case !e.poisons:
			m.refs[origin] = max(m.refs[origin], e.ts)
		}
		log[e.partition] = append(log[e.partition], modelRecord{
			key: e.key, noKey: e.noKey, noValue: e.noValue, value: e.value, ts: e.ts, ref: m.refs[origin], origin: origin, number: e.number, poisons: e.poisons,
			place: modelPlace{kind: 1, name: e.topic, a: int64(e.partition), b: e.number},
		})
	}
	for _, s := range m.subs {
		for p := range s.tasks {
			m.merge(s, p)
			for _, end := range m.atEnd {
				end(p, s)
			}
			s.closed[p] = max(s.closed[p], s.largest[p])
		}
	}
}

// merge takes the heads of a task's inputs by their timestamps, of equal ones the first input in
// the order of names.
func (m *model) merge(s *modelSub, p int32) {
	logs := make([][]modelRecord, len(s.inputs))
	for i, in := range s.inputs {
		if all := m.logs[in.Topic]; int(p) < len(all) {
			logs[i] = all[p]
		}
	}
	for {
		first := -1
		for i, log := range logs {
			if len(log) > 0 && (first < 0 || log[0].ts < logs[first][0].ts) {
				first = i
			}
		}
		if first < 0 {
			return
		}
		r := logs[first][0]
		logs[first] = logs[first][1:]
		if r.poisons {
			m.drop(topology.Failed)
			continue
		}
		s.largest[p] = max(s.largest[p], r.ref)
		m.sources[s.inputs[first].Topic].recv(p, r)
	}
}
