package topology

import "fmt"

// checkSources checks what concerns several sources.
func (t *Topology) checkSources() {
	first := make(map[string]*node)
	some := false
	for _, n := range t.nodes {
		if n.reader == nil {
			continue
		}
		for _, topic := range n.reader.topics {
			some = true
			f, ok := first[topic]
			if !ok {
				first[topic] = n
				continue
			}
			a, b := f.reader, n.reader
			switch {
			case a.internal != b.internal:
				mistakef(t, n.at, n.name, "the topic read at %s and the repartition topic have one name: give the repartition topic another", f.at)
			case a.internal: // the name is taken, which has been said
			case a.ownTime || b.ownTime:
				mistakef(t, n.at, n.name, "topic %q is read at %s already, and with a time of its own at one of the two places: declare the stream once and use its handle twice", topic, f.at)
			case a.timeless != b.timeless:
				mistakef(t, n.at, n.name, "topic %q is read at %s already, and timeless at one of the two places only: say it at both", topic, f.at)
			case a.future != b.future:
				mistakef(t, n.at, n.name, "topic %q is read at %s already, with another MaxFuture: say the same at both", topic, f.at)
			}
		}
	}
	if !some {
		mistakef(t, "topology "+t.name, "", "it reads no topic: begin with Stream or Table")
	}
}

// checkTopics checks that what reads a topic reads it in one way: as keys and values of one type,
// by serdes of one name. What is read in several ways is garbage in all of them but one.
func (t *Topology) checkTopics() {
	type way struct {
		at         string
		key, value anySerde
	}
	first := make(map[string]way)
	check := func(topic, name string, w way) {
		f, ok := first[topic]
		if !ok {
			first[topic] = w
			return
		}
		for _, of := range []struct {
			what        string
			before, now anySerde
		}{{"keys", f.key, w.key}, {"values", f.value, w.value}} {
			before, now, same := ways(of.before, of.now)
			if !same {
				mistakef(t, w.at, name, "the %s of topic %q are read as %s here, and at %s as %s: read the topic in one way and use that in both places. Where it has messages of several kinds, read their bytes, with serde.Bytes, and decode them with TryMapValues", of.what, topic, now, f.at, before)
			}
		}
	}
	for _, n := range t.nodes {
		if n.reader == nil || n.reader.internal {
			continue
		}
		for _, topic := range n.reader.topics {
			check(topic, n.name, way{n.at, n.key.serde, n.value.serde})
		}
	}
	for _, g := range t.globals {
		check(g.topic, g.name, way{g.at, g.key, g.value})
	}
}

// ways says how two serdes read bytes, and whether that is one way. Of a serde without a name, and
// of one that is nil, something has been said already.
func ways(a, b anySerde) (as, bs string, same bool) {
	aName, aErr := a.serdeName()
	bName, bErr := b.serdeName()
	switch {
	case a.of() != b.of():
		return fmt.Sprintf("%s (%s)", a.of(), aName), fmt.Sprintf("%s (%s)", b.of(), bName), false
	case aErr != nil || bErr != nil:
		return "", "", true
	}
	return aName, bName, aName == bName
}
