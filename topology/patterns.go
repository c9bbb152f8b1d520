package topology

// checkPatterns refuses patterns that match what other sources read.
func (t *Topology) checkPatterns() {
	for _, n := range t.nodes {
		if n.reader == nil || n.reader.pattern == nil {
			continue
		}
		for _, m := range t.nodes {
			if r := m.reader; r == nil || m == n || r.internal {
				continue
			}
			for _, topic := range m.reader.topics {
				switch {
				case m.reader.pattern == nil && n.reader.pattern.MatchString(topic):
					mistakef(t, n.at, n.name, "the pattern matches topic %s, which is read at %s: a topic belongs to one source, so make the pattern narrower or read the topic with it", topic, m.at)
				case m.reader.pattern == nil && topic == n.name:
					mistakef(t, n.at, n.name, "the name of the pattern is that of the topic read at %s: give it another", m.at)
				case m.reader.pattern != nil && n.id < m.id && m.reader.pattern.String() == n.reader.pattern.String():
					mistakef(t, m.at, m.name, "the pattern is the one of %s at %s: a topic belongs to one source, so declare it once and use it in both places", n.name, n.at)
				}
			}
		}
	}
}
