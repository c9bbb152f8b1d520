package topology_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/state/memstate"
	"github.com/kolkstream/kolk/topology"
)

// message is a record as it lies in a topic. Keys and values are pointers: nil is none.
type message struct {
	topic      string
	key, value *string
	ts, ref    int64
	headers    string // k=v, separated by blanks
}

func (m message) String() string {
	s := m.topic + " " + deref(m.key) + ":" + deref(m.value) + " @" + strconv.FormatInt(m.ts, 10)
	if m.ref != m.ts {
		s += " ref " + strconv.FormatInt(m.ref, 10)
	}
	if m.headers != "" {
		s += " {" + m.headers + "}"
	}
	return s
}

func deref(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func ptr(s string) *string { return &s }

// msg is a message with key and value.
func msg(topic, key, value string, ts int64) message {
	return message{topic: topic, key: &key, value: &value, ts: ts}
}

func tombstone(topic, key string, ts int64) message { return message{topic: topic, key: &key, ts: ts} }

// failure is an error that an operator reported.
type failure struct {
	node string
	o    topology.Origin
	err  error
}

// rig runs a plan with one task for each sub-topology, in one goroutine and without Kafka: what a
// sub-topology sends to a repartition topic is received when the record at hand is finished. Task
// time is what the largest Ref was, unless frozen.
type rig struct {
	t       testing.TB
	plan    *topology.Plan
	made    *flow.Plan
	tasks   map[string]*rigTask // by sub-topology
	globals map[string]*rigGlobal
	budget  int64
	frozen  bool
	skip    bool // the error policy
	now     time.Time

	sent     []message // to external topics, since take
	internal []message // to repartition topics, not received yet
	drops    map[string]int
	tallies  map[string]*int64
	failures []failure
	offset   int64
	refs     map[string]int64
}

// rigTask is one task and implements flow.Task.
type rigTask struct {
	*rig
	sub       *flow.SubTopology
	db        state.DB
	overlay   *state.Overlay
	stores    map[string]*state.Store
	graph     *flow.Graph
	time      int64
	committed int64 // time
	clocks    map[string]*int64
	closed    int64
	schedules map[string]*rigSchedule
}

type rigSchedule struct {
	clock    topology.Clock
	interval int64
	next     int64
	p        flow.Punctuator
}

// rigGlobal is a global table.
type rigGlobal struct {
	rows    map[string]string
	version uint64
	gets    int
}

func (g *rigGlobal) Get(dst, key []byte) ([]byte, bool, error) {
	g.gets++
	v, ok := g.rows[string(key)]
	return append(dst, v...), ok, nil
}

func (g *rigGlobal) Scan(lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	for _, k := range slices.Sorted(maps.Keys(g.rows)) {
		if more, err := fn([]byte(k), []byte(g.rows[k])); err != nil || !more {
			return err
		}
	}
	return nil
}

func (g *rigGlobal) Version() uint64 { return g.version }

func (g *rigGlobal) set(key, value string) {
	g.rows[key] = value
	g.version++
}

// newRig starts the plan.
//
// Patterns stand for the topics that they match.
func newRig(t testing.TB, tp *topology.Topology, topics ...string) *rig {
	t.Helper()
	plan, err := tp.Build()
	if err != nil {
		t.Fatal(err)
	}
	matched, _ := plan.ForRuntime(flow.Key{}).Match("", topics)
	made := plan.ForRuntime(flow.Key{}).With(matched)
	r := &rig{
		t: t, plan: plan, made: made, tasks: make(map[string]*rigTask), globals: make(map[string]*rigGlobal), budget: 1 << 20,
		drops: make(map[string]int), tallies: make(map[string]*int64), refs: make(map[string]int64), now: time.UnixMilli(1e12),
	}
	for _, g := range made.Globals {
		r.globals[g.Name] = &rigGlobal{rows: make(map[string]string)}
	}
	engine := memstate.New()
	for _, sub := range made.SubTopologies {
		db, err := engine.Open(sub.Name)
		if err != nil {
			t.Fatal(err)
		}
		r.tasks[sub.Name] = &rigTask{rig: r, sub: sub, db: db, time: topology.NoTime, committed: topology.NoTime, closed: topology.NoTime}
	}
	for _, task := range r.tasks {
		task.start()
	}
	return r
}

// start makes a new graph above what is committed.
func (k *rigTask) start() {
	k.overlay = state.NewOverlay(k.db)
	k.stores = make(map[string]*state.Store)
	for i, s := range k.sub.Stores {
		k.stores[s.Name] = k.overlay.Open(uint16(i + 1))
	}
	k.schedules = make(map[string]*rigSchedule)
	k.time = k.committed
	graph, err := k.made.NewGraph(k.sub, k)
	if err != nil {
		k.t.Fatal(err)
	}
	k.graph = graph
}

func (k *rigTask) Context() context.Context { return context.Background() }
func (k *rigTask) Time() int64              { return k.time }
func (k *rigTask) Now() time.Time           { return k.now }
func (k *rigTask) Settled() int64           { return k.committed }
func (k *rigTask) ClosedThrough() int64     { return k.closed }

// Clock is not taken back: that clocks are right after an abort is tested in processortest.
func (k *rigTask) Clock(name string) *int64 {
	if k.clocks == nil {
		k.clocks = make(map[string]*int64)
	}
	if k.clocks[name] == nil {
		at := topology.NoTime
		k.clocks[name] = &at
	}
	return k.clocks[name]
}

func (k *rigTask) CacheBudget() int64 { return k.budget }

func (k *rigTask) Store(name string) *state.Store {
	s := k.stores[name]
	if s == nil {
		k.t.Fatalf("store %s is not in the plan of %s", name, k.sub.Name)
	}
	return s
}

func (k *rigTask) Global(name string) flow.Global { return k.globals[name] }

func (k *rigTask) Partitions(*flow.Sink) int32 { return 4 }

func (k *rigTask) Send(sink *flow.Sink, partition int32, key, value []byte, timestamp, ref int64, place []byte, headers []topology.Header) error {
	m := message{topic: sink.Topic, ts: timestamp, ref: ref}
	if partition != flow.ByKey {
		m.topic += "/" + strconv.Itoa(int(partition))
	}
	if key != nil {
		m.key = ptr(string(key))
	}
	if value != nil {
		m.value = ptr(string(value))
	}
	var hs []string
	for _, h := range headers {
		hs = append(hs, h.Key+"="+string(h.Value))
	}
	m.headers = strings.Join(hs, " ")
	if k.made.Sinks[sink.Index] != sink {
		k.t.Fatalf("sink %s has index %d", sink.Topic, sink.Index)
	}
	if sink.Repartition {
		k.internal = append(k.internal, m)
	} else {
		k.sent = append(k.sent, m)
	}
	return nil
}

func (k *rigTask) Partition() int32 { return 0 }

func (k *rigTask) Handing(topology.Origin) bool  { return false }
func (k *rigTask) Full(int) bool                 { return false }
func (k *rigTask) Postpone()                     { k.t.Fatal("something is postponed though nothing is full") }
func (k *rigTask) Postponed() bool               { return false }
func (k *rigTask) Mark(string) []byte            { return nil }
func (k *rigTask) SetMark(string, []byte, int64) {}

func (k *rigTask) Line(string) flow.Line { return &rigLine{k, topology.NoTime} }

// rigLine is a line without schedules: enough for what records cost. That InOrder is right is
// tested with the task itself, in processortest.
type rigLine struct {
	flow.Task
	now int64
}

func (l *rigLine) Time() int64 { return l.now }

func (l *rigLine) Resume([]flow.Timed) (bool, error) { return true, nil }

func (l *rigLine) Advance(now int64, timed []flow.Timed) (bool, error) {
	l.now = now
	for _, op := range timed {
		if _, err := op.Advance(now); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (k *rigTask) Tally(node string, what topology.Tally) *int64 {
	n := k.tallies[node+" "+string(what)]
	if n == nil {
		n = new(int64)
		k.tallies[node+" "+string(what)] = n
	}
	return n
}

func (k *rigTask) Drop(node string, reason topology.Reason, o topology.Origin) {
	k.drops[node+" "+string(reason)]++
}

func (k *rigTask) Fail(node string, o topology.Origin, err error) error {
	k.failures = append(k.failures, failure{node, o, err})
	if k.skip {
		return nil
	}
	return err
}

func (k *rigTask) Schedule(_ int, name string, clock topology.Clock, interval time.Duration, p flow.Punctuator) {
	s := &rigSchedule{clock: clock, interval: interval.Milliseconds(), p: p, next: -1}
	k.schedules[name] = s
}

func (k *rigTask) Unschedule(name string) { delete(k.schedules, name) }

// in processes messages, one after the other.
func (r *rig) in(messages ...message) {
	r.t.Helper()
	for _, m := range messages {
		if err := r.try(m); err != nil {
			r.t.Fatalf("%v: %v", m, err)
		}
	}
}

// try processes one message and what it causes in other sub-topologies.
func (r *rig) try(m message) error {
	if err := r.deliver(m, false); err != nil {
		return err
	}
	return r.drain()
}

// drain receives what lies in repartition topics.
func (r *rig) drain() error {
	for len(r.internal) > 0 {
		m := r.internal[0]
		r.internal = r.internal[1:]
		if err := r.deliver(m, true); err != nil {
			return err
		}
	}
	return nil
}

// deliver hands a message to the tasks that read its topic.
func (r *rig) deliver(m message, internal bool) error {
	k := r.reader(m.topic, internal)
	if k == nil {
		r.t.Fatalf("nobody reads topic %s", m.topic)
	}
	r.offset++
	in := &flow.Message{Timestamp: m.ts, Origin: topology.Origin{Topic: m.topic, Offset: r.offset}}
	if m.key != nil {
		in.Key = []byte(*m.key)
	}
	if m.value != nil {
		in.Value = []byte(*m.value)
	}
	for h := range strings.FieldsSeq(m.headers) {
		name, value, _ := strings.Cut(h, "=")
		in.Headers = append(in.Headers, topology.Header{Key: name, Value: []byte(value)})
	}
	source := k.graph.Sources[m.topic]
	ts, ok, err := source.Time(in)
	if err != nil || !ok {
		return err
	}
	in.Timestamp = ts
	in.Ref = m.ref
	if !internal {
		r.refs[m.topic] = max(r.refs[m.topic], ts)
		in.Ref = r.refs[m.topic]
	}
	err = source.Receive(in)
	// What an operator keeps of a message must be a copy.
	scribble(in)
	if err != nil {
		return err
	}
	if !r.frozen {
		return k.advance(in.Ref)
	}
	return nil
}

// scribble overwrites what a message's memory holds.
func scribble(m *flow.Message) {
	for _, b := range append([][]byte{m.Key, m.Value}, headerValues(m.Headers)...) {
		for i := range b {
			b[i] = '#'
		}
	}
}

func headerValues(headers []topology.Header) (all [][]byte) {
	for _, h := range headers {
		all = append(all, h.Value)
	}
	return all
}

// reader returns the task that reads a topic.
func (r *rig) reader(topic string, internal bool) *rigTask {
	for _, k := range r.tasks {
		for _, in := range k.sub.Inputs {
			if in.Topic == topic && in.Repartition == internal {
				return k
			}
		}
	}
	return nil
}

// advance brings the task's time to now.
func (k *rigTask) advance(now int64) error {
	if now <= k.time {
		return nil
	}
	k.time = now
	for _, s := range k.schedules {
		if s.clock != topology.StreamTime {
			continue
		}
		if s.next < 0 {
			s.next = (now + s.interval - 1) / s.interval * s.interval
		}
		if s.next <= now {
			at := now / s.interval * s.interval
			s.next = at + s.interval
			if err := s.p.Punctuate(at); err != nil {
				return err
			}
		}
	}
	for _, op := range k.graph.Timed {
		if _, err := op.Advance(now); err != nil {
			return err
		}
	}
	return nil
}

// advance brings the time of all tasks to now: those behind repartition topics last.
func (r *rig) advance(now int64) {
	r.t.Helper()
	subs := r.made.SubTopologies
	slices.SortStableFunc(subs, func(a, b *flow.SubTopology) int { return r.depth(a) - r.depth(b) })
	for _, sub := range subs {
		if err := r.tasks[sub.Name].advance(now); err != nil {
			r.t.Fatal(err)
		}
		if err := r.drain(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// depth is how many repartition topics lie before a sub-topology.
func (r *rig) depth(s *flow.SubTopology) (n int) {
	for _, rp := range r.made.Repartitions {
		for _, in := range s.Inputs {
			if in.Repartition && in.Topic == rp.Name {
				from, _ := r.made.SubTopology(rp.Writers[0].SubTopology)
				n = max(n, 1+r.depth(from))
			}
		}
	}
	return n
}

// tick has wall-clock punctuations run.
func (r *rig) tick(d time.Duration) {
	r.now = r.now.Add(d)
	for _, k := range r.tasks {
		for _, s := range k.schedules {
			if s.clock == topology.WallClock {
				if err := s.p.Punctuate(r.now.UnixMilli()); err != nil {
					r.t.Fatal(err)
				}
			}
		}
	}
}

// commit commits all tasks, again and again until nothing is under way.
func (r *rig) commit() {
	r.t.Helper()
	if err := r.tryCommit(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryCommit() error {
	for again := true; again; {
		again = false
		for _, sub := range r.made.SubTopologies {
			k := r.tasks[sub.Name]
			if err := k.flush(); err != nil {
				return err
			}
			k.overlay.Commit()
			b := k.db.NewBatch()
			k.overlay.WriteTo(b)
			if err := b.Commit(); err != nil {
				return err
			}
			k.overlay.Written()
			k.committed = k.time
			again = again || len(r.internal) > 0
		}
		if err := r.drain(); err != nil {
			return err
		}
	}
	return nil
}

// flush flushes the operators until quiet.
func (k *rigTask) flush() error {
	for again := true; again; {
		again = false
		for _, f := range k.graph.Flushers {
			did, err := f.Flush()
			if err != nil {
				return err
			}
			again = again || did
		}
	}
	return nil
}

// restart makes all tasks anew, as after a crash or an aborted transaction.
func (r *rig) restart() {
	r.internal = nil
	for _, k := range r.tasks {
		k.start()
	}
}

// take returns what was sent since the last call.
func (r *rig) take() []message {
	all := r.sent
	r.sent = nil
	return all
}

// want compares what was sent since the last take with lines of text.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	var got []string
	for _, m := range r.take() {
		got = append(got, m.String())
	}
	if !slices.Equal(got, lines) {
		r.t.Errorf("sent:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

// wantDrops compares the drop counts with "node reason" and counts.
func (r *rig) wantDrops(want map[string]int) {
	r.t.Helper()
	if !maps.Equal(r.drops, want) {
		r.t.Errorf("dropped %v, want %v", r.drops, want)
	}
}

// tallied returns what nodes have counted beside drops: by node and what it is, without zeros.
func (r *rig) tallied() map[string]int {
	all := map[string]int{}
	for k, n := range r.tallies {
		if *n != 0 {
			all[k] = int(*n)
		}
	}
	return all
}

// tally sets what nodes have counted back.
func (r *rig) tally(to map[string]int) {
	for k, n := range r.tallies {
		*n = int64(to[k])
	}
}

// rows returns the committed and uncommitted rows of a store.
func (r *rig) rows(store string) map[string]string {
	r.t.Helper()
	for _, k := range r.tasks {
		if s := k.stores[store]; s != nil {
			rows := make(map[string]string)
			if err := s.Scan(nil, nil, func(key, value []byte) (bool, error) {
				rows[string(key)] = string(value)
				return true, nil
			}); err != nil {
				r.t.Fatal(err)
			}
			return rows
		}
	}
	r.t.Fatalf("no store %s", store)
	return nil
}

// errOops is what failing functions return.
var errOops = errors.New("oops")

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("%q is no number", s))
	}
	return n
}
