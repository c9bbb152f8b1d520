package topology

import "github.com/kolkstream/kolk/topology/internal/ops"

// To writes the stream to a topic, partitioned by key as Kafka's own producers do.
func (s Stream[K, V]) To(topic string) {
	n := s.node()
	at := n.t.caller()
	n.t.checkTopic(topic, at)
	addSink(s, "to", topic, at, &sinkDecl{topic: topic})
}

// addSink adds the node that writes a topic.
func addSink[K, V any](s Stream[K, V], kind, name, at string, d *sinkDecl) {
	n := s.n.t.add(kind, name, at, s.n)
	d.key, d.value = s.key, s.value
	n.writer = d
	n.reads.wantKey, n.reads.wantValue = s.key, s.value
	s.then(n, func(at site, _ ops.Receiver[K, V]) (ops.Receiver[K, V], error) {
		k, keyRaw := keySerde(at, s.key)
		v, valueRaw := valueSerde(at, s.value)
		return ops.NewOutput(at.node(), at.n.sink, at.b.branches, k, v, keyRaw, valueRaw), nil
	})
}

// RepartitionOption is an option of [Stream.Repartition]: [Partitions].
type RepartitionOption func(*repartitionDecl)

// Partitions sets the number of partitions. Without it a repartition topic has as many as the
// largest input of those who write it, or what it is joined with.
func Partitions(n int32) RepartitionOption {
	return func(d *repartitionDecl) { d.partitions = n }
}

// Repartition sends the stream through an internal topic, so that equal keys come together. The
// name is the topic's, between the application's and "-repartition". Records without key are
// dropped and counted.
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
	addSink(s, kind, name, at, &sinkDecl{topic: name, repartition: d})
	from := addSource(t, "repartitioned", name, at, &sourceDecl{topics: []string{name}, internal: true}, s.key, s.value, ops.EventTime[V]{})
	d.source = from.n
	return from
}
