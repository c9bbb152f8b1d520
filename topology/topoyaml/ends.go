package topoyaml

// unread reports sources and chains whose records nobody reads: the file does less than it says.
func (b *builder) unread(streams []*definition) {
	for _, s := range b.sources {
		if !b.read[s.name] {
			b.r.fail(s.pos, "nothing reads the source %q: start a stream from it, join it, or remove it", s.name)
		}
	}
	for _, d := range streams {
		b.ends(d.stream, "stream")
	}
}

// ends checks the end of a chain of steps: a stream's or a branch's.
func (b *builder) ends(m *mapping, what string) {
	pos, name := m.pos, m.text("name")
	if e := m.get("steps"); e != nil && len(e.mappings) > 0 {
		last := e.mappings[len(e.mappings)-1]
		switch pos = last.pos; last.entries[0].name {
		case "to", "discard":
			return
		case "split":
			if list := last.entries[0].mapping.get("branches"); list != nil {
				for _, branch := range list.mappings {
					b.ends(branch, "branch")
				}
			}
			return
		}
	}
	if name != "" && b.read[name] {
		return
	}
	if name != "" {
		what += " " + name
	}
	b.r.fail(pos, "the %s ends here, and nothing reads its records: write them with to, start another stream from it, or say discard: true if that is meant", what)
}

// discard says that it is meant that a chain ends in nothing.
func (b *builder) discard(f *flow, e *entry) {
	if e.node.Value != "true" {
		b.r.fail(at(e.node), "discard is true, or is left out")
		return
	}
	switch f.stage {
	case tableStage, countStage, windowTableStage, windowCountStage: // its state is kept
		return
	}
	b.toStream(f, e.pos, e.name)
	b.build(f, e.pos, func() { f.stream.Discard() })
}
