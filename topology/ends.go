package topology

// Discard says that it is meant that the stream ends here: nothing more is done with its records,
// and nothing is written. Without it, [Topology.Build] refuses a chain whose records nobody reads,
// and so each further output of a processor, and either part of a [Stream.SplitLimit]. A table and
// a processor with a store may end a chain, for their state is a result. What comes before Discard
// is done for its own sake, such as [Stream.Peek].
func (s Stream[K, V]) Discard() { s.node().discarded = true }

// MarkPartitioned says that records with equal keys lie in one partition, although the operator
// before it changes keys: where a new key follows from the old one, and no two old ones give the
// same. Then no [Stream.Repartition] is needed for what keeps state by key. If it is not so,
// results are wrong: each task has a state of its own for a key that several tasks see.
//
// It is said of the operator whose output s is, right behind it.
func (s Stream[K, V]) MarkPartitioned() Stream[K, V] {
	s.node().rekeyed = nil
	return s
}

// checkEnds finds chains whose records nobody reads.
func (t *Topology) checkEnds() {
	read := make(map[*node]bool)
	globals := make(map[*globalDecl]bool)
	for _, n := range t.nodes {
		for _, p := range n.parents {
			if !n.beside {
				read[p] = true
			}
		}
		if n.looks.table != nil {
			read[n.looks.table] = true
		}
		for _, g := range n.looks.global {
			globals[g] = true
		}
	}
	for _, n := range t.nodes {
		switch {
		case read[n] || n.writer != nil || n.discarded || n.result:
		case n.reader != nil && !n.reader.internal:
			t.unread(n.at, n.name, "nothing reads this source: read it, remove it, or call Discard if that is meant")
		default:
			t.unread(n.at, n.name, "the records end here, and nothing is done with them: write them with To, or call Discard if that is meant")
		}
	}
	for _, d := range t.outputs {
		if !d.given {
			t.unread(d.at, d.name, "no processor sends to this output: give it to Process, or remove it")
		}
	}
	for _, g := range t.globals {
		if !globals[g] {
			t.unread(g.at, g.name, "nothing reads this global table: join with it, or remove it")
		}
	}
}

func (t *Topology) unread(at, node, text string) {
	t.mistakes = append(t.mistakes, &Mistake{Pos: at, Node: node, Text: text, Unread: true})
}
