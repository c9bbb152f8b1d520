package kafkastreams

import (
	"fmt"
	"slices"
	"time"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// What is compared: the records of each topic, and the stores at the end.

func (o output) String() string {
	return show(o.After, o.Topic, o.Key, o.Value, o.Ts, headers(o.Headers))
}

func line(step int, topic string, r processortest.Record[string, string]) string {
	k, v := &r.Key, &r.Value
	if r.NoKey {
		k = nil
	}
	if r.NoValue {
		v = nil
	}
	return show(step, topic, k, v, r.Timestamp, r.Headers)
}

func show(step int, topic string, k, v text, ts int64, hs []topology.Header) string {
	line := fmt.Sprintf("step %d: %s %s=%s @%d", step, topic, quoted(k), quoted(v), ts)
	for _, h := range hs {
		if h.Value == nil {
			line += fmt.Sprintf(" %s:null", h.Key)
		} else {
			line += fmt.Sprintf(" %s:%q", h.Key, h.Value)
		}
	}
	return line
}

func quoted(s text) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}

func (e entry) String() string {
	s := quoted(&e.Key)
	if e.Start != nil {
		s += fmt.Sprintf(" from %d", *e.Start)
	}
	if e.End != nil {
		s += fmt.Sprintf(" to %d", *e.End)
	}
	s += "=" + quoted(e.Value)
	if e.Ts != nil {
		s += fmt.Sprintf(" @%d", *e.Ts)
	}
	return s
}

// records compares the records of a topic.
func records(topic string, got, want []string) error {
	for i := range max(len(got), len(want)) {
		if g, w := at(got, i), at(want, i); g != w {
			return fmt.Errorf("record %d of %s is\n\t%s\nwant\n\t%s", i, topic, g, w)
		}
	}
	return nil
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}

// stored is how a store is read: what it has, and which of the entries that Kafka Streams has it
// may lack, nil for none. The two forget windows at different times.
type stored func(d *processortest.Driver) (has []entry, mayLack func(entry) bool)

// stores compares the stores.
func stores(d *processortest.Driver, b *builder, c testCase) error {
	for name, want := range c.Stores {
		read := b.stored[name]
		if read == nil {
			continue
		}
		has, mayLack := read(d)
		lines := func(all []entry) (lines []string) {
			for _, e := range all {
				lines = append(lines, e.String())
			}
			slices.Sort(lines)
			return lines
		}
		got := lines(has)
		if mayLack != nil {
			want = slices.DeleteFunc(slices.Clone(want), func(e entry) bool { return mayLack(e) && !slices.Contains(got, e.String()) })
		}
		if wanted := lines(want); !slices.Equal(got, wanted) {
			return fmt.Errorf("store %s is\n\t%s\nwant\n\t%s", name, got, wanted)
		}
	}
	return nil
}

// texts reads a store of a table of texts.
func texts(name string) stored {
	return func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		for _, e := range d.Store(name, serde.String(), serde.String()) {
			all = append(all, entry{Key: e.Key, Value: &e.Value, Ts: &e.Timestamp})
		}
		return all, nil
	}
}

// numbers reads a store of a table of numbers.
func numbers(name string) stored {
	return func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		for _, e := range d.Store(name, serde.String(), serde.Int64()) {
			all = append(all, entry{Key: e.Key, Value: decimal(e.Value), Ts: &e.Timestamp})
		}
		return all, nil
	}
}

// plain reads a store of a processor.
func plain(name string) stored {
	return func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		for _, e := range d.Store(name, serde.String(), serde.String()) {
			all = append(all, entry{Key: e.Key, Value: &e.Value})
		}
		return all, nil
	}
}

// windows reads a store of windows with texts; time is the largest of the case.
func windows(name string, of node, time int64) stored {
	return func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		for _, e := range d.Store(name, serde.String(), serde.String()) {
			all = append(all, entry{Key: e.Key, Value: &e.Value, Ts: &e.Timestamp, Start: &e.Window})
		}
		return all, closed(of, time)
	}
}

// counts is windows of numbers.
func counts(name string, of node, time int64) stored {
	return func(d *processortest.Driver) (all []entry, _ func(entry) bool) {
		for _, e := range d.Store(name, serde.String(), serde.Int64()) {
			all = append(all, entry{Key: e.Key, Value: decimal(e.Value), Ts: &e.Timestamp, Start: &e.Window})
		}
		return all, closed(of, time)
	}
}

// closed reports which windows are closed at a time: kolk deletes these.
func closed(of node, time int64) func(entry) bool {
	if of.Type == "sliding" && of.Emit != "" {
		return func(e entry) bool { return *e.Start+of.DiffMs+of.grace() < time } // it is final
	}
	if of.Type == "sliding" {
		return func(e entry) bool { return *e.Start+2*of.DiffMs+of.grace() < time }
	}
	return func(e entry) bool { return *e.Start+of.SizeMs+of.grace() <= time }
}

// lastTime returns the largest timestamp of the case.
func (b *builder) lastTime() (last int64) {
	for _, s := range b.c.Steps {
		last = max(last, s.Ts)
	}
	for _, r := range b.c.Expect {
		last = max(last, r.Ts)
	}
	return last
}

func bytes(s text) []byte {
	if s == nil {
		return nil
	}
	return append([]byte{}, *s...)
}

func headers(list [][2]*string) []topology.Header {
	var all []topology.Header
	for _, h := range list {
		all = append(all, topology.Header{Key: *h[0], Value: bytes(h[1])})
	}
	return all
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
