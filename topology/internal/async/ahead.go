package async

import "github.com/kolkstream/kolk/internal/flow"

// ends are the results of an operator, whatever their types.
type ends interface {
	wants(topic string) bool
	ready(topic string, offset int64, wake func()) bool
	await(topic string, offset int64)
	passed(topic string, offset int64) (lost bool)
	stop() (lost bool)
}

// Ahead is what a task knows of the calls ahead; see [flow.Ahead].
type Ahead struct {
	sources map[string]flow.Source
	calls   []ends
}

var _ flow.Ahead = (*Ahead)(nil)

// Add adds the results of an operator.
func Add[K, V, V2 any](a *Ahead, r *Results[K, V, V2]) { a.calls = append(a.calls, r.calls) }

// Begin sets the sources of the graph ahead, when all results were added.
func (a *Ahead) Begin(sources map[string]flow.Source) { a.sources = sources }

// Source returns the source of a topic in the graph ahead, nil if no call depends on it.
func (a *Ahead) Source(topic string) flow.Source { return a.sources[topic] }

// Wants reports whether more messages of a topic are to be shown.
func (a *Ahead) Wants(topic string) bool {
	for _, c := range a.calls {
		if !c.wants(topic) {
			return false
		}
	}
	return true
}

// Ready reports whether the calls of the messages of a topic up to an offset are over.
func (a *Ahead) Ready(topic string, offset int64, wake func()) bool {
	for _, c := range a.calls {
		if !c.ready(topic, offset, wake) {
			return false
		}
	}
	return true
}

// Await waits until they are.
func (a *Ahead) Await(topic string, offset int64) {
	for _, c := range a.calls {
		c.await(topic, offset)
	}
}

// Passed gives up what is left of the calls of messages up to an offset.
func (a *Ahead) Passed(topic string, offset int64) (lost bool) {
	for _, c := range a.calls {
		lost = c.passed(topic, offset) || lost
	}
	return lost
}

// Stop gives up all calls.
func (a *Ahead) Stop() (lost bool) {
	for _, c := range a.calls {
		lost = c.stop() || lost
	}
	return lost
}
