package processortest

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/kolkstream/kolk/internal/flow"
	"github.com/kolkstream/kolk/internal/seeds"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// planOf builds a topology.
func planOf(f func(*topology.Topology)) func(t testing.TB) *topology.Plan {
	return func(t testing.TB) *topology.Plan {
		top := topology.New("join")
		f(top)
		plan, err := top.Build()
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
}

// shakeJoin runs the events in a bounded run under a random schedule.
func shakeJoin(t *testing.T, rnd *rand.Rand, plan *topology.Plan, partitions int32, events []event, what string) []result {
	t.Helper()
	d := New(t, plan, Options{DefaultPartitions: partitions, CommitEvery: -1, WatermarkInterval: []time.Duration{0, time.Second}[rnd.Intn(2)]})
	for _, e := range events {
		d.AppendTo(e.topic, e.partition, []byte(e.key), encode(t, serde.Int64(), e.value), e.ts)
	}
	if err := d.shake(rnd, 0); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return d.results("out")
}

// TestJoinOrderIsAFunctionOfTheInput joins a stream with a table, both out of order, in bounded
// runs: the reference merges the logs of each partition by the timestamps of their heads.
func TestJoinOrderIsAFunctionOfTheInput(t *testing.T) {
	const partitions = 2
	build := planOf(func(top *topology.Topology) {
		table := top.Table("table", serde.String(), serde.Int64())
		top.Stream("stream", serde.String(), serde.Int64()).
			Join("join", table, topology.Inner(func(v, tv int64) int64 { return v*1000 + tv })).To("out")
	})
	for _, seed := range seeds.Several(t, 30) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		plan := build(t)
		logs := map[place][]event{}
		var all []event
		for _, topic := range []string{"stream", "table"} {
			for p := range int32(partitions) {
				last := int64(rnd.Intn(200))
				for now := int64(0); now < last; now += int64(rnd.Intn(8)) {
					e := event{topic, p, string("ab"[rnd.Intn(2)]), 1 + int64(rnd.Intn(99)), max(0, now-int64(rnd.Intn(3)*10))}
					logs[place{topic, p}] = append(logs[place{topic, p}], e)
					all = append(all, e)
				}
			}
		}
		var want []result
		order := plan.ForRuntime(flow.Key{}).SubTopologies[0].Inputs
		for p := range int32(partitions) {
			table := map[string]int64{}
			for {
				first := -1
				for i, in := range order {
					log := logs[place{in.Topic, p}]
					if len(log) > 0 && (first < 0 || log[0].ts < logs[place{order[first].Topic, p}][0].ts) {
						first = i
					}
				}
				if first < 0 {
					break
				}
				src := place{order[first].Topic, p}
				e := logs[src][0]
				logs[src] = logs[src][1:]
				if e.topic == "table" {
					table[e.key] = e.value
				} else if v, ok := table[e.key]; ok {
					want = append(want, result{"out", e.key, e.value*1000 + v, e.ts})
				}
			}
		}
		sortResults(want)
		for n := range 5 {
			what := fmt.Sprintf("seed %d, schedule %d", seed, n)
			if got := shakeJoin(t, rnd, plan, partitions, all, what); !slices.Equal(got, want) {
				t.Fatalf("%s: %s", what, difference(got, want))
			}
		}
	}
}

// TestJoinBehindRepartitionSeesTheTableAsOfTheRecord joins a stream and a table that both come
// through repartition topics, each from one partition and in order: each record sees the table as
// of its timestamp. (With several writers a repartition partition is not in the order of time, and
// no choice between inputs can make it so.)
func TestJoinBehindRepartitionSeesTheTableAsOfTheRecord(t *testing.T) {
	build := planOf(func(top *topology.Topology) {
		table := top.Stream("updates", serde.String(), serde.Int64()).Repartition("table", topology.Partitions(2)).ToTable("latest")
		top.Stream("stream", serde.String(), serde.Int64()).Repartition("left", topology.Partitions(2)).
			Join("join", table, topology.Inner(func(v, tv int64) int64 { return v*1000 + tv })).To("out")
	})
	for _, seed := range seeds.Several(t, 30) {
		rnd := rand.New(rand.NewSource(int64(seed)))
		plan := build(t)
		var all []event
		for ts := range int64(rnd.Intn(200)) { // no two records have the same timestamp
			e := event{"stream", 0, string("abc"[rnd.Intn(3)]), 1 + int64(rnd.Intn(99)), ts}
			if rnd.Intn(3) == 0 {
				e.topic = "updates"
			}
			if rnd.Intn(4) > 0 {
				all = append(all, e)
			}
		}
		var want []result
		table := map[string]int64{}
		for _, e := range all {
			if e.topic == "updates" {
				table[e.key] = e.value
			} else if v, ok := table[e.key]; ok {
				want = append(want, result{"out", e.key, e.value*1000 + v, e.ts})
			}
		}
		sortResults(want)
		for n := range 5 {
			what := fmt.Sprintf("seed %d, schedule %d", seed, n)
			if got := shakeJoin(t, rnd, plan, 1, all, what); !slices.Equal(got, want) {
				t.Fatalf("%s: %s", what, difference(got, want))
			}
		}
	}
}

// TestASkippedRecordKeepsItsPlace has a record that panics between an update of the table and an
// older record: which of those comes first must not depend on whether the update had been committed
// by then.
func TestASkippedRecordKeepsItsPlace(t *testing.T) {
	build := planOf(func(top *topology.Topology) {
		table := top.Table("table", serde.String(), serde.Int64())
		top.Stream("stream", serde.String(), serde.Int64()).
			MapValues(func(v int64) int64 {
				if v == 13 {
					panic("thirteen")
				}
				return v
			}).
			Join("join", table, topology.Inner(func(v, tv int64) int64 { return v*1000 + tv })).To("out")
	})
	for _, commit := range []bool{false, true} {
		d := New(t, build(t), Options{OnError: Skip, CommitEvery: -1, IdleAfter: -1, LiveWithin: -1})
		table, stream := d.Input("table", serde.String(), serde.Int64()), d.Input("stream", serde.String(), serde.Int64())
		table.Append("a", 1, 40)
		stream.Append("a", 7, 50)
		table.Append("a", 2, 55)
		if commit { // all but the record, which is not there yet
			d.Commit()
		}
		stream.Append("a", 13, 60)
		stream.Append("a", 8, 48)
		d.EndOfInput()
		want := []result{{"out", "a", 7001, 50}, {"out", "a", 8002, 48}}
		if got := d.results("out"); !slices.Equal(got, want) {
			t.Errorf("commit %v: %s", commit, difference(got, want))
		}
	}
}
