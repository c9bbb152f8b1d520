package processortest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// Input sends typed records to a topic.
type Input[K, V any] struct {
	d     *Driver
	topic string
	key   serde.Serde[K]
	value serde.Serde[V]
}

// Input returns a handle to send records to an input topic, or to a global table's.
func (d *Driver) Input[K, V any](topic string, key serde.Serde[K], value serde.Serde[V]) Input[K, V] {
	d.t.Helper()
	if d.cluster.Partitions(topic) == 0 {
		d.t.Fatalf("processortest: the plan has no topic %q", topic)
	}
	return Input[K, V]{d, topic, key, value}
}

// Send sends a record and processes everything that can be processed. timestamp is in milliseconds.
func (i Input[K, V]) Send(key K, value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.d.Pipe(i.topic, encode(i.d.t, i.key, key), encode(i.d.t, i.value, value), timestamp, headers...)
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
	return i.d.TryPipe(i.topic, k, v, timestamp, headers...)
}

// SendTombstone sends a record without a value.
func (i Input[K, V]) SendTombstone(key K, timestamp int64) {
	i.d.t.Helper()
	i.d.Pipe(i.topic, encode(i.d.t, i.key, key), nil, timestamp)
}

// Append appends a record without processing it.
func (i Input[K, V]) Append(key K, value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.d.Append(i.topic, encode(i.d.t, i.key, key), encode(i.d.t, i.value, value), timestamp, headers...)
}

// AppendTo is Append to a partition of one's choice.
func (i Input[K, V]) AppendTo(partition int32, key K, value V, timestamp int64, headers ...topology.Header) {
	i.d.t.Helper()
	i.d.AppendTo(i.topic, partition, encode(i.d.t, i.key, key), encode(i.d.t, i.value, value), timestamp, headers...)
}

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

// Entry is an entry of a store.
type Entry[K, V any] struct {
	Partition int32
	// Window is the start of the window, in milliseconds; 0 in other stores.
	Window int64
	Key    K
	Value  V
	// Timestamp is the entry's, in stores that keep one.
	Timestamp int64
}

// Store returns the committed entries of a store, by partition, window and key bytes.
func (d *Driver) Store[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) []Entry[K, V] {
	d.t.Helper()
	var all []Entry[K, V]
	found := false
	for _, r := range d.tasks {
		for _, s := range r.sub.Stores {
			if s.Name != name {
				continue
			}
			found = true
			d.dump(r, s, func(k, v []byte) {
				e := Entry[K, V]{Partition: r.partition}
				if s.Kind.Windowed() {
					e.Window, k = int64(binary.BigEndian.Uint64(k)), k[8:]
				}
				if s.Timestamped {
					e.Timestamp, v = int64(binary.BigEndian.Uint64(v)), v[8:]
				}
				e.Key, _ = decode(d.t, key, k)
				e.Value, _ = decode(d.t, value, v)
				all = append(all, e)
			})
		}
	}
	if !found {
		d.t.Fatalf("processortest: the plan has no store %q", name)
	}
	return all
}

// Dump returns the committed bytes of all stores of all tasks, by "task store" and the hexadecimal
// key.
func (d *Driver) Dump() map[string]map[string]string {
	d.t.Helper()
	all := map[string]map[string]string{}
	for _, r := range d.tasks {
		for _, s := range r.sub.Stores {
			m := map[string]string{}
			d.dump(r, s, func(k, v []byte) { m[hex(k)] = hex(v) })
			all[r.id().String()+" "+s.Name] = m
		}
	}
	return all
}

// dump calls fn for each committed entry of a store.
func (d *Driver) dump(r *running, s flow.StoreSpec, fn func(k, v []byte)) {
	d.t.Helper()
	prefix, err := r.checkpoint.Prefix(s.Name)
	if err == nil {
		err = r.task.Persist()
	}
	if err != nil {
		d.t.Fatalf("processortest: store %q: %v", s.Name, err)
	}
	lo := binary.BigEndian.AppendUint16(nil, prefix)
	hi := binary.BigEndian.AppendUint16(nil, prefix+1)
	err = r.db.Scan(lo, hi, func(k, v []byte) (bool, error) {
		fn(k[2:], v)
		return true, nil
	})
	if err != nil {
		d.t.Fatalf("processortest: store %q: %v", s.Name, err)
	}
}

func encode[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	b, err := tryEncode(s, v)
	if err != nil {
		t.Fatalf("processortest: %v", err)
	}
	return b
}

func tryEncode[T any](s serde.Serde[T], v T) ([]byte, error) {
	b, err := s.Append([]byte{}, v)
	if err != nil {
		return nil, fmt.Errorf("encode %v as %s: %w", v, s.Name(), err)
	}
	if b == nil {
		return []byte{}, nil // nil would be: none
	}
	return b, nil
}

func decode[T any](t testing.TB, s serde.Serde[T], b []byte) (v T, missing bool) {
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

func hex(b []byte) string { return fmt.Sprintf("%x", b) }
