package assign

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger knows what every worker has. Nothing may ever have two owners.
type ledger struct {
	t       *testing.T
	addrs   []string
	group   string
	subs    []Sub
	topics  map[string]int32
	mu      sync.Mutex
	owners  map[topicPartition]string
	tasks   map[string][]Task // by worker
	moves   int               // partitions that were given up
	changed chan struct{}
}

func (l *ledger) record(worker string, b *Balancer, added, lost map[string][]int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for topic, ps := range lost {
		l.moves += len(ps)
		for _, p := range ps {
			if l.owners[topicPartition{topic, p}] != worker {
				l.t.Errorf("%s gives up %s/%d, which it does not have", worker, topic, p)
			}
			delete(l.owners, topicPartition{topic, p})
		}
	}
	for topic, ps := range added {
		for _, p := range ps {
			tp := topicPartition{topic, p}
			if other := l.owners[tp]; other != "" {
				l.t.Errorf("%s got %s/%d, which %s has", worker, topic, p, other)
			}
			l.owners[tp] = worker
		}
	}
	// A whole task or nothing of it, after every callback.
	var tasks []Task
	for _, sub := range l.subs {
		for p := range int32(16) {
			has, all := 0, 0
			for _, topic := range sub.Topics {
				if p < l.topics[topic] {
					all++
					if l.owners[topicPartition{topic, p}] == worker {
						has++
					}
				}
			}
			if has > 0 {
				tasks = append(tasks, Task{sub.Name, p})
			}
			if has > 0 && has < all {
				l.t.Errorf("%s has %d of the %d partitions of %s/%d", worker, has, all, sub.Name, p)
			}
		}
	}
	l.tasks[worker] = tasks
	if added != nil && !slices.Equal(tasks, b.Assigned()) {
		l.t.Errorf("%s has %v, Assigned says %v", worker, tasks, b.Assigned())
	}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// worker is a client with its loop, as the processor's.
type worker struct {
	name string
	*Balancer
	client *kgo.Client
	stop   context.CancelFunc
	done   chan struct{}
}

func (l *ledger) start(process string, number int32) *worker {
	return l.startSibling(process, number, nil)
}

func (l *ledger) startSibling(process string, number int32, siblings *Siblings) *worker {
	name := fmt.Sprintf("%s-%d", process, number)
	w := &worker{name: name, done: make(chan struct{}), Balancer: New(Config{Subs: l.subs, Process: process, Worker: number, Plan: "plan", TransactionalID: "app-" + name, Siblings: siblings})}
	var topics []string
	for topic := range l.topics {
		topics = append(topics, topic)
	}
	var hooks []kgo.Hook
	if siblings != nil {
		hooks = append(hooks, siblings.Hook(number))
	}
	cl, err := kgo.NewClient(
		kgo.WithHooks(hooks...), kgo.SeedBrokers(l.addrs...), kgo.ConsumerGroup(l.group), kgo.ConsumeTopics(topics...), kgo.Balancers(w.Balancer),
		kgo.BlockRebalanceOnPoll(), kgo.DisableAutoCommit(), kgo.FetchMaxWait(10*time.Millisecond), kgo.HeartbeatInterval(20*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(10*time.Millisecond), kgo.MetadataMaxAge(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) {
			if added == nil {
				added = map[string][]int32{}
			}
			l.record(name, w.Balancer, added, nil)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { l.record(name, w.Balancer, nil, lost) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { l.record(name, w.Balancer, nil, lost) }),
	)
	if err != nil {
		l.t.Fatal(err)
	}
	w.client = cl
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() {
		defer close(w.done)
		for ctx.Err() == nil {
			cl.PollFetches(ctx)
			cl.AllowRebalance()
		}
	}()
	return w
}

func (w *worker) close() {
	w.stop()
	<-w.done
	w.client.CloseAllowingRebalance()
}

// await waits until the tasks are dealt out evenly among the workers.
func (l *ledger) await(workers ...*worker) {
	l.t.Helper()
	total := 0
	for _, sub := range l.subs {
		n, _ := tasksOf(sub, l.topics)
		total += int(n)
	}
	l.awaitThat(func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		var counts []int
		sum := 0
		for _, w := range workers {
			counts = append(counts, len(l.tasks[w.name]))
			sum += len(l.tasks[w.name])
		}
		return sum == total && even(counts)
	})
}

// awaitThat waits for something that a callback brings about.
func (l *ledger) awaitThat(ok func() bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
	defer cancel()
	for !ok() {
		select {
		case <-l.changed:
		case <-ctx.Done():
			l.mu.Lock()
			defer l.mu.Unlock()
			l.t.Fatalf("waited for 30 s; tasks are %v", l.tasks)
		}
	}
}

// real clients on a broker: the partitions of a task always move together and nothing has two
// owners, while workers come, go and a topic grows.
func TestClients(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	testClients(t, "app", c.ListenAddrs())
}

func testClients(t *testing.T, group string, addrs []string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	flights, weather, repartition := group+"-flights", group+"-weather", group+"-repartition"
	l := &ledger{
		t: t, group: group, addrs: addrs, topics: map[string]int32{flights: 6, weather: 6, repartition: 4},
		subs:   []Sub{{"counted", []string{repartition}}, {"joined", []string{flights, weather}}},
		owners: map[topicPartition]string{}, tasks: map[string][]Task{}, changed: make(chan struct{}, 1),
	}
	for topic, n := range l.topics {
		if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), n, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	a := l.start("a", 0)
	l.await(a)
	var workers []*worker
	for i := range int32(3) {
		workers = append(workers, l.start("p"+strconv.Itoa(int(i)), i))
	}
	l.await(append(workers, a)...)
	if fence := workers[0].Fence(); len(fence) > 0 {
		t.Errorf("nobody has gone, and %v are to be fenced", fence)
	}
	a.close()
	l.await(workers...)
	for _, w := range workers {
		l.awaitThat(func() bool { return slices.Equal(w.Fence(), []string{"app-a-0"}) })
	}
	b := l.start("b", 0)
	l.await(append(workers, b)...)
	workers[1].close()
	workers[2].close()
	l.await(workers[0], b)
	l.mu.Lock()
	l.topics[repartition] = 7
	l.mu.Unlock()
	if _, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), 7, repartition); err != nil {
		t.Fatal(err)
	}
	l.await(workers[0], b)
	b.close()
	workers[0].close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.owners) > 0 {
		t.Errorf("all are gone, and some have %v", l.owners)
	}
}
