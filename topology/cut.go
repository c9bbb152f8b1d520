package topology

import (
	"slices"

	"github.com/kolkstream/kolk/internal/flow"
)

// cut divides the plan into sub-topologies: nodes belong together if records go from one to the
// other, or if they share a store or an input topic.
func (p *Plan) cut(t *Topology) {
	sets := p.together(nil)
	subs := make(map[int]*flow.SubTopology)
	of := make(map[*flow.SubTopology][]*planNode)
	for _, n := range p.nodes {
		s := subs[sets.find(n.id)]
		if s == nil {
			s = new(flow.SubTopology)
			subs[sets.find(n.id)] = s
			p.made.SubTopologies = append(p.made.SubTopologies, s)
		}
		of[s] = append(of[s], n)
	}
	for _, s := range p.made.SubTopologies {
		setInputs(s, of[s])
	}
	slices.SortFunc(p.made.SubTopologies, sortedBy(func(s *flow.SubTopology) string { return s.Name }))
	for i, s := range p.made.SubTopologies {
		for _, n := range of[s] {
			n.sub = i
		}
		setStores(s, t, of[s])
		p.sinksOf(s, of[s])
	}
	for _, n := range p.nodes { // in the order of declaration
		for _, sink := range n.sinks {
			sink.Index = len(p.made.Sinks)
			p.made.Sinks = append(p.made.Sinks, sink)
		}
	}
	slices.SortFunc(p.made.Repartitions, sortedBy(func(r flow.Repartition) string { return r.Name }))
	for _, g := range t.globals {
		p.made.Globals = append(p.made.Globals, flow.GlobalSpec{Name: g.name, Topic: g.topic, Key: nameOf(g.key), Value: nameOf(g.value)})
	}
	slices.SortFunc(p.made.Globals, sortedBy(func(g flow.GlobalSpec) string { return g.Name }))
	p.coPartition()
}

// together returns the sets of nodes that run together, also without a store.
func (p *Plan) together(without *storeDecl) sets {
	sets := newSets(len(p.nodes))
	byStore := make(map[*storeDecl]int)
	byTopic := make(map[string]int)
	for _, n := range p.nodes {
		for _, parent := range n.parents {
			sets.join(n.id, parent.id)
		}
		for _, d := range n.stores {
			if d == without {
				continue
			}
			if first, ok := byStore[d]; ok {
				sets.join(n.id, first)
			} else {
				byStore[d] = n.id
			}
		}
		for _, topic := range n.topics() {
			if first, ok := byTopic[topic]; ok {
				sets.join(n.id, first)
			} else {
				byTopic[topic] = n.id
			}
		}
	}
	return sets
}

// setInputs sets what the sub-topology reads, and its name.
func setInputs(s *flow.SubTopology, nodes []*planNode) {
	external := ""
	internal := ""
	smaller := func(name *string, topic string) {
		if *name == "" || topic < *name {
			*name = topic
		}
	}
	for _, n := range nodes {
		for _, topic := range n.topics() {
			r := n.reader
			in := flow.Input{Topic: topic, Repartition: r.internal, Timeless: r.timeless, MaxFuture: r.future, Pattern: r.pattern}
			if !slices.Contains(s.Inputs, in) {
				s.Inputs = append(s.Inputs, in)
			}
			if in.Repartition {
				smaller(&internal, topic)
			} else {
				smaller(&external, topic)
			}
		}
		for _, g := range n.looks.global {
			if !slices.Contains(s.Globals, g.name) {
				s.Globals = append(s.Globals, g.name)
			}
		}
	}
	s.Name = internal
	if s.Name == "" {
		s.Name = external
	}
	slices.SortFunc(s.Inputs, sortedBy(func(in flow.Input) string { return in.Topic }))
	slices.Sort(s.Globals)
}

// setStores sets the sub-topology's stores.
func setStores(s *flow.SubTopology, t *Topology, nodes []*planNode) {
	timed := slices.ContainsFunc(s.Inputs, func(in flow.Input) bool { return in.Repartition })
	for _, n := range nodes {
		timed = timed || n.timed
		for _, d := range n.stores {
			spec := flow.StoreSpec{Name: d.name, Kind: d.kind, Timestamped: d.timestamps, Logged: true, Marked: d.marked, Kept: d.kept, Shape: d.shape()}
			spec.Segment = d.segment
			if d.kind.Windowed() {
				spec.Retention = sum(d.retention, n.late)
			} else {
				spec.Retention = d.retention
			}
			i := slices.IndexFunc(s.Stores, func(o flow.StoreSpec) bool { return o.Name == d.name })
			if i < 0 {
				s.Stores = append(s.Stores, spec)
			} else { // what comes another way may be delayed more
				s.Stores[i].Retention = max(s.Stores[i].Retention, spec.Retention)
			}
			timed = timed || t.config.clocks
		}
	}
	if timed {
		s.TimeStore = s.Name + "-time"
		s.Stores = append(s.Stores, flow.StoreSpec{Name: s.TimeStore, Kind: flow.KeyValueStore, Logged: true, Shape: timeShape})
		if d, ok := t.stores[s.TimeStore]; ok {
			mistakef(t, d.at, d.name, "the store's name is the one of the time of sub-topology %s: choose another", s.Name)
		}
	}
	slices.SortFunc(s.Stores, sortedBy(func(d flow.StoreSpec) string { return d.Name }))
}

// sinksOf sets what the sub-topology writes, and enters it as a writer of repartition topics.
func (p *Plan) sinksOf(s *flow.SubTopology, nodes []*planNode) {
	for _, n := range nodes {
		decl := n.writer
		if decl == nil {
			continue
		}
		for _, topic := range decl.topics {
			n.sinks = append(n.sinks, &flow.Sink{Topic: topic, Repartition: decl.repartition != nil, Places: n.places})
		}
		s.Sinks = append(s.Sinks, n.sinks...)
		if decl.repartition != nil {
			p.made.Repartitions = append(p.made.Repartitions, flow.Repartition{
				Name: decl.repartition.name, Partitions: decl.repartition.partitions,
				Writers: []flow.Writer{{SubTopology: s.Name, Delay: n.late}},
			})
		}
	}
}

// sets are disjoint sets of numbers.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) find(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(i, j int) { s[s.find(i)] = s.find(j) }
