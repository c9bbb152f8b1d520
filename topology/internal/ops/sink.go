package ops

import "github.com/kolkstream/kolk/serde"

// Output sends records to a topic.
type Output[K, V any] struct {
	Node
	sink     *Sink
	branches *Branches
	place    []byte
	key      encoder[K]
	value    encoder[V]
}

// NewOutput returns an output. keyRaw and valueRaw say that the bytes that records bring along are of these serdes, so that
// they can be sent as they are.
func NewOutput[K, V any](n Node, sink *Sink, branches *Branches, k serde.Serde[K], v serde.Serde[V], keyRaw, valueRaw bool) *Output[K, V] {
	return &Output[K, V]{Node: n, sink: sink, branches: branches, key: newEncoder(k, keyRaw), value: newEncoder(v, valueRaw)}
}

// Receive implements Receiver. A repartition topic gets no records without key: there is no telling where they belong.
func (o *Output[K, V]) Receive(r *Record[K, V]) error {
	var key, value []byte
	ok, err := true, error(nil)
	if r.NoKey {
		if o.sink.Repartition {
			o.drop(NullKey, r.Origin)
			return nil
		}
	} else if key, ok, err = o.key.of(&o.Node, r.Origin, "key", r.RawKey, r.Key); !ok {
		return err
	}
	if !r.NoValue {
		if value, ok, err = o.value.of(&o.Node, r.Origin, "value", r.RawValue, r.Value); !ok {
			return err
		}
	}
	var place []byte
	if o.sink.Places && r.place != nil {
		o.place = o.branches.append(o.place[:0], r.place)
		place = o.place
	}
	if err := o.Task.Send(o.sink, key, value, r.Timestamp, r.Ref, place, r.Headers); err != nil {
		return o.fail(r.Origin, err)
	}
	return nil
}
