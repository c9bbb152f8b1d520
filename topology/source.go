package topology

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/ops"
)

// SourceOption is an option of a source of V: where event time comes from ([TimeFromValue],
// [TryTimeFromValue], [TimeFromRecord], [TimeFromWallClock]; without one, the message's timestamp),
// how far ahead it may lie ([MaxFuture]), and whether it carries time at all ([Timeless]).
type SourceOption[V any] func(*sourceConfig[V])

type sourceConfig[V any] struct {
	event    ops.EventTime[V]
	times    int
	timeless bool
	isNil    bool
	future   time.Duration
	bounded  bool // future was given
}

// TimeFromValue takes the event time from the value. Tombstones keep the message's timestamp. A
// time that does not lie between [MinTime] and [MaxTime] is an error of the record ([ErrTime]), as
// it is with the other options.
func TimeFromValue[V any](f func(V) time.Time) SourceOption[V] {
	return func(c *sourceConfig[V]) {
		c.times++
		c.event.FromValue, c.isNil = f, f == nil
	}
}

// TryTimeFromValue is [TimeFromValue] with a function that can fail. The error goes to the error
// policy.
func TryTimeFromValue[V any](f func(context.Context, V) (time.Time, error)) SourceOption[V] {
	return func(c *sourceConfig[V]) {
		c.times++
		c.event.TryFromValue, c.isNil = f, f == nil
	}
}

// TimeFromRecord takes the event time from all of the message: its headers, the bytes of its key,
// its own timestamp, its value, which may be missing. Ref is the largest event time that the
// partition has shown before, [NoTime] for none.
func TimeFromRecord[V any](f func(*Record[[]byte, V]) time.Time) SourceOption[V] {
	return func(c *sourceConfig[V]) {
		c.times++
		c.event.FromRecord, c.isNil = f, f == nil
	}
}

// TimeFromWallClock takes the event time from the clock when the message is processed. Results are
// not the same when the input is read again. It is given as it is, without parentheses.
func TimeFromWallClock[V any](c *sourceConfig[V]) {
	c.times++
	c.event.WallClock = true
}

// Timeless says that the source is outside of the order of time: its records do not close windows,
// no stream waits for them, and they wait for no stream. They are processed as soon as they are
// there, whatever their timestamps, so a join sees the table as it is then. In a bounded run the
// source is read to its end first, which makes what joins find a function of the input. It suits
// tables that change now and then. It is given as it is, without parentheses.
func Timeless[V any](c *sourceConfig[V]) { c.timeless = true }

// MaxFuture makes a record whose time lies more than d ahead an error of that record, for the error
// policy: with skip it is dropped, counted as [FutureTime], and moves no clock. Without the option
// such a record makes all that follows it in its partition late, until time has come there.
//
// Ahead of what: live, of the wall clock, so a record that is refused today may be taken when it is
// read again later. In a bounded run, of the largest time that the last records of the topic's
// other partitions have, and in any case of the moment at which the run was begun; that is the same
// however often the run is interrupted, and whoever reads the partition. Choose d larger than the
// distance of partitions that end at different times.
func MaxFuture[V any](d time.Duration) SourceOption[V] {
	return func(c *sourceConfig[V]) { c.future, c.bounded = d, true }
}

// Stream reads a topic.
func (t *Topology) Stream[K, V any](topic string, key serde.Serde[K], value serde.Serde[V], opts ...SourceOption[V]) Stream[K, V] {
	return source(t, "stream", []string{topic}, key, value, opts)
}

// StreamTopics reads several topics, whose keys and values are of the same kind, as one stream.
func (t *Topology) StreamTopics[K, V any](topics []string, key serde.Serde[K], value serde.Serde[V], opts ...SourceOption[V]) Stream[K, V] {
	return source(t, "stream", slices.Clone(topics), key, value, opts)
}

// StreamPattern reads all topics whose whole names match a regular expression, as one stream. Their
// keys and values are of the same kind; a record's [Origin] has the topic. Topics that come later
// join in within seconds, and are read from their start; a topic that is deleted ends, and the
// others go on. Topics whose names begin with "__" and the application's internal ones never match.
//
// The name is the stream's own and stands for its topics: what reads them keeps its state when they
// come and go. A topic belongs to one source: a pattern that matches what another source reads is
// refused.
//
// There are as many tasks as the largest of the topics has partitions. What keeps state by key
// right behind a pattern needs topics of the same number of partitions, and refuses others by name;
// [Stream.Repartition] in front of the state takes any.
//
// A bounded run reads the topics that were there when it was begun. Live, where records of a new
// topic stand among those of others is decided by when it was found: windows may have closed by
// then, and what is older than these is dropped and counted.
func (t *Topology) StreamPattern[K, V any](name, pattern string, key serde.Serde[K], value serde.Serde[V], opts ...SourceOption[V]) Stream[K, V] {
	t = t.made()
	at := t.caller()
	t.claim("pattern", name, at)
	matches, err := flow.CompilePattern(pattern)
	if err != nil {
		mistakef(t, at, name, "the pattern %q is not a regular expression: %v", pattern, err)
	} else if pattern == "" {
		mistakef(t, at, name, "the pattern is empty and matches no topic: give one, such as %q", "orders-.*")
	}
	s := stream(t, "stream", name, at, []string{name}, key, value, opts)
	s.n.reader.pattern = matches
	return s
}

