package processortest

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// ticking forwards records as they are, and for each multiple of interval that stream time passes
// how many there were before: a function of the order of records, however many calls there are.
type ticking struct {
	name     string
	interval int64
	last     topology.StoreRef[string, int64]
}

func newTicking(top *topology.Topology, name string, interval int64) *ticking {
	return &ticking{name: name, interval: interval, last: top.Store(name+"-state", serde.String(), serde.Int64())}
}

func (k *ticking) add(s topology.Stream[string, int64]) topology.Stream[string, int64] {
	return s.Process(k.name, func(c topology.Context[string, int64]) topology.Processor[string, int64] {
		p := &ticker{ticking: k, c: c, store: k.last.Open(c)}
		if err := c.Schedule("tick", topology.StreamTime, ms(k.interval), p.tick); err != nil {
			c.Stop(err)
		}
		return p
	}, k.last)
}

// ticker is the processor of a ticking.
type ticker struct {
	*ticking
	c     topology.Context[string, int64]
	store topology.Store[string, int64]
}

func (p *ticker) Process(r *topology.Record[string, int64]) error {
	n, _, err := p.store.Get("records")
	if err != nil {
		return err
	}
	if n == 0 {
		if err := p.store.Put("last", r.Timestamp/p.interval*p.interval); err != nil {
			return err
		}
	}
	p.c.Forward(*r)
	return p.store.Put("records", n+1)
}

func (p *ticker) tick(at int64) error {
	n, _, err := p.store.Get("records")
	if err != nil {
		return err
	}
	last, ok, err := p.store.Get("last")
	if err != nil || !ok { // there was no record yet
		return err
	}
	for last < at {
		last += p.interval
		p.c.Forward(topology.Record[string, int64]{Key: p.name, Value: n, Timestamp: last})
	}
	return p.store.Put("last", last)
}

// portioned has all that is due by time: final windows, in front of an InOrder and behind it, and
// schedules in both places.
func portioned(t testing.TB) *topology.Plan {
	top := topology.New("portioned")
	sum := func(a, v int64) int64 { return a + v }
	named := func(w topology.Window, k string) string { return fmt.Sprintf("%s@%d", k, w.Start) }
	front := newTicking(top, "front", 10)
	back := newTicking(top, "back", 15)
	near := newTicking(top, "near", 25)

	in := front.add(top.Stream("in", serde.String(), serde.Int64())).MarkPartitioned()
	near.add(in.InOrder("near-order", ms(7))).To("out-near")
	first := in.GroupByKey().Window(topology.Hopping(ms(20), ms(10)).Grace(ms(5))).Aggregate("first", sum).Final().Stream(named)
	first.To("out-first")
	sorted := first.Repartition("second", topology.Partitions(1)).InOrder("order", ms(3)).MarkPartitioned()
	back.add(sorted).To("out-back")
	sorted.GroupByKey().Window(topology.Tumbling(ms(30))).Aggregate("behind", sum).Final().Stream(named).To("out-behind")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// sequences are the records of the output topics, in order.
func sequences(d *Driver) map[string][]string {
	all := map[string][]string{}
	for _, topic := range []string{"out-near", "out-first", "out-back", "out-behind"} {
		for _, r := range d.Output(topic, serde.String(), serde.Int64()).Records() {
			all[topic] = append(all[topic], describe(r.Key, r.NoKey, r.Value, r.NoValue, r.Timestamp))
		}
	}
	return all
}

// TestPortions hands out what is due in portions of a few records, with aborts and crashes in
// between: the results are those of one transaction for each record, in the same order.
func TestPortions(t *testing.T) {
	n := 12
	if testing.Short() {
		n = 4
	}
	plan := portioned(t)
	postponed := 0
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		runs := make([][]event, 1+rnd.Intn(3))
		now := int64(100)
		for i := range runs {
			for range rnd.Intn(60) {
				now += []int64{0, 0, 0, 1, 4, 30, 200}[rnd.Intn(7)]
				runs[i] = append(runs[i], event{"in", 0, string("abcdefgh"[rnd.Intn(8)]), 1 + int64(rnd.Intn(9)), max(0, now-[]int64{0, 0, 0, 2, 6, 40}[rnd.Intn(6)])})
			}
		}
		opts := Options{CommitEvery: -1, IdleAfter: -1, WatermarkInterval: []time.Duration{0, time.Second}[rnd.Intn(2)], CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)]}
		run := func(portion int, end func(*Driver)) map[string][]string {
			opts.portion = portion
			d := New(t, plan, opts)
			for _, events := range runs {
				for _, e := range events {
					d.AppendTo(e.topic, e.partition, []byte(e.key), encode(t, serde.Int64(), e.value), e.ts)
				}
				end(d)
			}
			postponed += d.postponed
			d.CrashLosingState()
			d.EndOfInput() // with nothing new but calls of punctuators
			return sequences(d)
		}
		want := run(0, (*Driver).EndOfInput)
		for _, portion := range []int{0, 1, 2, 3, 7, 20} {
			got := run(portion, func(d *Driver) {
				if err := d.shake(rnd, rnd.Intn(2)*rnd.Intn(200)); err != nil {
					t.Fatalf("seed %d, portions of %d: %v", seed, portion, err)
				}
			})
			for topic, records := range want {
				if !slices.Equal(got[topic], records) {
					t.Fatalf("seed %d, portions of %d, %s: %s", seed, portion, topic, firstDifference(got[topic], records))
				}
			}
		}
	}
	if postponed == 0 {
		t.Error("nothing was postponed")
	}
	t.Logf("%d commits with something postponed", postponed)
}

