package processortest

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/kolkstream/kolk/changelog"
	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// sink sends a stream to a topic of its own, and compares all of it.
func (g *randomTopology) sink(i int) {
	from := &g.streams[i]
	topic := g.name("out")
	from.s.To(topic)
	want := map[string]int64{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
		want[describe(r.key, r.noKey, r.value, r.noValue, r.ts)]++
	}, from.n)
	ordered := from.first
	// of each key, where that is known: a key in one partition, and all in order
	var sequence map[string][]string
	if from.sorted && from.placed {
		sequence = map[string][]string{}
		g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) {
			if !r.noKey {
				sequence[r.key] = append(sequence[r.key], describe(r.key, r.noKey, r.value, r.noValue, r.ts))
			}
		}, from.n)
	}
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]int64{}
		last := map[string]int64{}
		came := map[string]int{}
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			got[describe(r.Key, r.NoKey, r.Value, r.NoValue, r.Timestamp)]++
			if n := d.cluster.Partitions(topic); !r.NoKey && r.Partition != g.m.partition(r.Key, n) {
				return fmt.Sprintf("%s: key %q lies in partition %d", topic, r.Key, r.Partition)
			}
			if text := describe(r.Key, r.NoKey, r.Value, r.NoValue, r.Timestamp); sequence != nil && !r.NoKey {
				want := sequence[r.Key]
				if n := came[r.Key]; n >= len(want) || want[n] != text {
					return fmt.Sprintf("%s: key %q: number %d is %s, of %v", topic, r.Key, n, text, want)
				}
				came[r.Key]++
			}
			if !ordered {
				continue
			}
			origin, number, _ := strings.Cut(string(r.Headers[0].Value), "#")
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return err.Error()
			}
			at := fmt.Sprintf("%s to %d", origin, r.Partition)
			if n < last[at] {
				return fmt.Sprintf("%s: record %d of %s comes after %d", topic, n, at, last[at])
			}
			last[at] = n
		}
		return differ(topic, got, want)
	})
	g.text = append(g.text, fmt.Sprintf("%s = %s", topic, from.name))
}

func describe(key string, noKey bool, value int64, noValue bool, ts int64) string {
	k, v := strconv.Quote(key), strconv.FormatInt(value, 10)
	if noKey {
		k = "none"
	}
	if noValue {
		v = "none"
	}
	return fmt.Sprintf("%s=%s@%d", k, v, ts)
}

// last compares the last record of each key of a topic with the last that n sends.
func (g *randomTopology) last(topic string, n *modelNode) {
	type result struct{ value, ts int64 }
	want := map[string]result{}
	g.m.node(func(_ int32, r modelRecord, _ func(modelRecord)) { want[r.key] = result{r.value, r.ts} }, n)
	g.checks = append(g.checks, func(d *Driver) string {
		got := map[string]result{}
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			got[r.Key] = result{r.Value, r.Timestamp}
		}
		return differ(topic, got, want)
	})
}

// differ says how got differs from want, "" if it does not.
func differ[V comparable](what string, got, want map[string]V) string {
	if maps.Equal(got, want) {
		return ""
	}
	text := fmt.Sprintf("%s: %d, want %d", what, len(got), len(want))
	keys := maps.Clone(got)
	maps.Copy(keys, want)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		g, had := got[k]
		w, has := want[k]
		if g != w || had != has {
			text += fmt.Sprintf("; %s: %v (%v), want %v (%v)", k, g, had, w, has)
		}
	}
	return text
}

