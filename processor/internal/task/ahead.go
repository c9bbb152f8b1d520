package task

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
)

// ahead is what a task has of an input whose messages are shown before they are processed, so that
// calls of functions that may block begin early. A message is processed when its calls are over;
// until then the task waits, as it does for other inputs, and its worker goes on with other tasks.
type ahead struct {
	calls  flow.Ahead
	source flow.Source
	as     input // reads messages as the input does
}

// lookAhead finds out which inputs are shown, of the graph that was made. Calls of the one before
// are given up.
func (t *Task) lookAhead(before *flow.Graph) {
	lost := stop(before)
	t.calling = false
	for _, in := range t.inputs {
		if lost && in.ahead != nil && !in.queue.empty() {
			in.queue.lost = true
		}
		in.ahead = nil
		in.queue.lookAgain()
		if t.graph.Ahead == nil {
			continue
		}
		if source := t.graph.Ahead.Source(in.name); source != nil {
			in.ahead = &ahead{calls: t.graph.Ahead, source: source, as: input{topic: in.topic, name: in.name, repartition: in.repartition}}
			in.ahead.as.msg.Origin = in.msg.Origin
		}
	}
}

// stop ends the calls of a graph. It reports whether the memory of what was shown is lost.
func stop(g *flow.Graph) (lost bool) { return g != nil && g.Ahead != nil && g.Ahead.Stop() }

// Stop ends the calls of functions that run ahead, and waits for them; Close does so too. The task
// cannot be used any more.
func (t *Task) Stop() { stop(t.graph) }

// called reports whether the calls of the head of an input are over. It has more begin.
func (t *Task) called(in *input) bool {
	a := in.ahead
	if a == nil {
		return true
	}
	t.show(in)
	if t.opts.Wake == nil {
		a.calls.Await(in.topic, in.msg.Origin.Offset)
		return true
	}
	t.calling = !a.calls.Ready(in.topic, in.msg.Origin.Offset, t.opts.Wake)
	return !t.calling
}

// show shows what is queued of an input, as far as more calls are wanted.
func (t *Task) show(in *input) {
	a := in.ahead
	if a == nil || t.broken != nil {
		return
	}
	for {
		r := in.queue.ahead()
		if r == nil || in.bound >= 0 && r.Offset >= in.bound {
			return
		}
		first := r == in.queue.head()
		if !first && !a.calls.Wants(in.topic) {
			return
		}
		if in.queue.lookOn(); first {
			a.as.ref = in.ref
		}
		if r.Offset >= in.pos && !r.Attrs.IsControl() && !slices.Contains(in.skips, r.Offset) {
			a.show(r)
		}
	}
}

// show shows a message. What cannot be read, or panics, does so again when it is processed, and is
// nobody's business now.
func (a *ahead) show(r *kgo.Record) {
	defer func() { _ = recover() }()
	in := &a.as
	in.headers = nil // calls have the old ones
	if err := in.read(r); err != nil || in.unread != nil || in.told && in.ann.flags&control != 0 {
		return
	}
	m := &in.msg
	m.Ref = in.ref
	at, ok, err := a.source.Time(m)
	if !ok || err != nil {
		return
	}
	m.Timestamp = at
	if in.repartition {
		m.Ref = at + in.late
	} else {
		in.ref = max(in.ref, at)
		m.Ref = in.ref
	}
	_ = a.source.Receive(m)
}
