// Package cluster is what an application knows of its Kafka cluster: topics, their ids and
// partition counts, what the broker can do. It creates the internal topics and refuses, with one
// list, what does not fit the plan.
package cluster

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/report"
)

// Topic is a topic of the cluster.
type Topic struct {
	Name       string
	ID         [16]byte
	Partitions int32
	// DeleteRetention of a changelog or the topic of a global table: tombstones may vanish after
	// it.
	DeleteRetention time.Duration
	// Limits is what the topic takes; nil if the brokers do not tell.
	Limits *changelog.Limits
}

// View is the cluster as it was when it was last asked. It is safe for concurrent use.
type View struct {
	// ID is the cluster's.
	ID string
	// Quirks are its brokers'.
	Quirks Quirks
	// Transactions2 says that the brokers have transaction.version 2 (KIP-890): each transaction
	// has its own epoch, and partitions and groups are added to it implicitly.
	Transactions2 bool

	app  string
	plan *flow.Plan                // with its patterns
	now  atomic.Pointer[flow.Plan] // with the topics that are read

	cl      *kgo.Client
	options Options
	looking sync.Mutex // held while it is asked whether inputs have grown

	mu      sync.RWMutex
	topics  map[string]Topic
	tasks   map[string]int32
	most    map[string]int32         // tasks that there have been
	missing map[string]int           // how often in a row topics of patterns were not there
	asked   int                      // how often the brokers have been asked for topics
	refused map[string]report.Growth // by topic
}

// Plan returns the plan with the topics that its patterns stand for. It changes when topics come or
// go; what it has returned does not.
func (v *View) Plan() *flow.Plan { return v.now.Load() }

// Partitions returns the number of partitions of a topic, 0 if it is not known.
func (v *View) Partitions(topic string) int32 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.topics[topic].Partitions
}

// TopicID returns the id of a topic, zero if it is not known.
func (v *View) TopicID(topic string) [16]byte {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.topics[topic].ID
}

// Name returns the name of the topic with that id, "" if it is not known.
func (v *View) Name(id [16]byte) string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, t := range v.topics {
		if t.ID == id {
			return t.Name
		}
	}
	return ""
}

// DeleteRetention returns the delete.retention.ms of a changelog or the topic of a global table, 0
// if it is not known.
func (v *View) DeleteRetention(topic string) time.Duration {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.topics[topic].DeleteRetention
}

// Limits returns what a topic takes, nil if it is not known.
func (v *View) Limits(topic string) *changelog.Limits {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.topics[topic].Limits
}

// Tasks returns how many tasks a sub-topology has: the largest partition count of its inputs.
func (v *View) Tasks(sub string) int32 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.tasks[sub]
}

// Looked returns how many tasks a sub-topology has, and how often it has been looked for topics.
func (v *View) Looked(sub string) (tasks int32, asked int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.tasks[sub], v.asked
}

// Real returns the name of an input or sink on the broker.
func (v *View) Real(topic string, repartition bool) string {
	if repartition {
		return changelog.RepartitionName(v.app, topic)
	}
	return topic
}

// Inputs returns the real names of the topics of a sub-topology that have the partition.
func (v *View) Inputs(sub *flow.SubTopology, partition int32) []string {
	var in []string
	for _, i := range sub.Inputs {
		name := v.Real(i.Topic, i.Repartition)
		if partition < v.Partitions(name) {
			in = append(in, name)
		}
	}
	return in
}

// Sources returns the real names of all topics that the consumer group reads.
func (v *View) Sources() []string {
	seen := map[string]bool{}
	var out []string
	for _, sub := range v.Plan().SubTopologies {
		for _, i := range sub.Inputs {
			if name := v.Real(i.Topic, i.Repartition); !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	return out
}

func (v *View) learn(details kadm.TopicDetails) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, d := range details {
		if d.Err == nil {
			t := v.topics[name]
			t.Name, t.ID, t.Partitions = name, d.ID, int32(len(d.Partitions))
			v.topics[name] = t
		}
	}
}

// size computes the partitions of each repartition topic and the tasks of each sub-topology, from
// the sources on. Repartition topics that exist keep what they have. Its error lists every
// violation of co-partitioning.
func (v *View) size() (map[string]int32, error) {
	count := func(repartition bool) func(string) (int32, bool) {
		return func(topic string) (int32, bool) {
			n := v.Partitions(v.Real(topic, repartition))
			return n, n > 0
		}
	}
	repartitions, err := v.Plan().Partitions(count(false), count(true))
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, sub := range v.Plan().SubTopologies {
		for _, i := range sub.Inputs {
			n := v.topics[i.Topic].Partitions
			if i.Repartition {
				n = repartitions[i.Topic]
			}
			v.tasks[sub.Name] = max(v.tasks[sub.Name], n)
			v.most[sub.Name] = v.tasks[sub.Name]
		}
	}
	return repartitions, nil
}
