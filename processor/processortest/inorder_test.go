package processortest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// alerts is "at most one alert per user and hour" behind a repartition topic of that many
// partitions.
func alerts(t *testing.T, delay time.Duration, partitions int32) *topology.Plan {
	top := topology.New("alerts")
	last := top.Store("last", serde.String(), serde.Int64())
	payments := top.Stream("payments", serde.String(), serde.String()).
		SelectKey(func(v string) string { return v[:1] }).
		Repartition("by-user", topology.Partitions(partitions)).
		InOrder("in-order", delay)
	payments.To("all")
	payments.ProcessFunc("alert", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		s := last.Open(c)
		at, ok, err := s.Get(r.Key)
		if err != nil || ok && r.Timestamp < at+60 {
			return err
		}
		c.Forward(*r)
		return s.Put(r.Key, r.Timestamp)
	}, last).To("alerts")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

type payment struct {
	partition int32
	offset    int
	ts        int64
	value     string // begins with the user
}

// inOrderOf is the reference: what is not late, sorted, and the alerts of a loop over that.
func inOrderOf(payments []payment, delay int64) (all, alerts []string, late int64) {
	ref := map[int32]int64{}
	var kept []payment
	for _, p := range payments {
		ref[p.partition] = max(ref[p.partition], p.ts)
		if ref[p.partition]-p.ts > delay {
			late++
			continue
		}
		kept = append(kept, p)
	}
	slices.SortFunc(kept, func(a, b payment) int {
		return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
	})
	last := map[string]int64{}
	for _, p := range kept {
		user, text := p.value[:1], fmt.Sprintf("%s@%d", p.value, p.ts)
		all = append(all, text)
		if at, ok := last[user]; !ok || p.ts >= at+60 {
			alerts = append(alerts, text)
			last[user] = p.ts
		}
	}
	return all, alerts, late
}

