package processortest

import (
	"hash/fnv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/task"
)

// cluster is the broker's part: logs of committed messages, by topic and partition. Each
// transaction leaves a control record in the partitions it has written, as on a broker.
type cluster struct {
	app    string
	topics map[string][][]*kgo.Record
	tasks  map[string]int32 // by sub-topology
	hasher kgo.TopicPartitioner
}

var _ task.Cluster = (*cluster)(nil)

// newCluster creates the topics of a plan that are not internal.
func newCluster(app string, plan *flow.Plan, size func(topic string) int32) *cluster {
	c := &cluster{app: app, topics: map[string][][]*kgo.Record{}, tasks: map[string]int32{}, hasher: kgo.StickyKeyPartitioner(nil).ForTopic("")}
	for _, sub := range plan.SubTopologies {
		for _, in := range sub.Inputs {
			if !in.Repartition && in.Pattern == nil {
				c.create(in.Topic, size(in.Topic))
			}
		}
		for _, s := range sub.Sinks {
			if !s.Repartition {
				c.create(s.Topic, size(s.Topic))
			}
		}
	}
	for _, g := range plan.Globals {
		c.create(g.Topic, size(g.Topic))
	}
	return c
}

// fit creates the internal topics of a plan, and counts the tasks.
func (c *cluster) fit(plan *flow.Plan) error {
	counts, err := plan.Partitions(func(topic string) (int32, bool) {
		n := c.Partitions(topic)
		return n, n > 0
	}, func(name string) (int32, bool) {
		n := c.Partitions(changelog.RepartitionName(c.app, name))
		return n, n > 0
	})
	if err != nil {
		return err
	}
	for name, n := range counts {
		c.create(changelog.RepartitionName(c.app, name), n)
	}
	for _, sub := range plan.SubTopologies {
		for _, in := range sub.Inputs {
			topic := in.Topic
			if in.Repartition {
				topic = changelog.RepartitionName(c.app, topic)
			}
			c.tasks[sub.Name] = max(c.tasks[sub.Name], c.Partitions(topic))
		}
	}
	for _, sub := range plan.SubTopologies {
		for _, s := range sub.Stores {
			if s.Logged {
				c.create(changelog.Name(c.app, s.Name), c.tasks[sub.Name])
			}
		}
	}
	return nil
}

// create creates a topic, or gives it more partitions.
func (c *cluster) create(topic string, partitions int32) {
	for int32(len(c.topics[topic])) < partitions {
		c.topics[topic] = append(c.topics[topic], nil)
	}
}

// Partitions implements task.Cluster.
func (c *cluster) Partitions(topic string) int32 { return int32(len(c.topics[topic])) }

// TopicID implements task.Cluster.
func (c *cluster) TopicID(topic string) (id [16]byte) {
	h := fnv.New128a()
	h.Write([]byte(topic))
	copy(id[:], h.Sum(nil))
	return id
}

// Limits implements task.Cluster: the topics take everything.
func (c *cluster) Limits(string) *changelog.Limits { return nil }

// Looked implements task.Cluster: topics stay.
func (c *cluster) Looked(sub string) (tasks int32, asked int) { return c.tasks[sub], 0 }

// partition is where a producer puts a key.
func (c *cluster) partition(topic string, key []byte) int32 {
	n := len(c.topics[topic])
	if key == nil || n == 1 {
		return 0
	}
	return int32(c.hasher.Partition(&kgo.Record{Key: key}, n))
}

// append appends a message and returns its offset.
func (c *cluster) append(topic string, partition int32, r *kgo.Record) int64 {
	log := c.topics[topic][partition]
	r.Topic, r.Partition, r.Offset = topic, partition, int64(len(log))
	c.topics[topic][partition] = append(log, r)
	return r.Offset
}

// end is the offset of the next message.
func (c *cluster) end(topic string, partition int32) int64 {
	return int64(len(c.topics[topic][partition]))
}

// mark ends a transaction in a partition.
func (c *cluster) mark(topic string, partition int32) {
	c.append(topic, partition, &kgo.Record{Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Transactional: true, Control: true})})
}

// transaction collects what one task sends between two commits.
type transaction struct {
	cluster *cluster
	sent    []*kgo.Record
	ends    map[place]int64
}

type place struct {
	topic     string
	partition int32
}

var _ task.Output = (*transaction)(nil)

// Produce implements task.Output.
func (x *transaction) Produce(topic string, partition int32, key, value []byte, timestamp int64, headers []kgo.RecordHeader) {
	r := &kgo.Record{Topic: topic, Partition: partition, Key: clone(key), Value: clone(value), Timestamp: time.UnixMilli(timestamp)}
	for _, h := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: clone(h.Value)})
	}
	x.sent = append(x.sent, r)
}

// End implements task.Output.
func (x *transaction) End(topic string, partition int32) (int64, bool) {
	end, ok := x.ends[place{topic, partition}]
	return end, ok
}

// commit appends what was sent to the logs.
func (x *transaction) commit() {
	for _, r := range x.sent {
		x.ends[place{r.Topic, r.Partition}] = x.cluster.append(r.Topic, r.Partition, r) + 1
	}
	for p := range x.ends {
		x.cluster.mark(p.topic, p.partition)
	}
}

// reset begins a new transaction.
func (x *transaction) reset() {
	x.sent = nil
	clear(x.ends)
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
