package load_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/cmd/kolk/internal/load"
	"github.com/kolkstream/kolk/processor/embedded"
)

// message takes {"k":..,"t":..} apart.
func message(row load.Row) ([]byte, []byte, time.Time, error) {
	var v struct {
		K string
		T int64
	}
	if err := json.Unmarshal(row.JSON, &v); err != nil {
		return nil, nil, time.Time{}, err
	}
	var key []byte
	if v.K != "" {
		key = []byte(v.K)
	}
	return key, row.JSON, time.UnixMilli(v.T), nil
}

type bundle struct {
	ctx     context.Context
	brokers []string
}

func setup(t *testing.T) bundle {
	t.Helper()
	b, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return bundle{ctx, []string{b.Addr()}}
}

func (b bundle) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.brokers...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func (b bundle) load(t *testing.T, topic, path string) (load.Result, error) {
	t.Helper()
	return b.loadWith(t, load.Options{}, topic, path)
}

func (b bundle) loadWith(t *testing.T, o load.Options, topic, path string) (load.Result, error) {
	t.Helper()
	f, err := load.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	o.Brokers = b.brokers
	return load.Load(b.ctx, o, load.Input{Topic: topic, File: f, Message: message})
}

// read returns what a read-committed consumer sees of the topic, by partition: key, value,
// timestamp.
func (b bundle) read(t *testing.T, topic string) map[int32][]string {
	t.Helper()
	cl := b.client(t, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(cl).ListEndOffsets(b.ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open++
		}
	})
	got := map[int32][]string{}
	for open > 0 {
		fs := cl.PollFetches(b.ctx)
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		for r := range fs.RecordsAll() {
			if !r.Attrs.IsControl() {
				got[r.Partition] = append(got[r.Partition], fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp.UnixMilli()))
			}
			if end, _ := ends.Lookup(topic, r.Partition); r.Offset+1 == end.Offset {
				open--
			}
		}
	}
	return got
}

func (b bundle) topics(t *testing.T, partitions int32, topics ...string) {
	t.Helper()
	if err := load.EnsureTopics(b.ctx, load.TopicsOptions{Brokers: b.brokers, Partitions: partitions, Exact: true}, topics...); err != nil {
		t.Fatal(err)
	}
}

func TestLoadOnce(t *testing.T) {
	b := setup(t)
	b.topics(t, 1, "words", "others")
	path := write(t, "words.jsonl", `{"k":"a","t":978307620000}`+"\n"+`{"k":"b","t":2}`+"\n"+`{"t":3}`+"\n")
	want := map[int32][]string{0: {
		`a={"k":"a","t":978307620000}@978307620000`, `b={"k":"b","t":2}@2`, `={"t":3}@3`,
	}}
	for i, already := range []bool{false, true, true} {
		res, err := b.load(t, "words", path)
		if err != nil {
			t.Fatal(err)
		}
		if res.Rows != 3 || res.Already != already {
			t.Errorf("load %d: %+v", i, res)
		}
		if diff := cmp.Diff(want, b.read(t, "words")); diff != "" {
			t.Errorf("after load %d (-want +got):\n%s", i, diff)
		}
	}
	// The same file into another topic is another load, as is another file into this one.
	if res, err := b.load(t, "others", path); err != nil || res.Already {
		t.Errorf("into another topic: %+v, %v", res, err)
	}
	if res, err := b.load(t, "words", write(t, "more.jsonl", `{"k":"c","t":4}`)); err != nil || res.Already || res.Rows != 1 {
		t.Errorf("another file: %+v, %v", res, err)
	}
	want[0] = append(want[0], `c={"k":"c","t":4}@4`)
	if diff := cmp.Diff(want, b.read(t, "words")); diff != "" {
		t.Errorf("after another file (-want +got):\n%s", diff)
	}
}

