package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	flightsFile  = "data/flights-20k.jsonl.gz"
	airportsFile = "data/airports.csv"
)

// message is what a loader puts into a topic.
type message struct {
	key, value string
	time       int64 // milliseconds
}

// readFlights reads the file with nothing but the standard library.
func readFlights(t *testing.T) []message {
	t.Helper()
	f, err := os.Open(flightsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all []message
	lines := bufio.NewScanner(plain)
	for lines.Scan() {
		row := parse(t, lines.Text())
		at, err := time.Parse("2006/01/02 15:04", row.Date)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message{row.Origin, lines.Text(), at.UnixMilli()})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

type flightRow struct {
	Date   string
	Delay  int
	Origin string
}

func parse(t *testing.T, line string) (row flightRow) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		t.Fatal(err)
	}
	return row
}

// readAirports returns the state by code.
func readAirports(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(airportsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, row := range rows[1:] {
		states[row[0]] = row[3]
	}
	return states
}

// reference computes the results with a plain loop over the files: key, value and timestamp, as
// text. It shares no code with the topology.
func reference(t *testing.T) []string {
	t.Helper()
	type group struct{ state, day string }
	type stats struct {
		flights, delayed, minutes, worst int
		last                             int64
	}
	states := readAirports(t)
	groups := map[group]*stats{}
	for _, m := range readFlights(t) {
		row := parse(t, m.value)
		state, ok := states[row.Origin]
		if !ok {
			continue
		}
		g := group{state, strings.ReplaceAll(row.Date[:10], "/", "-")}
		s := groups[g]
		if s == nil {
			s = &stats{worst: row.Delay}
			groups[g] = s
		}
		s.flights++
		if row.Delay > 15 {
			s.delayed++
		}
		s.minutes += row.Delay
		s.worst = max(s.worst, row.Delay)
		s.last = max(s.last, m.time)
	}
	var results []string
	for g, s := range groups {
		value := fmt.Sprintf(`{"state":%q,"day":%q,"flights":%d,"delayed":%d,"minutes":%d,"worst":%d}`,
			g.state, g.day, s.flights, s.delayed, s.minutes, s.worst)
		results = append(results, result(g.state, value, s.last))
	}
	slices.Sort(results)
	if len(results) != 3340 {
		t.Fatalf("the loop gives %d results, want 3,340", len(results))
	}
	return results
}

func result(key, value string, time int64) string { return fmt.Sprintf("%s %s @%d", key, value, time) }

// compare reports results that are missing, too many, or there twice.
func compare(t *testing.T, want, got []string) {
	t.Helper()
	count := func(results []string) map[string]int {
		n := map[string]int{}
		for _, r := range results {
			n[r]++
		}
		return n
	}
	w, g := count(want), count(got)
	reported := 0
	keys := maps.Clone(w)
	maps.Copy(keys, g)
	for _, r := range slices.Sorted(maps.Keys(keys)) {
		if w[r] == g[r] {
			continue
		}
		if reported++; reported <= 5 {
			t.Errorf("%d times, want %d: %s", g[r], w[r], r)
		}
	}
	if reported > 5 {
		t.Errorf("and %d more", reported-5)
	}
}