// events draws the input of one run. The table's comes before everything else in time, unless early
// is false.
func (g *randomTopology) events(early bool, count map[string]int64) []modelEvent {
	rnd := g.rnd
	var all []modelEvent
	for _, topic := range slices.Sorted(maps.Keys(g.m.sources)) {
		if topic[0] != 's' && topic != "t" {
			continue
		}
		for p := range g.sources {
			now := int64(1000 + rnd.Intn(40))
			if rnd.Intn(4) == 0 {
				now = max(now, g.m.refs[fmt.Sprintf("%s/%d", topic, p)])
			}
			if topic == "t" && early {
				now = 0
			}
			for range rnd.Intn(30) {
				if rnd.Intn(5) > 0 {
					now += []int64{0, 1, 2, 7, 30}[rnd.Intn(5)]
				}
				if topic == "t" && early {
					now = min(now, 900)
				}
				e := modelEvent{topic: topic, partition: p, key: []string{"ax", "ay", "bx", "by", "c", ""}[rnd.Intn(6)], value: int64(rnd.Intn(20))}
				if g.placed || topic == "t" { // each key has one writer
					e.partition = g.m.partition(e.key, g.sources)
				}
				e.ts = max(0, now-[]int64{0, 0, 0, 2, 5, 12, 40}[rnd.Intn(7)])
				switch rnd.Intn(20) {
				case 0:
					e.noKey, e.key = true, ""
				case 1, 2:
					e.noValue, e.value = true, 0
				case 3:
					if rnd.Intn(3) == 0 {
						e.ts = -1
					}
				}
				origin := fmt.Sprintf("%s/%d", topic, e.partition)
				count[origin]++
				e.number = count[origin]
				all = append(all, e)
			}
		}
	}
	g.markPoison(all)
	return all
}

// markPoison marks what panics.
func (g *randomTopology) markPoison(events []modelEvent) {
	for i := range events {
		e := &events[i]
		e.poisons = g.poison[e.topic] && !e.noValue && e.value == poisonValue && e.ts >= 0
	}
}

// bytes are the event's key and value.
func (e *modelEvent) bytes(t T) (key, value []byte) {
	if !e.noKey {
		key = []byte(e.key)
	}
	if !e.noValue {
		value = encode(t, serde.Int64(), e.value)
	}
	return key, value
}

// origin is the header that says where a record comes from.
func (e *modelEvent) origin() []byte {
	return fmt.Appendf(nil, "%s/%d#%d", e.topic, e.partition, e.number)
}

// runs draws how many bounded runs there are.
func (g *randomTopology) runs() int {
	if g.once {
		return 1
	}
	return 1 + g.rnd.Intn(3)
}

// bind tells the model the plan, and the partitions that the driver has made.
func (g *randomTopology) bind(t T, plan *topology.Plan, d *Driver) {
	g.m.partition = func(key string, n int32) int32 {
		c := &cluster{topics: map[string][][]*kgo.Record{"": make([][]*kgo.Record, n)}, hasher: kgo.StickyKeyPartitioner(nil).ForTopic("")}
		return c.partition("", []byte(key))
	}
	err := g.m.bind(plan, func(topic string, repartition bool) int32 {
		if repartition {
			topic = changelog.RepartitionName(plan.Name(), topic)
		}
		return d.cluster.Partitions(topic)
	})
	if err != nil {
		t.Fatalf("%s\n%v", g, err)
	}
}

// TestRandomTopologies draws topologies, inputs and schedules, and compares with the model.
func TestRandomTopologies(t *testing.T) { checkRandomTopologies(t, 5, allSteps) }

// checkRandomTopologies makes so many times as many runs as rapid makes checks, 100 by default; in
// short tests one of these. It draws by rapid, which looks for a smaller topology and input that
// fails too, and says how to repeat it.
func checkRandomTopologies(t *testing.T, times int, steps func(*randomTopology) []func()) {
	if testing.Short() {
		times = 1
	}
	number := rapid.Uint16()
	for i := range times {
		if !t.Run(strconv.Itoa(i), rapid.MakeCheck(func(t *rapid.T) {
			runRandomTopology(t, rand.New(draws{t, number}), steps)
		})) {
			return
		}
	}
}

// draws is a source of random numbers for Intn, of which rapid finds smaller ones.
type draws struct {
	t      *rapid.T
	number *rapid.Generator[uint16]
}

