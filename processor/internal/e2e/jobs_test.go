package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

// job is a topology under test. Its application and its topics are named after prefix, so that each
// test has its own.
type job struct {
	// Kind is a key of jobKinds; instances in child processes build the same.
	Kind, Prefix string
}

func (j job) flights() string  { return j.Prefix + "-flights" }
func (j job) airports() string { return j.Prefix + "-airports" }
func (j job) delays() string   { return j.Prefix + "-delays" }
func (j job) counts() string   { return j.Prefix + "-counts" }
func (j job) in() string       { return j.Prefix + "-in" }
func (j job) named() string    { return j.Prefix + "-named" }
func (j job) out() string      { return j.Prefix + "-out" }

// plan builds the topology.
func (j job) plan() (*topology.Plan, error) {
	t := topology.New(j.Prefix)
	switch j.Kind {
	case "delays":
		j.addDelays(t, j.flightStream(t))
	case "counts":
		j.addCounts(j.flightStream(t))
	case "both":
		s := j.flightStream(t)
		j.addDelays(t, s)
		j.addCounts(s)
	case "rekeyed":
		j.addRekeyed(t)
	case "words":
		j.addWords(t)
	case "fragile":
		j.addFragile(t)
	case "copied":
		t.Stream(j.in(), serde.String(), serde.String()).To(j.out())
	case "shuffled":
		t.Stream(j.in(), serde.String(), serde.String()).Repartition("shuffle").To(j.out())
	case "reworded":
		t.Stream(j.in(), serde.String(), serde.String()).GroupBy("by-value", func(v string) string { return v }).Count("words").EachUpdate().
			ToStream().MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).To(j.out())
	case "words and copies":
		j.addWords(t)
		t.Stream(j.named(), serde.String(), serde.String()).To(j.counts())
	case "merged":
		t.Stream(j.in(), serde.String(), serde.String()).Merge(t.Stream(j.named(), serde.String(), serde.String())).To(j.out())
	case "named":
		names := t.Stream(j.named(), serde.String(), serde.String()).
			MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
				key, name, _ := strings.Cut(r.Value, " ")
				return r.With(key, name)
			}).
			Repartition("names").ToTable("named")
		t.Stream(j.in(), serde.String(), serde.String()).
			Join("joined", names, topology.Inner(func(v, name string) string { return v + " " + name })).
			To(j.out())
	case "met":
		t.Stream(j.in(), serde.Bytes(), serde.String()).SelectKey(func(string) string { return "one" }).
			Repartition("met", topology.Partitions(1)).MapValues(strings.ToUpper).To(j.out())
	case "future":
		t.Stream(j.in(), serde.Bytes(), serde.String(), topology.MaxFuture[string](day)).To(j.out())
	case "global":
		table := t.GlobalTable(j.Prefix+"-table", serde.String(), serde.String())
		t.Stream(j.in(), serde.String(), serde.String()).
			JoinGlobal("found", table, func(v string) string { return v }, topology.Inner(func(v, found string) string { return v + " " + found })).
			To(j.out())
	case "stamped":
		j.addStamped(t)
	case "repartitioned-table":
		t.Stream(j.in(), serde.String(), serde.String()).
			MapRecords(func(r *topology.Record[string, string]) topology.Record[string, string] {
				return r.With(r.Value[:1], r.Value)
			}).
			Repartition("by-letter").ToTable("latest").ToStream().To(j.out())
	case "collected":
		j.addCollected(t).EachUpdate().ToStream().MapValues(func(v string) string { return strconv.Itoa(len(v)) }).To(j.out())
	case "collected-hours":
		t.Stream(j.in(), serde.String(), serde.String()).GroupByKey().Window(topology.Tumbling(time.Hour)).
			Aggregate("collected", func(all, v string) string { return all + v }).Final().
			StreamRecords(func(_ topology.Window, k, v string) (string, string) { return k, v }).To(j.out())
	case "held":
		t.Stream(j.in(), serde.String(), serde.String()).InOrder("in-order", 365*day).To(j.out())
	case "held-store": // each of a million keys in a store behind it
		t.Stream(j.in(), serde.String(), serde.String()).InOrder("in-order", 365*day).GroupByKey().
			Aggregate("latest", func(_, v string) string { return v }).EachUpdate().ToStream().To(j.out())
	case "final": // a million keys in one window
		t.Stream(j.in(), serde.String(), serde.String()).GroupByKey().Window(topology.Tumbling(365*day)).
			Aggregate("latest", func(_, v string) string { return v }).Final().
			StreamRecords(func(_ topology.Window, k, v string) (string, string) { return k, v }).To(j.out())
	case "paired", "alone": // a million records of each of two streams that are joined
		keep := topology.Outer(func(l, r topology.Opt[string]) string { return l.Value + r.Value })
		t.Stream(j.in(), serde.String(), serde.String()).
			JoinWithin("pairs", t.Stream(j.named(), serde.String(), serde.String()), topology.Within(365*day), keep).To(j.out())
	case "suppressed": // a million windows in a buffer
		t.Stream(j.in(), serde.String(), serde.String()).GroupByKey().Window(topology.Tumbling(365*day)).
			Aggregate("latest", func(_, v string) string { return v }).Suppress("held", topology.UntilWindowCloses()).
			StreamRecords(func(_ topology.Window, k, v string) (string, string) { return k, v }).To(j.out())
	case "suppressed-limit": // a million keys in a buffer
		t.Stream(j.in(), serde.String(), serde.String()).GroupByKey().
			Aggregate("latest", func(_, v string) string { return v }).EachUpdate().
			Suppress("held", topology.UntilTimeLimit(365*day)).ToStream().To(j.out())
	case "async", "async by 8":
		calls := topology.Calls{Concurrency: 64}
		if j.Kind == "async by 8" {
			calls.Concurrency = 8
		}
		t.Stream(j.in(), serde.String(), serde.String()).MapValuesAsync(calls, fiveMillis).To(j.out())
	case "windowed":
		j.addWindowed(t)
	case "alerts":
		j.addAlerts(t)
	case "joined":
		j.addJoined(t)
	case "topics copied":
		j.topics(t).To(j.out())
	case "topics counted":
		counted(j.topics(t).GroupByKey().Count("words")).To(j.out())
	case "topics shuffled":
		counted(j.topics(t).GroupBy("by-value", func(v string) string { return v }).Count("words")).To(j.out())
	case "topics overlapping":
		first := t.StreamPattern("first", regexp.QuoteMeta(j.in())+"-a.*", serde.String(), serde.String())
		last := t.StreamPattern("last", regexp.QuoteMeta(j.in())+"-.*z", serde.String(), serde.String())
		counted(first.Merge(last).GroupBy("by-value", func(v string) string { return v }).Count("words")).To(j.out())
	case "topics by hour":
		j.topics(t).GroupBy("by-value", func(v string) string { return v }).Window(topology.Tumbling(time.Hour)).Count("words").Final().
			StreamRecords(func(w topology.Window, k string, n int64) (string, string) {
				return k, fmt.Sprintf("%s %d", w.StartTime().Format("15:04"), n)
			}).To(j.out())
	default:
		return nil, fmt.Errorf("no job %q", j.Kind)
	}
	return t.Build()
}

