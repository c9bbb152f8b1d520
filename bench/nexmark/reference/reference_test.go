package reference_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/bench/nexmark"
	"github.com/kolkstream/kolk/bench/nexmark/reference"
)

func generator(t *testing.T) *nexmark.Generator {
	t.Helper()
	// One event per second, so that there are all hours of several days' ends.
	g, err := nexmark.New(nexmark.Config{Seed: 4, Rate: 1, Base: time.Date(2026, 5, 1, 22, 0, 0, 0, time.UTC), OutOfOrder: 50})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// clock has three windows of q12 in the first 2000 events.
func clock(n int64) int64 { return 1_000_000_007_000 + 10*n }

func check(t *testing.T, g *nexmark.Generator, query string, events int64) *reference.Check {
	t.Helper()
	c, err := reference.NewCheck(query, g, events, clock)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// all are copies of the results of a query.
func all(t *testing.T, g *nexmark.Generator, query string, events int64) []reference.Result {
	t.Helper()
	var results []reference.Result
	if err := reference.Each(query, g, events, clock, func(r reference.Result) {
		results = append(results, reference.Result{Key: slices.Clone(r.Key), Value: slices.Clone(r.Value), Timestamp: r.Timestamp})
	}); err != nil {
		t.Fatal(err)
	}
	return results
}

// TestMistakesAreFound leaves out, doubles and changes one result of each query.
func TestMistakesAreFound(t *testing.T) {
	g := generator(t)
	for _, query := range reference.Queries() {
		events := int64(2000)
		if query == "q23" { // people come long after their first bids
			events = 60_000
		}
		results := all(t, g, query, events)
		latest := slices.Contains([]string{"q3", "q4", "q5", "q6", "q9", "q15", "q16", "q17", "q18", "q19"}, query)
		for _, m := range []struct {
			name  string
			with  func([]reference.Result) []reference.Result
			wrong bool
		}{
			{"as they are", func(r []reference.Result) []reference.Result { return r }, false},
			{"one missing", func(r []reference.Result) []reference.Result { return r[1:] }, true},
			{"one twice", func(r []reference.Result) []reference.Result { return append(r, r[0]) }, !latest},
			{"one older before it", func(r []reference.Result) []reference.Result {
				return append([]reference.Result{{r[0].Key, []byte("{}"), 0}}, r...)
			}, !latest},
			{"one other after it", func(r []reference.Result) []reference.Result {
				return append(r, reference.Result{Key: r[0].Key, Value: []byte("{}")})
			}, true},
			{"another time", func(r []reference.Result) []reference.Result { r[0].Timestamp++; return r }, true},
			{"another key", func(r []reference.Result) []reference.Result { r[0].Key = []byte("x"); return r }, true},
			{"none", func([]reference.Result) []reference.Result { return nil }, true},
		} {
			c := check(t, g, query, events)
			for _, r := range m.with(slices.Clone(results)) {
				c.Add(r)
			}
			if err := c.Err(); (err != nil) != m.wrong {
				t.Errorf("%s, %s: %v", query, m.name, err)
			}
		}
	}
}

func TestErrorShowsResults(t *testing.T) {
	g := generator(t)
	results := all(t, g, "q2", 2000)
	c := check(t, g, "q2", 2000)
	for _, r := range results[1:] {
		c.Add(r)
	}
	c.Add(reference.Result{Key: []byte("k"), Value: []byte("v"), Timestamp: 5})
	want := fmt.Sprintf("of %d results 1 are missing, and 1 are there that should not be\nmissing: %s %s @%d\nshould not be there: k v @5",
		len(results), results[0].Key, results[0].Value, results[0].Timestamp)
	if err := c.Err(); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if c.Results() != len(results) {
		t.Errorf("%d results, want %d", c.Results(), len(results))
	}
}

// TestResults holds facts about the results that are plain to see.
func TestResults(t *testing.T) {
	const (
		events = 20_000
		bids   = events * 46 / 50
	)
	g := generator(t)
	all := func(query string) []reference.Result { return all(t, g, query, events) }
	if n := len(all("q0")); n != bids {
		t.Errorf("q0 has %d results, want %d", n, bids)
	}
	q0, q1 := all("q0")[0], all("q1")[0]
	var auction, bidder, price, at int64
	var extra string
	if _, err := fmt.Sscanf(string(q0.Value), `{"auction":%d,"bidder":%d,"price":%d,"dateTime":%d,"extra":%s`, &auction, &bidder, &price, &at, &extra); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"auction":%d,"bidder":%d,"price":%v,"dateTime":%d,"extra":%s`, auction, bidder, float64(price*908)/1000, at, extra); string(q1.Value) != want {
		t.Errorf("q1 %s, want %s", q1.Value, want)
	}
	if q0.Timestamp != at || string(q0.Key) != fmt.Sprint(auction) {
		t.Errorf("q0 has the key %s and the time %d", q0.Key, q0.Timestamp)
	}
	kinds := map[string]int{}
	for _, r := range all("q14") {
		_, rest, _ := strings.Cut(string(r.Value), `"bidTimeType":"`)
		kind, _, _ := strings.Cut(rest, `"`)
		kinds[kind]++
	}
	// From 22:00 for 5:33 hours: night alone.
	if len(kinds) != 1 || kinds["nightTime"] == 0 {
		t.Errorf("q14: %v", kinds)
	}
	windows, counted := map[string]int{}, 0
	for _, r := range all("q12") {
		var bidder, bids int
		rest, start, _ := strings.Cut(string(r.Value), `,"starttime":`)
		if _, err := fmt.Sscanf(rest, `{"bidder":%d,"bid_count":%d`, &bidder, &bids); err != nil {
			t.Fatal(err)
		}
		windows[start]++
		counted += bids
	}
	// From three seconds before the end of a window for 200 seconds.
	if len(windows) != 21 || counted != bids {
		t.Errorf("q12 counts %d bids in %d windows", counted, len(windows))
	}
	days := map[string]int{}
	for _, r := range all("q17") {
		_, day, _ := strings.Cut(string(r.Key), " ")
		days[day]++
	}
	if len(days) != 2 || days["2026-05-01"] == 0 || days["2026-05-02"] == 0 {
		t.Errorf("q17: %v", days)
	}
	// Half of the bids come from hot channels, nine tenths of the others have an id.
	if n := len(all("q21")); n < bids*93/100 || n > bids*97/100 {
		t.Errorf("q21 has %d results of %d bids", n, bids)
	}
}

func TestUnknownQuery(t *testing.T) {
	if _, err := reference.NewCheck("q99", generator(t), 1, clock); err == nil || !strings.Contains(err.Error(), `there is no query "q99"; there are q0, `) {
		t.Error(err)
	}
}