func (d draws) Int63() int64 { // Intn takes the high half
	return int64(d.number.Draw(d.t, "")) << 32
}

func (d draws) Seed(int64) {}

// drawTopology draws until there is one that can be built.
func drawTopology(t T, rnd *rand.Rand, steps func(*randomTopology) []func()) (*randomTopology, *topology.Plan) {
	for {
		g := newRandomTopology(rnd, steps)
		plan, err := g.top.Build()
		if err == nil && g.orderedIn(plan) {
			return g, plan
		}
		if err != nil && !strings.Contains(err.Error(), "would wait for itself") {
			t.Fatalf("%s\n%v", g, err)
		}
	}
}

func runRandomTopology(t *rapid.T, rnd *rand.Rand, steps func(*randomTopology) []func()) {
	g, plan := drawTopology(t, rnd, steps)
	schedule := rapid.Int64().Draw(t, "schedule")
	what := fmt.Sprintf("schedule %d, %d partitions\n%s\n", schedule, g.sources, g)
	opts := Options{DefaultPartitions: g.sources, CommitEvery: -1, IdleAfter: -1, OnError: Skip,
		WatermarkInterval: []time.Duration{0, time.Second}[rnd.Intn(2)], CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)]}
	opts.Partitions = g.partitions()
	opts.portion = []int{0, 1, 2, 7}[rnd.Intn(4)]
	d := New(t, plan, opts)
	d.purges, d.reruns = rnd.Intn(4) == 3, 3*rnd.Intn(2) // purges: of changelogs
	g.bind(t, plan, d)
	for k, v := range g.m.globals {
		d.Append("g", encode(t, serde.Int64(), k), encode(t, serde.Int64(), v), 0)
	}
	d.Commit()
	early := false
	for _, s := range g.m.subs {
		for _, in := range s.inputs {
			early = early || in.Repartition && slices.ContainsFunc(s.inputs, func(o flow.Input) bool { return o.Topic == "t" })
		}
	}
	if n := g.m.sources["t"]; n != nil && len(n.children) > 0 {
		early = early || slices.ContainsFunc(plan.ForRuntime(flow.Key{}).SubTopologies, func(s *flow.SubTopology) bool {
			return slices.ContainsFunc(s.Sinks, func(o *flow.Sink) bool {
				return o.Repartition && slices.Contains(s.Inputs, flow.Input{Topic: "t"})
			})
		})
	}
	early = early && !g.waits
	runs := g.runs()
	count := map[string]int64{}
	var events [][]modelEvent
	for range runs {
		run := g.events(early, count)
		events = append(events, run)
		g.m.run(g.sources, run)
	}
	rnd = rand.New(rand.NewSource(schedule))
	records := int64(0)
	for run, events := range events {
		for _, e := range events {
			key, value := e.bytes(t)
			d.AppendTo(e.topic, e.partition, key, value, e.ts, topology.Header{Key: "o", Value: e.origin()})
			records++
		}
		live := 0
		if !g.behind {
			// live, a record does not wait for what is not behind a repartition topic yet
			live = rnd.Intn(2) * rnd.Intn(200)
		}
		if err := d.shake(rnd, live); err != nil {
			t.Fatalf("%srun %d of %d: %v", what, run, runs, err)
		}
	}
	compare := func(when string) {
		for _, check := range g.checks {
			if wrong := check(d); wrong != "" {
				t.Fatalf("%s%d runs%s: %s", what, runs, when, wrong)
			}
		}
	}
	compare("")
	got := drops{}
	s := d.Stats()
	for _, drop := range s.Dropped {
		got[drop.Reason] += drop.Count
	}
	if !maps.Equal(got, g.m.dropped) {
		t.Fatalf("%s%d runs: dropped %v, want %v", what, runs, got, g.m.dropped)
	}
	if s.In != records {
		t.Fatalf("%s: %d records in, want %d", what, s.In, records)
	}
	d.checkChangelogs(what)
	d.EndOfInput() // from restored state, with nothing new
	compare(" and an empty one")
}
