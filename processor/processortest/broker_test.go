package processortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/processor/internal/failpoint"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// TestRandomTopologiesOnABroker runs random topologies as applications on the embedded broker:
// several instances with several workers each, which stop and start again, with and without their
// state, while any step of a commit or a rebalance may fail. What is committed in the end is
// compared with the model.
func TestRandomTopologiesOnABroker(t *testing.T) {
	n := 2
	if testing.Short() {
		n = 1
	}
	for _, seed := range seeds.Several(t, n) {
		runOnBroker(t, seed)
	}
}

// onBroker is one random topology on a broker.
type onBroker struct {
	t       *testing.T
	seed    uint64
	g       *randomTopology
	plan    *topology.Plan
	d       *Driver // it has the topics, and reads the results in the end
	fake    *kfake.Cluster
	cl      *kgo.Client
	outs    []string
	config  processor.Config
	dirs    []string // of the instances
	failing int      // one of so many steps fails; 0: none

	mu    sync.Mutex
	rnd   *rand.Rand // guarded by mu: instances draw at the same time
	wrong []string
}

func runOnBroker(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewSource(int64(seed)))
	b := &onBroker{t: t, seed: seed, rnd: rnd}
	b.g, b.plan = drawTopology(t, rnd, allSteps)
	b.d = New(t, b.plan, Options{DefaultPartitions: b.g.sources, Partitions: b.g.partitions()})
	b.g.bind(t, b.plan, b.d)
	b.start()
	count := map[string]int64{}
	for run := range b.g.runs() {
		// A client takes a negative time for none. Another time would not do: that of a stream has
		// to lie behind the table's.
		events := slices.DeleteFunc(b.g.events(true, count), func(e modelEvent) bool { return e.ts < 0 })
		b.g.markPoison(events)
		b.g.m.run(b.g.sources, events)
		b.produce(events)
		b.run(run)
	}
	b.collect()
	for i, check := range b.g.checks {
		if !slices.Contains(b.g.storeChecks, i) { // the driver's stores are not the applications'
			if wrong := check(b.d); wrong != "" {
				t.Fatalf("%s%s", b.what(), wrong)
			}
		}
	}
}

func (b *onBroker) what() string {
	return fmt.Sprintf("seed %d, %d partitions, %d instances, %d workers, failing 1/%d\n%s\n", b.seed, b.g.sources, len(b.dirs), b.config.Workers, b.failing, b.g)
}

// draw returns a number below n.
func (b *onBroker) draw(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rnd.Intn(n)
}