func TestLoadAgainAfterDelete(t *testing.T) {
	b := setup(t)
	path := write(t, "words.jsonl", `{"k":"a","t":1}`)
	adm := kadm.NewClient(b.client(t))
	for range 2 {
		b.topics(t, 1, "words")
		if res, err := b.load(t, "words", path); err != nil || res.Already {
			t.Fatalf("%+v, %v", res, err)
		}
		if _, err := adm.DeleteTopics(b.ctx, "words"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPartitionOfKey(t *testing.T) {
	b := setup(t)
	b.topics(t, 4, "words")
	// The hashes are those that Kafka's own tests state for murmur2: 2 from -790332482 & 0x7fffffff
	// % 4, and so on.
	want := map[string]int32{"foobar": 2, "21": 0, "a-little-bit-long-string": 0, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": 1}
	var rows strings.Builder
	for i := range 100 {
		for key := range want {
			fmt.Fprintf(&rows, "{\"k\":\"%s\",\"t\":%d}\n", key, i)
		}
	}
	if _, err := b.load(t, "words", write(t, "words.jsonl", rows.String())); err != nil {
		t.Fatal(err)
	}
	next := map[string]int{} // rows of a key keep their order
	for p, records := range b.read(t, "words") {
		for _, r := range records {
			key, rest, _ := strings.Cut(r, "=")
			if p != want[key] {
				t.Errorf("key %s lies in partition %d, want %d", key, p, want[key])
			}
			var at int
			fmt.Sscanf(rest[strings.LastIndex(rest, "@")+1:], "%d", &at)
			if at != next[key] {
				t.Errorf("key %s: row %d, want %d", key, at, next[key])
			}
			next[key] = at + 1
		}
	}
	for key := range want {
		if next[key] != 100 {
			t.Errorf("key %s: %d records, want 100", key, next[key])
		}
	}
}

func TestFailedLoadLeavesNothing(t *testing.T) {
	b := setup(t)
	b.topics(t, 1, "words")
	good := `{"k":"a","t":1}` + "\n"
	path := write(t, "words.jsonl", strings.Repeat(good, 5000)+"{\n")
	_, err := b.load(t, "words", path)
	if err == nil || !strings.Contains(err.Error(), path+":5001: ") {
		t.Errorf("a bad row gives %v", err)
	}
	if got := b.read(t, "words"); len(got) != 0 {
		t.Errorf("%d records are visible after a failed load", len(got[0]))
	}
	// Corrected, it loads.
	if err := os.WriteFile(path, []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	if res, err := b.load(t, "words", path); err != nil || res.Rows != 1 || res.Already {
		t.Errorf("corrected: %+v, %v", res, err)
	}
}

func TestKeepBad(t *testing.T) {
	b := setup(t)
	b.topics(t, 1, "words")
	path := write(t, "words.jsonl", "{\"k\":\"a\",\"t\":1}\noops\nagain\n")
	res, err := b.loadWith(t, load.Options{KeepBad: true}, "words", path)
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != 3 || res.Bad != 2 || !strings.Contains(res.FirstBad.Error(), path+":2: ") {
		t.Errorf("%+v", res)
	}
	got := b.read(t, "words")[0]
	if len(got) != 3 || !strings.HasPrefix(got[1], "=oops@") {
		t.Errorf("records %q", got)
	}
}

// A loader that died with its transaction open neither blocks the next one nor leaves its rows.
func TestDeadLoader(t *testing.T) {
	b := setup(t)
	b.topics(t, 1, "words")
	dead := b.client(t, kgo.TransactionalID("kolk-load-words"), kgo.TransactionTimeout(5*time.Minute))
	if err := dead.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"words", load.LedgerTopic} {
		if err := dead.ProduceSync(b.ctx, &kgo.Record{Topic: topic, Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.load(t, "words", write(t, "words.jsonl", `{"k":"a","t":1}`)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int32][]string{0: {`a={"k":"a","t":1}@1`}}, b.read(t, "words")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := dead.EndTransaction(b.ctx, kgo.TryCommit); err == nil {
		t.Error("the dead loader could commit")
	}
}

func TestCanceledLoad(t *testing.T) {
	b := setup(t)
	b.topics(t, 1, "words")
	f, err := load.Open(write(t, "words.jsonl", strings.Repeat("{\"k\":\"a\",\"t\":1}\n", 50_000)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	o := load.Options{Brokers: b.brokers, Progress: func(load.Input, int64) { cancel() }}
	if _, err := load.Load(ctx, o, load.Input{Topic: "words", File: f, Message: message}); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled load gives %v", err)
	}
	if got := b.read(t, "words"); len(got) != 0 {
		t.Errorf("%d records are visible after a canceled load", len(got[0]))
	}
}

func TestMissingTopic(t *testing.T) {
	b := setup(t)
	b.topics(t, 1)
	if _, err := b.load(t, "none", write(t, "a.jsonl", "{}")); !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "topic none") {
		t.Errorf("a missing topic gives %v", err)
	}
}

func TestEnsureTopics(t *testing.T) {
	b := setup(t)
	b.topics(t, 3, "a", "b")
	b.topics(t, 3, "b", "c")
	err := load.EnsureTopics(b.ctx, load.TopicsOptions{Brokers: b.brokers, Partitions: 5, Exact: true}, "a", "d")
	if !errors.Is(err, load.ErrPartitions) || !strings.Contains(err.Error(), "a has 3") || strings.Contains(err.Error(), "d has") {
		t.Errorf("another number of partitions gives %v", err)
	}
	if err := load.EnsureTopics(b.ctx, load.TopicsOptions{Brokers: b.brokers, Partitions: 7}, "a"); err != nil {
		t.Errorf("without Exact: %v", err)
	}
	configs, err := kadm.NewClient(b.client(t)).DescribeTopicConfigs(b.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	retention := ""
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" {
			retention = c.MaybeValue()
		}
	}
	if retention != "-1" {
		t.Errorf("retention.ms is %q, want -1", retention)
	}
}

func TestAwait(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().(*net.TCPAddr)
	ln.Close()
	waiting := make(chan error, 1)
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		done <- load.Await(ctx, []string{addr.String()}, nil, func(err error) { waiting <- err })
	}()
	if err := <-waiting; err == nil {
		t.Error("waits without a reason")
	}
	b, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Port: addr.Port})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}

	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := load.Await(stopped, []string{"127.0.0.1:1"}, nil, func(error) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
