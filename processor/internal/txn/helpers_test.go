package txn

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	group = "app"
	txnID = "app-1-0"
)

func newBroker(t *testing.T) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "a", "b"), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newClient(t *testing.T, broker *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseAllowingRebalance)
	return cl
}

// member is a worker's client: a static member of the group, with a transactional producer.
func member(t *testing.T, broker *kfake.Cluster, opts ...kgo.Opt) (*Producer, Group) {
	t.Helper()
	joined := make(chan struct{}, 10)
	cl := newClient(t, broker, append([]kgo.Opt{
		kgo.TransactionalID(txnID), kgo.ConsumerGroup(group), kgo.InstanceID("1-0"), kgo.ConsumeTopics("in"), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { joined <- struct{}{} }),
	}, opts...)...)
	select {
	case <-joined:
	case <-time.After(10 * time.Second):
		t.Fatal("the client does not join the group")
	}
	return NewProducer(cl, true), Group{Client: cl, Name: group, InstanceID: "1-0", TransactionalID: txnID, ImplicitAdd: true}
}

func inputs(t *testing.T, g Group, offset int64) []Offset {
	t.Helper()
	md, err := kadm.NewClient(g.Client).Metadata(t.Context(), "in")
	if err != nil {
		t.Fatal(err)
	}
	id := [16]byte(md.Topics["in"].ID)
	return []Offset{{Topic: "in", TopicID: id, Partition: 0, Offset: offset, LeaderEpoch: -1, Metadata: "m"}, {Topic: "in", TopicID: id, Partition: 1, Offset: offset + 1, LeaderEpoch: -1}}
}

// committed returns what the group has committed for in/0, -1 for nothing.
func committed(t *testing.T, broker *kfake.Cluster) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(newClient(t, broker)).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := offsets.Lookup("in", 0)
	if !ok {
		return -1
	}
	return o.At
}

// visible returns the committed records of a topic's partition 0, up to its end.
func visible(t *testing.T, broker *kfake.Cluster, topic string) (recs []*kgo.Record) {
	t.Helper()
	cl := newClient(t, broker, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(10*time.Millisecond))
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for next := int64(0); next < end.Offset; {
		fs := cl.PollFetches(ctx)
		if err := fs.Err0(); err != nil {
			t.Fatal(err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				recs = append(recs, r)
			}
		})
	}
	return recs
}

func fault(broker *kfake.Cluster, key kmsg.Key, err *kerr.Error, count int) *kfake.FaultHandle {
	return broker.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: count, TopLevel: key == kmsg.EndTxn || key == kmsg.InitProducerID})
}

func begin(t *testing.T, p *Producer) {
	t.Helper()
	p.Produce("a", 0, []byte("k"), []byte("v"), 1, nil)
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
