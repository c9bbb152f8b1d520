package topology_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kolkstream/kolk/topology"
)

// show processes messages with a topology, to the end of its input, and prints what it writes.
// (Users have package processortest for that, which this package must not import.)
func show(t *topology.Topology, messages ...message) {
	var topics []string
	for _, m := range messages {
		topics = append(topics, m.topic)
	}
	slices.Sort(topics)
	r := newRig(exampleTB{}, t, slices.Compact(topics)...)
	r.skip = true
	for _, m := range messages {
		if g := r.globals[m.topic]; g != nil {
			g.set(*m.key, *m.value)
			continue
		}
		r.in(m)
	}
	r.commit()
	r.advance(topology.EndOfTime)
	r.commit()
	for _, m := range r.take() {
		fmt.Println(m.topic, deref(m.key), deref(m.value))
	}
	for _, f := range r.failures {
		fmt.Printf("%s, offset %d: %v\n", f.node, f.o.Offset, f.err)
	}
}

// exampleTB is what a rig of an example reports to.
type exampleTB struct{ testing.TB }

func (exampleTB) Helper()                   {}
func (exampleTB) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (exampleTB) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
