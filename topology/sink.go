package topology

import (
	"context"
	"slices"

	"github.com/kolkstream/kolk/topology/internal/ops"
)

// To writes the stream to a topic, partitioned by key as Kafka's own producers do, or by
// [Stream.WithPartitioner].
func (s Stream[K, V]) To(topic string) {
	n := s.node()
	at := n.t.caller()
	n.t.checkTopic(topic, at)
	addSink(s, "to", topic, at, &sinkDecl{topics: []string{topic}}, func(at site, to []*ops.Output[K, V]) ops.Receiver[K, V] {
		return to[0]
	})
}

// ToOneOf writes each record to the topic that choose returns for it, which is one of topics;
// another one is an error of the record, for the error policy. All of topics exist when the
// application starts, as every topic that is written. The name is the node's, in statistics and
// messages.
func (s Stream[K, V]) ToOneOf(name string, topics []string, choose func(*Record[K, V]) string) {
	if choose == nil {
		toOneOf(s, name, topics, nil)
		return
	}
	toOneOf(s, name, topics, func(_ context.Context, r *Record[K, V]) (string, error) { return choose(r), nil })
}

// toOneOf adds the node that writes to one of several topics.
func toOneOf[K, V any](s Stream[K, V], name string, topics []string, choose func(context.Context, *Record[K, V]) (string, error)) {
	n := s.node()
	t := n.t
	at := t.caller()
	t.claim("sink", name, at)
	if len(topics) == 0 {
		mistakef(t, at, name, "no topic to choose from: name those that the function may return")
	}
	for i, topic := range topics {
		t.checkTopic(topic, at)
		if slices.Contains(topics[:i], topic) {
			mistakef(t, at, name, "topic %q is named twice: name it once", topic)
		}
	}
	d := &sinkDecl{topics: slices.Clone(topics)}
	sink := addSink(s, "to-one-of", name, at, d, func(at site, to []*ops.Output[K, V]) ops.Receiver[K, V] {
		return ops.NewOneOf(at.node(), choose, d.topics, to)
	})
	sink.reads.key, sink.reads.value = true, true
	sink.need("the function that chooses", choose == nil)
}

// addSink adds the node that writes topics. of makes its operator of those of the topics.
func addSink[K, V any](s Stream[K, V], kind, name, at string, d *sinkDecl, of func(at site, to []*ops.Output[K, V]) ops.Receiver[K, V]) *node {
	n := s.n.t.add(kind, name, at, s.n)
	d.key, d.value, d.chosen = s.key, s.value, s.part != nil
	n.writer = d
	n.reads.wantKey, n.reads.wantValue = s.key, s.value
	if d.chosen {
		n.reads.key, n.reads.value = true, true
	}
	s.then(n, func(at site, _ ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		k, keyRaw := keySerde(at, s.key)
		v, valueRaw := valueSerde(at, s.value)
		var to []*ops.Output[K, V]
		for _, sink := range at.n.sinks {
			out := ops.NewOutput(at.node(), sink, at.b.branches, k, v, keyRaw, valueRaw)
			out.Choose = s.part
			to = append(to, out)
		}
		return of(at, to), nil
	})
	return n
}

// feeds reports whether a source reads what is written.
func (d *sinkDecl) feeds(r *sourceDecl) bool {
	return r != nil && r.internal == (d.repartition != nil) && slices.ContainsFunc(d.topics, r.reads)
}

// RepartitionOption is an option of [Stream.Repartition]: [Partitions].
type RepartitionOption func(*repartitionDecl)

// Partitions sets the number of partitions. Without it a repartition topic has as many as the
// largest input of those who write it, or what it is joined with.
func Partitions(n int32) RepartitionOption {
	return func(d *repartitionDecl) { d.partitions = n }
}

// Repartition sends the stream through an internal topic, so that equal keys come together, or as
// the function of [Stream.WithPartitioner] has it. The name is the topic's, between the
// application's and "-repartition". Records without key are dropped and counted, unless there is
// such a function.
func (s Stream[K, V]) Repartition(name string, opts ...RepartitionOption) Stream[K, V] {
	n := s.node()
	at := n.t.caller()
	n.t.claim("repartition", name, at)
	return repartition(s, "repartition", name, at, opts)
}

// repartition adds the end of one sub-topology and the beginning of another.
func repartition[K, V any](s Stream[K, V], kind, name, at string, opts []RepartitionOption) Stream[K, V] {
	t := s.n.t
	d := &repartitionDecl{name: name, at: at}
	for _, o := range opts {
		if o == nil {
			mistakef(t, at, name, "an option is nil: leave it out")
			continue
		}
		o(d)
		if d.partitions < 1 {
			mistakef(t, at, name, "%d partitions: give at least one, or leave the option out", d.partitions)
		}
	}
	addSink(s, kind, name, at, &sinkDecl{topics: []string{name}, repartition: d}, func(_ site, to []*ops.Output[K, V]) ops.Receiver[K, V] {
		return to[0]
	})
	from := addSource(t, "repartitioned", name, at, &sourceDecl{topics: []string{name}, internal: true}, s.key, s.value, ops.EventTime[V]{})
	if s.part != nil {
		from.n.rekeyed, from.n.chosen = from.n, true
	}
	d.source = from.n
	return from
}