// byUser sorts texts by user, and leaves each one's as they are.
func byUser(texts []string) []string {
	texts = slices.Clone(texts)
	slices.SortStableFunc(texts, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	return texts
}

// Under every schedule of tasks, commits, crashes, aborts and rebalances, live and in a bounded
// run, what lies behind an InOrder is what a loop over the sorted input makes.
func TestInOrderBehindRepartition(t *testing.T) {
	n := 30
	if testing.Short() {
		n = 10
	}
	for _, seed := range seeds.Several(t, n) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		delay := []int64{0, 5, 50, 100_000}[rnd.Intn(4)]
		plan := alerts(t, ms(delay), 1+rnd.Int31n(3))
		sources := 1 + rnd.Int31n(3)
		d := New(t, plan, Options{portion: []int{0, 1, 2, 7}[rnd.Intn(4)], DefaultPartitions: sources, CommitEvery: -1, IdleAfter: -1, CacheBytes: []int64{-1, 0, 200}[rnd.Intn(3)],
			WatermarkInterval: []time.Duration{0, time.Second}[rnd.Intn(2)]})
		d.purges, d.reruns = rnd.Intn(2) == 0, rnd.Intn(4)
		var input []payment
		for p := range sources {
			now := int64(0)
			for offset := range 20 + rnd.Intn(100) {
				now += []int64{0, 0, 1, 10, 40}[rnd.Intn(5)]
				ts := max(0, now-[]int64{0, 0, 0, 3, 7, 60}[rnd.Intn(6)])
				input = append(input, payment{p, offset, ts, fmt.Sprintf("%c%d/%d", "abc"[rnd.Intn(3)], p, offset)})
			}
		}
		for _, p := range input {
			d.AppendTo("payments", p.partition, nil, []byte(p.value), p.ts)
		}
		what := fmt.Sprintf("seed %d, delay %d", seed, delay)
		if err := d.shake(rnd, rnd.Intn(2)*rnd.Intn(400)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all, alerted, late := inOrderOf(input, delay)
		for topic, want := range map[string][]string{"all": all, "alerts": alerted} {
			var got []string
			for _, r := range d.Output(topic, serde.String(), serde.String()).Records() {
				if r.Key != r.Value[:1] {
					t.Fatalf("%s: key %q of %s", what, r.Key, r.Value)
				}
				got = append(got, fmt.Sprintf("%s@%d", r.Value, r.Timestamp))
			}
			if got, want := byUser(got), byUser(want); !slices.Equal(got, want) {
				t.Fatalf("%s, topic %s:\n got %v\nwant %v", what, topic, got, want)
			}
		}
		if s := d.Stats(); s.Late != late {
			t.Fatalf("%s: %d late, want %d: %+v", what, s.Late, late, s.Dropped)
		}
		d.checkChangelogs(what)
	}
}

// A processor that panics on a record that was held back loses that record, and nothing else, with
// the policy Skip.
func TestInOrderSkipsPanics(t *testing.T) {
	top := topology.New("app")
	top.Stream("in", serde.String(), serde.Int64()).Repartition("r").InOrder("order", 10*time.Millisecond).
		MapValues(func(v int64) int64 {
			if v%5 == 0 {
				panic("poison")
			}
			return v
		}).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{DefaultPartitions: 2, OnError: Skip, CommitEvery: -1})
	var want []int64
	for i := range int64(40) {
		d.AppendTo("in", int32(i%2), []byte("k"), encode(t, serde.Int64(), i), i/2)
		if i%5 != 0 {
			want = append(want, i)
		}
	}
	d.EndOfInput()
	var got []int64
	for _, r := range d.Output("out", serde.String(), serde.Int64()).Records() {
		got = append(got, r.Value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	s := d.Stats()
	if len(s.Dropped) != 1 || s.Dropped[0].Count != 8 || s.Dropped[0].Reason != topology.Failed {
		t.Errorf("dropped: %+v", s.Dropped)
	}
}

// With the policy Fail the error names the message that the record was made from.
func TestInOrderErrorsNameTheMessage(t *testing.T) {
	top := topology.New("app")
	top.Stream("in", serde.String(), serde.Int64()).Repartition("r").InOrder("order", 0).
		TryMapValues(func(_ context.Context, v int64) (int64, error) { return 0, errors.New("no") }).To("out")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := New(t, plan, Options{DefaultPartitions: 2})
	d.AppendTo("in", 1, []byte("k"), encode(t, serde.Int64(), 1), 7)
	err = d.TryEndOfInput()
	var re *RecordError
	if !errors.As(err, &re) || re.Topic != "in" || re.Partition != 1 || re.Offset != 0 {
		t.Errorf("the error is %v", err)
	}
}

// Time behind an InOrder is that of the records: stream-time schedules are called between them,
// wherever commits are, and windows close then.
func TestTimeBehindInOrder(t *testing.T) {
	for _, every := range []int{1, 2, 3, 7, -1} {
		top := topology.New("app")
		in := top.Stream("in", serde.String(), serde.Int64()).InOrder("order", 20*time.Millisecond)
		in.Process("clock", func(c topology.Context[string, string]) topology.Processor[string, int64] {
			c.Schedule("tick", topology.StreamTime, 10*time.Millisecond, func(at int64) error {
				c.Forward(topology.Record[string, string]{Key: "k", Value: fmt.Sprintf("tick %d at %d", at, c.Time()), Timestamp: at})
				return nil
			})
			return processFunc(func(r *topology.Record[string, int64]) error {
				c.Forward(topology.Record[string, string]{Key: "k", Value: fmt.Sprintf("%d at %d", r.Timestamp, c.Time()), Timestamp: r.Timestamp})
				return nil
			})
		}).To("ticks")
		in.GroupByKey().Window(topology.Tumbling(10 * time.Millisecond)).Count("n").Final().
			Stream(func(w topology.Window, k string) string { return fmt.Sprint(w.Start) }).To("windows")
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		d := New(t, plan, Options{CommitEvery: every})
		input := d.Input("in", serde.String(), serde.Int64())
		for _, ts := range []int64{5, 3, 9, 12, 25, 14, 36, 31, 17, 45, 58, 40, 69} {
			input.Send("k", 1, ts)
		}
		d.EndOfInput()
		var got []string
		for _, r := range d.Output("ticks", serde.String(), serde.String()).Records() {
			got = append(got, r.Value)
		}
		got = append(got, "windows")
		for _, r := range d.Output("windows", serde.String(), serde.Int64()).Records() {
			got = append(got, fmt.Sprintf("%s: %d", r.Key, r.Value))
		}
		text := strings.Join(got, "\n")
		want := strings.Join([]string{
			"3 at 3", "5 at 5", "9 at 9", "tick 10 at 10", "12 at 12", "14 at 14", "17 at 17", "tick 20 at 20", "25 at 25", "tick 30 at 30",
			"31 at 31", "36 at 36", "tick 40 at 40", "40 at 40", "45 at 45", "tick 50 at 50", "58 at 58",
			"tick 60 at 60", "69 at 69", "tick 70 at 69", "tick 80 at 9223372036854775807",
			"windows", "0: 3", "10: 3", "20: 1", "30: 2", "40: 2", "50: 1", "60: 1",
		}, "\n")
		if text != want {
			t.Errorf("commit every %d:\n%s\nwant\n%s", every, text, want)
		}
	}
}
