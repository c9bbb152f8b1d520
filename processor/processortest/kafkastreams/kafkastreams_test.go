package kafkastreams

import (
	"errors"
	"flag"
	"fmt"
	"maps"
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

var (
	verbose = flag.Bool("differences", false, "print what is different, and what cannot be said")
	update  = flag.Bool("update", false, "write the list of what cannot be said anew")
)

// TestKafkaStreams: with Kafka Streams' time, what Kafka Streams answers is what kolk answers, but
// for the cases that are listed. The last line counts them.
func TestKafkaStreams(t *testing.T) {
	c := comparison{unsaid: readList(t, "unsaid.txt"), different: readList(t, "differences.txt"), opts: []topology.Option{topology.KafkaStreamsTime}}
	c.run(t, families(t))
	if *update {
		c.write(t)
	}
	fmt.Printf("%d passed, %d failed, %d different on purpose, %d unsaid\n", c.passed, c.failed, c.differ, len(c.silent))
}

// withoutKey is the reason of cases that must be the same without the records that have no key.
const withoutKey = "Records without key move time"

// TestDefaultTime: the same of kolk's own time, for families with operators that have no time, or
// windows.
func TestDefaultTime(t *testing.T) {
	if os.Getenv("KOLK_ORACLE") != "" {
		t.Skip("the cases of KOLK_ORACLE are for Kafka Streams' time")
	}
	c := comparison{different: readList(t, "differences-default-time.txt")}
	all := families(t)
	maps.DeleteFunc(all, func(family, _ string) bool {
		return !slices.Contains([]string{
			"agg-unwindowed", "branch-merge", "edge", "emit-on-close", "global-table-join", "multi-source", "processor", "repartition",
			"self-join", "stateless", "stream-table-join", "suppress-window-close", "table-basic", "table-groupby", "table-join", "time-headers", "window-hopping", "window-tumbling",
		}, family)
	})
	c.run(t, all)
	if c.passed+c.differ < 600 {
		t.Errorf("only %d cases were compared", c.passed+c.differ)
	}
	t.Logf("%d passed, %d failed, %d different on purpose, %d unsaid", c.passed, c.failed, c.differ, len(c.silent))
}

// Every reason for a difference is explained.
func TestReasonsAreExplained(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/kafka-streams.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"differences.txt", "differences-default-time.txt"} {
		for _, why := range readList(t, file).why {
			if !strings.Contains(string(doc), "**"+why+".**") {
				t.Errorf("docs/kafka-streams.md does not explain %q", why)
			}
		}
	}
}

// comparison is a run over cases.
type comparison struct {
	opts      []topology.Option
	unsaid    *list // nil: what cannot be said is not of interest
	different *list

	passed, failed, differ int
	all, silent            []string // names
}

// run compares all cases of some families.
func (c *comparison) run(t *testing.T, families map[string]string) {
	for _, family := range slices.Sorted(maps.Keys(families)) {
		t.Run(family, func(t *testing.T) {
			for _, one := range cases(t, families[family]) {
				c.all = append(c.all, one.Name)
				c.compare(t, one)
			}
		})
	}
	if os.Getenv("KOLK_ORACLE") == "" {
		c.different.check(t)
		if c.unsaid != nil && !*update {
			c.unsaid.check(t)
		}
	}
}

// compare compares a case. One that is in a list and does not belong there fails.
func (c *comparison) compare(t *testing.T, one testCase) {
	err := c.play(t, one)
	why, different := c.different.find(one.Name)
	listed := true
	if c.unsaid != nil && !*update {
		_, listed = c.unsaid.find(one.Name)
		listed = listed || os.Getenv("KOLK_ORACLE") != ""
	}
	switch {
	case errors.Is(err, errUnsaid):
		c.silent = append(c.silent, one.Name)
		if *verbose {
			t.Logf("%s: %v", one.Name, err)
		}
		if different {
			t.Errorf("%s is listed as different (%s) and not compared: %v", one.Name, why, err)
		} else if !listed {
			t.Errorf("%s is not listed as one that cannot be said: %v", one.Name, err)
		}
	case err != nil && !different:
		c.failed++
		t.Errorf("%s (quirk %q): %v", one.Name, one.Quirk, err)
	case err == nil && different:
		c.failed++
		t.Errorf("%s is the same, and listed as different: %s", one.Name, why)
	case different:
		c.differ++
		if *verbose {
			t.Logf("%s (%s): %v", one.Name, why, err)
		}
		if why == withoutKey {
			c.withoutKeys(t, one)
		}
	default:
		c.passed++
	}
	if c.unsaid != nil && !*update && listed && !errors.Is(err, errUnsaid) && os.Getenv("KOLK_ORACLE") == "" {
		t.Errorf("%s can be said, and is listed as one that cannot", one.Name)
	}
}

// withoutKeys compares a case without the records that have no key.
func (c *comparison) withoutKeys(t *testing.T, one testCase) {
	one.Steps = slices.Clone(one.Steps)
	for i := range one.Steps {
		if s := &one.Steps[i]; s.Key == nil {
			*s = step{Wallclock: new(int64)} // nothing
		}
	}
	if err := c.play(t, one); err != nil {
		t.Errorf("%s: different also without the records that have no key: %v", one.Name, err)
	}
}

// write writes which cases cannot be said. Where all of a family, or of a part of one, are, its
// name stands for them.
func (c *comparison) write(t *testing.T) {
	said := func(at string) bool {
		return slices.ContainsFunc(c.all, func(name string) bool { return strings.HasPrefix(name, at) && !slices.Contains(c.silent, name) })
	}
	var lines []string
	for _, name := range c.silent {
		parts := strings.Split(name, "/")
		for i := range parts {
			at := strings.Join(parts[:i+1], "/")
			if i+1 < len(parts) {
				at += "/"
			}
			if i+1 == len(parts) || !said(at) {
				lines = append(lines, at)
				break
			}
		}
	}
	slices.Sort(lines)
	text := strings.Join(append(slices.Compact(lines), ""), "\n")
	if err := os.WriteFile(filepath.Join("testdata", "unsaid.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// play runs a case and returns the first difference.
func (c *comparison) play(t *testing.T, one testCase) error {
	b, plan, err := build(one, c.opts...)
	if err != nil {
		return err
	}
	policy := processortest.Fail
	if slices.ContainsFunc(one.Topology, func(n node) bool { return skipsTimes(n.TimestampExtractor) }) {
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
	for _, n := range one.Topology {
		if n.Op != "to" {
			continue
		}
		for _, topic := range b.topics(n) {
			if outputs[topic] == nil {
				outputs[topic] = d.Output(topic, serde.String(), serde.String())
			}
		}
	}
	for _, r := range one.Expect {
		if b.finals() && !b.clocks {
			// those of the record that closed the window; here a final result has none
			r.Headers = nil
		}
		want[r.Topic] = append(want[r.Topic], r.String())
	}
	var failure error
	failed := -1
	for i, s := range one.Steps {
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
	if b.unsaid {
		return unsaid("a function returns null")
	}
	if expected := one.Error != nil; expected != (failed >= 0) || expected && failed != one.Error.After {
		return fmt.Errorf("failed at %d; want %+v: %v", failed, one.Error, failure)
	}
	for topic := range outputs {
		if err := records(topic, got[topic], want[topic]); err != nil {
			return err
		}
	}
	return stores(d, b, one)
}

// finals reports whether the case has final results.
func (b *builder) finals() bool {
	return slices.ContainsFunc(b.c.Topology, func(n node) bool { return n.Emit == "onWindowClose" || n.Until == "windowCloses" })
}
