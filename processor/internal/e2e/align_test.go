package e2e

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor"
	"github.com/kolkstream/kolk/topology"
)

// every yields n messages of partition p, in even distances from the beginning of 2020 on.
func every(d time.Duration, n int, p int32) iter.Seq[message] {
	return func(yield func(message) bool) {
		at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range n {
			if !yield(message{Value: fmt.Appendf(nil, "%d-%d", p, i), Timestamp: at.Add(time.Duration(i) * d).UnixMilli(), Partition: p}) {
				return
			}
		}
	}
}

// met makes the topics of a job "met" and loads them.
func met(t *testing.T, b Broker, partitions int32, in iter.Seq[message]) (job, *admin) {
	t.Helper()
	j := job{"met", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), partitions, nil)
	a.create(j.out(), 1, nil)
	a.produce(j.in(), in)
	return j, a
}

// jumps returns how far time went back at most from one output to a later one.
func jumps(t *testing.T, b Broker, j job, want int) time.Duration {
	t.Helper()
	var most, worst int64
	all := readAll(t, b.Addr(), j.out())
	if len(all) != want {
		t.Fatalf("%d results, want %d", len(all), want)
	}
	seen := map[string]bool{}
	for _, o := range all {
		if seen[o.Value] {
			t.Fatalf("%s came twice", o.Value)
		}
		seen[o.Value] = true
		most = max(most, o.Timestamp)
		worst = max(worst, most-o.Timestamp)
	}
	return time.Duration(worst) * time.Millisecond
}

// TestOrderBehindRepartition reads two partitions as a backfill, which meet behind a repartition
// topic: there, time goes back no further than the bound, whoever reads them and however their
// records are spread.
func TestOrderBehindRepartition(t *testing.T) {
	inputs := map[string]iter.Seq[message]{
		"even":       chain(every(time.Minute, 2000, 0), every(time.Minute, 2000, 1)),
		"one-sparse": chain(every(time.Second, 20_000, 0), every(time.Hour, 6, 1)),
		"gaps":       chain(every(7*time.Hour, 40, 0), every(5*time.Hour, 56, 1)),
	}
	sizes := map[string]int{"even": 4000, "one-sparse": 20_006, "gaps": 96}
	for name, in := range inputs {
		for _, run := range []struct {
			name               string
			instances, workers int
			bounded            bool
		}{{"one worker", 1, 1, true}, {"two workers", 1, 2, true}, {"two instances", 2, 1, true}, {"open", 1, 2, false}} {
			t.Run(name+" by "+run.name, func(t *testing.T) {
				t.Parallel()
				b := startBroker(t)
				j, _ := met(t, b, 2, in)
				var apps []*app
				for range run.instances {
					apps = append(apps, startApp(t, b, j, nil, func(cfg *processor.Config) {
						cfg.Workers, cfg.UntilEnd, cfg.MaxAhead = run.workers, run.bounded, 10*time.Minute
					}))
				}
				if run.bounded {
					for _, x := range apps {
						if err := x.wait(t, time.Minute); err != nil {
							t.Fatal(err)
						}
					}
				} else {
					eventually(t, time.Minute, "results", func() (bool, string) {
						apps[0].running(t)
						n := len(readAll(t, b.Addr(), j.out()))
						return n == sizes[name], fmt.Sprint(n)
					})
				}
				if d := jumps(t, b, j, sizes[name]); d > 10*time.Minute {
					t.Errorf("time goes back by %v, more than 10 min", d)
				}
			})
		}
	}
}

// TestFutureInABoundedRun has a record that is three years ahead of all others, and yet before
// today. It is measured from the end of the other partition.
func TestFutureInABoundedRun(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	j := job{"future", names(t, "app")}
	a := newAdmin(t, b.Addr())
	a.create(j.in(), 2, nil)
	a.create(j.out(), 2, nil)
	ahead := func(yield func(message) bool) {
		yield(message{Value: []byte("ahead"), Timestamp: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), Partition: 0})
	}
	a.produce(j.in(), chain(every(time.Minute, 100, 0), ahead, every(time.Hour, 20, 0), every(time.Minute, 90, 1)))
	x := startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.UntilEnd, cfg.OnError = true, processor.Skip })
	if err := x.wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, o := range readAll(t, b.Addr(), j.out()) {
		if o.Value == "ahead" {
			t.Error("the record that is ahead is there")
		}
	}
	if s := x.Stats(); s.In != 211 || s.Out != 210 || len(s.Dropped) != 1 || s.Dropped[0].Reason != topology.FutureTime || s.Dropped[0].Count != 1 {
		t.Errorf("in %d, out %d, dropped %v; want 211, 210 and one of the future", s.In, s.Out, s.Dropped)
	}

	j.Prefix = names(t, "fails")
	a.create(j.in(), 2, nil)
	a.create(j.out(), 2, nil)
	a.produce(j.in(), chain(every(time.Minute, 100, 0), ahead, every(time.Minute, 90, 1)))
	x = startApp(t, b, j, nil, func(cfg *processor.Config) { cfg.UntilEnd = true })
	err := x.failsWith(t, time.Minute, j.in()+"/0 at offset 100", "2023-01-01T00:00:00Z")
	var fe *processor.FutureError
	if !errors.As(err, &fe) || !fe.Latest.Equal(time.Date(2020, 1, 1, 1, 29, 0, 0, time.UTC)) {
		t.Errorf("it is measured from %v, want the last record of the other partition", fe)
	}
}
