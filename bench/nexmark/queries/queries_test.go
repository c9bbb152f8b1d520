package queries_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/bench/nexmark/queries"
	"github.com/kolkstream/kolk/bench/nexmark/reference"
	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
)

type language struct {
	name string
	plan func(query string) (*topology.Plan, error)
}

func languages() []language { return []language{{"go", queries.Go}, {"yaml", queries.YAML}} }

func plan(t *testing.T, l language, query string) *topology.Plan {
	t.Helper()
	p, err := l.plan(query)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// enough is how many events a query needs to have results of all kinds: ids of people are known for
// a while before they come (q23), and those of auctions must exceed the side input (q13).
func enough(query string, events int64) int64 {
	switch {
	case query == "q13" && !race:
		return max(events, 170_000)
	case query == "q23":
		return max(events, 70_000)
	}
	return events
}

// Between two turns so many events come, and so much time of the wall clock passes. An input is
// idle after ten seconds without events.
const (
	turn   = 1000
	passes = 700 * time.Millisecond
)

// clock is what the driver's clock shows while event n is processed.
func clock(d *processortest.Driver) reference.Clock {
	begin := d.Now().UnixMilli()
	return func(n int64) int64 { return begin + n/turn*passes.Milliseconds() }
}

// side fills the topic of the side input, if the query reads it.
func side(d *processortest.Driver, query string) {
	if query != "q13" {
		return
	}
	for n := range int64(nexmark.SideInputs) {
		key, value := nexmark.AppendSideInput(nil, nil, n)
		d.Append(queries.SideTopic, key, value, 0)
	}
}

// TestResults compares the results of each query with the reference's.
func TestResults(t *testing.T) {
	// Without the race detector, the first has all kinds of hours, and midnight; the second has
	// bids at the same time.
	configs := map[string]nexmark.Config{
		"an event per second, in order":          {Seed: 1, Rate: 1, Base: time.Date(2026, 3, 1, 18, 30, 0, 0, time.UTC)},
		"10,000 events per second, out of order": {Seed: 2, OutOfOrder: 1000, Base: time.Date(2026, 12, 31, 23, 59, 55, 0, time.UTC)},
	}
	for name, config := range configs {
		g, err := nexmark.New(config)
		if err != nil {
			t.Fatal(err)
		}
		events := int64(30_000)
		if race {
			events = 5_000
		}
		for _, query := range queries.Names() {
			for _, l := range languages() {
				t.Run(fmt.Sprintf("%s, %s, %s", query, l.name, name), func(t *testing.T) {
					t.Parallel()
					events := enough(query, events)
					d := processortest.New(t, plan(t, l, query), processortest.Options{DefaultPartitions: 4})
					check, err := reference.NewCheck(query, g, events, clock(d))
					if err != nil {
						t.Fatal(err)
					}
					if check.Results() == 0 {
						t.Fatal("the reference has no results")
					}
					side(d, query)
					var key, value []byte
					for n := range events {
						key, value = g.AppendMessage(key[:0], value[:0], n)
						d.Append(queries.Topic, key, value, g.Time(n))
						if n%turn == turn-1 {
							d.Run()
							d.Advance(passes)
						}
					}
					d.EndOfInput()
					for _, r := range d.Output(queries.Application(query), serde.Bytes(), serde.Bytes()).Records() {
						check.Add(reference.Result{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp})
					}
					if err := check.Err(); err != nil {
						t.Error(err)
					}
					if s := d.Stats(); s.In < events || s.Late != 0 || len(s.Dropped) != 0 {
						t.Errorf("%d in, %d late, dropped %v", s.In, s.Late, s.Dropped)
					}
				})
			}
		}
	}
}

// TestUpdates looks at what comes between: a commit after every thousand events, and a crash that
// loses one. The events take more than three minutes, in which many windows close.
func TestUpdates(t *testing.T) {
	const events, every = 20_000, turn
	g, err := nexmark.New(nexmark.Config{Seed: 3, Rate: 100, OutOfOrder: 100})
	if err != nil {
		t.Fatal(err)
	}
	updates := []string{"q4", "q6", "q9", "q15", "q16", "q17", "q18", "q19"}
	once := []string{"q3", "q5", "q7", "q8", "q11", "q12", "q20", "q23"}
	for _, query := range slices.Concat(updates, once) {
		for _, l := range languages() {
			t.Run(query+", "+l.name, func(t *testing.T) {
				t.Parallel()
				d := processortest.New(t, plan(t, l, query), processortest.Options{DefaultPartitions: 2, CommitEvery: -1})
				events := enough(query, events)
				clock := clock(d)
				for n := range events {
					key, value := g.AppendMessage(nil, nil, n)
					d.Append(queries.Topic, key, value, g.Time(n))
					switch n % every {
					case every / 2:
						d.Run()
						d.Crash()
					case every - 1:
						d.Commit()
						d.Advance(passes)
					}
				}
				d.EndOfInput()
				check, err := reference.NewCheck(query, g, events, clock)
				if err != nil {
					t.Fatal(err)
				}
				records := d.Output(queries.Application(query), serde.Bytes(), serde.Bytes()).Records()
				for _, r := range records {
					check.Add(reference.Result{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp})
				}
				if err := check.Err(); err != nil {
					t.Error(err)
				}
				if slices.Contains(updates, query) && len(records) <= check.Results() {
					t.Errorf("%d messages for %d results: no update between", len(records), check.Results())
				}
			})
		}
	}
}

// TestSameTopics makes sure that a query can change its language without changing its topics.
func TestSameTopics(t *testing.T) {
	for _, query := range queries.Names() {
		var lines [2][]string
		for i, l := range languages() {
			p := plan(t, l, query)
			lines[i] = append(lines[i], p.Name())
			d := p.Describe()
			for _, r := range d.Repartitions {
				lines[i] = append(lines[i], "repartitions "+r.Name)
			}
			for _, sub := range d.SubTopologies {
				for _, n := range sub.Nodes {
					if n.Kind == "to" {
						lines[i] = append(lines[i], "writes "+strings.Join(n.Topics, " "))
					}
				}
				for _, s := range sub.Stores {
					lines[i] = append(lines[i], "keeps "+s.Name)
				}
			}
		}
		if !slices.Equal(lines[0], lines[1]) || lines[0][0] != queries.Application(query) {
			t.Errorf("%s:\n%s\nin Go, and in YAML\n%s", query, strings.Join(lines[0], "\n"), strings.Join(lines[1], "\n"))
		}
	}
}

func TestNames(t *testing.T) {
	if !slices.Equal(queries.Names(), reference.Queries()) {
		t.Errorf("queries %v, references %v", queries.Names(), reference.Queries())
	}
	for _, l := range languages() {
		if _, err := l.plan("q99"); err == nil || !strings.Contains(err.Error(), `there is no query "q99"; there are q0, `) {
			t.Errorf("%s: %v", l.name, err)
		}
	}
}
