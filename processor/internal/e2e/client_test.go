package e2e

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// names returns a name of this test's own, for applications and topics: brokers may be shared and
// outlive the test.
func names(t *testing.T, name string) string {
	t.Helper()
	test := strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.TrimPrefix(t.Name(), "Test")))
	return fmt.Sprintf("%s-%06x-%s", test, rand.Uint32()&0xffffff, name)
}

// admin is a client for what tests do beside the application.
type admin struct {
	t  *testing.T
	cl *kgo.Client
	*kadm.Client
}

func newAdmin(t *testing.T, addr string) *admin {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.RecordPartitioner(byKeyOrManual{kgo.StickyKeyPartitioner(nil)}),
		kgo.ProducerLinger(5 * time.Millisecond), kgo.MaxBufferedRecords(100_000), kgo.MetadataMinAge(20 * time.Millisecond)}, compression()...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &admin{t, cl, kadm.NewClient(cl)}
}

func (a *admin) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 60*time.Second)
}

// create creates a topic and waits until the broker shows it. Nothing in it is ever deleted for its
// age: the timestamps of the flights are those of 2001.
func (a *admin) create(topic string, partitions int32, configs map[string]string) {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	forever := "-1"
	cfg := map[string]*string{"retention.ms": &forever}
	for k, v := range configs {
		cfg[k] = &v
	}
	if _, err := a.CreateTopic(ctx, partitions, 1, cfg, topic); err != nil {
		a.t.Fatalf("create %s: %v", topic, err)
	}
	eventually(a.t, 30*time.Second, "topic "+topic, func() (bool, string) {
		d, err := a.ListTopics(ctx, topic)
		return err == nil && len(d[topic].Partitions) == int(partitions), fmt.Sprint(err)
	})
}

// produce sends messages and waits until all are written. It stops at the first error.
func (a *admin) produce(topic string, in iter.Seq[message]) {
	a.t.Helper()
	if err := a.send(context.Background(), topic, in); err != nil {
		a.t.Fatalf("produce to %s: %v", topic, err)
	}
}

// send is produce for other goroutines than the test's.
func (a *admin) send(ctx context.Context, topic string, in iter.Seq[message]) error {
	var (
		mu    sync.Mutex
		first error
	)
	for m := range in {
		r := &kgo.Record{Topic: topic, Key: m.Key, Value: m.Value, Partition: m.Partition, Timestamp: time.UnixMilli(m.Timestamp)}
		a.cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				if first == nil {
					first = err
				}
			}
		})
		if ctx.Err() != nil {
			break
		}
	}
	if err := a.cl.Flush(ctx); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return first
}

// ends returns the end offsets of a topic's partitions: of what is committed, or of everything.
func (a *admin) ends(topic string, committed bool) map[int32]int64 {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	list := a.ListEndOffsets
	if committed {
		list = a.ListCommittedOffsets
	}
	o, err := list(ctx, topic)
	if err == nil {
		err = o.Error()
	}
	if err != nil {
		a.t.Fatalf("end offsets of %s: %v", topic, err)
	}
	m := map[int32]int64{}
	o.Each(func(l kadm.ListedOffset) { m[l.Partition] = l.Offset })
	return m
}

// starts returns the first offsets of a topic's partitions.
func (a *admin) starts(topic string) map[int32]int64 {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	o, err := a.ListStartOffsets(ctx, topic)
	if err == nil {
		err = o.Error()
	}
	if err != nil {
		a.t.Fatalf("start offsets of %s: %v", topic, err)
	}
	m := map[int32]int64{}
	o.Each(func(l kadm.ListedOffset) { m[l.Partition] = l.Offset })
	return m
}

// committed returns the group's committed offsets by topic and partition.
func (a *admin) committed(group string) map[string]map[int32]int64 {
	a.t.Helper()
	ctx, cancel := a.context()
	defer cancel()
	m := map[string]map[int32]int64{}
	var o kadm.OffsetResponses
	// A broker that has just come up has no coordinator yet.
	eventually(a.t, 30*time.Second, "offsets of "+group, func() (bool, string) {
		var err error
		o, err = a.FetchOffsets(ctx, group)
		return err == nil || errors.Is(err, kerr.GroupIDNotFound), fmt.Sprint(err)
	})
	o.Each(func(r kadm.OffsetResponse) {
		if m[r.Topic] == nil {
			m[r.Topic] = map[int32]int64{}
		}
		m[r.Topic][r.Partition] = r.At
	})
	return m
}

// lag returns how many offsets of the topics the group has not committed yet, and a description.
func (a *admin) lag(group string, topics ...string) (int64, string) {
	a.t.Helper()
	committed := a.committed(group)
	var total int64
	var all []string
	for _, topic := range topics {
		starts := a.starts(topic)
		for p, end := range a.ends(topic, false) {
			at, ok := committed[topic][p]
			if !ok {
				at = starts[p]
			}
			if end > at {
				total += end - at
				all = append(all, fmt.Sprintf("%s/%d at %d of %d", topic, p, at, end))
			}
		}
	}
	return total, strings.Join(all, ", ")
}

// awaitNoLag waits until the group has committed everything in the topics.
func (a *admin) awaitNoLag(within time.Duration, group string, topics ...string) {
	a.t.Helper()
	eventually(a.t, within, "lag of "+group, func() (bool, string) {
		n, what := a.lag(group, topics...)
		return n == 0, what
	})
}

// byKeyOrManual takes the record's partition, unless it is negative; then the key's, as Kafka's own
// producer does.
type byKeyOrManual struct{ byKey kgo.Partitioner }

func (b byKeyOrManual) ForTopic(topic string) kgo.TopicPartitioner {
	return byKeyOrManualTopic{b.byKey.ForTopic(topic)}
}

type byKeyOrManualTopic struct{ byKey kgo.TopicPartitioner }

func (b byKeyOrManualTopic) RequiresConsistency(*kgo.Record) bool { return true }

func (b byKeyOrManualTopic) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return b.byKey.Partition(r, n)
}