// topics reads the topics whose names begin with that of the input and a hyphen.
func (j job) topics(t *topology.Topology) topology.Stream[string, string] {
	return t.StreamPattern("found", regexp.QuoteMeta(j.in())+"-.*", serde.String(), serde.String())
}

// counted gives out each count of a word.
func counted(c topology.Table[string, int64]) topology.Stream[string, string] {
	return c.EachUpdate().ToStream().MapValues(func(n int64) string { return strconv.FormatInt(n, 10) })
}

// fiveMillis stands for a request that takes so long.
func fiveMillis(ctx context.Context, v string) (string, error) {
	after := time.NewTimer(5 * time.Millisecond)
	defer after.Stop()
	select {
	case <-after.C:
		return v, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

type departure struct {
	State string `json:"state"`
	Delay int    `json:"delay"`
}

type stats struct {
	Flights int `json:"flights"`
	Delayed int `json:"delayed"`
	Minutes int `json:"minutes"`
	Worst   int `json:"worst"`
}

func (s stats) add(d departure) stats {
	if s.Flights == 0 || d.Delay > s.Worst {
		s.Worst = d.Delay
	}
	s.Flights++
	if d.Delay > 15 {
		s.Delayed++
	}
	s.Minutes += d.Delay
	return s
}

func (j job) flightStream(t *topology.Topology) topology.Stream[string, flight] {
	return t.Stream(j.flights(), serde.String(), serde.JSON[flight](), topology.TimeFromValue(flight.at))
}

// addDelays is the flights job: joined with the airport, by state and day, final.
func (j job) addDelays(t *topology.Topology, s topology.Stream[string, flight]) {
	airports := t.GlobalTable(j.airports(), serde.String(), serde.JSON[airport]())
	s.JoinGlobal("airport", airports, func(f flight) string { return f.Origin },
		topology.Inner(func(f flight, a airport) departure { return departure{a.State, f.Delay} })).
		GroupBy("state", func(d departure) string { return d.State }).
		Window(topology.Tumbling(day).Grace(time.Hour)).
		Aggregate("delays", stats.add).
		Final().
		StreamRecords(func(w topology.Window, state string, s stats) (string, result) {
			return state, result{state, w.StartTime().Format(time.DateOnly), s.Flights, s.Delayed, s.Minutes, s.Worst}
		}).
		To(j.delays())
}

// addCounts counts flights by origin, with every update: per key the output is 1, 2, 3, ... and
// whatever is lost or done twice shows.
func (j job) addCounts(s topology.Stream[string, flight]) {
	s.GroupByKey().
		Count("by-origin").
		EachUpdate().
		ToStream().
		MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).
		To(j.counts())
}

// addRekeyed counts per value and hour, with no grace, behind a repartition topic.
func (j job) addRekeyed(t *topology.Topology) {
	t.Stream(j.in(), serde.String(), serde.String()).
		GroupBy("value", func(v string) string { return v }).
		Window(topology.Tumbling(time.Hour)).
		Count("per-hour").
		Final().
		StreamRecords(func(w topology.Window, k string, n int64) (string, string) {
			return k, fmt.Sprintf("%s %d", w.StartTime().Format(time.DateTime), n)
		}).
		To(j.out())
}

// addWords counts by key with every update, on string values.
func (j job) addWords(t *topology.Topology) {
	t.Stream(j.in(), serde.String(), serde.String()).
		GroupByKey().
		Count("words").
		EachUpdate().
		ToStream().
		MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).
		To(j.out())
}

