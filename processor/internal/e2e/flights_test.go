package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// dataDir holds the data of the flights example.
const dataDir = "../../../examples/flights/data"

const day = 24 * time.Hour

const dateLayout = "2006/01/02 15:04"

type flight struct {
	Date        string `json:"date"`
	Delay       int    `json:"delay"`
	Distance    int    `json:"distance"`
	Origin      string `json:"origin"`
	Destination string `json:"destination"`
}

type airport struct {
	IATA  string `json:"iata"`
	State string `json:"state"`
}

// result is the outcome for one state and day: the value of the topic delays-by-state.
type result struct {
	State   string `json:"state"`
	Day     string `json:"day"`
	Flights int    `json:"flights"`
	Delayed int    `json:"delayed"`
	Minutes int    `json:"minutes"`
	Worst   int    `json:"worst"`
}

func (f flight) at() time.Time {
	t, err := time.Parse(dateLayout, f.Date)
	if err != nil {
		panic(err)
	}
	return t
}

// message is one input message; Partition is -1 for the key's.
type message struct {
	Key, Value []byte
	Timestamp  int64
	Partition  int32
}

// base reads the two files once.
var base = sync.OnceValues(func() ([]flight, map[string]airport) {
	f, err := os.Open(filepath.Join(dataDir, "flights-20k.jsonl.gz"))
	if err != nil {
		panic(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		panic(err)
	}
	var flights []flight
	for lines := bufio.NewScanner(z); lines.Scan(); {
		var x flight
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			panic(err)
		}
		flights = append(flights, x)
	}
	c, err := os.Open(filepath.Join(dataDir, "airports.csv"))
	if err != nil {
		panic(err)
	}
	defer c.Close()
	rows, err := csv.NewReader(c).ReadAll()
	if err != nil {
		panic(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	airports := map[string]airport{}
	for _, row := range rows[1:] {
		a := airport{IATA: row[column["iata"]], State: row[column["state"]]}
		airports[a.IATA] = a
	}
	return flights, airports
})

// span is by how much each repetition of the flights is later than the one before: whole days, so
// that windows do not mix.
const span = 90 * day

// flights yields n flights: those of the file, again and again, each time later by span.
func flights(n int) iter.Seq[flight] {
	all, _ := base()
	return func(yield func(flight) bool) {
		for i := range n {
			f := all[i%len(all)]
			if round := i / len(all); round > 0 {
				f.Date = f.at().Add(time.Duration(round) * span).Format(dateLayout)
			}
			if !yield(f) {
				return
			}
		}
	}
}

// flightMessages yields n flights as messages: key the origin, time the date. In part of the tests
// the value has the time alone, so Timestamp is the date's in all.
func flightMessages(n int) iter.Seq[message] {
	return func(yield func(message) bool) {
		for f := range flights(n) {
			v, err := json.Marshal(f)
			if err != nil {
				panic(err)
			}
			if !yield(message{Key: []byte(f.Origin), Value: v, Timestamp: f.at().UnixMilli(), Partition: -1}) {
				return
			}
		}
	}
}

// closers yields one flight for each partition, a year after the last of n: they let every window
// before them close, and their own stays open. Each has an airport as key that belongs to its
// partition.
func closers(n int, partitions int32) iter.Seq[message] {
	all, airports := base()
	at := all[len(all)-1].at().Add(time.Duration(n/len(all))*span + 365*day)
	return func(yield func(message) bool) {
		for p := range partitions {
			f := flight{Date: at.Format(dateLayout), Destination: "LAX"}
			for _, code := range slices.Sorted(maps.Keys(airports)) {
				if partitionOf(code, partitions) == p {
					f.Origin = code
					break
				}
			}
			v, err := json.Marshal(f)
			if err != nil {
				panic(err)
			}
			if !yield(message{Key: []byte(f.Origin), Value: v, Timestamp: at.UnixMilli(), Partition: -1}) {
				return
			}
		}
	}
}

// partitionOf returns a key's partition, as Kafka's own producer chooses it.
func partitionOf(key string, partitions int32) int32 {
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(kgo.KeyStringRecord(key, ""), int(partitions)))
}

// chain yields what each of its arguments does, in turn.
func chain(parts ...iter.Seq[message]) iter.Seq[message] {
	return func(yield func(message) bool) {
		for _, part := range parts {
			for m := range part {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// airportMessages yields the airports: key the IATA code.
func airportMessages() iter.Seq[message] {
	_, all := base()
	return func(yield func(message) bool) {
		for code, a := range all {
			v, err := json.Marshal(a)
			if err != nil {
				panic(err)
			}
			if !yield(message{Key: []byte(code), Value: v, Partition: -1}) {
				return
			}
		}
	}
}

// row is an output message as tests compare it.
type row struct {
	Key, Value string
	Timestamp  int64
}

func (r row) String() string { return fmt.Sprintf("%s=%s @%d", r.Key, r.Value, r.Timestamp) }

// delaysByState is the independent reference of the flights job: a plain loop.
func delaysByState(n int) []row {
	type window struct {
		state string
		start int64
	}
	type sum struct {
		result
		latest int64
	}
	_, airports := base()
	sums := map[window]*sum{}
	for f := range flights(n) {
		a, ok := airports[f.Origin]
		if !ok {
			continue
		}
		at := f.at()
		w := window{a.State, at.Truncate(day).UnixMilli()}
		s := sums[w]
		if s == nil {
			s = &sum{result: result{State: a.State, Day: at.Format("2006-01-02"), Worst: f.Delay}}
			sums[w] = s
		}
		s.Flights++
		if f.Delay > 15 {
			s.Delayed++
		}
		s.Minutes += f.Delay
		s.Worst = max(s.Worst, f.Delay)
		s.latest = max(s.latest, at.UnixMilli())
	}
	rows := make([]row, 0, len(sums))
	for w, s := range sums {
		v, err := json.Marshal(s.result)
		if err != nil {
			panic(err)
		}
		rows = append(rows, row{w.state, string(v), s.latest})
	}
	return rows
}

// countsByKey is the reference of a count with EachUpdate: for each key 1, 2, ... in the order of
// its messages.
func countsByKey(in iter.Seq[message]) []row {
	counts, latest := map[string]int{}, map[string]int64{}
	var rows []row
	for m := range in {
		k := string(m.Key)
		counts[k]++
		latest[k] = max(latest[k], m.Timestamp)
		rows = append(rows, row{k, fmt.Sprint(counts[k]), latest[k]})
	}
	return rows
}

func TestReference(t *testing.T) {
	rows := delaysByState(20_000)
	if len(rows) != 3340 {
		t.Errorf("%d results from the files, want 3340", len(rows))
	}
	if twice := delaysByState(40_000); len(twice) != 2*len(rows) {
		t.Errorf("%d results from the files repeated once, want %d: windows of two repetitions mix", len(twice), 2*len(rows))
	}
	var flights int
	for _, r := range rows {
		var x result
		if err := json.NewDecoder(strings.NewReader(r.Value)).Decode(&x); err != nil {
			t.Fatal(err)
		}
		flights += x.Flights
	}
	if flights != 20_000 {
		t.Errorf("%d flights in the results, want 20000", flights)
	}
}
