package task

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/topology"
)

// outlet is an output topic of the task.
type outlet struct {
	topic       string // on the broker
	partitions  int32
	partitioner kgo.TopicPartitioner
	relay       *relay // of a repartition topic
	gate        changelog.Gate
}

// ownHeaders is how many bytes an announcement takes at most, with the name of a sub-topology.
const ownHeaders = 512

// Partitions returns how many partitions an output topic has.
func (t *Task) Partitions(sink *flow.Sink) int32 { return t.outlets[sink.Index].partitions }

// Send appends a message to an output topic; see [flow.Task]. It returns a
// [*changelog.RefusedError] for one that the topic does not take.
func (t *Task) Send(sink *flow.Sink, partition int32, key, value []byte, timestamp, ref int64, place []byte, headers []topology.Header) error {
	if sink.Index >= len(t.outlets) || t.outlets[sink.Index] == nil {
		return fmt.Errorf("topic %q is none of the outputs of sub-topology %q", sink.Topic, t.id.Sub)
	}
	o := t.outlets[sink.Index]
	p := int32(0)
	switch {
	case partition != flow.ByKey:
		p = partition
	case o.partitions == 1:
	case key == nil:
		p = t.id.Partition % o.partitions
	default:
		t.keyed.Key = key
		p = int32(o.partitioner.Partition(&t.keyed, int(o.partitions)))
	}
	hs := t.headers[:0]
	for i := range headers {
		if k := headers[i].Key; k == wiretime.Header || o.relay != nil && (k == LateHeader || k == TimeHeader || k == PlaceHeader) {
			continue // somebody else's; it would be taken for ours
		}
		hs = append(hs, kgo.RecordHeader{Key: headers[i].Key, Value: headers[i].Value})
	}
	t.encoded = t.encoded[:0]
	if o.relay != nil {
		// a record that was given a later time shows that time itself: its ref is not before it
		if ref > timestamp {
			t.encoded = appendLate(t.encoded, ref-timestamp)
			hs = append(hs, kgo.RecordHeader{Key: LateHeader, Value: t.encoded[:len(t.encoded):len(t.encoded)]})
		}
		if place != nil {
			n := len(t.encoded)
			t.encoded = append(append(t.encoded, headerVersion), place...)
			hs = append(hs, kgo.RecordHeader{Key: PlaceHeader, Value: t.encoded[n:len(t.encoded):len(t.encoded)]})
		}
	}
	exact := timestamp
	if !wiretime.Fits(timestamp) {
		hs, timestamp = t.stamp(hs, timestamp)
	}
	t.headers = hs
	if err := o.gate.Check(key, value, timestamp, hs); err != nil {
		return err
	}
	if o.relay != nil {
		if time := delayed(t.was.time, o.relay.delay); o.relay.ride(t.announcer.transaction, p, time, t.was.said, t.now) {
			a := t.announcement(time, t.was.said) // it is told with this record or never
			n := len(t.encoded)
			t.encoded = a.append(t.encoded)
			hs = append(hs, kgo.RecordHeader{Key: TimeHeader, Value: t.encoded[n:]})
		}
		t.counts.repartitionOut++
	} else {
		if o.gate.Outlived(timestamp, t.now) {
			t.opts.Logger.Warn("results are older than their topic keeps them, so that the broker may delete them at once: raise its retention.ms, or set it to -1",
				"topic", o.topic, "timestamp", time.UnixMilli(exact).UTC())
		}
		t.counts.out++
	}
	t.headers = hs
	t.sent++
	t.opts.Output.Produce(o.topic, p, key, value, timestamp, hs)
	t.dirty = true
	return nil
}

// stamp adds the header of a time that the client cannot carry, and returns the timestamp that goes
// with it. The header's value is appended to t.encoded.
func (t *Task) stamp(hs []kgo.RecordHeader, ms int64) ([]kgo.RecordHeader, int64) {
	n := len(t.encoded)
	t.encoded = wiretime.Append(t.encoded, ms)
	return append(hs, kgo.RecordHeader{Key: wiretime.Header, Value: t.encoded[n:]}), wiretime.Wire(ms)
}
