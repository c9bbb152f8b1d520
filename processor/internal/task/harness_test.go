package task

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/wiretime"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology"
)

// The tests of this package run tasks on a plan made by hand, with operators that write down what
// they see. What the tasks do with the operators of a real plan is tested in package processortest.

// testSource hands messages to a function. Messages with the key "undecodable" have no time.
type testSource struct {
	receive func(*flow.Message) error
}

func (s *testSource) Time(m *flow.Message) (int64, bool, error) {
	if string(m.Key) == "undecodable" {
		return 0, false, nil
	}
	return m.Timestamp, true, nil
}

func (s *testSource) Receive(m *flow.Message) error { return s.receive(m) }

type timedFunc func(int64) error

func (f timedFunc) Advance(now int64) (bool, error) { return true, f(now) }

type flushFunc func() (bool, error)

func (f flushFunc) Flush() (bool, error) { return f() }

type punctuateFunc func(int64) error

func (f punctuateFunc) Punctuate(at int64) error { return f(at) }

// testClock is a clock that tests move.
type testClock struct{ now time.Time }

func (c *testClock) Now() time.Time { return c.now }

func (c *testClock) advance(d time.Duration) { c.now = c.now.Add(d) }

// testCluster has partition counts.
type testCluster map[string]int32

func (c testCluster) Partitions(topic string) int32         { return c[topic] }
func (c testCluster) Limits(topic string) *changelog.Limits { return nil }

// Looked says what departed_test.go has put there.
func (c testCluster) Looked(sub string) (tasks int32, asked int) {
	return c["tasks of "+sub], int(c["asked"])
}

func (c testCluster) TopicID(topic string) (id [16]byte) {
	copy(id[:], topic)
	return id
}

// sent is a message that a task has sent.
type sent struct {
	topic      string
	partition  int32
	key, value string
	timestamp  int64
	headers    map[string]string
}

// testOutput keeps what the present transaction has sent.
type testOutput struct {
	sent []sent
	logs map[string]int64 // ends of logs by topic and partition
	ends map[string]int64 // of this transaction
}

func (o *testOutput) Produce(topic string, partition int32, key, value []byte, timestamp int64, headers []kgo.RecordHeader) {
	s := sent{topic: topic, partition: partition, key: string(key), value: string(value), timestamp: timestamp}
	for _, h := range headers {
		if s.headers == nil {
			s.headers = map[string]string{}
		}
		s.headers[h.Key] = string(h.Value)
	}
	o.sent = append(o.sent, s)
	id := topic + "/" + strconv.Itoa(int(partition))
	o.logs[id]++
	o.ends[id] = o.logs[id]
}

func (o *testOutput) End(topic string, partition int32) (int64, bool) {
	end, ok := o.ends[topic+"/"+strconv.Itoa(int(partition))]
	return end, ok
}

// to returns what was sent to a topic.
func (o *testOutput) to(topic string) (all []sent) {
	for _, s := range o.sent {
		if s.topic == topic {
			all = append(all, s)
		}
	}
	return all
}

// bench is one task with everything around it.
type bench struct {
	t       testing.TB
	plan    *flow.Plan
	opts    Options
	clock   *testClock
	cluster testCluster
	out     *testOutput
	engine  *memstate.Engine
	db      state.DB
	task    *Task
	seq     uint64
	seen    []string // what the operators saw: "topic@offset time ref"
	// receive replaces what a source does with a message, after it was written to seen.
	receive func(t flow.Task, m *flow.Message) error
	// more adds operators.
	more func(t flow.Task, g *flow.Graph)
}

// newBench makes a task "s/0" with inputs; names that begin with "r:" are repartition topics,
// written by sub-topology "w". w reads the topic "source", with two partitions. There is a time
// store, a key-value store "kv" and a window store "win", which keeps windows for 100 ms.
func newBench(t testing.TB, inputs ...string) *bench {
	b := &bench{t: t, clock: &testClock{time.UnixMilli(1_000_000_000)}, engine: memstate.New(),
		out: &testOutput{logs: map[string]int64{}, ends: map[string]int64{}}}
	sub := &flow.SubTopology{Name: "s", TimeStore: "s-time",
		Sinks: []*flow.Sink{{Topic: "out", Index: 0}, {Topic: "next", Repartition: true, Index: 1}},
		Stores: []flow.StoreSpec{
			{Name: "kv", Kind: flow.KeyValueStore, Timestamped: true, Logged: true, Shape: flow.Shape{Role: "store", Key: "k", Value: "v", Format: 1}},
			{Name: "win", Kind: flow.WindowStore, Timestamped: true, Logged: true, Retention: 100 * time.Millisecond, Shape: flow.Shape{Role: "count", Size: time.Second, Advance: time.Second, Key: "k", Value: "v", Format: 1}},
			{Name: "s-time", Kind: flow.KeyValueStore, Logged: true, Shape: flow.Shape{Role: "time", Key: "k", Value: "v", Format: 1}},
		}}
	b.cluster = testCluster{"out": 4, "app-next-repartition": 2, "source": 2,
		"app-kv-changelog": 1, "app-win-changelog": 1, "app-s-time-changelog": 1}
	b.plan = &flow.Plan{
		SubTopologies: []*flow.SubTopology{{Name: "w", Inputs: []flow.Input{{Topic: "source"}}}, sub},
		Repartitions: []flow.Repartition{
			{Name: "next", Writers: []flow.Writer{{SubTopology: "s", Delay: 10 * time.Millisecond}}},
		},
	}
	b.opts = Options{
		Shared: Shared{App: "app", Cluster: b.cluster, Clock: b.clock,
			Times: timing.Settings{IdleAfter: 10 * time.Second, LiveWithin: time.Second, WatermarkInterval: time.Second}},
		Sub: sub, Output: b.out, Start: map[string]Start{},
	}
	for _, name := range inputs {
		in := flow.Input{Topic: name}
		topic := name
		if rest, ok := cutPrefix(name, "r:"); ok {
			in = flow.Input{Topic: rest, Repartition: true}
			topic = changelog.RepartitionName("app", rest)
			b.plan.Repartitions = append(b.plan.Repartitions, flow.Repartition{Name: rest, Writers: []flow.Writer{{SubTopology: "w"}}})
		}
		sub.Inputs = append(sub.Inputs, in)
		b.cluster[topic] = 1
		b.opts.Start[topic] = Start{Ref: topology.NoTime}
	}
	b.plan.NewGraph = func(_ *flow.SubTopology, t flow.Task) (*flow.Graph, error) { return b.graph(t), nil }
	b.opts.Plan = b.plan
	t.Cleanup(func() {
		if b.task != nil {
			b.close()
		}
	})
	return b
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return s, false
}

