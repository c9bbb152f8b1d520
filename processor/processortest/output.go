package processortest

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Record is a record of an output topic.
type Record[K, V any] struct {
	Key            K
	Value          V
	NoKey, NoValue bool
	Timestamp      int64
	Headers        []topology.Header
	Partition      int32
	Offset         int64
}

// Output reads typed records of a topic.
type Output[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
	read  []int // what Next has returned, by partition
}

// Output returns a handle to read an output topic, or any other.
func (d *Driver) Output[K, V any](topic string, key serde.Serde[K], value serde.Serde[V]) *Output[K, V] {
	d.t.Helper()
	n := d.cluster.Partitions(topic)
	if n == 0 {
		d.t.Fatalf("processortest: the plan has no topic %q", topic)
	}
	return &Output[K, V]{d, topic, key, value, make([]int, n)}
}

// Partitions returns how many partitions the topic has.
func (o *Output[K, V]) Partitions() int32 { return int32(len(o.read)) }

// Records returns all committed records, partition by partition.
func (o *Output[K, V]) Records() []Record[K, V] {
	o.d.t.Helper()
	return o.from(make([]int, len(o.read)))
}

// Next returns the records that were committed since the last call.
func (o *Output[K, V]) Next() []Record[K, V] {
	o.d.t.Helper()
	all := o.from(o.read)
	for p, log := range o.d.cluster.topics[o.topic] {
		o.read[p] = len(log)
	}
	return all
}

func (o *Output[K, V]) from(first []int) []Record[K, V] {
	o.d.t.Helper()
	var all []Record[K, V]
	for p, log := range o.d.cluster.topics[o.topic] {
		for _, r := range log[first[p]:] {
			if r.Attrs.IsControl() {
				continue
			}
			at, err := wiretime.Of(r)
			if err != nil {
				o.d.t.Fatalf("processortest: topic %s: %v", o.topic, err)
			}
			rec := Record[K, V]{Timestamp: at, Partition: r.Partition, Offset: r.Offset, Headers: headers(r.Headers)}
			rec.Key, rec.NoKey = decode(o.d.t, o.key, r.Key)
			rec.Value, rec.NoValue = decode(o.d.t, o.value, r.Value)
			all = append(all, rec)
		}
	}
	return all
}

func decode[V any](t T, s serde.Serde[V], b []byte) (v V, missing bool) {
	t.Helper()
	if b == nil {
		return v, true
	}
	v, err := s.Decode(b)
	if err != nil {
		t.Fatalf("processortest: decode %q as %s: %v", b, s.Name(), err)
	}
	return v, false
}

func headers(hs []kgo.RecordHeader) []topology.Header {
	var all []topology.Header
	for _, h := range hs {
		if h.Key != wiretime.Header {
			all = append(all, topology.Header{Key: h.Key, Value: h.Value})
		}
	}
	return all
}
