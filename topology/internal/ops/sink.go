package ops

import (
	"context"
	"fmt"
	"strings"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/place"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
	"github.com/kolkstream/kolk/topology/record"
)

// Output sends records to a topic.
type Output[K, V any] struct {
	Node
	sink     *Sink
	branches *place.Branches
	place    []byte
	key      operator.Encoder[K]
	value    operator.Encoder[V]
	// Choose returns the partition of a record, of so many; nil: it is that of the key.
	Choose func(ctx context.Context, r *Record[K, V], partitions int32) (int32, error)
}

// NewOutput returns an output. keyRaw and valueRaw say that the bytes that records bring along are
// of these serdes, so that they can be sent as they are.
func NewOutput[K, V any](n Node, sink *Sink, branches *place.Branches, k serde.Serde[K], v serde.Serde[V], keyRaw, valueRaw bool) *Output[K, V] {
	return &Output[K, V]{Node: n, sink: sink, branches: branches, key: operator.NewEncoder("key", k, keyRaw), value: operator.NewEncoder("value", v, valueRaw)}
}

// Receive implements Receiver. A repartition topic gets no records without key where no function
// tells where they belong.
func (o *Output[K, V]) Receive(r *Record[K, V]) error {
	var key, value []byte
	var err error
	if r.NoKey {
		if o.sink.Repartition && o.Choose == nil {
			o.Drop(record.NullKey, r.Origin)
			return nil
		}
	} else if key, err = o.key.Bytes(r.RawKey, r.Key); err != nil {
		return o.Fail(r.Origin, err)
	}
	if !r.NoValue {
		if value, err = o.value.Bytes(r.RawValue, r.Value); err != nil {
			return o.Fail(r.Origin, err)
		}
	}
	var place []byte
	if o.sink.Places && r.Place != nil {
		o.place = o.branches.Append(o.place[:0], r.Place)
		place = o.place
	}
	partition := flow.ByKey
	if o.Choose != nil {
		if partition, err = o.choose(r); err != nil {
			return o.Fail(r.Origin, err)
		}
	}
	if err := o.Task.Send(o.sink, partition, key, value, r.Timestamp, r.Ref, place, r.Headers); err != nil {
		return o.Fail(r.Origin, err)
	}
	return nil
}

// choose returns the partition that the user's function chooses.
func (o *Output[K, V]) choose(r *Record[K, V]) (int32, error) {
	n := o.Task.Partitions(o.sink)
	p, err := o.Choose(o.Task.Context(), r, n)
	if err == nil && (p < 0 || p >= n) {
		err = fmt.Errorf("the partitioner chose partition %d of topic %s, which has 0 to %d", p, o.sink.Topic, n-1)
	}
	return p, err
}

// OneOf sends each record to one of several topics.
type OneOf[K, V any] struct {
	Node
	choose func(context.Context, *Record[K, V]) (string, error)
	to     map[string]*Output[K, V]
	known  string // the topics, for messages
}

// NewOneOf returns the operator that sends a record to the topic that choose returns, through the
// output of that topic.
func NewOneOf[K, V any](n Node, choose func(context.Context, *Record[K, V]) (string, error), topics []string, to []*Output[K, V]) *OneOf[K, V] {
	o := &OneOf[K, V]{Node: n, choose: choose, to: make(map[string]*Output[K, V], len(to)), known: strings.Join(topics, ", ")}
	for i, topic := range topics {
		o.to[topic] = to[i]
	}
	return o
}

// Receive implements Receiver.
func (o *OneOf[K, V]) Receive(r *Record[K, V]) error {
	topic, err := o.choose(o.Task.Context(), r)
	if err != nil {
		return o.Fail(r.Origin, err)
	}
	to := o.to[topic]
	if to == nil {
		return o.Fail(r.Origin, fmt.Errorf("the topic %q is none of those declared: %s", topic, o.known))
	}
	return to.Receive(r)
}
