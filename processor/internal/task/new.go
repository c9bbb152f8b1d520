package task

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/checkpoint"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/processor/internal/timing"
	"github.com/kolkstream/kolk/processor/report"
	"github.com/kolkstream/kolk/state"
	"github.com/kolkstream/kolk/topology"
)

const (
	// defaultWatermarkInterval is how long a partition is left without news of time.
	defaultWatermarkInterval = time.Second
	// announcementsPerSecond is what an application sends at most, by making the interval longer.
	announcementsPerSecond = 10_000
)

// Shared is what the tasks of an application have in common.
type Shared struct {
	App  string // the application's id: the prefix of internal topics
	Plan *flow.Plan
	// Globals by the names of the global tables. May be nil if the plan has none.
	Globals map[string]flow.Global
	Cluster Cluster
	Clock   Clock
	// Logger gets warnings about skipped records. Default: none.
	Logger *slog.Logger
	// OnError is the error policy. Default: Fail.
	OnError report.ErrorPolicy
	// Stats gets what the tasks commit. Default: nobody.
	Stats *Stats
	// CacheBytes is the budget of each store for decoded values. Default: 0, no cache.
	CacheBytes int64
	// Times are the settings of the application's times. An interval between announcements is
	// longer if the application would send more than 10,000 of them a second.
	Times timing.Settings
}

// Options are what a task is made from. All fields are required unless they say otherwise.
type Options struct {
	Shared
	Sub       *flow.SubTopology
	Partition int32

	// DB is the task's database, restored to the committed positions; Checkpoint is its.
	DB         state.DB
	Checkpoint *checkpoint.Checkpoint
	Output     Output
	// OnDrop is told every record that is dropped, when it is, whether or not the transaction
	// commits. Default: nobody.
	OnDrop func(node string, reason topology.Reason, o topology.Origin)

	// Doubt has, by topic on the broker, the ends of repartition inputs when the task was opened.
	// Their writers may have input by now that was not there when they announced, below these ends,
	// that they had caught up, or were idle. It is not relied upon until [Task.CaughtUp]. Bounded
	// runs rely on neither, in any case. Default: no doubts.
	Doubt map[string]int64
	// Full says that the transaction is large enough, or has gone on for long enough: what is due
	// and has not gone out yet waits for the next one. It is asked after each record of that.
	// Default: never.
	Full func() bool
	// Wake is called, by any goroutine, when calls are over that the next record has waited for.
	// Without it Process waits for calls itself. Default: none.
	Wake func()
	// Alignment with other tasks. Default: none.
	Alignment Alignment
	// Bounded is set in bounded runs.
	Bounded *Bounded
	// Start of each input that has the partition, by topic on the broker.
	Start map[string]Start
	// Context for user functions. Default: context.Background().
	Context context.Context
}