// graph builds operators that write down what they see.
func (b *bench) graph(t flow.Task) *flow.Graph {
	g := &flow.Graph{Sources: map[string]flow.Source{}}
	for _, in := range b.opts.Sub.Inputs {
		name := in.Topic
		g.Sources[name] = &testSource{func(m *flow.Message) error {
			b.seen = append(b.seen, fmt.Sprintf("%s@%d %d %d", name, m.Origin.Offset, m.Timestamp, m.Ref))
			if b.receive != nil {
				return b.receive(t, m)
			}
			return nil
		}}
	}
	if b.more != nil {
		b.more(t, g)
	}
	return g
}

// open opens the task.
func (b *bench) open() *bench {
	b.t.Helper()
	if err := b.tryOpen(); err != nil {
		b.t.Fatal(err)
	}
	return b
}

func (b *bench) tryOpen() error {
	var err error
	if b.db, err = b.engine.Open("s-0"); err != nil {
		return err
	}
	cp, err := checkpoint.Open(b.db, checkpoint.Identity{Application: "app", ClusterID: "c", Task: "s/0"})
	if err != nil {
		return errors.Join(err, b.db.Close())
	}
	b.opts.DB, b.opts.Checkpoint = b.db, cp
	if b.task, err = New(b.opts); err != nil {
		b.task = nil
		return errors.Join(err, b.db.Close())
	}
	return nil
}

func (b *bench) close() {
	b.t.Helper()
	if err := errors.Join(b.task.Close(), b.db.Close()); err != nil {
		b.t.Fatal(err)
	}
	b.task = nil
}

// restart closes the task without a commit and opens it again.
func (b *bench) restart() *bench {
	b.t.Helper()
	b.close()
	return b.open()
}

// rec makes a record of an input.
func rec(offset, ts int64, headers ...kgo.RecordHeader) *kgo.Record {
	r := &kgo.Record{Key: []byte("k"), Value: []byte("v"), Offset: offset, Headers: headers}
	wiretime.Set(r, ts)
	return r
}

// marker makes a control record of the broker.
func marker(offset int64) *kgo.Record {
	return &kgo.Record{Offset: offset, Attrs: kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Control: true})}
}

// told makes the header of an announcement by task w/partition.
func told(partition int32, time int64, f flags) kgo.RecordHeader {
	return toldIn(0, partition, time, f)
}

func toldIn(run uint64, partition int32, time int64, f flags) kgo.RecordHeader {
	a := announcement{sub: []byte("w"), partition: partition, run: run, time: time, flags: f}
	return kgo.RecordHeader{Key: TimeHeader, Value: a.append(nil)}
}

// bare makes a record that is nothing but an announcement.
func bare(offset int64, h kgo.RecordHeader) *kgo.Record {
	h.Value[1] |= byte(control)
	return &kgo.Record{Offset: offset, Headers: []kgo.RecordHeader{h}}
}

// real is the name of an input on the broker.
func real(name string) string {
	if rest, ok := cutPrefix(name, "r:"); ok {
		return changelog.RepartitionName("app", rest)
	}
	return name
}

// add enqueues records of an input. The known end lies more records behind them.
func (b *bench) add(input string, more int64, recs ...*kgo.Record) *bench {
	end := more
	if n := len(recs); n > 0 {
		end += recs[n-1].Offset + 1
	}
	b.task.Enqueue(real(input), recs, end)
	return b
}

// process processes everything and returns what the operators saw since the last call.
func (b *bench) process() []string {
	b.t.Helper()
	if _, err := b.task.Process(1 << 20); err != nil {
		b.t.Fatal(err)
	}
	return b.saw()
}

func (b *bench) saw() []string {
	seen := b.seen
	b.seen = nil
	return seen
}

// tick lets the wall clock act.
func (b *bench) tick() {
	b.t.Helper()
	if err := b.task.Tick(); err != nil {
		b.t.Fatal(err)
	}
}

// commit commits and returns what the transaction has sent.
func (b *bench) commit() []sent {
	b.t.Helper()
	if err := b.task.Flush(); err != nil {
		b.t.Fatal(err)
	}
	b.task.ChangelogEnds()
	b.seq++
	for _, p := range b.task.Positions() {
		b.opts.Start[p.Topic] = Start{Offset: p.Offset, Ref: p.Ref, Ended: p.Ended}
	}
	b.task.Committed(b.seq)
	return b.drop()
}

// drop forgets what the transaction has sent, and returns it.
func (b *bench) drop() []sent {
	all := b.out.sent
	b.out.sent = nil
	clear(b.out.ends)
	return all
}

func (b *bench) abort() {
	b.t.Helper()
	if err := b.task.Abort(); err != nil {
		b.t.Fatal(err)
	}
	b.drop()
}

// want compares lists.
func want[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// same compares values.
func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