// firstDifference shows where two sequences part.
func firstDifference(got, want []string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(all []string) []string { return all[max(0, i-3):min(len(all), i+5)] }
	return fmt.Sprintf("%d records, want %d; from number %d on:\n got %v\nwant %v", len(got), len(want), max(0, i-3), show(got), show(want))
}

// TestAnotherRunFinishesTheEnd gives a bounded run up after each of the commits that leave
// something postponed, with all local state, and goes on without a bound: the end comes first, and
// once.
func TestAnotherRunFinishesTheEnd(t *testing.T) {
	plan := portioned(t)
	// Without what punctuators make: one run more calls them once more.
	results := func(d *Driver) (all []string) {
		for _, r := range d.Output("out-first", serde.String(), serde.Int64()).Records() {
			if r.Key[:2] != "fr" {
				all = append(all, describe(r.Key, r.NoKey, r.Value, r.NoValue, r.Timestamp))
			}
		}
		return all
	}
	given := func(portion int) *Driver {
		d := New(t, plan, Options{CommitEvery: -1, IdleAfter: -1, portion: portion})
		for i := range 12 {
			d.AppendTo("in", 0, []byte{"abc"[i%3]}, encode(t, serde.Int64(), int64(i)), int64(100+3*i))
		}
		return d
	}
	// What comes after the end is taken by the instances that have finished it: it has closed a
	// window that one of these records belongs to.
	more := func(d *Driver) {
		d.AppendTo("in", 0, []byte("a"), encode(t, serde.Int64(), 98), 133)
		d.AppendTo("in", 0, []byte("a"), encode(t, serde.Int64(), 99), 500)
		d.Commit()
		d.EndOfInput()
	}
	whole := given(0)
	whole.EndOfInput()
	want := results(whole)
	more(whole)
	wantMore, finished := results(whole), 0
	for after := 1; ; after++ {
		d := given(1)
		d.run++
		d.bounded = true
		if err := d.reopen(closed); err != nil {
			t.Fatal(err)
		}
		done := false
		for step := 0; d.postponed < after && !done; step++ {
			if step > 10_000 {
				t.Fatal("the run does not end")
			}
			done = true
			for _, r := range d.tasks {
				r.feed()
				if _, err := r.process(100); err != nil {
					t.Fatal(err)
				}
				if err := r.task.Tick(); err != nil {
					t.Fatal(err)
				}
				if r.task.Dirty() {
					if err := r.commit(); err != nil {
						t.Fatal(err)
					}
				}
				done = done && r.task.Done()
			}
		}
		if done {
			if after < 10 || finished == 0 {
				t.Fatalf("only %d commits left something, and %d of the end", after-1, finished)
			}
			return
		}
		d.bounded = false
		if err := d.reopen(wiped); err != nil {
			t.Fatal(err)
		}
		d.Commit()
		for _, r := range d.tasks {
			if r.task.Postponed() || r.task.Done() {
				t.Fatalf("after %d: task %s is postponed: %v, done: %v", after, r.task.ID(), r.task.Postponed(), r.task.Done())
			}
		}
		want := want
		if slices.Equal(results(d), want) { // the run was given up when its end had begun
			finished++
			want = wantMore
			more(d)
		} else {
			d.EndOfInput()
		}
		if got := results(d); !slices.Equal(got, want) {
			t.Fatalf("after %d: %s", after, firstDifference(got, want))
		}
	}
}
