package topoyaml_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kolkstream/kolk/processor/processortest"
	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology"
	"github.com/kolkstream/kolk/topology/topoyaml"
)

func load(t *testing.T, text string, opts topoyaml.Options) *topoyaml.File {
	t.Helper()
	file, err := topoyaml.Load("test.yaml", []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// results are the messages of all output topics as the file prints them: "topic key value
// timestamp", sorted.
func results(t *testing.T, d *processortest.Driver, file *topoyaml.File) []string {
	t.Helper()
	var all []string
	for _, s := range file.Sinks() {
		for _, r := range d.Output(s.Topic(), serde.Bytes(), serde.Bytes()).Records() {
			if r.NoKey {
				r.Key = nil
			}
			if r.NoValue {
				r.Value = nil
			}
			key, value, err := s.Print(r.Key, r.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %s %s %d", s.Topic(), key, value, r.Timestamp))
		}
	}
	slices.Sort(all)
	return all
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each kind of step does what it says.
func TestEverything(t *testing.T) {
	data, err := os.ReadFile("testdata/ok/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := load(t, string(data), topoyaml.Options{})
	d := processortest.New(t, file.Plan(), processortest.Options{Now: time.UnixMilli(5000), Partitions: map[string]int32{"users": 3}})
	source := func(topic string) *topoyaml.Source {
		for _, s := range file.Sources() {
			if slices.Contains(s.Topics(), topic) {
				return s
			}
		}
		t.Fatal("no source for", topic)
		return nil
	}
	d.Append("users", []byte("ann"), []byte(`{"name":"Ann","country":"NO"}`), 0)
	d.Append("skus", []byte("x"), []byte(`{"title":"X","price":2.5}`), 0)
	d.Append("skus", []byte("y"), []byte(`{"title":"Y","price":10}`), 0)
	for _, line := range []string{
		`{"id":1,"user":"ann","amount":150,"at":"1970-01-01T00:00:01Z","lines":[{"sku":"x","n":2},{"sku":"y","n":3},{"sku":"z","n":1}]}`,
		`{"id":2,"user":"bob","amount":7.5,"at":"1970-01-01T00:00:02Z","lines":[]}`,
		`{"id":13,"user":"ann","amount":99,"at":"1970-01-01T00:00:03Z"}`, // filtered: its key is 13
		// filtered: its amount is 0
		`{"id":3,"user":"ann","amount":0,"at":"1970-01-01T00:00:03Z"}`,
		`{"id":4,"user":"ann","amount":200,"at":"1970-01-01T00:00:04Z","lines":[{"sku":"x","n":10}]}`,
	} {
		row, err := source("orders-eu").JSONRow([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		key, value, at, err := source("orders-eu").Message(row)
		if err != nil {
			t.Fatal(err)
		}
		if at < 1000 || at > 4000 {
			t.Errorf("the time of %s is %d", line, at)
		}
		d.Append("orders-eu", key, value, 77) // the message's own time does not count
		d.Run()
	}
	d.Append("clicks", []byte("ann"), []byte("?"), 1)
	d.Append("clicks", []byte("ann"), nil, 1) // tombstones are not counted
	d.Append("clicks", []byte("ann"), []byte("?"), 2)
	d.EndOfInput()

	// No window starts before 1970, so there is one of each key.
	equal(t, results(t, d, file),
		`costs "x@0" {"sku":"x","cost":5,"mean":5,"n":1} 1000`,
		`costs "x@0" {"sku":"x","cost":30,"mean":15,"n":2} 4000`,
		`costs "y@0" {"sku":"y","cost":30,"mean":30,"n":1} 1000`,
		`small "?" {"amount":7.5,"at":2000,"half":3.75} 2000`,
		`shares "ann" {"share":1} 1000`, `shares "bob" {"share":1} 2000`, `shares "ann" {"share":0.5714285714285714} 4000`,
		`largest "ann" 150 1000`, `largest "bob" 7.5 2000`, `largest "ann" 200 4000`,
		// twice: 150+150 at 1000, 150+200, 200+150 and 200+200 at 4000
		`near "ann" {"amount":150,"large":300} 1000`, `near "ann" {"amount":150,"large":350} 4000`, `near "ann" {"amount":150,"large":350} 4000`,
		`near "ann" {"amount":150,"large":400} 4000`, `near "ann" {"amount":200,"large":300} 4000`, `near "ann" {"amount":200,"large":350} 4000`,
		`near "ann" {"amount":200,"large":350} 4000`, `near "ann" {"amount":200,"large":400} 4000`, `near "bob" {"amount":7.5,"large":null} 2000`,
		`clicks-per-minute "ann" {"from":0,"n":2} 5000`)
}

func TestCounts(t *testing.T) {
	data, err := os.ReadFile("testdata/ok/counts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := load(t, string(data), topoyaml.Options{})
	d := processortest.New(t, file.Plan(), processortest.Options{})
	for i, w := range []string{"a", "B", "b"} {
		d.Pipe("words", nil, []byte(w), int64(i))
	}
	equal(t, results(t, d, file),
		`counts "a" 1 0`, `counts "b" 1 1`, `counts "b" 2 2`,
		`counts-json "a" {"word":"a","n":1} 0`, `counts-json "b" {"word":"b","n":1} 1`, `counts-json "b" {"word":"b","n":2} 2`)
}

// flightsInGo is the topology of testdata/flights.yaml in Go, with types.
func flightsInGo(t *testing.T) *topology.Plan {
	type flight struct {
		Delay  int64
		Origin string
	}
	type airport struct{ State string }
	type departure struct {
		State string
		Delay int64
	}
	type stats struct{ Flights, Minutes int64 }
	type result struct {
		State string
		stats
	}
	top := topology.New("flight-delays")
	airports := top.GlobalTable("airports", serde.String(), serde.JSON[airport]())
	top.Stream("flights", serde.String(), serde.JSON[flight]()).
		Filter(func(f flight) bool { return f.Origin != "" }).
		JoinGlobal("airport", airports, func(f flight) string { return f.Origin }, topology.Inner(func(f flight, a airport) departure {
			return departure{a.State, f.Delay}
		})).
		GroupBy("state", func(d departure) string { return d.State }).
		Window(topology.Hopping(24*time.Hour, 6*time.Hour).Grace(time.Hour)).
		Aggregate("delays", func(s stats, d departure) stats { return stats{s.Flights + 1, s.Minutes + d.Delay} }).
		Final().
		StreamRecords(func(_ topology.Window, state string, s stats) (string, result) { return state, result{state, s} }).
		To("delays-by-state")
	plan, err := top.Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// A file and a Go program that say the same have the same description and fingerprint.
func TestSamePlanAsGo(t *testing.T) {
	file := load(t, `
name: flight-delays
sources:
  flights: {stream: flights, schema: {origin: string, delay: int}}
  airports: {global: airports}
streams:
  - from: flights
    steps:
      - filter: value.origin != nil
      - join: {name: airport, global: airports, on: value.origin, value: {state: right.state, delay: left.delay}}
      - group: {name: state, by: value.state}
      - window: {hopping: 1d, every: 6h, grace: 1h}
      - aggregate: {store: delays, flights: count(), minutes: sum(value.delay)}
      - emit: final
      - result: {key: key, value: {state: key, flights: value.flights, minutes: value.minutes}}
      - to: delays-by-state
`, topoyaml.Options{})
	inGo := flightsInGo(t)
	if got, want := file.Plan().Describe().String(), inGo.Describe().String(); got != want {
		t.Errorf("the file describes\n%s\nthe Go program\n%s", got, want)
	}
	if file.Plan().Fingerprint() != inGo.Fingerprint() {
		t.Error("the fingerprints differ")
	}
}

const failing = `
name: failing
sources:
  in: {stream: in, key: string, schema: {n: int, to: string}}
streams:
  - name: checked
    from: in
    steps:
      - filter: value.n > 0
  - from: checked
    steps:
      - split:
          name: ways
          branches:
            - {name: high, when: value.n > int(value.to), steps: [to: high]}
            - {name: low, steps: [{group: {name: key, by: value.to}}, {aggregate: {store: sums, s: sum(value.n)}}, to: sums]}
`

// A record for which an expression fails is an error with its place in the file; the policy skip
// counts it and goes on.
func TestRuntimeErrors(t *testing.T) {
	file := load(t, failing, topoyaml.Options{})
	for _, test := range []struct{ value, want string }{
		{`{"to":"1"}`, `test.yaml:9:17: value.n > 0: invalid operation: null > int; what is missing is null, and ?? gives it a value: (a ?? 0) > b`},
		{`{"n":99999999999999999999,"to":"1"}`, `test.yaml:9:17: value.n > 0: value.n should be of type int and is 1e+20, which is not a whole number of 64 bits`},
		{`{"n":"x","to":"1"}`, `test.yaml:9:17: value.n > 0: value.n should be of type int and is of type string`},
		{`{"n":1,"to":"x"}`, `test.yaml:15:34: value.n > int(value.to): `},
		{`{"n":9000000000000000000,"to":"9100000000000000000"}`, `sum exceeds`},
		{`[`, `json`},
	} {
		d := processortest.New(t, file.Plan(), processortest.Options{})
		d.Pipe("in", []byte("k"), []byte(`{"n":900000000000000000,"to":"9100000000000000000"}`), 0)
		err := d.TryPipe("in", []byte("k"), []byte(test.value), 1)
		var rec *processortest.RecordError
		if !errors.As(err, &rec) || !strings.Contains(rec.Error(), test.want) {
			t.Errorf("%s: %v; want %s", test.value, err, test.want)
		}
	}

	d := processortest.New(t, file.Plan(), processortest.Options{OnError: processortest.Skip})
	for i, v := range []string{`{"n":1,"to":"2"}`, `{"to":"1"}`, `{"n":5,"to":"2"}`, `{"n":"x"}`, `{"n":2,"to":"2"}`, `[`} {
		d.Pipe("in", []byte("k"), []byte(v), int64(i))
	}
	equal(t, results(t, d, file), `high "k" {"n":5,"to":"2"} 2`, `sums "2" {"s":1} 0`, `sums "2" {"s":3} 4`)
}

// Tombstones pass filters and maps of values, delete from tables, and are dropped where a new key
// would be computed from them.
func TestTombstones(t *testing.T) {
	file := load(t, `
name: tombstones
sources:
  in: {stream: in}
streams:
  - name: kept
    from: in
    steps:
      - filter: value.n > 1 and key != "x"
      - map-values: {n: value.n, k: key}
  - from: kept
    steps:
      - to: kept
  - from: kept
    steps:
      - map: {key: value.k + "!", value: value.n}
      - to: mapped
  - from: kept
    steps:
      - select-key: key + "?"
      - to: rekeyed
`, topoyaml.Options{})
	d := processortest.New(t, file.Plan(), processortest.Options{})
	d.Pipe("in", []byte("a"), []byte(`{"n":2}`), 1)
	d.Pipe("in", []byte("x"), []byte(`{"n":2}`), 2)
	d.Pipe("in", []byte("b"), nil, 3)
	equal(t, results(t, d, file),
		`kept "a" {"n":2,"k":"a"} 1`, `kept "b" null 3`, `mapped "a!" 2 1`, `rekeyed "a?" {"n":2,"k":"a"} 1`)
}

func TestRegistry(t *testing.T) {
	type order struct {
		ID     int64   `json:"id"`
		Amount float64 `json:"amount"`
	}
	type taxed struct {
		order
		Tax float64 `json:"tax"`
	}
	reg := topoyaml.NewRegistry()
	err := errors.Join(
		topoyaml.RegisterFilter(reg, "is_large", func(_ context.Context, o order) (bool, error) { return o.Amount > 10, nil }),
		topoyaml.RegisterMapper(reg, "tax", func(_ context.Context, o order) (taxed, error) {
			if o.ID == 3 {
				return taxed{}, errors.New("order 3 is odd")
			}
			return taxed{o, o.Amount / 4}, nil
		}),
		topoyaml.RegisterMapper(reg, "first", func(_ context.Context, o *topoyaml.Object) (topoyaml.Value, error) {
			return o.Fields()[0].Value, nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	var zero topoyaml.Registry
	if err := topoyaml.RegisterFilter[order](&zero, "nil", nil); err == nil || !strings.Contains(err.Error(), `the function "nil" is nil`) {
		t.Errorf("got %v", err)
	}
	if err := topoyaml.RegisterMapper(&zero, "same", func(_ context.Context, o order) (order, error) { return o, nil }); err != nil {
		t.Error(err)
	}
	if err := topoyaml.RegisterFilter(reg, "tax", func(context.Context, order) (bool, error) { return true, nil }); err == nil {
		t.Error("a name can be registered twice")
	}
	file := load(t, `
name: registered
sources:
  in: {stream: in}
streams:
  - name: taxed
    from: in
    steps:
      - process: is_large
      - process: {function: tax, concurrency: 8, timeout: 2s}
  - {from: taxed, steps: [to: taxed]}
  - {from: taxed, steps: [process: first, to: {topic: first, value: int64}]}
`, topoyaml.Options{Registry: reg})
	d := processortest.New(t, file.Plan(), processortest.Options{})
	d.Pipe("in", nil, []byte(`{"id":1,"amount":5}`), 1)
	d.Pipe("in", nil, []byte(`{"id":2,"amount":50}`), 2)
	equal(t, results(t, d, file), `taxed null {"id":2,"amount":50,"tax":12.5} 2`, `first null 2 2`)
	if err := d.TryPipe("in", nil, []byte(`{"id":3,"amount":50}`), 3); err == nil || !strings.Contains(err.Error(), "order 3 is odd") {
		t.Errorf("error %v", err)
	}
	_, err = topoyaml.Load("x.yaml", []byte("name: a\nsources: {in: {stream: in}}\nstreams: [{from: in, steps: [process: {function: is_large, timeout: 1s}, to: x]}]"), topoyaml.Options{Registry: reg})
	if err == nil || !strings.Contains(err.Error(), "concurrency and timeout go with mappers, and \"is_large\" is a filter") {
		t.Errorf("a filter that is to be called ahead: %v", err)
	}
	_, err = topoyaml.Load("x.yaml", []byte("name: a\nsources: {in: {stream: in}}\nstreams: [{from: in, steps: [process: is_lrge, to: x]}]"), topoyaml.Options{Registry: reg})
	if err == nil || err.Error() != `x.yaml:3:39: there is no Go function "is_lrge"; did you mean "is_large"?` {
		t.Errorf("error %v", err)
	}
}

func TestVariables(t *testing.T) {
	env := map[string]string{"TOPIC": "flights", "LIMIT": "20", "EMPTY": ""}
	file := load(t, `
name: ${NAME:delays}
sources:
  in: {stream: "${TOPIC}-${REGION:eu}"}
streams:
  - from: in
    steps:
      - filter: value.delay > ${LIMIT} and value.text != "$${x}${EMPTY}"
      - repartition: {name: r, partitions: "${PARTITIONS:3}"}
      - to: out
`, topoyaml.Options{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	if name := file.Plan().Name(); name != "delays" {
		t.Errorf("name %q", name)
	}
	if topics := file.Sources()[0].Topics(); !slices.Equal(topics, []string{"flights-eu"}) {
		t.Errorf("topics %v", topics)
	}
	d := processortest.New(t, file.Plan(), processortest.Options{})
	d.Pipe("flights-eu", []byte("k"), []byte(`{"delay":20}`), 1)
	d.Pipe("flights-eu", []byte("k"), []byte(`{"delay":21,"text":"${x}"}`), 1)
	d.Pipe("flights-eu", []byte("k"), []byte(`{"delay":21}`), 1)
	equal(t, results(t, d, file), `out "k" {"delay":21} 1`)
}

// The forms of the aggregations that see whole records, and those of windows.
func TestAggregationsOfRecords(t *testing.T) {
	file := load(t, `
name: records
sources:
  in: {stream: in, schema: {n: int}}
streams:
  - name: grouped
    from: in
    steps:
      - group: {name: initial, by: "key[:1]"}
      - window: {tumbling: 10s}
      - aggregate: {store: spans, first: min(time), last: max(time), keys: last(key + string(value.n))}
      - emit: final
      - result: {key: key, value: {keys: value.keys, span: value.last - value.first, to: window.end}}
      - to: spans
  - from: in
    steps:
      - map-values: value.n
      - group: {name: all, by: "'all'"}
      - window: {hopping: 20s, every: 10s}
      - reduce: {store: longest, value: "left > right ? left : right"}
      - emit: final
      - result: {key: string(window.start), value: value}
      - to: longest
`, topoyaml.Options{})
	d := processortest.New(t, file.Plan(), processortest.Options{})
	for i, r := range []struct {
		key string
		at  int64
		n   int
	}{{"ab", 1000, 5}, {"ac", 4000, 7}, {"b", 9000, 1}, {"ad", 12000, 3}, {"ab", 31000, 2}} {
		d.Append("in", []byte(r.key), fmt.Appendf(nil, `{"n":%d}`, r.n), r.at)
		if i == 3 {
			d.Append("in", []byte("ax"), nil, 13000)
		}
	}
	d.EndOfInput()
	equal(t, results(t, d, file),
		`spans "a" {"keys":"a7","span":3000,"to":10000} 4000`, `spans "b" {"keys":"b1","span":0,"to":10000} 9000`,
		`spans "a" {"keys":"a3","span":0,"to":20000} 12000`, `spans "a" {"keys":"a2","span":0,"to":40000} 31000`,
		`longest "0" 7 12000`, `longest "10000" 3 12000`, `longest "20000" 2 31000`, `longest "30000" 2 31000`)
}

// The steps of tables' rows: what leaves a table is taken out again further on.
func TestTablesOfRows(t *testing.T) {
	data, err := os.ReadFile("testdata/ok/rows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := load(t, string(data), topoyaml.Options{})
	d := processortest.New(t, file.Plan(), processortest.Options{Now: time.UnixMilli(5000)})
	for i, m := range [][3]string{
		{"orders", "1", `{"user":"ann","amount":30}`}, {"orders", "2", `{"user":"ann","amount":200}`},
		{"orders", "1", `{"user":"bob","amount":150}`}, {"orders", "2", `{"user":"ann","amount":0}`},
		{"users", "ann", `{"name":"Ann"}`}, {"logins", "bob", "web"}, {"logins", "ann", "web"},
	} {
		d.Append(m[0], []byte(m[1]), []byte(m[2]), int64(i+1))
		d.Run()
		d.Commit()
	}
	d.EndOfInput()
	equal(t, results(t, d, file),
		`open-orders "ann" 1 1`, `open-orders "ann" 2 2`, `open-orders "ann" 1 3`, `open-orders "bob" 1 3`, `open-orders "ann" null 4`,
		`amounts "small" 30 1`, `amounts "large" 200 2`, `amounts "small" 0 3`, `amounts "large" 350 3`, `amounts "large" 150 4`,
		`totals "a" {"orders":1,"large":0,"total":30,"mean":30} 1`, `totals "a" {"orders":2,"large":1,"total":230,"mean":115} 2`,
		`totals "a" {"orders":1,"large":1,"total":200,"mean":200} 3`, `totals "b" {"orders":1,"large":1,"total":150,"mean":150} 3`,
		`totals "a" {"orders":1,"large":0,"total":0,"mean":0} 4`,
		`profiles "ann" {"name":"Ann","logins":null} 5`, `profiles "bob" {"name":null,"logins":1} 6`, `profiles "ann" {"name":"Ann","logins":1} 7`)
}
