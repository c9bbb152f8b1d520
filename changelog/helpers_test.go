package changelog_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
)

func context30(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func cluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// brokers are those of the embedded broker or of Apache Kafka.
type brokers interface{ ListenAddrs() []string }

func client(t testing.TB, c brokers, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.ListenAddrs()...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MetadataMinAge(10 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func createTopic(t testing.TB, cl *kgo.Client, name string, partitions int32) {
	t.Helper()
	if _, err := kadm.NewClient(cl).CreateTopic(context30(t), partitions, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, name); err != nil {
		t.Fatal(err)
	}
}

func deleteTopic(t testing.TB, cl *kgo.Client, name string) {
	t.Helper()
	if _, err := kadm.NewClient(cl).DeleteTopic(context30(t), name); err != nil {
		t.Fatal(err)
	}
}

// deleteRecords purges a partition below offset.
func deleteRecords(t testing.TB, cl *kgo.Client, topic string, partition int32, offset int64) {
	t.Helper()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, partition, offset, -1)
	resp, err := kadm.NewClient(cl).DeleteRecords(context30(t), offsets)
	if err == nil {
		err = resp.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func restorer(t testing.TB, c brokers, cfg changelog.Config) *changelog.Restorer {
	t.Helper()
	cfg.Client = append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...)}, cfg.Client...)
	if cfg.FetchWait == 0 {
		cfg.FetchWait = 20 * time.Millisecond
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = 50 * time.Millisecond
	}
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	r, err := changelog.NewRestorer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// produce appends messages to a partition and waits for them.
func produce(t testing.TB, cl *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := cl.ProduceSync(context30(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// store is a state as a task has it: data and position change together.
type store struct {
	mu   sync.Mutex
	data map[string]string
	next int64

	applies, resets int
	changes         int
	// onApply, if not nil, may refuse.
	onApply func(s *store) error
}

func newStore() *store { return &store{data: map[string]string{}} }

func (s *store) apply(changes []changelog.Change, next int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applies++
	if s.onApply != nil {
		if err := s.onApply(s); err != nil {
			return err
		}
	}
	if next < s.next {
		return fmt.Errorf("position goes back from %d to %d", s.next, next)
	}
	for _, c := range changes {
		if c.Deleted {
			delete(s.data, string(c.Key))
		} else {
			s.data[string(c.Key)] = string(c.Value)
		}
	}
	s.changes += len(changes)
	s.next = next
	return nil
}

func (s *store) reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.next = map[string]string{}, 0
	s.resets++
	return nil
}

func (s *store) request(topic string, partition int32, spec changelog.Spec) changelog.Request {
	return changelog.Request{Topic: topic, Partition: partition, Spec: spec, From: s.next, Apply: s.apply, Reset: s.reset}
}

func (s *store) equal(t testing.TB, want map[string]string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if maps.Equal(s.data, want) {
		return
	}
	n := 0
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := s.data[k]; (!ok || v != want[k]) && n < 5 {
			t.Errorf("key %q: got %q (%v), want %q", k, v, ok, want[k])
			n++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.data)) {
		if _, ok := want[k]; !ok && n < 10 {
			t.Errorf("key %q: got %q, want none", k, s.data[k])
			n++
		}
	}
	t.Fatalf("store has %d keys, want %d", len(s.data), len(want))
}

// writer writes changelogs as tasks do, in transactions, and keeps what was committed. Its fold is
// the reference: it shares no code with what reads changelogs back.
type writer struct {
	t    testing.TB
	cl   *kgo.Client
	rand *rand.Rand
	// committed is the state by topic and partition.
	committed map[string]map[int32]map[string]string
	open      []func()
	records   int
}

func newWriter(t testing.TB, c brokers, r *rand.Rand, id string) *writer {
	return &writer{t: t, rand: r, committed: map[string]map[int32]map[string]string{},
		cl: client(t, c, kgo.TransactionalID(id), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))}
}

func (w *writer) state(topic string, partition int32) map[string]string {
	if w.committed[topic] == nil {
		w.committed[topic] = map[int32]map[string]string{}
	}
	if w.committed[topic][partition] == nil {
		w.committed[topic][partition] = map[string]string{}
	}
	return w.committed[topic][partition]
}

func (w *writer) begin() {
	w.t.Helper()
	w.open = nil
	if err := w.cl.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
}

// put appends a change within the transaction. value "" deletes.
func (w *writer) put(topic string, partition int32, key, value string) {
	r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	w.records++
	w.cl.Produce(w.t.Context(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			w.t.Errorf("produce: %v", err)
		}
	})
	w.open = append(w.open, func() {
		if value == "" {
			delete(w.state(topic, partition), key)
		} else {
			w.state(topic, partition)[key] = value
		}
	})
}

func (w *writer) end(commit bool) {
	w.t.Helper()
	if err := w.cl.Flush(context30(w.t)); err != nil {
		w.t.Fatal(err)
	}
	try := kgo.TryAbort
	if commit {
		try = kgo.TryCommit
	}
	if err := w.cl.EndTransaction(context30(w.t), try); err != nil {
		w.t.Fatal(err)
	}
	if commit {
		for _, do := range w.open {
			do()
		}
	}
}

// transactions writes n random transactions to the partitions of topic; some are aborted.
func (w *writer) transactions(n int, topic string, partitions int32) {
	w.t.Helper()
	for range n {
		w.begin()
		for range 1 + w.rand.IntN(20) {
			value := ""
			if w.rand.IntN(4) > 0 {
				value = strconv.Itoa(w.rand.Int())
			}
			w.put(topic, w.rand.Int32N(partitions), "k"+strconv.Itoa(w.rand.IntN(50)), value)
		}
		w.end(w.rand.IntN(3) > 0)
	}
}
