package processortest

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Input sends typed records to a topic.
//
// Keys decide the partition, as in Kafka's own producers, unless [Input.To] says another one.
type Input[K, V any] struct {
	d         *Driver
	topic     string
	key       serde.Serde[K]
	value     serde.Serde[V]
	partition int32 // -1: by key
}

// Input returns a handle to send records to an input topic, or to a global table's.
func (d *Driver) Input[K, V any](topic string, key serde.Serde[K], value serde.Serde[V]) Input[K, V] {
	d.t.Helper()
	d.need(topic)
	return Input[K, V]{d, topic, key, value, -1}
}

// To returns a handle that sends to a partition, whatever the key.
func (i Input[K, V]) To(partition int32) Input[K, V] {
	i.partition = partition
	return i
}

// append appends a message.
func (i Input[K, V]) append(key, value []byte, timestamp int64, headers []topology.Header) {
	i.d.t.Helper()
	if i.partition < 0 {
		i.d.Append(i.topic, key, value, timestamp, headers...)
		return
	}
	i.d.AppendTo(i.topic, i.partition, key, value, timestamp, headers...)
}

// Send sends a record and processes everything that can be processed. timestamp is in milliseconds.
func (i Input[K, V]) Send(key K, value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.append(encode(i.d.t, i.key, key), encode(i.d.t, i.value, value), timestamp, headers)
	i.d.Run()
}

// TrySend is Send that returns the error of a record that cannot be encoded or processed, for tests
// of what fails. The tasks are back at their last commit then: the same record comes again with the
// next run, unless the error policy is [processor.Skip].
func (i Input[K, V]) TrySend(key K, value V, timestamp int64, headers ...topology.Header) error {
	i.d.t.Helper()
	k, err := tryEncode(i.key, key)
	if err != nil {
		return err
	}
	v, err := tryEncode(i.value, value)
	if err != nil {
		return err
	}
	i.append(k, v, timestamp, headers)
	return i.d.TryRun()
}

// SendTombstone sends a record without a value.
func (i Input[K, V]) SendTombstone(key K, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.append(encode(i.d.t, i.key, key), nil, timestamp, headers)
	i.d.Run()
}

// SendWithoutKey sends a record without a key.
func (i Input[K, V]) SendWithoutKey(value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.append(nil, encode(i.d.t, i.value, value), timestamp, headers)
	i.d.Run()
}

// Append appends a record without processing it.
func (i Input[K, V]) Append(key K, value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.append(encode(i.d.t, i.key, key), encode(i.d.t, i.value, value), timestamp, headers)
}

// AppendTo is Append to a partition of one's choice.
func (i Input[K, V]) AppendTo(partition int32, key K, value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.To(partition).Append(key, value, timestamp, headers...)
}

func encode[V any](t T, s serde.Serde[V], v V) []byte {
	t.Helper()
	b, err := tryEncode(s, v)
	if err != nil {
		t.Fatalf("processortest: %v", err)
	}
	return b
}

func tryEncode[V any](s serde.Serde[V], v V) ([]byte, error) {
	b, err := s.Append([]byte{}, v)
	if err != nil {
		return nil, fmt.Errorf("encode %v as %s: %w", v, s.Name(), err)
	}
	if b == nil {
		return []byte{}, nil // nil would be: none
	}
	return b, nil
}
