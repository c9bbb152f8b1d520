package changelog_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kolkstream/kolk/changelog"
)

// TestListBounds asks for one partition and no other, of what is committed and of what is written.
func TestListBounds(t *testing.T) {
	broker := cluster(t, kfake.SeedTopics(3, "a", "b"))
	cl := client(t, broker)
	for _, topic := range []string{"a", "a", "a", "b"} {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 1, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var before kadm.Offsets
	before.Add(kadm.Offset{Topic: "a", Partition: 1, At: 2})
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	tx := client(t, broker, kgo.TransactionalID("t"))
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(t.Context(), &kgo.Record{Topic: "b", Partition: 1, Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	broker.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		for _, topic := range r.(*kmsg.ListOffsetsRequest).Topics {
			for _, p := range topic.Partitions {
				if p.Partition != 1 {
					t.Errorf("asked for %s/%d", topic.Topic, p.Partition)
				}
			}
		}
		return nil, nil, false
	})
	for committed, want := range map[bool]map[string]changelog.Bounds{
		true:  {"a": {2, 3}, "b": {0, 1}},
		false: {"a": {2, 3}, "b": {0, 2}},
	} {
		if got, err := changelog.ListBounds(t.Context(), cl, []string{"a", "b"}, 1, committed); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("committed %v: %v %v, want %v", committed, got, err, want)
		}
	}
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "b", Err: kerr.TopicAuthorizationFailed})
	if got, err := changelog.ListBounds(t.Context(), cl, []string{"a", "b"}, 1, false); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("%v %v", got, err)
	}
}
