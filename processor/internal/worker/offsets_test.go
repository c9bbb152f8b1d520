package worker

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/topology"
)

// answer is that of a broker: what is committed for a partition of a topic.
func answer(topic string, partition int32, offset int64, metadata *string) *kmsg.OffsetFetchResponse {
	p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	p.Partition, p.Offset, p.Metadata = partition, offset, metadata
	t := kmsg.NewOffsetFetchResponseGroupTopic()
	t.Topic, t.Partitions = topic, []kmsg.OffsetFetchResponseGroupTopicPartition{p}
	g := kmsg.NewOffsetFetchResponseGroup()
	g.Topics = []kmsg.OffsetFetchResponseGroupTopic{t}
	resp := kmsg.NewPtrOffsetFetchResponse()
	resp.Groups = []kmsg.OffsetFetchResponseGroup{g}
	return resp
}

// TestOffsets: they are known when they are for all topics of a task, until the partition is given
// up.
func TestOffsets(t *testing.T) {
	o := newOffsets()
	name := func([16]byte) string { return "named by id" }
	text, err := checkpoint.Metadata{Seq: 3, Ref: 700}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	topics := []string{"a", "named by id"}
	_, changed := o.of(topics, 1)
	if err := o.note(answer("a", 1, 5, &text), "app", name); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody is told that offsets have come")
	}
	if all, changed := o.of(topics, 1); changed == nil {
		t.Errorf("%v: one is not known yet", all)
	}
	if err := o.note(answer("", 1, -1, nil), "app", name); err != nil {
		t.Fatal(err)
	}
	all, changed := o.of(topics, 1)
	if changed != nil || len(all) != 2 || all[0].Offset != 5 || all[0].Metadata.Ref != 700 || all[0].Foreign || all[1].Offset != -1 || all[1].Foreign {
		t.Fatalf("%+v", all)
	}
	o.forget(map[string][]int32{"a": {1}})
	if _, changed := o.of(topics, 1); changed == nil {
		t.Error("what was given up is still known")
	}
}

// TestForeignOffsets: an offset without metadata is another program's; metadata of another kind is
// another application's.
func TestForeignOffsets(t *testing.T) {
	o := newOffsets()
	empty, other := "", "consumer-7"
	if err := o.note(answer("a", 0, 5, &empty), "app", nil); err != nil {
		t.Fatal(err)
	}
	if all, _ := o.of([]string{"a"}, 0); len(all) != 1 || !all[0].Foreign || all[0].Metadata.Ref != topology.NoTime {
		t.Errorf("%+v", all)
	}
	var foreign *foreignOffsets
	if err := o.note(answer("a", 0, 5, &other), "app", nil); !errors.As(err, &foreign) {
		t.Errorf("%v", err)
	}
}
