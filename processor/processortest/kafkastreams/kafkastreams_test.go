package kafkastreams

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

var verbose = flag.Bool("differences", false, "print what is different, and what cannot be said")

// withoutKey is the reason of cases that must be the same without the records that have no key.
const withoutKey = "Records without key move time"

// What Kafka Streams answers is what kolk answers, but for the cases that are listed.
func TestKafkaStreams(t *testing.T) {
	known := differences(t)
	compared, unsaid := 0, 0
	for _, file := range families(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl.gz"), func(t *testing.T) {
			for _, c := range cases(t, file) {
				why, listed := known[c.Name]
				delete(known, c.Name)
				err := play(t, c)
				switch {
				case errors.Is(err, errInexpressible):
					unsaid++
					if *verbose {
						t.Logf("%s: %v", c.Name, err)
					}
					if listed {
						t.Errorf("%s is listed as different (%s) and not compared: %v", c.Name, why, err)
					}
					continue
				case err != nil && !listed:
					t.Errorf("%s: %v", c.Name, err)
				case err == nil && listed:
					t.Errorf("%s is the same, and listed as different: %s", c.Name, why)
				case listed && why == withoutKey:
					c.Steps = slices.Clone(c.Steps)
					for i := range c.Steps {
						if s := &c.Steps[i]; s.Key == nil {
							*s = step{Wallclock: new(int64)} // nothing
						}
					}
					if err := play(t, c); err != nil {
						t.Errorf("%s: different also without the records that have no key: %v", c.Name, err)
					}
				case err != nil && *verbose:
					t.Logf("%s (%s): %v", c.Name, why, err)
				}
				compared++
			}
		})
	}
	for name, why := range known {
		t.Errorf("%s (%s) is no case", name, why)
	}
	if compared < 600 {
		t.Errorf("only %d cases were compared", compared)
	}
	t.Logf("%d cases compared, %d cannot be said", compared, unsaid)
}

// Every reason for a difference is explained.
func TestReasonsAreExplained(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/kafka-streams.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, why := range differences(t) {
		if !strings.Contains(string(doc), "**"+why+".**") {
			t.Errorf("docs/kafka-streams.md does not explain %q", why)
		}
	}
}

// play runs a case and returns the first difference.
func play(t *testing.T, c testCase) error {
	b, plan, err := build(c)
	if err != nil {
		return err
	}
	policy := processortest.Fail
	if slices.ContainsFunc(c.Topology, func(n node) bool { return skipsTimes(n.TimestampExtractor) }) {
		policy = processortest.Skip
	}
	d := processortest.New(t, plan, processortest.Options{
		OnError:    policy,
		Now:        time.UnixMilli(0),
		LiveWithin: 1 << 62, // no task waits: the records come one by one
		IdleAfter:  time.Millisecond,
	})
	outputs := map[string]*processortest.Output[string, string]{}
	want := map[string][]string{}
	got := map[string][]string{}
	for _, n := range c.Topology {
		if n.Op == "to" && outputs[n.Topic] == nil {
			outputs[n.Topic] = d.Output(n.Topic, serde.String(), serde.String())
		}
	}
	final := slices.ContainsFunc(c.Topology, func(n node) bool { return n.Emit == "onWindowClose" })
	for _, r := range c.Expect {
		if final {
			// those of the record that closed the window; here a final result has none
			r.Headers = nil
		}
		want[r.Topic] = append(want[r.Topic], r.String())
	}
	var failure error
	failed := -1
	for i, s := range c.Steps {
		if s.Wallclock != nil {
			d.Advance(ms(*s.Wallclock))
		} else if err := d.TryPipe(s.Topic, bytes(s.Key), bytes(s.Value), s.Ts, headers(s.Headers)...); err != nil {
			failed, failure = i, err
			break
		}
		for topic, out := range outputs {
			for _, r := range out.Next() {
				got[topic] = append(got[topic], line(i, topic, r))
			}
		}
	}
	if b.inexpressible {
		return fmt.Errorf("%w: a function returns null", errInexpressible)
	}
	if expected := c.Error != nil; expected != (failed >= 0) || expected && failed != c.Error.After {
		return fmt.Errorf("failed at %d; want %+v: %v", failed, c.Error, failure)
	}
	for topic := range outputs {
		for i := range max(len(got[topic]), len(want[topic])) {
			if g, w := at(got[topic], i), at(want[topic], i); g != w {
				return fmt.Errorf("record %d of %s is\n\t%s\nwant\n\t%s", i, topic, g, w)
			}
		}
	}
	return stores(d, b, c)
}

// stores compares the tables and the stores of processors.
func stores(d *processortest.Driver, b *builder, c testCase) error {
	for name, want := range c.Stores {
		if slices.ContainsFunc(want, func(e entry) bool { return e.Start != nil }) || b.stores[name] == "" {
			continue
		}
		var entries, wanted []string
		for _, n := range c.Topology {
			if n.Store != name {
				continue
			}
			switch made := b.nodes[n.ID]; {
			case made.counts != nil:
				for _, e := range d.Store(b.stores[name], serde.String(), serde.Int64()) {
					entries = append(entries, fmt.Sprintf("%q=%q @%d", e.Key, *decimal(e.Value), e.Timestamp))
				}
			case made.table != nil:
				for _, e := range d.Store(b.stores[name], serde.String(), serde.String()) {
					entries = append(entries, fmt.Sprintf("%q=%q @%d", e.Key, e.Value, e.Timestamp))
				}
			case n.Op == "process":
				for _, e := range d.Store(b.stores[name], serde.String(), serde.String()) {
					entries = append(entries, fmt.Sprintf("%q=%q", e.Key, e.Value))
				}
			default:
				return nil // of windows
			}
		}
		for _, e := range want {
			line := fmt.Sprintf("%q=%q", e.Key, str(e.Value))
			if e.Ts != nil {
				line += fmt.Sprintf(" @%d", *e.Ts)
			}
			wanted = append(wanted, line)
		}
		if !slices.Equal(entries, wanted) {
			return fmt.Errorf("store %s is\n\t%s\nwant\n\t%s", name, entries, wanted)
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
	quoted := func(s text) string {
		if s == nil {
			return "null"
		}
		return fmt.Sprintf("%q", *s)
	}
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