// New makes a task, with its operators. It fails if Options are incomplete, with
// [report.ErrWriters], with [report.ErrState], or when the database or the plan fails.
func New(o Options) (*Task, error) {
	switch {
	case o.Plan == nil:
		return nil, errMissing("Plan")
	case o.Sub == nil:
		return nil, errMissing("Sub")
	case o.DB == nil:
		return nil, errMissing("DB")
	case o.Checkpoint == nil:
		return nil, errMissing("Checkpoint")
	case o.Output == nil:
		return nil, errMissing("Output")
	case o.Cluster == nil:
		return nil, errMissing("Cluster")
	case o.Clock == nil:
		return nil, errMissing("Clock")
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Stats == nil {
		o.Stats = new(Stats)
	}
	t := &Task{
		opts: o, plan: o.Plan, id: ID{Sub: o.Sub.Name, Partition: o.Partition}, name: []byte(o.Sub.Name),
		idleAfter: o.Times.IdleAfter.Milliseconds(), liveWithin: o.Times.LiveWithin.Milliseconds(),
		journal: newJournal(o.DB, o.Checkpoint), chronicle: newChronicle(), counts: newCounters(o.Stats),
		pacing: pacing{with: o.Alignment}, announcer: announcer{transaction: 1}, warned: map[string]warning{}, moved: true,
	}
	t.read()
	if o.Bounded != nil {
		if o.Bounded.Run == 0 {
			return nil, errMissing("Bounded.Run")
		}
		t.run = o.Bounded.Run
	}
	for _, step := range []func(*Options) error{t.openInputs, t.openStores, t.openOutlets, t.begin} {
		if err := step(&o); err != nil {
			return nil, fmt.Errorf("task %s: %w", t.id, err)
		}
	}
	return t, nil
}

// real returns a topic's name on the broker.
func (t *Task) real(topic string, repartition bool) string {
	if repartition {
		return changelog.RepartitionName(t.opts.App, topic)
	}
	return topic
}

// tasks returns how many tasks a sub-topology has: as many as its largest input has partitions.
func (t *Task) tasks(sub string) int32 {
	n := int32(0)
	for _, s := range t.plan.SubTopologies {
		if s.Name == sub {
			for _, in := range s.Inputs {
				n = max(n, t.opts.Cluster.Partitions(t.real(in.Topic, in.Repartition)))
			}
		}
	}
	return n
}

// openInputs makes the inputs that have the task's partition.
func (t *Task) openInputs(o *Options) error {
	ended := 0
	for _, spec := range o.Sub.Inputs {
		topic := t.real(spec.Topic, spec.Repartition)
		if o.Partition >= t.opts.Cluster.Partitions(topic) {
			continue
		}
		start, ok := o.Start[topic]
		if !ok {
			return fmt.Errorf("no start position for topic %s", topic)
		}
		if start.Ended != 0 && start.Ended == t.run {
			ended++
		}
		in := &input{number: int64(len(t.inputs)), topic: topic, name: spec.Topic, repartition: spec.Repartition, timeless: spec.Timeless, maxFuture: spec.MaxFuture.Milliseconds(), end: -1, bound: -1,
			doubted: -1, progress: progress{pos: start.Offset, epoch: -1, ref: start.Ref}, quiet: t.now}
		in.was = in.progress
		in.msg.Origin = topology.Origin{Topic: topic, Partition: o.Partition}
		if spec.Repartition {
			if end, ok := o.Doubt[topic]; ok {
				in.doubted = end
			}
			in.writers = &writers{run: t.run}
			for _, w := range t.writersOf(spec.Topic) {
				n := t.tasks(w.SubTopology)
				if n == 0 {
					return fmt.Errorf("the number of tasks of sub-topology %q, which writes %s, is not known", w.SubTopology, topic)
				}
				in.writers.add(w.SubTopology, n)
				if sub, ok := t.plan.SubTopology(w.SubTopology); ok && sub.Found() {
					last := &in.writers.subs[len(in.writers.subs)-1]
					last.found = true
					_, last.seen = t.opts.Cluster.Looked(w.SubTopology)
				}
			}
			in.writers.summarize()
		} else if t.bounded() {
			if in.bound, ok = o.Bounded.Ends[topic]; !ok {
				return fmt.Errorf("no end of the bounded run for topic %s", topic)
			}
		}
		t.inputs = append(t.inputs, in)
		if !in.timeless {
			t.timed = append(t.timed, in)
		}
	}
	if len(t.inputs) == 0 {
		return fmt.Errorf("no input has partition %d", o.Partition)
	}
	t.ended = ended == len(t.inputs)
	return nil
}

func (t *Task) writersOf(repartition string) []flow.Writer {
	for _, r := range t.plan.Repartitions {
		if r.Name == repartition {
			return r.Writers
		}
	}
	return nil
}

// openStores opens the stores that the plan lists.
func (t *Task) openStores(o *Options) error {
	for _, spec := range o.Sub.Stores {
		prefix, err := o.Checkpoint.Prefix(spec.Name)
		if err != nil {
			return fmt.Errorf("store %q: %w", spec.Name, err)
		}
		s := &store{spec: spec, bytes: t.journal.overlay.Open(prefix), end: -1}
		if spec.Logged {
			s.topic = changelog.Name(t.opts.App, spec.Name)
			s.gate = changelog.NewGate(t.opts.Cluster.Limits(s.topic), 0)
			s.id = t.opts.Cluster.TopicID(s.topic)
			s.codec = changelog.Spec{Store: spec.Name, Windowed: spec.Kind.Timed(), Sessions: spec.Kind == flow.SessionStore, ByKey: spec.Kind.ByKey(), Segment: spec.Segment.Milliseconds(), Timestamped: spec.Timestamped}
			if p, ok := o.Checkpoint.Changelog(spec.Name); ok {
				s.end = p.Offset
			}
			s.was = s.end
			if s.shape, err = shapeOf(o.Checkpoint.Shape(spec.Name), spec.Shape); err != nil {
				return fmt.Errorf("store %q: %w", spec.Name, err)
			}
			if spec.Kind.Windowed() {
				s.windows = &windowLog{retention: spec.Retention.Milliseconds(), segment: spec.Segment.Milliseconds(), largest: topology.NoTime}
			}
		} else if t.behind(o) {
			s.bytes.DeleteRange(nil, nil) // it has no log to catch up from
		}
		t.stateful = t.stateful || spec.Name != o.Sub.TimeStore
		if spec.Name == o.Sub.TimeStore {
			t.chronicle.store.store = s.bytes
		}
		t.stores = append(t.stores, s)
	}
	t.journal.overlay.Commit() // what was emptied stays so after an abort
	t.cacheBytes = o.CacheBytes
	return nil
}

// shapeOf returns the text of what a store is that was written as one and is now another, which
// does not differ.
func shapeOf(was string, is flow.Shape) (string, error) {
	if was == "" {
		return is.String(), nil
	}
	shape, err := flow.ParseShape(was)
	if err != nil {
		return "", err
	}
	return shape.Continued(is).String(), nil
}

// behind says that the local state does not belong to the positions at which the task starts.
func (t *Task) behind(o *Options) bool {
	for _, in := range t.inputs {
		if pos, _ := o.Checkpoint.Input(in.topic); pos != in.pos {
			return true
		}
	}
	return false
}

// openOutlets makes the output topics.
func (t *Task) openOutlets(o *Options) error {
	pairs := int64(0)
	for _, r := range t.plan.Repartitions {
		n := int64(t.opts.Cluster.Partitions(t.real(r.Name, true)))
		for _, w := range r.Writers {
			pairs += n * int64(t.tasks(w.SubTopology))
		}
	}
	t.announcer.every = o.Times.WatermarkInterval.Milliseconds()
	if o.Times.WatermarkInterval <= 0 {
		t.announcer.every = defaultWatermarkInterval.Milliseconds()
	}
	if t.announcer.every > 0 {
		t.announcer.every = max(t.announcer.every, pairs*1000/announcementsPerSecond)
	}
	for _, sink := range o.Sub.Sinks {
		out := &outlet{topic: t.real(sink.Topic, sink.Repartition)}
		out.partitions = t.opts.Cluster.Partitions(out.topic)
		if out.partitions <= 0 {
			return fmt.Errorf("the number of partitions of output topic %s is not known", out.topic)
		}
		// murmur2 of the key, as Kafka's own
		out.partitioner = kgo.StickyKeyPartitioner(nil).ForTopic(out.topic)
		reserve := 0
		if sink.Repartition {
			out.relay, reserve = t.relayTo(sink.Topic, out), ownHeaders
		}
		out.gate = changelog.NewGate(t.opts.Cluster.Limits(out.topic), reserve)
		if n := sink.Index + 1; n > len(t.outlets) {
			t.outlets = append(t.outlets, make([]*outlet, n-len(t.outlets))...)
		}
		t.outlets[sink.Index] = out
	}
	return nil
}

// relayTo returns the relay of a repartition topic: one, however many sinks write the topic.
func (t *Task) relayTo(name string, out *outlet) *relay {
	if i := slices.IndexFunc(t.announcer.relays, func(o *outlet) bool { return o.topic == out.topic }); i >= 0 {
		return t.announcer.relays[i].relay
	}
	r := &relay{parts: make([]relayed, out.partitions)}
	for _, w := range t.writersOf(name) {
		if w.SubTopology == t.id.Sub {
			r.delay = w.Delay.Milliseconds()
		}
	}
	t.announcer.relays = append(t.announcer.relays, out)
	return r
}

// begin loads the times and builds the operators.
func (t *Task) begin(o *Options) error {
	if err := t.load(t.id, t.inputs); err != nil {
		return err
	}
	// then all inputs are external, and their refs say it all
	if t.chronicle.store.store == nil && len(t.timed) > 0 {
		t.time = topology.EndOfTime
		for _, in := range t.timed {
			t.time = min(t.time, in.ref)
		}
	}
	t.chronicle.begin()
	if err := t.build(); err != nil {
		return err
	}
	if o.Bounded != nil {
		t.measure(o.Bounded)
	}
	for _, s := range t.stores {
		if s.windows == nil || s.end < 0 {
			continue
		}
		// What the log holds is of windows that are still there, or closed: closed ones the
		// operators have deleted.
		start, err := lastStart(s.bytes)
		if err != nil {
			return fmt.Errorf("store %q: %w", s.spec.Name, err)
		}
		s.windows.mark(s.windows.latest(start), s.end)
	}
	return nil
}

// build makes new operators, as of the last commit. Where that has left the end of a bounded run to
// do, they find the time before.
func (t *Task) build() error {
	t.agenda = agenda{time: &t.at}
	if t.plan.Clocks {
		t.agenda.seen = &t.chronicle.clock("").now
	}
	t.agenda.reschedule()
	t.agendas = append(t.agendas[:0], &t.agenda)
	t.building, t.postponed = true, t.end.ending != running
	before := t.graph
	g, err := t.plan.NewGraph(t.opts.Sub, t)
	t.building = false
	if err != nil {
		return err
	}
	for _, in := range t.inputs {
		if in.source = g.Sources[in.name]; in.source == nil {
			return fmt.Errorf("the plan has no source for topic %q", in.name)
		}
	}
	t.graph = g
	t.lookAhead(before)
	return nil
}