// start starts the broker and creates the topics of the user.
func (b *onBroker) start() {
	var err error
	if b.fake, err = kfake.NewCluster(kfake.NumBrokers(1+b.rnd.Intn(2)), kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "100"}), kfake.ClusterID("kolk-random")); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.fake.Close)
	if b.cl, err = kgo.NewClient(kgo.SeedBrokers(b.fake.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.cl.Close)
	topics := map[string]bool{}
	for _, sub := range b.plan.ForRuntime(flow.Key{}).SubTopologies {
		for _, in := range sub.Inputs {
			topics[in.Topic] = topics[in.Topic] || !in.Repartition
		}
		for _, s := range sub.Sinks {
			if !s.Repartition {
				topics[s.Topic] = true
				b.outs = append(b.outs, s.Topic)
			}
		}
	}
	for _, g := range b.plan.ForRuntime(flow.Key{}).Globals {
		topics[g.Topic] = true
	}
	for topic, external := range topics {
		if external {
			if _, err := kadm.NewClient(b.cl).CreateTopic(b.t.Context(), b.d.cluster.Partitions(topic), 1, nil, topic); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	for k, v := range b.g.m.globals {
		b.send(&kgo.Record{Topic: "g", Key: encode(b.t, serde.Int64(), k), Value: encode(b.t, serde.Int64(), v)})
	}
	b.failing = []int{0, 100, 30}[b.rnd.Intn(3)]
	for range 1 + b.rnd.Intn(3) {
		b.dirs = append(b.dirs, b.t.TempDir())
	}
	b.config = processor.Config{
		Brokers: b.fake.ListenAddrs(), Workers: 1 + b.rnd.Intn(3), ReplicationFactor: 1, UntilEnd: true, OnError: processor.Skip, SessionTimeout: 1500 * time.Millisecond,
		IdleAfter: -1, CacheBytes: []int64{1, 2000, 64 << 20}[b.rnd.Intn(3)], FlushBytes: 64 << 10,
	}
}

func (b *onBroker) send(records ...*kgo.Record) {
	if err := b.cl.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *onBroker) produce(events []modelEvent) {
	records := make([]*kgo.Record, len(events))
	for i, e := range events {
		key, value := e.bytes(b.t)
		records[i] = &kgo.Record{Topic: e.topic, Partition: e.partition, Key: key, Value: value, Timestamp: time.UnixMilli(e.ts),
			Headers: []kgo.RecordHeader{{Key: "o", Value: e.origin()}}}
	}
	b.send(records...)
}

// run runs all instances until one of them has come to the end, and then one more to the end of
// what they may have begun meanwhile.
func (b *onBroker) run(run int) {
	var all sync.WaitGroup
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	for i := range b.dirs {
		all.Go(func() {
			defer end()
			for attempt := 0; ; attempt++ {
				ended, err := b.instance(i, attempt)
				if err != nil {
					b.mu.Lock()
					b.wrong = append(b.wrong, fmt.Sprintf("run %d, instance %d: %v", run, i, err))
					b.mu.Unlock()
				}
				select {
				case <-over:
					return
				default:
				}
				if ended || err != nil {
					return
				}
				if b.draw(3) == 0 {
					b.dirs[i] = b.t.TempDir()
				}
			}
		})
	}
	all.Wait()
	if _, err := b.instance(0, -1); err != nil {
		b.wrong = append(b.wrong, err.Error())
	}
	if len(b.wrong) > 0 {
		b.t.Fatalf("%s%s", b.what(), strings.Join(b.wrong, "\n"))
	}
}

// errFailpoint is what a step fails with.
var errFailpoint = errors.New("failpoint")

// instance runs an instance, perhaps until it is stopped; each attempt leaves it more time, and the
// attempt -1 all of it. ended says that it came to the end by itself.
func (b *onBroker) instance(i, attempt int) (ended bool, err error) {
	log := new(logBuffer)
	cfg := b.config
	cfg.StateDir, cfg.Logger = b.dirs[i], slog.New(slog.NewTextHandler(log, nil))
	cfg.CommitInterval = time.Duration(1+b.draw(40)) * time.Millisecond
	app, err := processor.New(b.plan, cfg)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if attempt >= 0 {
		ctx = failpoint.With(ctx, func(failpoint.Name) error {
			if b.failing > 0 && attempt < 20 && b.draw(b.failing) == 0 {
				return errFailpoint
			}
			return nil
		})
		defer time.AfterFunc(time.Duration(50+b.draw(1000*(1+attempt)))*time.Millisecond, cancel).Stop()
	}
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	select {
	case err = <-done:
	case <-time.After(2 * time.Minute):
		return false, fmt.Errorf("it hangs; its log ends with\n%s", log.tail())
	}
	if err != nil && !errors.Is(err, errFailpoint) {
		return false, fmt.Errorf("%w; its log ends with\n%s", err, log.tail())
	}
	return err == nil && ctx.Err() == nil, nil
}

// collect reads what was committed to the output topics into the driver's.
func (b *onBroker) collect() {
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	ends, err := kadm.NewClient(b.cl).ListCommittedOffsets(ctx, b.outs...)
	if err != nil {
		b.t.Fatal(err)
	}
	// Of a repartition topic all may be deleted that was there.
	starts, err := kadm.NewClient(b.cl).ListStartOffsets(ctx, b.outs...)
	if err != nil {
		b.t.Fatal(err)
	}
	from, left := map[string]map[int32]kgo.Offset{}, map[place]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		b.d.cluster.topics[o.Topic][o.Partition] = nil
		if start, ok := starts.Lookup(o.Topic, o.Partition); ok && start.Offset >= o.Offset {
			return
		}
		if from[o.Topic] == nil {
			from[o.Topic] = map[int32]kgo.Offset{}
		}
		from[o.Topic][o.Partition] = kgo.NewOffset().AtStart()
		left[place{o.Topic, o.Partition}] = o.Offset
	})
	if len(left) == 0 {
		return
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.fake.ListenAddrs()...), kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	for len(left) > 0 && ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if log := b.d.cluster.topics[r.Topic]; !r.Attrs.IsControl() {
				log[r.Partition] = append(log[r.Partition], r)
			}
			if at := (place{r.Topic, r.Partition}); r.Offset+1 >= left[at] {
				delete(left, at)
			}
		})
	}
	if ctx.Err() != nil {
		b.t.Fatalf("%snot read to the end: %v", b.what(), left)
	}
}

// logBuffer keeps what an application logs. It is safe for concurrent use.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buf.Bytes()
	return string(b[max(0, len(b)-5000):])
}
