package topology

import "slices"

// cut divides the plan into sub-topologies: nodes belong together if records go from one to the
// other, or if they share a store or an input topic.
func (p *Plan) cut(t *Topology) {
	sets := newSets(len(p.nodes))
	byStore := make(map[*storeDecl]int)
	byTopic := make(map[string]int)
	for _, n := range p.nodes {
		for _, parent := range n.parents {
			sets.join(n.id, parent.id)
		}
		for _, d := range n.stores {
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
	subs := make(map[int]*SubTopology)
	of := make(map[*SubTopology][]*planNode)
	for _, n := range p.nodes {
		s := subs[sets.find(n.id)]
		if s == nil {
			s = new(SubTopology)
			subs[sets.find(n.id)] = s
			p.subs = append(p.subs, s)
		}
		of[s] = append(of[s], n)
	}
	for _, s := range p.subs {
		s.inputs(of[s])
	}
	slices.SortFunc(p.subs, sortedBy(func(s *SubTopology) string { return s.Name }))
	for i, s := range p.subs {
		s.index = i
		for _, n := range of[s] {
			n.sub = i
		}
		s.stores(t, of[s])
		p.sinksOf(s, of[s])
	}
	for _, n := range p.nodes { // in the order of declaration
		if n.sink != nil {
			n.sink.Index = len(p.sinks)
			p.sinks = append(p.sinks, n.sink)
		}
	}
	slices.SortFunc(p.repartitions, sortedBy(func(r Repartition) string { return r.Name }))
	for _, g := range t.globals {
		p.globals = append(p.globals, GlobalSpec{Name: g.name, Topic: g.topic, Key: nameOf(g.key), Value: nameOf(g.value)})
	}
	slices.SortFunc(p.globals, sortedBy(func(g GlobalSpec) string { return g.Name }))
	p.coPartition()
}

// inputs sets what the sub-topology reads, and its name.
func (s *SubTopology) inputs(nodes []*planNode) {
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
			in := Input{Topic: topic, Repartition: r.internal, Timeless: r.timeless, MaxFuture: r.future}
			if !slices.Contains(s.Inputs, in) {
				s.Inputs = append(s.Inputs, in)
			}
			if in.Repartition {
				smaller(&internal, topic)
			} else {
				smaller(&external, topic)
			}
		}
		if g := n.looks.global; g != nil && !slices.Contains(s.Globals, g.name) {
			s.Globals = append(s.Globals, g.name)
		}
	}
	s.Name = internal
	if s.Name == "" {
		s.Name = external
	}
	slices.SortFunc(s.Inputs, sortedBy(func(in Input) string { return in.Topic }))
	slices.Sort(s.Globals)
}

// stores sets the sub-topology's stores.
func (s *SubTopology) stores(t *Topology, nodes []*planNode) {
	timed := slices.ContainsFunc(s.Inputs, func(in Input) bool { return in.Repartition })
	for _, n := range nodes {
		timed = timed || n.timed
		for _, d := range n.stores {
			spec := StoreSpec{Name: d.name, Kind: d.kind, Timestamped: d.timestamps, Logged: true, Shape: d.shape()}
			if d.kind.Windowed() {
				spec.Retention = sum(d.retention, n.late)
			}
			if !slices.Contains(s.Stores, spec) {
				s.Stores = append(s.Stores, spec)
			}
		}
	}
	if timed {
		s.TimeStore = s.Name + "-time"
		s.Stores = append(s.Stores, StoreSpec{Name: s.TimeStore, Kind: KeyValueStore, Logged: true, Shape: timeShape})
		if d, ok := t.stores[s.TimeStore]; ok {
			mistakef(t, d.at, d.name, "the store's name is the one of the time of sub-topology %s: choose another", s.Name)
		}
	}
	slices.SortFunc(s.Stores, sortedBy(func(d StoreSpec) string { return d.Name }))
}

// sinksOf sets what the sub-topology writes, and enters it as a writer of repartition topics.
func (p *Plan) sinksOf(s *SubTopology, nodes []*planNode) {
	for _, n := range nodes {
		decl := n.writer
		if decl == nil {
			continue
		}
		n.sink = &Sink{Topic: decl.topic, Repartition: decl.repartition != nil, Places: n.places}
		s.Sinks = append(s.Sinks, n.sink)
		if decl.repartition != nil {
			p.repartitions = append(p.repartitions, Repartition{
				Name: decl.topic, Partitions: decl.repartition.partitions,
				Writers: []Writer{{SubTopology: s.Name, Delay: n.late}},
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