type stamp struct {
	Key string `json:"k"`
	At  int64  `json:"t"`
}

// addStamped counts by a field, with the times that the values say, and the latest count with each
// commit.
func (j job) addStamped(t *topology.Topology) {
	t.Stream(j.in(), serde.String(), serde.JSON[stamp](), topology.TimeFromValue(func(s stamp) time.Time { return time.UnixMilli(s.At) })).
		GroupBy("g", func(s stamp) string { return s.Key }).
		Count("n").
		ToStream().
		MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).
		To(j.out())
}

// addCollected keeps all values of a key, one behind the other.
func (j job) addCollected(t *topology.Topology) topology.Table[string, string] {
	return t.Stream(j.in(), serde.String(), serde.String()).GroupByKey().
		Aggregate("collected", func(all, v string) string { return all + v })
}

// addFragile is addWords behind functions that fail on some values: "error" and "panic" say how,
// "stuck" never returns.
func (j job) addFragile(t *topology.Topology) {
	t.Stream(j.in(), serde.String(), serde.String()).
		TryMapValues(func(_ context.Context, v string) (string, error) {
			if v == "error" {
				return "", errors.New("the function failed")
			}
			return v, nil
		}).
		MapValues(func(v string) string {
			switch v {
			case "panic":
				panic("the function panicked")
			case "stuck":
				select {}
			}
			return v
		}).
		GroupByKey().
		Count("words").
		EachUpdate().
		ToStream().
		MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).
		To(j.out())
}

// addJoined joins a stream with a table, which must have the same number of partitions.
func (j job) addJoined(t *topology.Topology) {
	table := t.Table(j.Prefix+"-table", serde.String(), serde.String())
	t.Stream(j.in(), serde.String(), serde.String()).
		Join("named", table, topology.Inner(func(v, name string) string { return v + " " + name })).
		To(j.out())
}

// addAlerts is at most one alert per user and hour of event time: the values are users. What is in
// order goes to named as well.
func (j job) addAlerts(t *topology.Topology) {
	last := t.Store("last", serde.String(), serde.Int64())
	payments := t.Stream(j.in(), serde.Bytes(), serde.String()).
		SelectKey(userOf).
		Repartition("by-user", topology.Partitions(3)).
		InOrder("in-order", alertDelay)
	payments.To(j.named())
	payments.ProcessFunc("alert", func(c topology.Context[string, string], r *topology.Record[string, string]) error {
		s := last.Open(c)
		at, ok, err := s.Get(r.Key)
		if err != nil || ok && r.Timestamp < at+time.Hour.Milliseconds() {
			return err
		}
		c.Forward(*r)
		return s.Put(r.Key, r.Timestamp)
	}, last).To(j.out())
}
