package ops

import (
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
}

// NewOutput returns an output. keyRaw and valueRaw say that the bytes that records bring along are
// of these serdes, so that they can be sent as they are.
func NewOutput[K, V any](n Node, sink *Sink, branches *place.Branches, k serde.Serde[K], v serde.Serde[V], keyRaw, valueRaw bool) *Output[K, V] {
	return &Output[K, V]{Node: n, sink: sink, branches: branches, key: operator.NewEncoder("key", k, keyRaw), value: operator.NewEncoder("value", v, valueRaw)}
}

// Receive implements Receiver. A repartition topic gets no records without key: there is no telling
// where they belong.
func (o *Output[K, V]) Receive(r *Record[K, V]) error {
	var key, value []byte
	var err error
	if r.NoKey {
		if o.sink.Repartition {
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
	if err := o.Task.Send(o.sink, key, value, r.Timestamp, r.Ref, place, r.Headers); err != nil {
		return o.Fail(r.Origin, err)
	}
	return nil
}