// Table reads a topic as a table: the latest value of each key, a tombstone deletes. Its store is
// named like the topic.
func (t *Topology) Table[K, V any](topic string, key serde.Serde[K], value serde.Serde[V], opts ...SourceOption[V]) Table[K, V] {
	t = t.made()
	at := t.caller()
	s := source(t, "stream", []string{topic}, key, value, opts)
	return table(s, "table", topic, at)
}

// GlobalTable reads a topic whole, in every process: any stream can look up any key in it, without
// co-partitioning and without time.
func (t *Topology) GlobalTable[K, V any](topic string, key serde.Serde[K], value serde.Serde[V]) GlobalTable[K, V] {
	t = t.made()
	at := t.caller()
	t.checkTopic(topic, at)
	t.needSerdes(at, topic, key, value)
	for _, g := range t.globals {
		if g.topic == topic {
			mistakef(t, at, topic, "this topic is a global table already, declared at %s: use what that returned", g.at)
		}
	}
	k, v := given(t, key, true), given(t, value, false)
	d := &globalDecl{name: topic, topic: topic, at: at, key: k, value: v, t: t}
	t.globals = append(t.globals, d)
	return GlobalTable[K, V]{d: d, key: k, value: v}
}

// GlobalTable is a table that every process has whole. It is made by [Topology.GlobalTable]; a copy
// of the handle is the same table.
type GlobalTable[K, V any] struct {
	d     *globalDecl
	key   *serdeRef[K]
	value *serdeRef[V]
}

// of returns the topology of the handle; nil for the zero value.
func (g GlobalTable[K, V]) of() *Topology {
	if g.d == nil {
		return nil
	}
	return g.d.t
}

// source adds the source of one or more topics.
func source[K, V any](t *Topology, kind string, topics []string, key serde.Serde[K], value serde.Serde[V], opts []SourceOption[V]) Stream[K, V] {
	t = t.made()
	at := t.caller()
	name := strings.Join(topics, "+")
	if len(topics) == 0 {
		mistakef(t, at, "", "a stream without topics: name one at least")
		name = "?"
	}
	for i, topic := range topics {
		t.checkTopic(topic, at)
		if slices.Contains(topics[:i], topic) {
			mistakef(t, at, name, "topic %q is named twice: name it once", topic)
		}
	}
	return stream(t, kind, name, at, topics, key, value, opts)
}

// stream adds the source of topics whose names have been checked.
func stream[K, V any](t *Topology, kind, name, at string, topics []string, key serde.Serde[K], value serde.Serde[V], opts []SourceOption[V]) Stream[K, V] {
	t.needSerdes(at, name, key, value)
	var c sourceConfig[V]
	for _, o := range opts {
		if o == nil {
			mistakef(t, at, name, "an option is nil: leave it out")
			continue
		}
		o(&c)
	}
	switch {
	case c.isNil:
		mistakef(t, at, name, "the function for the time is nil: give a function, or leave the option out to take the message's timestamp")
	case c.times > 1:
		mistakef(t, at, name, "%d options say where the time comes from: give one", c.times)
	}
	switch {
	case !c.bounded:
	case c.future < time.Millisecond:
		mistakef(t, at, name, "MaxFuture is %v: give at least a millisecond, or leave it out to allow any time", c.future)
	case c.future%time.Millisecond != 0:
		mistakef(t, at, name, "MaxFuture is %v, which is not a whole number of milliseconds: round it", c.future)
	case c.timeless:
		mistakef(t, at, name, "the source is timeless, so no record of it is ahead: leave out MaxFuture or Timeless")
	}
	d := &sourceDecl{topics: topics, timeless: c.timeless, future: c.future, ownTime: c.times > 0}
	return addSource(t, kind, name, at, d, given(t, key, true), given(t, value, false), c.event)
}

// addSource adds a source node.
func addSource[K, V any](t *Topology, kind, name, at string, d *sourceDecl, k *serdeRef[K], v *serdeRef[V], event ops.EventTime[V]) Stream[K, V] {
	n := t.add(kind, name, at)
	n.reader = d
	n.key, n.value = output{serde: k}, output{serde: v}
	out := new(port[K, V])
	n.build = func(at site) error {
		next := out.next(at.b)
		for _, topic := range at.topics(d) {
			at.source(topic, &ops.Input[K, V]{
				Node: at.node(), Key: k.get(), Value: v.get(), NeedKey: at.n.outKey, NeedValue: at.n.outValue, Places: at.n.places,
				Event: event, Next: next,
			})
		}
		return nil
	}
	return Stream[K, V]{n: n, out: out, key: k, value: v}
}

// checkTopic checks the name of a topic.
func (t *Topology) checkTopic(topic, at string) {
	if err := flow.CheckName(topic); err != nil {
		mistakef(t, at, "", "the topic %q %s", topic, err)
	}
}

// needSerdes checks that serdes are there.
func (t *Topology) needSerdes(at, node string, key, value any) {
	if isNil(key) {
		mistakef(t, at, node, "the serde of the key is nil: give one, such as serde.String()")
	}
	if isNil(value) {
		mistakef(t, at, node, "the serde of the value is nil: give one, such as serde.JSON[T]()")
	}
}
